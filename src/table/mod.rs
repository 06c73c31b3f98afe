//! Rows ↔ polars: the sole owner of column names and units.

mod row;

pub use row::{CellRow, MatrixRow, Results, SampleRow, SpectrumRow, Status, SummaryRow};
