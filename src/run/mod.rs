//! The only place with a clock, a disk and threads: computes what a plan asks for and no journal has yet.
//!
//! A run takes the lock of its journal, computes the pending cells matrix by matrix — every cell first verified, then timed,
//! each step a line of the journal — and publishes what all journals of the experiment say, as tables. Killed at any
//! moment, it goes on from the last line the next time.

mod block;
mod cell;
mod clean;
mod folder;
pub mod interrupt;
mod job;
mod journal;
pub mod latency;
mod ledger;
mod lock;
mod machine;
mod memory;
mod outcome;
mod progress;
mod provenance;
mod publish;
mod settled;
mod shares;
mod state;
mod study;
mod timing;
mod workload;

use crate::paths::Shown as _;
use std::{
    collections::HashSet,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use faer::{Accum, Mat, Par, linalg::matmul::matmul};

pub use clean::{Leftover, clean};
pub use folder::journals_of;
pub use interrupt::EXIT_CODE as INTERRUPTED_EXIT_CODE;
pub use journal::JournalError;
pub use lock::LockError;
pub use memory::{CountingAllocator, keep_freed_memory};
pub use outcome::{Counts, Outcome};
pub use progress::{Detail, Progress};
pub use shares::{ShareState, share_states};
pub use state::{State, states, study_states};
pub use workload::{Workload, workload};

use crate::{
    linalg::{Precision, Scalar},
    plan::{Block, Part, Plan, StudyCell},
    spec::Experiment,
    table::TableError,
    tensor::TensorError,
};
use folder::Folder;
use journal::{Journal, Record};
use ledger::{CellEntry, Ledger};
use lock::Lock;
use publish::{Published, publish};

/// How to run.
///
/// [`Options::new`] asks for all of a plan.
#[derive(Debug, Clone)]
pub struct Options {
    /// The project's folder: tensors are read below it, results are written below it.
    pub root: PathBuf,
    /// What to compute of the plan.
    pub part: Part,
    /// When to begin nothing more, and publish what there is.
    pub deadline: Option<Instant>,
}

impl Options {
    /// All of a plan, however long it takes.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), part: Part::Whole, deadline: None }
    }
}

/// Why a run did not end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{path}: {source}", path = path.shown())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("problem `{problem}`: {source}")]
    Tensor { problem: String, source: TensorError },
    #[error(
        "interrupted: {finished} of {cells} cells are safe in {}; the same command goes on from there",
        journal.shown()
    )]
    Interrupted { finished: usize, cells: usize, journal: PathBuf },
}

/// Computes every cell of `plan` that no journal has, and brings the tables of `results/NAME/` up to date.
///
/// `plan` is the whole plan, whatever the part: tables show what all journals have. Ctrl-C and SIGTERM stop it cleanly.
///
/// # Errors
/// Another run holds the journal, a journal is damaged, a file cannot be read or written, or the run was interrupted. A cell
/// that fails is no error: it is a row.
pub fn run(experiment: &Experiment, plan: &Plan, options: &Options) -> Result<Outcome, RunError> {
    let mut progress = Progress::new(workload(experiment, plan, options)?, Detail::default());
    run_within(experiment, plan, options, &mut progress)
}

/// [`run`], as a part of a longer work with one progress.
///
/// # Errors
/// As [`run`].
pub fn run_within(
    experiment: &Experiment,
    plan: &Plan,
    options: &Options,
    progress: &mut Progress,
) -> Result<Outcome, RunError> {
    let start = Instant::now();
    let folder = Folder::create(experiment, options)?;
    let _lock = Lock::acquire(&folder.journal.with_extension("lock"))?;
    let mut warnings = Vec::new();
    let repeats = wanted_repeats(experiment);
    if repeats == 0
        && experiment.timing.repeats > 0
        && let Some(reason) = provenance::unfit_for_timing()
    {
        warnings.push(format!("no times are taken: {reason}, and its times would mean nothing"));
    }
    let mut inputs = settled::inputs(experiment, plan, &folder, repeats);
    if let Some(counts) = publish::settled(&folder, inputs.as_deref()) {
        return Ok(Outcome {
            directory: folder.results,
            counts,
            computed: 0,
            cached: counts.completed + counts.failed,
            published: false,
            wall: start.elapsed(),
            spent: Spent::default(),
            warnings,
        });
    }
    let mut session = Session::open(experiment, options, &folder, repeats, &mut warnings)?;
    let pending = session.pending(plan, &options.part);
    let studies = session.pending_studies(plan, &options.part);
    let computed = pending.iter().map(|todo| todo.cells.len()).sum::<usize>() + studies.len();
    if computed > 0 {
        session.compute(&pending, &studies, plan, progress)?;
    }
    let late = computed > 0 && session.is_late();
    let spent = session.spent;
    // Shares may end at the same time: the last to publish has seen what all of them wrote.
    let _publishing = Lock::wait_for(&folder.journals.join("tables.lock"))?;
    if computed > 0 {
        inputs = settled::inputs(experiment, plan, &folder, repeats);
    }
    let ledger = session.everything(&folder, computed > 0)?;
    let Published { counts, changed } = publish(experiment, plan, &folder, &ledger, repeats, inputs)?;
    if late && counts.missing > 0 {
        warnings.push(format!("time was up: {} cells of {} were left out", counts.missing, experiment.name));
    }
    Ok(Outcome {
        directory: folder.results,
        counts,
        computed,
        cached: (counts.completed + counts.failed).saturating_sub(computed),
        published: changed,
        wall: start.elapsed(),
        spent,
        warnings,
    })
}

/// The cells of one block that are still to be computed.
#[derive(Debug)]
struct Pending<'p> {
    /// The whole block, with the cells of other shares.
    block: &'p Block,
    /// Indices into its cells.
    cells: Vec<usize>,
}

/// Seconds spent, by what they were spent on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// The sum of all times taken.
    pub measured: Duration,
    /// Building matrices, their reference SVDs, and the verification of every cell.
    pub reference: Duration,
}

/// A run: what it knows, what it writes to, and what it has spent.
struct Session<'a> {
    experiment: &'a Experiment,
    root: &'a Path,
    parallelism: Par,
    deadline: Option<Instant>,
    /// Timings wanted of every cell: 0 in a build whose times mean nothing.
    repeats: u64,
    journal: Journal,
    journal_path: PathBuf,
    /// What this run's journal says.
    own: Ledger,
    /// What the others said when it began.
    others: Vec<Ledger>,
    spent: Spent,
}

impl<'a> Session<'a> {
    fn open(
        experiment: &'a Experiment,
        options: &'a Options,
        folder: &Folder,
        repeats: u64,
        warnings: &mut Vec<String>,
    ) -> Result<Self, RunError> {
        let (journal, replay) = Journal::open(&folder.journal)?;
        if replay.torn_bytes > 0 {
            let path = folder.journal.shown();
            warnings.push(format!(
                "{path}: the last line was torn ({} bytes dropped at byte {}); what it held is computed again",
                replay.torn_bytes, replay.good_bytes
            ));
        }
        Ok(Self {
            experiment,
            root: &options.root,
            parallelism: parallelism(experiment.timing.threads),
            deadline: options.deadline,
            repeats,
            journal,
            journal_path: folder.journal.clone(),
            own: Ledger::of(replay.records),
            others: ledger::read_others(&folder.journals, &folder.journal)?,
            spent: Spent::default(),
        })
    }

    /// What is left to do of a part of the plan.
    fn pending<'p>(&self, plan: &'p Plan, part: &Part) -> Vec<Pending<'p>> {
        let part = plan.part(self.experiment, part);
        let ours: Option<HashSet<&str>> = part
            .as_ref()
            .map(|part| part.blocks.iter().flat_map(|block| &block.cells).map(|cell| cell.id.as_str()).collect());
        let mut pending = Vec::new();
        for block in &plan.blocks {
            let is_pending = |&index: &usize| {
                let cell = &block.cells[index];
                let id = cell.id.as_str();
                cell.skip.is_none() && ours.as_ref().is_none_or(|ours| ours.contains(id)) && !self.is_finished(id)
            };
            let cells: Vec<usize> = (0..block.cells.len()).filter(is_pending).collect();
            if !cells.is_empty() {
                pending.push(Pending { block, cells });
            }
        }
        pending
    }

    fn is_finished(&self, cell: &str) -> bool {
        let finished = |ledger: &Ledger| ledger.cells.get(cell).is_some_and(|entry| entry.is_finished(self.repeats));
        finished(&self.own) || self.others.iter().any(finished)
    }

    fn compute(
        &mut self,
        pending: &[Pending<'_>],
        studies: &[&StudyCell],
        plan: &Plan,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        interrupt::listen();
        faer::set_global_parallelism(self.parallelism);
        settle_kernels();
        rayon::broadcast(|_| settle_kernels());
        self.record(&[Record::Session(provenance::session(self.root, self.experiment.timing.threads))])?;
        for todo in pending {
            // An earlier block may have had the same cells under another label.
            let still = |&index: &usize| !self.is_finished(&todo.block.cells[index].id);
            let todo = Pending { block: todo.block, cells: todo.cells.iter().copied().filter(still).collect() };
            let done = match todo.block.precision {
                _ if self.must_stop() => ControlFlow::Break(()),
                Precision::F32 => self.compute_block::<f32>(&todo, progress)?,
                Precision::F64 => self.compute_block::<f64>(&todo, progress)?,
            };
            if done.is_break() {
                return self.stopped(plan);
            }
        }
        if self.compute_studies(studies, progress)?.is_break() {
            return self.stopped(plan);
        }
        self.journal.sync()?;
        Ok(())
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Whether no further cell may begin.
    fn must_stop(&self) -> bool {
        interrupt::requested() || self.is_late()
    }

    /// After a break: an interruption ends the run, a deadline its computing only.
    fn stopped(&mut self, plan: &Plan) -> Result<(), RunError> {
        if interrupt::requested() { self.interrupted(plan) } else { Ok(self.journal.sync()?) }
    }

    fn interrupted(&mut self, plan: &Plan) -> Result<(), RunError> {
        let cells = plan.blocks.iter().flat_map(|block| &block.cells).filter(|cell| cell.skip.is_none());
        // Cells that two labels name are one.
        let cells: HashSet<&str> = cells.map(|cell| cell.id.as_str()).collect();
        let finished = cells.iter().filter(|cell| self.is_finished(cell)).count();
        let studied = plan.studies.iter().filter(|cell| self.is_studied(&cell.id)).count();
        self.journal.sync()?;
        let journal = self.journal_path.clone();
        let cells = cells.len() + plan.studies.len();
        Err(RunError::Interrupted { finished: finished + studied, cells, journal })
    }

    /// What all journals say; those of others are read again if time has passed since the run began.
    fn everything(self, folder: &Folder, read_again: bool) -> Result<Ledger, RunError> {
        let others = if read_again { ledger::read_others(&folder.journals, &folder.journal)? } else { self.others };
        let mut everything = self.own;
        for other in others {
            everything.merge(other);
        }
        Ok(everything)
    }

    /// Adds records to the journal and to what this run knows.
    fn record(&mut self, records: &[Record]) -> Result<(), RunError> {
        if records.iter().any(|record| matches!(record, Record::Cell(_) | Record::Matrix(_) | Record::Study(_))) {
            self.journal.append_durably(records)?;
        } else {
            self.journal.append(records)?;
        }
        for record in records {
            self.own.add(record.clone());
        }
        Ok(())
    }

    /// What this run's journal says of a cell.
    fn entry(&self, cell: &str) -> Option<&CellEntry> {
        self.own.cells.get(cell)
    }
}

/// Timings to take of every cell.
fn wanted_repeats(experiment: &Experiment) -> u64 {
    if provenance::unfit_for_timing().is_some() { 0 } else { experiment.timing.repeats as u64 }
}

fn parallelism(threads: usize) -> Par {
    if threads <= 1 { Par::Seq } else { Par::rayon(threads) }
}

/// Large products, once, in both precisions: the kernels keep a workspace per thread from the first one on, larger than most
/// methods need, which must not be charged to whichever method happens to run first.
fn settle_kernels() {
    fn product<T: Scalar>() {
        let square = Mat::<T>::zeros(256, 256);
        let mut product = Mat::zeros(256, 256);
        matmul(&mut product, Accum::Replace, &square, &square, T::one(), Par::Seq);
    }
    // Twice: the precisions round the workspace differently, and it only grows.
    for _ in 0..2 {
        product::<f64>();
        product::<f32>();
    }
}
