//! TOML → [`Experiment`]: grids, validation, diagnostics with file:line:column, JSON Schema.

use crate::{linalg::Precision, method::MethodSpec, problem::ProblemSpec};

/// A spec, read, checked and with every grid expanded.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// The file's stem: `rank_sweep`. Names the folder under `results/`.
    pub name: String,
    /// The spec's text, as read.
    pub source: String,
    pub title: Bilingual,
    pub question: Bilingual,
    pub seed: u64,
    /// Independent draws of every random method.
    pub trials: usize,
    pub precisions: Vec<Precision>,
    /// k, ascending, without duplicates.
    pub target_ranks: Vec<usize>,
    pub timing: Timing,
    pub problems: Vec<Instance<ProblemSpec>>,
    pub methods: Vec<Instance<MethodSpec>>,
}

/// A text in the two languages of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bilingual {
    pub en: String,
    pub es: String,
}

/// How times are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Timings of one draw that count; at least 10 unless timing is switched off with 0.
    pub repeats: usize,
    /// Runs before them that do not.
    pub warmup: usize,
    /// Threads of every timed kernel.
    pub threads: usize,
}

/// One point of the grid of a `[problem.LABEL]` or `[method.LABEL]` table.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance<S> {
    /// The table's label in the spec: instances of one family are summarised together in figures.
    pub family: String,
    /// The values of the swept parameters only, `head=layer0.head3`, several joined by `, `; empty if nothing is swept.
    pub variant: String,
    pub spec: S,
}

impl<S> Instance<S> {
    /// `family` or `family (variant)`: unique within a spec.
    #[must_use]
    pub fn name(&self) -> String {
        if self.variant.is_empty() { self.family.clone() } else { format!("{} ({})", self.family, self.variant) }
    }
}
