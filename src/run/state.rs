//! What a run would do with every cell, without doing it.

use std::collections::HashMap;

use super::{Folder, Options, RunError, ledger, ledger::Ledger, wanted_repeats};
use crate::{
    plan::{Block, Cell, Plan, StudyCell},
    spec::Experiment,
    table::{CellRow, MatrixRow, MeasurementRow},
};

/// What a run would do with a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Compute it.
    Run,
    /// Nothing: a journal has it.
    Cached,
    /// Nothing: it cannot be computed, for this reason.
    Skipped(String),
    /// Compute it: what a journal has under its names differs, in this.
    Stale(String),
}

/// The state of every cell, by block, in the order of the plan.
///
/// # Errors
/// A journal cannot be read or is damaged.
pub fn states(experiment: &Experiment, plan: &Plan, options: &Options) -> Result<Vec<Vec<State>>, RunError> {
    let ledger = everything(&Folder::of(experiment, options))?;
    let repeats = wanted_repeats(experiment);
    let former = Former::of(&ledger);
    let state = |block: &Block, cell: &Cell| {
        if ledger.cells.get(&cell.id).is_some_and(|entry| entry.is_finished(repeats)) {
            return State::Cached;
        }
        if let Some(reason) = &cell.skip {
            return State::Skipped(reason.clone());
        }
        match former.difference(experiment, block, cell) {
            Some(why) if !ledger.cells.contains_key(&cell.id) => State::Stale(why),
            _ => State::Run,
        }
    };
    Ok(plan.blocks.iter().map(|block| block.cells.iter().map(|cell| state(block, cell)).collect()).collect())
}

/// The state of every cell of a study, in the order of the plan.
///
/// # Errors
/// As [`states`].
pub fn study_states(experiment: &Experiment, plan: &Plan, options: &Options) -> Result<Vec<State>, RunError> {
    let ledger = everything(&Folder::of(experiment, options))?;
    let mut former: HashMap<(&str, &str, u64), &MeasurementRow> = HashMap::new();
    for row in ledger.studies.values().filter_map(|(record, _)| record.rows.first()) {
        former.insert((&row.study, &row.study_variant, row.trial), row);
    }
    let state = |cell: &StudyCell| {
        if ledger.studies.contains_key(&cell.id) {
            return State::Cached;
        }
        let study = experiment.study_of(cell);
        let parameters = serde_json::Value::Object(study.spec.parameters()).to_string();
        match former.get(&(study.family.as_str(), study.variant.as_str(), cell.trial as u64)) {
            None => State::Run,
            Some(row) if row.study_kind != study.spec.kind() || row.study_parameters != parameters => {
                State::Stale("the study's parameters changed".to_owned())
            }
            Some(row) if row.seed != cell.seed.to_string() => State::Stale("the seed changed".to_owned()),
            Some(_) => State::Stale("the timing protocol or the version of the study changed".to_owned()),
        }
    };
    Ok(plan.studies.iter().map(state).collect())
}

/// What all journals of a folder say; nothing where there is none.
pub(super) fn everything(folder: &Folder) -> Result<Ledger, RunError> {
    let mut everything = Ledger::default();
    if folder.journals.is_dir() {
        for other in ledger::read_all(&folder.journals)? {
            everything.merge(other);
        }
    }
    Ok(everything)
}

/// What the journals have, by the names a spec gives.
struct Former<'a> {
    cells: HashMap<[&'a str; 5], Vec<(&'a CellRow, Option<&'a MatrixRow>)>>,
}

impl<'a> Former<'a> {
    fn of(ledger: &'a Ledger) -> Self {
        let mut cells: HashMap<_, Vec<_>> = HashMap::new();
        for entry in ledger.cells.values() {
            let row = &entry.record.row;
            let matrix = ledger.matrices.get(&entry.record.block).map(|matrix| &matrix.row);
            let key = [&row.problem, &row.problem_variant, &row.precision, &row.method, &row.method_variant];
            cells.entry(key.map(String::as_str)).or_default().push((row, matrix));
        }
        Self { cells }
    }

    /// In what the journals' cell of the same names, rank and trial differs.
    fn difference(&self, experiment: &Experiment, block: &Block, cell: &Cell) -> Option<String> {
        let (problem, method) = (experiment.problem_of(block), experiment.method_of(cell));
        let key = [&problem.family, &problem.variant, block.precision.name(), &method.family, &method.variant];
        let same_place = |(row, _): &&(&CellRow, Option<&MatrixRow>)| {
            row.target_rank == cell.target_rank as u64 && row.trial == cell.trial as u64
        };
        let (row, matrix) = self.cells.get(&key)?.iter().find(same_place)?;
        let parameters = |map| serde_json::Value::Object(map).to_string();
        let problem_changed = matrix.is_some_and(|matrix| {
            matrix.problem_kind != problem.spec.kind()
                || matrix.problem_parameters != parameters(problem.spec.parameters())
        });
        let method_changed =
            row.method_kind != method.spec.kind() || row.method_parameters != parameters(method.spec.parameters());
        let why = if problem_changed {
            "the problem's parameters changed"
        } else if method_changed {
            "the method's parameters changed"
        } else if row.seed != cell.seed.to_string() {
            "the seed changed"
        } else {
            "the timing protocol, the version of the problem or method, or an input file changed"
        };
        Some(why.to_owned())
    }
}
