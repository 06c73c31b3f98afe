//! The cells of studies: measured side by side where no clock is read, one at a time where one is.

use std::{ops::ControlFlow, time::Instant};

use faer::Par;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::{
    RunError, Session,
    journal::{Record, StudyRecord},
    memory,
    progress::Progress,
    provenance,
};
use crate::{
    model::{Encoder, Tokenizer},
    plan::{Part, Plan, StudyCell},
    problem::{Problem, ProblemSpec, Tensor},
    random::generator,
    study::{Bench, Instruments, Measurement, ModelFiles, ModelInput, StudyError, StudySpec},
    table::{MeasurementRow, Status},
    tensor,
};

/// The clock of this machine and the count of this program's heap.
struct OnThisMachine {
    parallelism: Par,
}

impl Instruments for OnThisMachine {
    fn seconds(&self, work: &mut dyn FnMut()) -> f64 {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    }

    fn peak_bytes(&self, work: &mut dyn FnMut()) -> Option<u64> {
        memory::peak_bytes_of(self.parallelism, work).1
    }
}

/// What was read for a study.
struct Input {
    model: Option<ModelInput>,
    problem: Option<Problem<f64>>,
}

/// What was read, and what for.
struct Read {
    files: Option<ModelFiles>,
    matrix: Option<ProblemSpec>,
    input: Result<Input, StudyError>,
}

/// How many studies some cells belong to, points of a grid counted apart.
pub fn parts(cells: &[&StudyCell]) -> usize {
    cells.chunk_by(|a, b| a.study == b.study).count()
}

impl Session<'_> {
    /// The cells of studies of a part that no journal has.
    pub(super) fn pending_studies<'p>(&self, plan: &'p Plan, part: &Part) -> Vec<&'p StudyCell> {
        let part = plan.part(self.experiment, part);
        let is_ours = |cell: &StudyCell| part.as_ref().is_none_or(|part| part.studies.contains(cell));
        // A build whose times mean nothing leaves those that are about time to another.
        let unfit = provenance::unfit_for_timing().is_some();
        let can_be_taken = |cell: &StudyCell| !(unfit && self.experiment.study_of(cell).spec.traits().timed);
        let is_pending = |cell: &&StudyCell| is_ours(cell) && can_be_taken(cell) && !self.is_studied(&cell.id);
        plan.studies.iter().filter(is_pending).collect()
    }

    pub(super) fn is_studied(&self, cell: &str) -> bool {
        self.own.studies.contains_key(cell) || self.others.iter().any(|ledger| ledger.studies.contains_key(cell))
    }

    /// Measures cells of studies; breaks off between two of them if asked to stop.
    pub(super) fn compute_studies(
        &mut self,
        cells: &[&StudyCell],
        progress: &mut Progress,
    ) -> Result<ControlFlow<()>, RunError> {
        let mut read: Option<Read> = None;
        for cells in cells.chunk_by(|a, b| a.study == b.study) {
            let study = self.experiment.study_of(cells[0]);
            progress.begin_block(&study.name(), cells.len());
            let now = self.read(&study.spec, read.take());
            let input = &read.insert(now).input;
            // What runs on one thread and reads no clock may run beside others.
            let alone = study.spec.traits().timed || !matches!(self.parallelism, Par::Seq);
            let beside = if alone { 1 } else { rayon::current_num_threads() };
            for batch in cells.chunks(beside) {
                if self.must_stop() {
                    return Ok(ControlFlow::Break(()));
                }
                progress.show(|| study.name());
                let this = &*self;
                let start = Instant::now();
                let records: Vec<Record> = if beside > 1 {
                    batch.par_iter().map(|cell| this.study(cell, input)).collect()
                } else {
                    batch.iter().map(|cell| this.study(cell, input)).collect()
                };
                self.spent.reference += start.elapsed();
                self.record(&records)?;
                progress.advance(batch.len() as u64);
                progress.finish_cells(batch.len());
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Everything a study asks for: what was read before, if it asks for the same, as points do that differ in numbers alone.
    fn read(&self, spec: &StudySpec, before: Option<Read>) -> Read {
        let (files, matrix) = (spec.model(), spec.problem());
        if let Some(before) = before.filter(|before| before.files == files && before.matrix == matrix) {
            return before;
        }
        let input = || {
            let model = files.as_ref().map(|files| self.read_model(files)).transpose()?;
            let problem = matrix.as_ref().map(|matrix| self.read_problem(matrix)).transpose()?;
            Ok(Input { model, problem })
        };
        let input = input();
        Read { files, matrix, input }
    }

    /// A matrix from a file, formed; of which nothing is random.
    fn read_problem(&self, spec: &ProblemSpec) -> Result<Problem<f64>, StudyError> {
        let read = |name| tensor::read(self.root, name).map_err(|error| StudyError::Input(error.to_string()));
        let tensors: Vec<Tensor> = spec.tensors().iter().map(read).collect::<Result<_, _>>()?;
        spec.build(&tensors, &mut generator(0)).map_err(|error| StudyError::Input(error.to_string()))
    }

    /// The model and the texts a study asks for.
    fn read_model(&self, files: &ModelFiles) -> Result<ModelInput, StudyError> {
        let folder = self.root.join(&files.folder);
        let read = |path: &String| {
            let text = std::fs::read_to_string(self.root.join(path));
            text.map_err(|error| StudyError::Input(format!("{path}: {error}")))
        };
        let texts = files.texts.iter().map(read).collect::<Result<_, _>>()?;
        Ok(ModelInput::new(Encoder::read(&folder)?, Tokenizer::read(&folder)?, texts))
    }

    /// One cell: its measurements, or why there are none.
    fn study(&self, cell: &StudyCell, input: &Result<Input, StudyError>) -> Record {
        let study = self.experiment.study_of(cell);
        let instruments = OnThisMachine { parallelism: self.parallelism };
        let mut rng = generator(cell.seed);
        let planned = MeasurementRow {
            cell: cell.id.clone(),
            study: study.family.clone(),
            study_variant: study.variant.clone(),
            study_kind: study.spec.kind().to_owned(),
            study_parameters: serde_json::Value::Object(study.spec.parameters()).to_string(),
            trial: cell.trial as u64,
            seed: cell.seed.to_string(),
            series: String::new(),
            x: None,
            quantity: String::new(),
            unit: String::new(),
            value: None,
            status: Status::Completed,
            reason: None,
        };
        let measured = input.as_ref().map_err(Clone::clone).and_then(|Input { model, problem }| {
            let parallelism = self.parallelism;
            let (rng, model, problem) = (&mut rng, model.as_ref(), problem.as_ref());
            let mut bench = Bench { rng, parallelism, instruments: &instruments, model, problem };
            if study.spec.traits().timed {
                memory::keeping_all_memory(|| study.spec.measure(&mut bench))
            } else {
                study.spec.measure(&mut bench)
            }
        });
        let rows = match measured {
            Ok(measurements) => measurements.into_iter().map(|one| completed(&planned, one)).collect(),
            Err(error) => vec![MeasurementRow { status: Status::Failed, reason: Some(error.to_string()), ..planned }],
        };
        Record::Study(Box::new(StudyRecord { cell: cell.id.clone(), rows }))
    }
}

fn completed(planned: &MeasurementRow, measured: Measurement) -> MeasurementRow {
    let Measurement { series, x, quantity, unit, value } = measured;
    MeasurementRow {
        series,
        x,
        quantity: quantity.to_owned(),
        unit: unit.to_owned(),
        value: Some(value),
        ..planned.clone()
    }
}
