//! Shares of an experiment as jobs of a Slurm cluster: scripts that people can read and edit, and what the queue says of them.
//!
//! Slurm schedules, restarts and accounts; a share goes on from its journal wherever it is started again.

mod queue;
mod script;

use crate::paths::Shown as _;
use std::{fmt, fs, io, path::Path};

use serde::{Deserialize, Serialize};

pub use queue::{Queued, Tasks, tasks};
pub use script::{Request, Scripts, scripts};

use queue::slurm;

/// What was submitted, kept beside the scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub shares: u32,
    /// Slurm's number of the array of shares.
    pub array_job: String,
    /// And of the job that combines them.
    pub combine_job: String,
}

/// Why Slurm did not do what was asked.
#[derive(Debug)]
pub enum SlurmError {
    /// The program is not there.
    Absent(&'static str),
    /// What it said.
    Refused(String),
    Io(io::Error),
}

impl fmt::Display for SlurmError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(program) => write!(formatter, "`{program}` is not installed on this machine"),
            Self::Refused(words) => formatter.write_str(words),
            Self::Io(error) => error.fmt(formatter),
        }
    }
}

impl Submission {
    const FILE: &str = "submitted.json";

    /// The last submission of an experiment, by the folder of its journals.
    #[must_use]
    pub fn read(journals: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(journals.join(Self::FILE)).ok()?).ok()
    }

    /// Writes the scripts into the folder of the journals and submits both, the second to begin when all tasks of the first have
    /// ended, however they did.
    ///
    /// # Errors
    /// A file cannot be written, or Slurm refuses.
    pub fn submit(root: &Path, journals: &Path, scripts: &Scripts, shares: u32) -> Result<Self, SlurmError> {
        let [array, combine] = scripts.write(journals).map_err(SlurmError::Io)?;
        let submit = |script: &Path, options: &[String]| {
            let mut arguments = vec!["--parsable".to_owned()];
            arguments.extend_from_slice(options);
            arguments.push(script.shown());
            // `JOB` or `JOB;CLUSTER`.
            slurm(root, "sbatch", &arguments).map(|told| told.split(';').next().unwrap_or_default().trim().to_owned())
        };
        let array_job = submit(&array, &[])?;
        let mut submission = Self { shares, array_job, combine_job: String::new() };
        submission.keep(journals)?;
        submission.combine_job = submit(&combine, &[format!("--dependency=afterany:{}", submission.array_job)])?;
        submission.keep(journals)?;
        Ok(submission)
    }

    fn keep(&self, journals: &Path) -> Result<(), SlurmError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        fs::write(journals.join(Self::FILE), text).map_err(SlurmError::Io)
    }
}
