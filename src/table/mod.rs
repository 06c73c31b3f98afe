//! Rows ↔ polars: the sole owner of column names and units.

mod column;
mod csv;
mod file;
mod interval;
mod lattice;
mod measurement;
mod print;
mod row;
mod setting;
mod slope;
mod student;
mod summary;
mod sweep;
mod variant;

use crate::paths::Shown as _;
use std::path::PathBuf;

pub use column::{Column, Meaning, Row};
pub use file::{LARGEST_CSV, file_names, read_csv};
pub use interval::median_interval;
pub use lattice::{Lattice, LatticePoint, MethodKey, Parameter, evenly};
pub use measurement::{MeasurementRow, MeasurementSummary, summarise_measurements};
pub use print::{Format, PrintError, Stored};
pub use row::{CellRow, MatrixRow, SampleRow, SpectrumRow, Status, SummaryRow};
pub use setting::{Part, Settings, name_at, parts_of_name};
pub use slope::{Slope, log_log_slope, mean_log_log_slope};
pub use student::student;
pub use summary::{lead_machine, summarise};
pub use sweep::Sweep;
pub use variant::{Point, VariantRow, settings, variants, without_parameter};

/// Everything a report is made of: the contents of `results/NAME/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    pub name: String,
    pub matrices: Vec<MatrixRow>,
    pub spectra: Vec<SpectrumRow>,
    pub cells: Vec<CellRow>,
    pub samples: Vec<SampleRow>,
    pub summary: Vec<SummaryRow>,
    /// What studies found; empty of an experiment without studies, which has no such file.
    pub measurements: Vec<MeasurementRow>,
    /// In what the variants of each family differ.
    pub variants: Vec<VariantRow>,
    /// `provenance.json`, as written by the run.
    pub provenance: serde_json::Value,
    /// The spec's text.
    pub spec: String,
}

/// Every column of every table, in the order of the files: the content of `columns.csv`, where those of `measurements` stand
/// only if there is such a table.
#[must_use]
pub fn columns() -> Vec<Column> {
    [
        MatrixRow::columns(),
        SpectrumRow::columns(),
        CellRow::columns(),
        SampleRow::columns(),
        SummaryRow::columns(),
        MeasurementRow::columns(),
        VariantRow::columns(),
    ]
    .concat()
}

/// The names of all tables, in the order of [`columns`].
#[must_use]
pub fn table_names() -> Vec<&'static str> {
    let mut names: Vec<_> = columns().iter().map(|column| column.table).collect();
    names.dedup();
    names
}

/// Why tables could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{path}: {source}", path = path.shown())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{path} is not there: run the spec first, it writes the tables", path = path.shown())]
    Missing { path: PathBuf },
    #[error("table `{table}`: {source}")]
    Polars { table: &'static str, source: polars::error::PolarsError },
    #[error("{path}: {source}", path = path.shown())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error("table `{table}` has no column `{column}`: it was written by another version, run the spec again")]
    MissingColumn { table: &'static str, column: &'static str },
    #[error(
        "table `{table}`: column `{column}` has another type, or is empty where it must not be: run the spec again"
    )]
    WrongColumn { table: &'static str, column: &'static str },
}
