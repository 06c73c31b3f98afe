//! `status`: how the shares of experiments stand, by Slurm's queue and the journals.

use std::path::{Path, PathBuf};

use clap::Args;
use factoreo::{
    run::{self, ShareState},
    slurm::{Queued, Submission, Tasks, tasks},
};
use serde_json::{Value, json};

use super::{
    Failure,
    experiments::{load, planned},
    plan_table::aligned,
    print, print_json, tell,
};

/// Say of each share of experiments whether it is waiting, running, done, failed or stopped, and how many of its cells are missing
#[derive(Debug, Args)]
pub(super) struct Status {
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
    /// Print a JSON list of the experiments, each with its shares
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let mut listed = Vec::new();
        for (experiment, plan) in planned(load(&self.specs, root)?, root, false)? {
            let submission = Submission::read(&run::journals_of(&experiment, root));
            let tasks = match &submission {
                Some(submission) => tasks(&submission.array_job).unwrap_or_else(|error| {
                    tell(&format!("warning: Slurm was not asked: {error}; what follows is by the journals alone"));
                    Tasks::new()
                }),
                None => Tasks::new(),
            };
            let of = submission.as_ref().map(|submission| submission.shares);
            let states = run::share_states(&experiment, &plan, &run::Options::new(root), of)?;
            let shares = states.iter().map(|state| {
                let task = tasks.get(&state.share.index());
                (state, in_one_word(state, task, submission.is_some()), why(state, task))
            });
            let shares: Vec<_> = shares.collect();
            if self.json {
                let entry = |(state, word, why): &(&ShareState, &str, String)| {
                    json!({
                        "share": state.share.to_string(), "state": word, "cells": state.cells,
                        "missing": state.cells - state.finished, "failed_cells": state.failed, "why": why,
                    })
                };
                let job = submission.map(|submission| submission.array_job);
                listed.push(json!({
                    "experiment": experiment.name, "job": job, "shares": shares.iter().map(entry).collect::<Vec<_>>(),
                }));
                continue;
            }
            let mut rows = vec![["share", "state", "cells", "missing", "failed", "why"].map(str::to_owned)];
            rows.extend(shares.iter().map(|(state, word, why)| {
                let missing = state.cells - state.finished;
                let [cells, missing, failed] = [state.cells, missing, state.failed].map(|count| count.to_string());
                [state.share.to_string(), (*word).to_owned(), cells, missing, failed, why.clone()]
            }));
            let (all, missing) = states
                .iter()
                .fold((0, 0), |(all, missing), state| (all + state.cells, missing + state.cells - state.finished));
            let name = &experiment.name;
            print(&format!("{}{name}: {missing} of {all} cells are missing\n", aligned(&rows, 2..=4)))?;
        }
        if self.json { print_json(&Value::Array(listed)) } else { Ok(()) }
    }
}

/// Of what is not done, what the queue says; a process that writes the journal is running, whoever started it.
fn in_one_word(state: &ShareState, task: Option<&Queued>, is_submitted: bool) -> &'static str {
    match task {
        _ if state.finished == state.cells => "done",
        _ if state.holder.is_some() => "running",
        Some(task) if task.is_running() => "running",
        Some(task) if task.is_waiting() => "waiting",
        Some(_) => "failed",
        None if state.has_journal => "stopped",
        None if is_submitted => "failed",
        None => "not begun",
    }
}

fn why(state: &ShareState, task: Option<&Queued>) -> String {
    let done = state.finished == state.cells;
    match (task, &state.holder) {
        _ if done => String::new(),
        (Some(task), _) => {
            let parts = [task.state.as_str(), task.node.as_str(), task.reason.as_str()];
            let told = parts.into_iter().filter(|part| !part.is_empty() && *part != "None" && *part != "(null)");
            told.collect::<Vec<_>>().join(", ")
        }
        (None, Some(holder)) => holder.clone(),
        (None, None) => String::new(),
    }
}
