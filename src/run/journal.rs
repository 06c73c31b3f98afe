//! The journal: what a run has finished, safe against being killed at any moment.
//!
//! One record per line: 16 hex digits of the BLAKE3 of the JSON, a space, the JSON. A line is written in one call, so a kill
//! leaves at most one line torn, the last; it is dropped with a warning. A bad line anywhere else was damaged by something
//! else and is an error: nothing after it is trusted silently.

use crate::paths::Shown as _;
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::table::{CellRow, MatrixRow, MeasurementRow, SampleRow};

/// What a reader of another version must not misread: raise it when a record changes its meaning.
const FORMAT: u32 = 1;

const CHECKSUM_DIGITS: usize = 16;

/// What a power cut may cost. A disk takes milliseconds to sync, which is longer than many a cell takes; a kill costs nothing
/// either way.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The first line.
    Header { format: u32, program: String },
    /// A run starts to add records: the machine and the build that made all that follow, up to the next session.
    Session(serde_json::Value),
    /// A matrix was built and its reference SVD computed.
    Matrix(Box<MatrixRecord>),
    /// A cell was verified (or failed). The last record of a cell counts.
    Cell(Box<CellRecord>),
    /// A completed cell was timed once.
    Sample(SampleRow),
    /// A cell of a study was measured (or failed).
    Study(Box<StudyRecord>),
    /// The matrix of a block was formed once, timed.
    Form { block: String, repeat: u64, seconds: f64 },
}

/// A matrix and its exact spectrum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixRecord {
    pub block: String,
    pub row: MatrixRow,
    /// Descending.
    pub singular_values: Vec<f64>,
}

/// A cell's row, and what a timed run of it must reproduce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    pub block: String,
    pub row: CellRow,
    /// Of the factors as the method returned them, in hex; `None` unless completed.
    pub fingerprint: Option<String>,
    /// The rank at which the method was run: that of the cell, or the largest of its family if the method is nested.
    pub factored_rank: u64,
}

/// Every row of one cell of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyRecord {
    pub cell: String,
    /// At least one: a cell that failed has one row, with its reason.
    pub rows: Vec<MeasurementRow>,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {source}", path = path.shown())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(
        "{path}: damaged at byte {offset} (line {line}): {what}; everything before it is good: \
         `truncate -s {offset} {path}` keeps that and computes the rest again", path = path.shown())]
    Damaged { path: PathBuf, offset: u64, line: usize, what: String },
    #[error(
        "{path}: written in journal format {found}, this program reads {FORMAT}; move the file away to start afresh", path = path.shown())]
    Format { path: PathBuf, found: u32 },
    #[error("{path}: a record holds a number that is not finite and cannot be kept: {record}", path = path.shown())]
    NotFinite { path: PathBuf, record: String },
}

/// What a journal holds.
#[derive(Debug, Default, PartialEq)]
pub struct Replay {
    pub records: Vec<Record>,
    /// Bytes up to the end of the last good line.
    pub good_bytes: u64,
    /// Bytes after it: a last line that was torn.
    pub torn_bytes: u64,
}

/// Reads a journal; one that does not exist is empty.
///
/// # Errors
/// It cannot be read, is of another format, or is damaged before its last line.
pub fn read(path: &Path) -> Result<Replay, JournalError> {
    match File::open(path) {
        Ok(mut file) => replay(&mut file, path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Replay::default()),
        Err(source) => Err(JournalError::Io { path: path.to_owned(), source }),
    }
}

fn replay(file: &mut File, path: &Path) -> Result<Replay, JournalError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    let mut replay = Replay::default();
    let mut offset = 0;
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let last = offset + line.len() == bytes.len();
        match decode(line) {
            Ok(record) => {
                if index == 0 && !matches!(record, Record::Header { .. }) {
                    return Err(JournalError::Damaged {
                        path: path.to_owned(),
                        offset: 0,
                        line: 1,
                        what: "the first line is not a header".to_owned(),
                    });
                }
                if let Record::Header { format, .. } = record
                    && format != FORMAT
                {
                    return Err(JournalError::Format { path: path.to_owned(), found: format });
                }
                replay.records.push(record);
            }
            Err(_) if last => {
                replay.torn_bytes = line.len() as u64;
                break;
            }
            Err(what) => {
                return Err(JournalError::Damaged {
                    path: path.to_owned(),
                    offset: offset as u64,
                    line: index + 1,
                    what,
                });
            }
        }
        offset += line.len();
    }
    replay.good_bytes = offset as u64;
    Ok(replay)
}

/// The record of one line, or what is wrong with it.
fn decode(line: &[u8]) -> Result<Record, String> {
    let line = line.strip_suffix(b"\n").ok_or("the line does not end")?;
    let (checksum, json) = line.split_at_checked(CHECKSUM_DIGITS).ok_or("the line is too short")?;
    let json = json.strip_prefix(b" ").ok_or("no checksum before the record")?;
    if checksum != checksum_of(json).as_bytes() {
        return Err("the checksum does not match".to_owned());
    }
    serde_json::from_slice(json).map_err(|error| format!("not a record of this version: {error}"))
}

fn checksum_of(json: &[u8]) -> String {
    blake3::hash(json).to_hex()[..CHECKSUM_DIGITS].to_owned()
}

/// A journal open for appending. One process at a time: hold its [`Lock`](super::lock::Lock).
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// When all records last survived a power cut.
    synced: Instant,
}

impl Journal {
    /// Opens a journal, with what it holds. A torn last line is cut off.
    ///
    /// # Errors
    /// As [`read`]; or the file cannot be written.
    pub fn open(path: &Path) -> Result<(Self, Replay), JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let replay = replay(&mut file, path)?;
        file.set_len(replay.good_bytes).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        let mut journal = Self { path: path.to_owned(), file, synced: Instant::now() };
        if replay.records.is_empty() {
            let program = concat!("factoreo ", env!("CARGO_PKG_VERSION")).to_owned();
            journal.append(&[Record::Header { format: FORMAT, program }])?;
        }
        Ok((journal, replay))
    }

    /// Adds records: once it returns, they survive this process.
    ///
    /// # Errors
    /// The file cannot be written, or a record holds a number that is not finite.
    pub fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let lines = text(&self.path, records)?;
        self.file.write_all(lines.as_bytes()).map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }

    /// Adds records, and every [`SYNC_INTERVAL`] makes all records survive a power cut as well.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_durably(&mut self, records: &[Record]) -> Result<(), JournalError> {
        self.append(records)?;
        if self.synced.elapsed() >= SYNC_INTERVAL { self.sync() } else { Ok(()) }
    }

    /// Makes every record survive a power cut.
    ///
    /// # Errors
    /// The system reports that it could not write them.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.synced = Instant::now();
        self.file.sync_data().map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }
}

/// Records as the lines of a journal, which `path` names in errors.
///
/// # Errors
/// A record holds a number that is not finite.
pub fn text(path: &Path, records: &[Record]) -> Result<String, JournalError> {
    records.iter().map(|record| encode(path, record)).collect()
}

/// One line. JSON has no NaN and would keep it as `null`, so the line is read back before it is trusted.
fn encode(path: &Path, record: &Record) -> Result<String, JournalError> {
    let not_finite = || JournalError::NotFinite { path: path.to_owned(), record: format!("{record:?}") };
    let json = serde_json::to_string(record).map_err(|_| not_finite())?;
    let line = format!("{} {json}\n", checksum_of(json.as_bytes()));
    match decode(line.as_bytes()) {
        Ok(read_back) if read_back == *record => Ok(line),
        _ => Err(not_finite()),
    }
}

/// Puts lines in the place of a journal in one step. Hold its [`Lock`](super::lock::Lock).
///
/// # Errors
/// They cannot be written.
pub fn replace(path: &Path, lines: &str) -> Result<(), JournalError> {
    let io = |source| JournalError::Io { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(folder).map_err(io)?;
    file.write_all(lines.as_bytes()).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn form(repeat: u64, seconds: f64) -> Record {
        Record::Form { block: "b".to_owned(), repeat, seconds }
    }

    fn journal_of(records: &[Record]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("main.jsonl");
        Journal::open(&path).unwrap().0.append_durably(records).unwrap();
        (directory, path)
    }

    #[test]
    fn records_come_back_bit_for_bit() {
        let records = [5e-324, 1e-300, 0.1 + 0.2, f64::MAX, -0.0].map(|seconds| form(0, seconds));
        let (_directory, path) = journal_of(&records);
        let replay = read(&path).unwrap();
        let seconds = |records: &[Record]| -> Vec<u64> {
            let bits = |record: &Record| match record {
                Record::Form { seconds, .. } => seconds.to_bits(),
                other => panic!("{other:?}"),
            };
            records.iter().map(bits).collect()
        };
        assert_eq!(seconds(&replay.records[1..]), seconds(&records));
        assert_eq!(replay.torn_bytes, 0);
        assert_eq!(replay.good_bytes, fs::metadata(&path).unwrap().len());
    }

    #[test]
    fn cut_at_any_byte_it_keeps_every_whole_line_and_goes_on() {
        let records = [form(0, 1.0), form(1, 2.0), form(2, 3.0)];
        let (directory, path) = journal_of(&records);
        let whole = fs::read(&path).unwrap();
        let cut_path = directory.path().join("cut.jsonl");
        for cut in 0..=whole.len() {
            fs::write(&cut_path, &whole[..cut]).unwrap();
            let lines = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
            let (mut journal, replay) = Journal::open(&cut_path).unwrap();
            assert_eq!(replay.records.len(), lines, "cut at {cut}");
            assert_eq!(replay.good_bytes + replay.torn_bytes, cut as u64);
            journal.append(&[form(9, 9.0)]).unwrap();
            let after = read(&cut_path).unwrap();
            assert_eq!(after.records.len(), lines.max(1) + 1, "cut at {cut}");
            assert_eq!(after.torn_bytes, 0);
        }
    }

    #[test]
    fn damage_before_the_last_line_is_an_error_with_its_offset() {
        let (_directory, path) = journal_of(&[form(0, 1.0), form(1, 2.0)]);
        let whole = fs::read(&path).unwrap();
        let start = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let end = start + whole[start..].iter().position(|&byte| byte == b'\n').unwrap();
        for at in start..end {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            let message = read(&path).unwrap_err().to_string();
            assert!(message.contains(&format!("byte {start}")), "byte {at}: {message}");
            assert!(Journal::open(&path).is_err());
            assert_eq!(fs::read(&path).unwrap(), damaged, "a damaged journal must not be touched");
        }
    }

    #[test]
    fn another_format_is_refused() {
        let (_directory, path) = journal_of(&[]);
        let json = serde_json::to_string(&Record::Header { format: FORMAT + 1, program: "later".to_owned() }).unwrap();
        fs::write(&path, format!("{} {json}\n", checksum_of(json.as_bytes()))).unwrap();
        assert!(matches!(read(&path), Err(JournalError::Format { found, .. }) if found == FORMAT + 1));
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_and_nothing_is_written() {
        let (_directory, path) = journal_of(&[]);
        let before = fs::read(&path).unwrap();
        let (mut journal, _) = Journal::open(&path).unwrap();
        for seconds in [f64::NAN, f64::INFINITY] {
            assert!(matches!(journal.append(&[form(0, seconds)]), Err(JournalError::NotFinite { .. })));
        }
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
