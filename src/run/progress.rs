//! What a person sees while it runs: a bar with the time left on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a run is.
///
/// The bar moves by steps (verifications and timing runs), so that its estimate of the time left is fair; the text counts
/// cells. It is drawn from the running thread alone: a drawing thread would disturb the timings.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    cells: usize,
    finished: usize,
    blocks: usize,
    block: usize,
}

impl Progress {
    /// For `cells` pending cells in `blocks` matrices and studies, in `steps` steps.
    #[must_use]
    pub fn new(cells: usize, blocks: usize, steps: u64) -> Self {
        let bar = (stderr().is_terminal() && cells > 0).then(|| {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(5));
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3} % · ETA {eta} · {msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, cells, finished: 0, blocks, block: 0 }
    }

    /// Work on a matrix or a study begins.
    pub fn begin_block(&mut self, name: &str, cells: usize) {
        self.block += 1;
        if self.bar.is_none() {
            eprintln!("[{}/{}] {name}: {cells} cells", self.block, self.blocks);
        }
    }

    /// What is computed now.
    pub fn show(&self, what: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}/{} cells · {}", self.finished, self.cells, what()));
        }
    }

    /// Steps done.
    pub fn advance(&self, steps: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(steps);
        }
    }

    /// Cells done.
    pub fn finish_cells(&mut self, cells: usize) {
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
