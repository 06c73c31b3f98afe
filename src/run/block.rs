//! One matrix: build it, measure every pending cell against its reference, then time them.

use std::{ops::ControlFlow, time::Instant};

use faer::Par;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::{
    Pending, RunError, Session, cell,
    job::{Job, jobs},
    journal::{CellRecord, MatrixRecord, Record},
    memory,
    progress::Progress,
};
use crate::{
    approximant::Operator, linalg::Scalar, method::Draw, metric::Yardstick, plan::Block, problem::Problem,
    random::generator, table::Status, tensor,
};

/// One job of a block, and those of its cells that are pending.
pub(super) struct Work {
    /// Position among all jobs of the block.
    pub index: usize,
    pub job: Job,
    /// Indices into the block's cells.
    pub cells: Vec<usize>,
}

impl Session<'_> {
    /// Computes the pending cells of a block; breaks off between two computations if asked to stop.
    pub(super) fn compute_block<T: Scalar>(
        &mut self,
        todo: &Pending<'_>,
        progress: &mut Progress,
    ) -> Result<ControlFlow<()>, RunError> {
        let block = todo.block;
        if todo.cells.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let name = self.experiment.problem_of(block).name();
        let (m, n) = (block.outline.rows, block.outline.columns);
        progress.begin_block(&format!("{name}, {m}×{n}, {}", block.precision.name()), todo.cells.len());
        progress.show(|| format!("{name} · reference"));
        let mut works = works(jobs(self.experiment, block), &todo.cells);
        if self.verify_all::<T>(block, &mut works, progress)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        progress.finish_cells(todo.cells.len());
        Ok(ControlFlow::Continue(()))
    }

    /// Builds the matrix, verifies what is not verified yet, and times what completed.
    fn verify_all<T: Scalar>(
        &mut self,
        block: &Block,
        works: &mut [Work],
        progress: &Progress,
    ) -> Result<ControlFlow<()>, RunError> {
        let start = Instant::now();
        let built = self.build::<T>(block)?;
        let problem = match built {
            Ok(problem) => problem,
            Err(reason) => {
                self.fail_all(block, works, &reason)?;
                return Ok(ControlFlow::Continue(()));
            }
        };
        let unverified: Vec<Vec<usize>> = works.iter().map(|work| self.unverified(block, work)).collect();
        let reference = if unverified.iter().any(|cells| !cells.is_empty()) || !self.knows_matrix(&block.id) {
            match Yardstick::new(&problem, self.row_budget(), block.seed, self.parallelism) {
                Ok(reference) => Some(reference),
                Err(error) => {
                    self.fail_all(block, works, &format!("no reference to measure against: {error}"))?;
                    return Ok(ControlFlow::Continue(()));
                }
            }
        } else {
            None
        };
        self.spent.reference += start.elapsed();

        if let Some(reference) = &reference {
            if !self.knows_matrix(&block.id) {
                self.record(&[Record::Matrix(Box::new(MatrixRecord {
                    block: block.id.clone(),
                    row: cell::matrix(self.experiment, block, reference.spectrum()),
                    singular_values: reference.spectrum().map(|all| all.singular_values().to_vec()).unwrap_or_default(),
                }))])?;
            }
            let todo: Vec<_> = works.iter().zip(&unverified).filter(|(_, cells)| !cells.is_empty()).collect();
            // Nothing is timed here: what runs on one thread may run beside others.
            let beside = if matches!(self.parallelism, Par::Seq) { rayon::current_num_threads() } else { 1 };
            for batch in todo.chunks(beside) {
                if self.must_stop() {
                    return Ok(ControlFlow::Break(()));
                }
                progress.show(|| self.describe(block, &batch[0].0.job));
                let start = Instant::now();
                let this = &*self;
                let verify =
                    |(work, cells): &(&Work, &Vec<usize>)| this.verify(&problem, reference, block, &work.job, cells);
                let records: Vec<Vec<Record>> = if beside > 1 {
                    batch.par_iter().map(verify).collect()
                } else {
                    batch.iter().map(verify).collect()
                };
                self.spent.reference += start.elapsed();
                for records in records {
                    for record in &records {
                        if let Record::Cell(cell) = record {
                            progress.tell(&cell.row);
                        }
                    }
                    self.record(&records)?;
                    progress.advance(records.len() as u64);
                }
            }
        }
        drop(reference);
        memory::keeping_all_memory(|| self.time(&problem, block, works, progress))
    }

    /// The matrix in the precision of `T`, or why it cannot be made.
    fn build<T: Scalar>(&self, block: &Block) -> Result<Result<Problem<T>, String>, RunError> {
        let instance = self.experiment.problem_of(block);
        let mut tensors = Vec::new();
        for name in instance.spec.tensors() {
            let tensor = tensor::read(self.root, &name)
                .map_err(|source| RunError::Tensor { problem: instance.name(), source })?;
            tensors.push(tensor);
        }
        let mut rng = generator(block.seed);
        let built = if block.formed {
            instance.spec.build(&tensors, &mut rng)
        } else {
            instance.spec.build_unformed(&tensors, &mut rng)
        };
        Ok(built.map(|problem| problem.round()).map_err(|error| error.to_string()))
    }

    /// Rows on which the errors of unformed attention are measured, at most.
    fn row_budget(&self) -> usize {
        self.experiment.streaming.map_or(usize::MAX, |streaming| streaming.rows)
    }

    fn knows_matrix(&self, block: &str) -> bool {
        self.own.matrices.contains_key(block)
    }

    /// The pending cells of a job that this journal has not verified, or has verified from other factors.
    fn unverified(&self, block: &Block, work: &Work) -> Vec<usize> {
        let verified = |index: &usize| {
            self.entry(&block.cells[*index].id).is_some_and(|entry| entry.record.factored_rank == work.job.rank as u64)
        };
        work.cells.iter().copied().filter(|index| !verified(index)).collect()
    }

    /// Runs a job once, untimed, and judges the factors for each of the given cells.
    fn verify<T: Scalar>(
        &self,
        problem: &Problem<T>,
        reference: &Yardstick,
        block: &Block,
        job: &Job,
        cells: &[usize],
    ) -> Vec<Record> {
        let method = &self.experiment.methods[job.method].spec;
        let mut rng = generator(job.seed);
        let draw = Draw { target_rank: job.rank, rng: &mut rng, parallelism: self.parallelism };
        let (result, peak_bytes) = memory::peak_bytes_of(self.parallelism, || method.factor(problem, draw));
        let approximation = match result {
            Ok(approximation) => approximation,
            Err(error) => return self.failures(block, job, cells, &error.to_string()),
        };
        let fingerprint = format!("{:016x}", approximation.factors.fingerprint());
        let notes = (!approximation.notes.is_empty()).then(|| approximation.notes.join("; "));
        let judge = |&index: &usize| {
            let planned_cell = &block.cells[index];
            let rank = planned_cell.target_rank;
            let planned = cell::planned(self.experiment, block, planned_cell);
            let truncated = job.nested.then(|| approximation.factors.truncate(rank));
            let factors = truncated.as_ref().unwrap_or(&approximation.factors);
            let row = match reference.measure(factors, rank, self.parallelism) {
                Err(error) => cell::failed(planned, error.to_string()),
                Ok(measures) => {
                    let values = problem.values.as_ref();
                    let (_, applying) =
                        memory::peak_bytes_of(self.parallelism, || factors.apply(values, self.parallelism));
                    let output = peak_bytes
                        .zip(applying)
                        .map(|(factoring, applying)| factoring.max(Operator::bytes(factors) as u64 + applying));
                    let peak = cell::Peak { factoring: peak_bytes, output };
                    let row = cell::completed(planned, factors, problem.values.ncols(), measures, peak);
                    match reference.moderate_spectrum() {
                        Some(spectrum) => {
                            let bound = method.bound(spectrum.singular_values(), rank);
                            cell::bounded(row, bound, spectrum.frobenius_norm())
                        }
                        None => row,
                    }
                }
            };
            let mut row = row;
            row.notes.clone_from(&notes);
            let fingerprint = (row.status == Status::Completed).then(|| fingerprint.clone());
            let factored_rank = job.rank as u64;
            Record::Cell(Box::new(CellRecord { block: block.id.clone(), row, fingerprint, factored_rank }))
        };
        cells.iter().map(judge).collect()
    }

    /// Failed rows for some cells of a job.
    pub(super) fn failures(&self, block: &Block, job: &Job, cells: &[usize], reason: &str) -> Vec<Record> {
        let failure = |&index: &usize| {
            let planned = cell::planned(self.experiment, block, &block.cells[index]);
            let row = cell::failed(planned, reason.to_owned());
            let factored_rank = job.rank as u64;
            Record::Cell(Box::new(CellRecord { block: block.id.clone(), row, fingerprint: None, factored_rank }))
        };
        cells.iter().map(failure).collect()
    }

    fn fail_all(&mut self, block: &Block, works: &[Work], reason: &str) -> Result<(), RunError> {
        for work in works {
            let records = self.failures(block, &work.job, &work.cells, reason);
            self.record(&records)?;
        }
        Ok(())
    }

    /// `problem · method · rank`, for the progress bar.
    pub(super) fn describe(&self, block: &Block, job: &Job) -> String {
        let (problem, method) = (self.experiment.problem_of(block), &self.experiment.methods[job.method]);
        format!("{} · {} · rank {}", problem.name(), method.name(), job.rank)
    }
}

/// The jobs that have pending cells.
fn works(jobs: Vec<Job>, pending: &[usize]) -> Vec<Work> {
    let work = |(index, job): (usize, Job)| {
        let cells: Vec<usize> = job.cells.iter().copied().filter(|cell| pending.contains(cell)).collect();
        (!cells.is_empty()).then_some(Work { index, job, cells })
    };
    jobs.into_iter().enumerate().filter_map(work).collect()
}
