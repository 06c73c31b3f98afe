//! What the journals say, taken together.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;

use super::{
    journal::{self, CellRecord, JournalError, MatrixRecord, Record, StudyRecord},
    machine,
};
use crate::table::{SampleRow, Status};

/// The state a list of records leaves behind.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// By block.
    pub matrices: HashMap<String, MatrixRecord>,
    /// By cell.
    pub cells: HashMap<String, CellEntry>,
    /// Seconds to form the matrix of a block, by repeat; of each [machine](super::machine::of_session).
    pub forms: HashMap<(String, String), BTreeMap<u64, f64>>,
    /// Cells of studies, by cell, with the session in which each was measured.
    pub studies: HashMap<String, (StudyRecord, Arc<Value>)>,
    session: Arc<Value>,
    /// Of that session.
    machine: String,
}

/// A cell, the times taken of it, and the session in which it was verified.
#[derive(Debug, Clone, PartialEq)]
pub struct CellEntry {
    pub record: CellRecord,
    /// By repeat, each with the session in which it was taken.
    pub samples: BTreeMap<u64, (SampleRow, Arc<Value>)>,
    pub session: Arc<Value>,
}

impl CellEntry {
    /// Whether nothing is left to do: a failure is final, a completed cell wants all its times.
    #[must_use]
    pub fn is_finished(&self, repeats: u64) -> bool {
        match self.record.row.status {
            Status::Failed | Status::Skipped => true,
            Status::Completed => self.missing_repeats(repeats).next().is_none(),
        }
    }

    /// The timings still to be taken.
    pub fn missing_repeats(&self, repeats: u64) -> impl Iterator<Item = u64> {
        (0..due_repeats(self.record.row.trial, repeats)).filter(|repeat| !self.samples.contains_key(repeat))
    }
}

/// Timings due of a trial when an experiment asks for `repeats`: they are timings of one draw, the first. What a method costs
/// does not depend on the draw, and the other draws are there for the errors.
pub fn due_repeats(trial: u64, repeats: u64) -> u64 {
    if trial == 0 { repeats } else { 0 }
}

impl Ledger {
    #[must_use]
    pub fn of(records: Vec<Record>) -> Self {
        let mut ledger = Self::default();
        for record in records {
            ledger.add(record);
        }
        ledger
    }

    /// Takes in the next record of one journal.
    pub fn add(&mut self, record: Record) {
        match record {
            Record::Header { .. } => {}
            Record::Session(session) => {
                self.machine = machine::of_session(&session);
                self.session = Arc::new(session);
            }
            Record::Matrix(matrix) => {
                self.matrices.insert(matrix.block.clone(), *matrix);
            }
            Record::Cell(record) => {
                let id = record.row.cell.clone();
                let session = Arc::clone(&self.session);
                // A cell that is verified again starts over: its older times belong to other factors.
                self.cells.insert(id, CellEntry { record: *record, samples: BTreeMap::new(), session });
            }
            Record::Sample(sample) => {
                if let Some(entry) = self.cells.get_mut(&sample.cell) {
                    entry.samples.insert(sample.repeat, (sample, Arc::clone(&self.session)));
                }
            }
            Record::Study(record) => {
                self.studies.insert(record.cell.clone(), (*record, Arc::clone(&self.session)));
            }
            Record::Form { block, repeat, seconds } => {
                self.forms.entry((block, self.machine.clone())).or_default().insert(repeat, seconds);
            }
        }
    }

    /// Whether the current session's machine has formed the matrix of a block in this repeat.
    #[must_use]
    pub fn has_formed(&self, block: &str, repeat: u64) -> bool {
        let own = self.forms.get(&(block.to_owned(), self.machine.clone()));
        own.is_some_and(|forms| forms.contains_key(&repeat))
    }

    /// Takes in another journal's state. The result does not depend on the order in which journals are taken in: of two
    /// entries of the same cell one is chosen by what they say, never by which came first.
    pub fn merge(&mut self, other: Self) {
        for (block, matrix) in other.matrices {
            keep_preferred(&mut self.matrices, block, matrix, text_of);
        }
        for (id, entry) in other.cells {
            keep_preferred(&mut self.cells, id, entry, |entry| {
                let samples: Vec<_> = entry.samples.values().map(|(sample, session)| (sample, &**session)).collect();
                (std::cmp::Reverse(samples.len()), text_of(&(&entry.record, samples, &*entry.session)))
            });
        }
        for (id, entry) in other.studies {
            keep_preferred(&mut self.studies, id, entry, |(record, session)| text_of(&(record, &**session)));
        }
        for (block, forms) in other.forms {
            keep_preferred(&mut self.forms, block, forms, |forms| (std::cmp::Reverse(forms.len()), text_of(forms)));
        }
    }
}

/// Keeps, of two values of one key, the one whose preference is least.
fn keep_preferred<K: Eq + Hash, V, P: Ord>(map: &mut HashMap<K, V>, key: K, value: V, preference: impl Fn(&V) -> P) {
    match map.get(&key) {
        Some(present) if preference(present) <= preference(&value) => {}
        _ => {
            map.insert(key, value);
        }
    }
}

fn text_of(value: &impl serde::Serialize) -> String {
    // Records came from JSON or were checked to survive it.
    serde_json::to_string(value).unwrap_or_default()
}

/// The state of every journal of a folder.
///
/// Their last lines may be torn: their runs may be writing them now.
///
/// # Errors
/// One of them cannot be read or is damaged.
pub fn read_all(directory: &Path) -> Result<Vec<Ledger>, JournalError> {
    journals_in(directory)?.iter().map(|path| read(path)).collect()
}

/// As [`read_all`], without one journal.
///
/// # Errors
/// As [`read_all`].
pub fn read_others(directory: &Path, own: &Path) -> Result<Vec<Ledger>, JournalError> {
    journals_in(directory)?.iter().filter(|path| *path != own).map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Ledger, JournalError> {
    journal::read(path).map(|replay| Ledger::of(replay.records))
}

/// The journals of a folder, in no order.
pub fn journals_in(directory: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let io = |source| JournalError::Io { path: directory.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            paths.push(path);
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::CellRow;

    fn cell(id: &str, status: Status) -> Record {
        let mut row = serde_json::Map::new();
        for column in <CellRow as crate::table::Row>::columns() {
            row.insert(column.name.to_owned(), Value::Null);
        }
        for text in ["problem", "problem_variant", "precision", "method", "method_variant", "method_kind", "seed"] {
            row.insert(text.to_owned(), "x".into());
        }
        row.insert("method_parameters".to_owned(), "{}".into());
        row.insert("cell".to_owned(), id.into());
        row.insert("target_rank".to_owned(), 1.into());
        row.insert("trial".to_owned(), 0.into());
        row.insert("status".to_owned(), status.name().into());
        Record::Cell(Box::new(CellRecord {
            block: "b".to_owned(),
            row: serde_json::from_value(Value::Object(row)).unwrap(),
            fingerprint: Some("f".to_owned()),
            factored_rank: 1,
        }))
    }

    fn sample(id: &str, repeat: u64, factor_seconds: f64) -> Record {
        let (position, apply_seconds, machine) = (0, 0.0, None);
        Record::Sample(SampleRow { cell: id.to_owned(), repeat, position, factor_seconds, apply_seconds, machine })
    }

    #[test]
    fn a_completed_cell_is_finished_with_its_last_sample_and_a_failed_one_at_once() {
        let mut ledger = Ledger::of(vec![cell("a", Status::Completed), sample("a", 0, 1.0), sample("a", 2, 1.0)]);
        assert_eq!(ledger.cells["a"].missing_repeats(3).collect::<Vec<_>>(), [1]);
        ledger.add(sample("a", 1, 1.0));
        assert!(ledger.cells["a"].is_finished(3));
        assert!(!ledger.cells["a"].is_finished(4));
        assert!(Ledger::of(vec![cell("a", Status::Failed)]).cells["a"].is_finished(10));
        assert!(Ledger::of(vec![cell("a", Status::Completed)]).cells["a"].is_finished(0));
    }

    #[test]
    fn only_the_first_draw_is_timed() {
        assert_eq!((due_repeats(0, 10), due_repeats(1, 10)), (10, 0));
    }

    #[test]
    fn a_cell_verified_again_forgets_its_older_times() {
        let ledger = Ledger::of(vec![cell("a", Status::Completed), sample("a", 0, 1.0), cell("a", Status::Failed)]);
        assert!(ledger.cells["a"].samples.is_empty());
    }

    #[test]
    fn journals_combine_in_any_order_to_the_same_state() {
        let session = |host: &str| Record::Session(serde_json::json!({ "cpu": host }));
        let form = |seconds: f64| Record::Form { block: "b".to_owned(), repeat: 0, seconds };
        let journals = [
            vec![session("p"), cell("a", Status::Completed), sample("a", 0, 1.0), form(2.0)],
            vec![session("q"), cell("a", Status::Completed), sample("a", 0, 2.0), sample("a", 1, 2.0), form(1.0)],
            vec![session("r"), cell("a", Status::Completed), cell("b", Status::Failed), form(3.0)],
            vec![session("s"), cell("a", Status::Completed), sample("a", 1, 5.0), sample("a", 0, 2.0)],
        ];
        let combined = |order: [usize; 4]| {
            let mut all = Ledger::default();
            for journal in order {
                all.merge(Ledger::of(journals[journal].clone()));
            }
            (all.cells, all.forms)
        };
        let reference = combined([0, 1, 2, 3]);
        assert_eq!(reference.0["a"].samples.len(), 2);
        for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1], [0, 3, 1, 2]] {
            assert_eq!(combined(order), reference);
        }
    }
}
