//! `list`: the experiments of a project, and how they stand.

use factoreo::paths::Shown as _;
use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use factoreo::{run, run::State, terminal};
use serde_json::{Value, json};

use super::{
    Failure,
    experiments::{load, planned},
    plan_table::aligned,
    print, print_json,
};

/// List the specs of experiments/ with how many of their cells are cached, to run, stale or skipped, and the date of their results
#[derive(Debug, Args)]
pub(super) struct List {
    /// Print a JSON list of the experiments
    #[arg(long)]
    json: bool,
}

const HEADINGS: [&str; 8] = ["experiment", "cells", "cached", "to run", "stale", "skipped", "results", "title"];

impl List {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let mut rows = vec![HEADINGS.map(str::to_owned)];
        let mut listed = Vec::new();
        for spec in specs(root)? {
            let name = spec.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let results = results_of(root, &name);
            match standing(&spec, root) {
                Ok(Standing { cached, to_run, stale, skipped, title }) => {
                    let cells = cached + to_run + stale + skipped;
                    listed.push(json!({
                        "experiment": name, "cells": cells, "cached": cached, "to_run": to_run, "stale": stale,
                        "skipped": skipped, "results": results, "title": title,
                    }));
                    let counts = [cells, cached, to_run, stale, skipped].map(|count| count.to_string());
                    let [cells, cached, to_run, stale, skipped] = counts;
                    let results = results.unwrap_or_else(|| "none".to_owned());
                    rows.push([name, cells, cached, to_run, stale, skipped, results, terminal::name(&title)]);
                }
                Err(failure) => {
                    // A model that is not here is no reason to hide the other specs.
                    let words = failure.to_string();
                    let line = words.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    listed.push(json!({ "experiment": name, "error": line, "results": results }));
                    let none = || "-".to_owned();
                    let results = results.unwrap_or_else(|| "none".to_owned());
                    let why = format!("cannot be read: {}", terminal::name(&line));
                    rows.push([name, none(), none(), none(), none(), none(), results, why]);
                }
            }
        }
        if self.json { print_json(&Value::Array(listed)) } else { print(&aligned(&rows, 1..=5)) }
    }
}

struct Standing {
    cached: usize,
    to_run: usize,
    stale: usize,
    skipped: usize,
    title: String,
}

fn standing(spec: &Path, root: &Path) -> Result<Standing, Failure> {
    let mut standing = Standing { cached: 0, to_run: 0, stale: 0, skipped: 0, title: String::new() };
    for (experiment, plan) in planned(load(&[spec.to_owned()], root)?, root, false)? {
        let options = run::Options::new(root);
        standing.title.clone_from(&experiment.title.en);
        let of_blocks = run::states(&experiment, &plan, &options)?.into_iter().flatten();
        for state in of_blocks.chain(run::study_states(&experiment, &plan, &options)?) {
            match state {
                State::Cached => standing.cached += 1,
                State::Run => standing.to_run += 1,
                State::Stale(_) => standing.stale += 1,
                State::Skipped(_) => standing.skipped += 1,
            }
        }
    }
    Ok(standing)
}

/// The specs of the project, by name.
fn specs(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = root.join("experiments");
    let read = fs::read_dir(&folder)
        .map_err(|error| Failure::Input(format!("error: {}: {error}; specs are listed from there", folder.shown())))?;
    let paths = read.filter_map(|entry| Some(entry.ok()?.path()));
    let mut specs: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    specs.sort();
    Ok(specs.into_iter().map(|spec| spec.strip_prefix(root).map(Path::to_owned).unwrap_or(spec)).collect())
}

/// The day of the latest session that gave a row.
fn results_of(root: &Path, name: &str) -> Option<String> {
    let text = fs::read(root.join("results").join(name).join("provenance.json")).ok()?;
    let provenance: Value = serde_json::from_slice(&text).ok()?;
    Some(provenance.get("date")?.as_str()?.split('T').next()?.to_owned())
}
