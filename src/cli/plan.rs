//! `plan`: every cell of experiments, with its state and cost.

use std::path::{Path, PathBuf};

use clap::Args;
use factoreo::run;
use serde_json::Value;

use super::{
    Failure,
    experiments::{load, planned},
    plan_table, print, print_json,
};

/// List every cell of experiments as to be run, cached, stale or skipped, with its cost, and compute nothing
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
    /// What `--quick` would run
    #[arg(long)]
    quick: bool,
    /// Print a JSON list of the experiments, each with its cells: their state, their cost, and why
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let options = run::Options { root: root.to_owned(), share: None, deadline: None };
        let mut listed = Vec::new();
        for (experiment, plan) in planned(load(&self.specs, root)?, root, self.quick)? {
            let states = run::states(&experiment, &plan, &options)?;
            let studied = run::study_states(&experiment, &plan, &options)?;
            if self.json {
                listed.push(plan_table::json(&experiment, &plan, &states, &studied));
            } else {
                print(&plan_table::table(&experiment, &plan, &states, &studied))?;
            }
        }
        if self.json { print_json(&Value::Array(listed)) } else { Ok(()) }
    }
}
