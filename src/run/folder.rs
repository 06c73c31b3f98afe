//! Where the journals and tables of an experiment lie.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Options, RunError, shares};
use crate::spec::Experiment;

/// The folder of an experiment's journals.
#[must_use]
pub fn journals_of(experiment: &Experiment, root: &Path) -> PathBuf {
    Folder::of(experiment, &Options::new(root)).journals
}

/// Where the results of an experiment are.
#[derive(Debug)]
pub struct Folder {
    pub results: PathBuf,
    pub journals: PathBuf,
    /// The journal this run writes.
    pub journal: PathBuf,
}

impl Folder {
    pub fn of(experiment: &Experiment, options: &Options) -> Self {
        let results = options.root.join("results").join(&experiment.name);
        let journals = results.join("journal");
        let name = match options.part.share() {
            None => "main.jsonl".to_owned(),
            Some(share) => format!("{}.jsonl", shares::stem(share)),
        };
        Self { journal: journals.join(name), results, journals }
    }

    /// What [`publish`](super::publish::publish) leaves beside the journals.
    pub fn stamp(&self) -> PathBuf {
        self.journals.join("tables.json")
    }

    pub fn create(experiment: &Experiment, options: &Options) -> Result<Self, RunError> {
        let folder = Self::of(experiment, options);
        fs::create_dir_all(&folder.journals)
            .map_err(|source| RunError::Io { path: folder.journals.clone(), source })?;
        Ok(folder)
    }
}
