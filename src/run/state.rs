//! What a run would do with every cell, without doing it.

use std::collections::HashMap;

use super::{Folder, Options, RunError, ledger, ledger::Ledger, wanted_repeats};
use crate::{
    plan::{Block, Cell, Plan},
    spec::Experiment,
    table::{CellRow, MatrixRow},
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
    let folder = Folder::of(experiment, options);
    let mut ledger = Ledger::default();
    if folder.journals.is_dir() {
        for other in ledger::read_all(&folder.journals)? {
            ledger.merge(other);
        }
    }
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
