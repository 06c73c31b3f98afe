//! What a run says at its end.

use crate::paths::Shown as _;
use std::{fmt, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::Spent;

/// How the cells of an experiment stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub completed: usize,
    pub skipped: usize,
    pub failed: usize,
    /// Left to other shares, or left out when time was up.
    pub missing: usize,
}

/// What a run did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// `results/NAME`.
    pub directory: PathBuf,
    /// All cells of the plan, whoever computed them.
    pub counts: Counts,
    /// Cells this run computed.
    pub computed: usize,
    /// Cells it found in the journals.
    pub cached: usize,
    /// Whether any file of the tables changed.
    pub published: bool,
    pub wall: Duration,
    pub spent: Spent,
    /// What a person should know: torn lines dropped, times not taken.
    pub warnings: Vec<String>,
}

impl Outcome {
    /// Wall time / (times taken + reference and verification work); `None` if nothing was computed.
    #[must_use]
    pub fn overhead(&self) -> Option<f64> {
        let work = self.spent.measured + self.spent.reference;
        (self.computed > 0 && !work.is_zero()).then(|| self.wall.as_secs_f64() / work.as_secs_f64())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { completed, skipped, failed, missing } = self.counts;
        write!(out, "{completed} cells completed, {skipped} skipped, {failed} failed")?;
        if missing > 0 {
            write!(out, ", {missing} not computed yet")?;
        }
        writeln!(out, " ({} computed now, {} found in the journals)", self.computed, self.cached)?;
        let wall = self.wall.as_secs_f64();
        if let Some(overhead) = self.overhead() {
            let (measured, reference) = (self.spent.measured.as_secs_f64(), self.spent.reference.as_secs_f64());
            writeln!(
                out,
                "{wall:.1} s in all: {measured:.1} s measured, {reference:.1} s of untimed reference and verification \
                 (ratio {overhead:.2})"
            )?;
        } else {
            writeln!(out, "{wall:.2} s in all; nothing was computed")?;
        }
        let verb = if self.published { "written to" } else { "up to date in" };
        write!(out, "tables {verb} {}", self.directory.shown())
    }
}
