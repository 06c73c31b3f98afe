//! The clock: what is inside it, in which order, how often.
//!
//! Warm-up rounds first, then one round per repeat. In every round each job of the block runs once, in a shuffled order
//! that the experiment's seed decides: a drift of the machine (heat, a neighbour) hits all methods alike. Inside the clock
//! are the method's `factor` alone, the product of the pair with V alone, or the formation of the matrix alone.

use std::{
    hint::black_box,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use super::{
    RunError, Session,
    block::Work,
    job::{Job, forms_matrix, jobs, shuffled},
    journal::Record,
    progress::Progress,
};
use crate::{
    approximant::{Approximant, Operator},
    linalg::{Scalar, softmax::attention_matrix},
    method::{Draw, MethodError},
    plan::Block,
    problem::{Head, Problem, Structure},
    random::{generator, named_seed},
    table::{SampleRow, Status},
};

/// A round, warm-up or counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Warmup(u64),
    Repeat(u64),
}

impl Round {
    /// The name its order is drawn under.
    fn name(self) -> String {
        match self {
            Self::Warmup(round) => format!("warmup {round}"),
            Self::Repeat(round) => format!("repeat {round}"),
        }
    }
}

impl Session<'_> {
    /// Takes the times the block's completed cells still lack.
    pub(super) fn time<T: Scalar>(
        &mut self,
        problem: &Problem<T>,
        block: &Block,
        works: &[Work],
        progress: &Progress,
    ) -> Result<ControlFlow<()>, RunError> {
        // One more job than the block has: forming the matrix, if a method here has to.
        let all = jobs(self.experiment, block).len();
        let head = match &problem.structure {
            Structure::Attention(head) if works.iter().any(|work| self.forms(block, &work.job)) => Some(head),
            _ => None,
        };
        let warmup = (0..self.experiment.timing.warmup as u64).map(Round::Warmup);
        for round in warmup.chain((0..self.repeats).map(Round::Repeat)) {
            let seed = named_seed(self.experiment.seed, &["order", &block.id, &round.name()]);
            for (position, index) in shuffled(all + 1, seed).into_iter().enumerate() {
                if self.must_stop() {
                    return Ok(ControlFlow::Break(()));
                }
                if index == all {
                    if let Some(head) = head {
                        self.time_forming(head, block, round)?;
                    }
                } else if let Some(work) = works.iter().find(|work| work.index == index) {
                    let cells = self.wanting(block, work, round);
                    if !cells.is_empty() {
                        progress.show(|| self.describe(block, &work.job));
                        self.time_job(problem, block, &work.job, &cells, round, position as u64)?;
                        progress.advance(cells.len() as u64);
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn forms(&self, block: &Block, job: &Job) -> bool {
        forms_matrix(&self.experiment.methods[job.method].spec, block)
    }

    /// The cells of a job that want to run in a round: completed ones without the time of it.
    fn wanting(&self, block: &Block, work: &Work, round: Round) -> Vec<usize> {
        let wants = |index: &usize| {
            self.entry(&block.cells[*index].id).is_some_and(|entry| {
                entry.record.row.status == Status::Completed
                    && match round {
                        Round::Warmup(_) => !entry.is_finished(self.repeats),
                        Round::Repeat(repeat) => entry.missing_repeats(self.repeats).any(|missing| missing == repeat),
                    }
            })
        };
        work.cells.iter().copied().filter(wants).collect()
    }

    fn time_forming<T: Scalar>(&mut self, head: &Head<T>, block: &Block, round: Round) -> Result<(), RunError> {
        if let Round::Repeat(repeat) = round
            && self.own.has_formed(&block.id, repeat)
        {
            return Ok(());
        }
        let (queries, keys) = (head.queries.as_ref(), head.keys.as_ref());
        let parallelism = self.parallelism;
        let (_, elapsed) = clocked(|| attention_matrix(queries, keys, head.scale, head.causal, parallelism));
        if let Round::Repeat(repeat) = round {
            self.spent.measured += elapsed;
            self.record(&[Record::Form { block: block.id.clone(), repeat, seconds: elapsed.as_secs_f64() }])?;
        }
        Ok(())
    }

    /// Runs a job once and applies its factors for each of the given cells.
    fn time_job<T: Scalar>(
        &mut self,
        problem: &Problem<T>,
        block: &Block,
        job: &Job,
        cells: &[usize],
        round: Round,
        position: u64,
    ) -> Result<(), RunError> {
        let method = &self.experiment.methods[job.method].spec;
        let mut rng = generator(job.seed);
        let draw = Draw { target_rank: job.rank, rng: &mut rng, parallelism: self.parallelism };
        let (result, factor) = clocked(|| method.factor(problem, draw));
        let Round::Repeat(repeat) = round else { return Ok(()) };
        let factors = match result.map(|approximation| approximation.factors) {
            Ok(factors) if self.is_what_was_verified(&factors, block, cells) => factors,
            other => {
                let records = self.failures(block, job, cells, &unlike_verified(other.err()));
                return self.record(&records);
            }
        };
        self.spent.measured += factor;
        let mut records = Vec::with_capacity(cells.len());
        for &index in cells {
            let cell = &block.cells[index];
            let truncated = job.nested.then(|| factors.truncate(cell.target_rank));
            let pair = truncated.as_ref().unwrap_or(&factors);
            let (_, apply) = clocked(|| pair.apply(problem.values.as_ref(), self.parallelism));
            self.spent.measured += apply;
            records.push(Record::Sample(SampleRow {
                cell: cell.id.clone(),
                repeat,
                position,
                factor_seconds: factor.as_secs_f64(),
                apply_seconds: apply.as_secs_f64(),
                machine: None,
            }));
        }
        self.record(&records)
    }

    /// Whether a timed run gave the very factors that were verified: only then does its time count.
    fn is_what_was_verified<T: Scalar>(&self, factors: &Approximant<T>, block: &Block, cells: &[usize]) -> bool {
        let fingerprint = format!("{:016x}", factors.fingerprint());
        cells.iter().all(|&index| {
            let entry = self.entry(&block.cells[index].id);
            entry.is_some_and(|entry| entry.record.fingerprint.as_ref() == Some(&fingerprint))
        })
    }
}

/// Why a timed run makes its cells fail.
fn unlike_verified(error: Option<MethodError>) -> String {
    match error {
        Some(error) => format!("the same draw succeeded once and failed when it was timed: {error}"),
        None => "the same draw gave other factors when it was timed: the method is not deterministic".to_owned(),
    }
}

/// What `work` returns and how long it took. The compiler can neither drop the work nor move it out of the clock.
pub(super) fn clocked<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}
