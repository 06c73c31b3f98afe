//! `clean`: what the journals have of cells that the specs do not ask for any more.

use factoreo::paths::Shown as _;
use std::path::{Path, PathBuf};

use clap::Args;
use factoreo::{plan::in_words, run};
use serde_json::{Value, json};

use super::{
    Failure,
    experiments::{load, planned},
    print, print_json,
};

/// Say what journals have of cells that the specs do not ask for any more, and with --delete take it out of them
#[derive(Debug, Args)]
pub(super) struct Clean {
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
    /// Take it out; without this nothing is changed
    #[arg(long)]
    delete: bool,
    /// Print a JSON list of the journals, each with its stale cells, records and bytes
    #[arg(long)]
    json: bool,
}

impl Clean {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let mut listed = Vec::new();
        for (experiment, plan) in planned(load(&self.specs, root)?, root, false)? {
            let leftovers = run::clean(&experiment, &plan, &run::Options::new(root), self.delete)?;
            for left in &leftovers {
                let run::Leftover { journal, cells, records, bytes, of_bytes } = left;
                let journal = journal.strip_prefix(root).unwrap_or(journal).shown();
                if self.json {
                    listed.push(json!({
                        "experiment": experiment.name, "journal": journal, "cells": cells, "records": records,
                        "bytes": bytes, "of_bytes": of_bytes, "deleted": self.delete,
                    }));
                    continue;
                }
                let done = if self.delete { "deleted" } else { "to delete" };
                let (bytes, of_bytes) = (in_words(*bytes), in_words(*of_bytes));
                print(&format!("{journal}: {cells} stale cells, {records} records, {bytes} of {of_bytes}: {done}\n"))?;
            }
            if leftovers.is_empty() && !self.json {
                print(&format!("{}: no journal has a stale cell\n", experiment.name))?;
            } else if !self.delete && !self.json {
                print("nothing was changed; `--delete` takes them out\n")?;
            }
        }
        if self.json { print_json(&Value::Array(listed)) } else { Ok(()) }
    }
}
