//! `plan`: every cell of experiments, with its state and cost.

use std::path::{Path, PathBuf};

use clap::Args;
use factoreo::{run, spec::Only};
use serde_json::Value;

use super::{
    Failure,
    experiments::{check, load, planned},
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
    /// Only cells that meet all conditions, such as method=cur,problem=heads,rank<=64; values of one key are alternatives
    #[arg(long, value_name = "KEY=VALUE,…")]
    only: Option<Only>,
    /// Print a JSON list of the experiments, each with its cells: their state, their cost, and why
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let options = run::Options::new(root);
        let mut listed = Vec::new();
        let experiments = planned(load(&self.specs, root)?, root, self.quick)?;
        if let Some(only) = &self.only {
            check(only, &experiments)?;
        }
        for (experiment, plan) in experiments {
            let plan = self.only.as_ref().map(|only| plan.only(&experiment, only)).unwrap_or(plan);
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
