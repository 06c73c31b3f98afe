//! Records of cells that the spec does not ask for any more: found, and taken out of the journals.

use std::{collections::HashSet, path::PathBuf};

use super::{
    Folder, Options, RunError,
    journal::{self, Record},
    ledger::journals_in,
    lock::Lock,
};
use crate::{plan::Plan, spec::Experiment};

/// What one journal has that no cell of the plan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub journal: PathBuf,
    /// Stale cells, studies' among them.
    pub cells: usize,
    /// Of all records, those of stale cells.
    pub records: usize,
    /// Bytes that they take, of so many.
    pub bytes: u64,
    pub of_bytes: u64,
}

/// The journals that have stale records, in the order of their names. With `delete` each is written again without them, in one step:
/// killed at any moment, it is the old journal or the new one.
///
/// # Errors
/// A journal cannot be read or written, is damaged, or another run writes it.
pub fn clean(experiment: &Experiment, plan: &Plan, options: &Options, delete: bool) -> Result<Vec<Leftover>, RunError> {
    let folder = Folder::of(experiment, options);
    let mut leftovers = Vec::new();
    if !folder.journals.is_dir() {
        return Ok(leftovers);
    }
    let blocks: HashSet<&str> = plan.blocks.iter().map(|block| block.id.as_str()).collect();
    let of_blocks = plan.blocks.iter().flat_map(|block| &block.cells).map(|cell| cell.id.as_str());
    let cells: HashSet<&str> = of_blocks.chain(plan.studies.iter().map(|cell| cell.id.as_str())).collect();
    let is_asked_for = |record: &Record| match record {
        Record::Header { .. } | Record::Session(_) => true,
        Record::Matrix(matrix) => blocks.contains(matrix.block.as_str()),
        Record::Form { block, .. } => blocks.contains(block.as_str()),
        Record::Cell(cell) => cells.contains(cell.row.cell.as_str()),
        Record::Sample(sample) => cells.contains(sample.cell.as_str()),
        Record::Study(study) => cells.contains(study.cell.as_str()),
    };
    let mut journals = journals_in(&folder.journals)?;
    journals.sort();
    for path in journals {
        let _lock = if delete { Some(Lock::acquire(&path.with_extension("lock"))?) } else { None };
        let replay = journal::read(&path)?;
        let (kept, stale): (Vec<Record>, Vec<Record>) = replay.records.into_iter().partition(is_asked_for);
        if stale.is_empty() {
            continue;
        }
        let named = stale.iter().filter_map(|record| match record {
            Record::Cell(cell) => Some(cell.row.cell.as_str()),
            Record::Study(study) => Some(study.cell.as_str()),
            _ => None,
        });
        let text = journal::text(&path, &kept)?;
        let left = Leftover {
            cells: named.collect::<HashSet<_>>().len(),
            records: stale.len(),
            bytes: replay.good_bytes.saturating_sub(text.len() as u64),
            of_bytes: replay.good_bytes,
            journal: path,
        };
        if delete {
            journal::replace(&left.journal, &text)?;
        }
        leftovers.push(left);
    }
    Ok(leftovers)
}
