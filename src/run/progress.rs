//! What a person sees while it runs: a bar with the time left on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Workload;
use crate::{table::CellRow, terminal};

/// What a run says while it goes on, beside warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    Nothing,
    /// A bar on a terminal; elsewhere, what begins: a matrix, a study.
    #[default]
    Parts,
    /// How every cell ended as well.
    Cells,
}

/// How far a run is, or several runs together.
///
/// The bar moves by steps (verifications and timing runs), so that its estimate of the time left is fair; the text counts
/// cells, those found in the journals among them and those that are skipped not, as the message after Ctrl-C does. It is drawn from the running thread alone: a drawing thread would disturb the timings.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    load: Workload,
    finished: usize,
    part: usize,
    /// Of several experiments, the one at work, with a separator.
    experiment: String,
    detail: Detail,
}

impl Progress {
    /// For all the work there is.
    #[must_use]
    pub fn new(load: Workload, detail: Detail) -> Self {
        let bar = (stderr().is_terminal() && load.cells > 0 && detail != Detail::Nothing).then(|| {
            let bar = ProgressBar::with_draw_target(Some(load.steps), ProgressDrawTarget::stderr_with_hz(5));
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} % · ETA {eta} · {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, load, finished: 0, part: 0, experiment: String::new(), detail }
    }

    /// Of several experiments, this one begins.
    pub fn enter(&mut self, experiment: &str) {
        self.experiment = format!("{experiment} · ");
    }

    /// Says something else without the bar in the way.
    pub fn aside<R>(&self, say: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    /// Work on a matrix or a study begins.
    pub(super) fn begin_block(&mut self, name: &str, cells: usize) {
        self.part += 1;
        if self.bar.is_none() && self.detail != Detail::Nothing {
            let name = terminal::name(name);
            eprintln!("[{}/{}] {}{name}: {cells} cells", self.part, self.load.parts, self.experiment);
        }
    }

    /// What is computed now.
    pub(super) fn show(&self, what: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            let (done, all) = (self.load.done + self.finished, self.load.done + self.load.cells);
            bar.set_message(format!("{done}/{all} cells · {}{}", self.experiment, terminal::name(&what())));
        }
    }

    /// A cell has ended.
    pub(super) fn tell(&self, cell: &CellRow) {
        if self.detail != Detail::Cells {
            return;
        }
        let ended = match (&cell.reason, cell.relative_frobenius_error.or(cell.relative_output_error)) {
            (Some(reason), _) => reason.clone(),
            (None, Some(error)) => format!("relative error {error:.3e}"),
            (None, None) => String::new(),
        };
        let CellRow { problem, problem_variant, method, method_variant, target_rank, trial, status, .. } = cell;
        let of = |label: &str, variant: &str| match variant {
            "" => terminal::name(label),
            variant => terminal::name(&format!("{label} ({variant})")),
        };
        let (problem, method, status) = (of(problem, problem_variant), of(method, method_variant), status.name());
        let line =
            format!("{problem} · {method} · rank {target_rank} · draw {trial}: {status}, {}", terminal::name(&ended));
        self.aside(|| eprintln!("{}", line.trim_end_matches([',', ' '])));
    }

    /// Steps done.
    pub(super) fn advance(&self, steps: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(steps);
        }
    }

    /// Cells done.
    pub(super) fn finish_cells(&mut self, cells: usize) {
        self.finished += cells;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
