//! A table, or a part of one, as text: a group of rows at a time, so that its size does not matter.

use crate::paths::Shown as _;
use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use polars::prelude::{
    AnyValue, ChunkCompareEq, Column, DataFrame, DataType, ParallelStrategy, ParquetReader, SerReader,
};
use serde_json::{Map, Value};

use super::{TableError, csv, file::ROW_GROUP};

/// How a printed table looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Tsv,
    Markdown,
    /// An object a row, in one array.
    Json,
}

/// The Parquet file of one table.
#[derive(Debug)]
pub struct Stored {
    path: PathBuf,
    names: Vec<String>,
    rows: usize,
}

/// Why a part of a table could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("{path}: {source}", path = path.shown())]
    Polars { path: PathBuf, source: polars::error::PolarsError },
    #[error("column `{column}` holds numbers, and `{value}` is none")]
    NotANumber { column: String, value: String },
    /// Of the writer, which may have been closed.
    #[error("{0}")]
    Output(#[from] std::io::Error),
}

impl Stored {
    /// A table of `results/NAME/`.
    ///
    /// # Errors
    /// Its file is missing or unreadable.
    pub fn open(directory: &Path, table: &str) -> Result<Self, PrintError> {
        let path = directory.join(format!("{table}.parquet"));
        let mut reader = ParquetReader::new(open(&path)?);
        let polars = |source| PrintError::Polars { path: path.clone(), source };
        let names = reader.schema().map_err(polars)?.iter_names().map(ToString::to_string).collect();
        let rows = reader.num_rows().map_err(polars)?;
        Ok(Self { path, names, rows })
    }

    /// The names of its columns, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Writes the rows in which every column of `conditions` has the value beside it (nothing: is empty), in `columns`.
    /// All of them must be [`Stored::names`].
    ///
    /// # Errors
    /// The file cannot be read, a condition on numbers has none, or the output is closed.
    pub fn print(
        &self,
        columns: &[String],
        conditions: &[(String, String)],
        format: Format,
        output: &mut impl Write,
    ) -> Result<(), PrintError> {
        let polars = |source| PrintError::Polars { path: self.path.clone(), source };
        let read: Vec<String> = self
            .names
            .iter()
            .filter(|name| columns.contains(name) || conditions.iter().any(|(column, _)| column == *name))
            .cloned()
            .collect();
        begin(columns, format, output)?;
        let mut before = 0;
        // Once for an empty table too: it has a header.
        for start in (0..self.rows.max(1)).step_by(ROW_GROUP) {
            let mut frame = ParquetReader::new(open(&self.path)?)
                .with_slice(Some((start, ROW_GROUP)))
                .with_columns(Some(read.clone()))
                .read_parallel(ParallelStrategy::None)
                .finish()
                .map_err(polars)?;
            for (column, value) in conditions {
                frame = matching(&frame, column, value, polars)?;
            }
            let frame = frame.select(columns).map_err(polars)?;
            match format {
                Format::Csv => output.write_all(&csv::write(&frame, b',', start == 0).map_err(polars)?)?,
                Format::Tsv => output.write_all(&csv::write(&frame, b'\t', start == 0).map_err(polars)?)?,
                Format::Markdown => markdown(&frame, output)?,
                Format::Json => json(&frame, before, output)?,
            }
            before += frame.height();
        }
        match format {
            Format::Json => Ok(output.write_all(b"\n]\n")?),
            Format::Csv | Format::Tsv | Format::Markdown => Ok(()),
        }
    }
}

fn open(path: &Path) -> Result<File, TableError> {
    File::open(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => TableError::Missing { path: path.to_owned() },
        _ => TableError::Io { path: path.to_owned(), source },
    })
}

/// The rows in which a column has a value, as a spec or a table would write it.
fn matching(
    frame: &DataFrame,
    name: &str,
    value: &str,
    polars: impl Fn(polars::error::PolarsError) -> PrintError + Copy,
) -> Result<DataFrame, PrintError> {
    let column = frame.column(name).map_err(polars)?;
    let not_a_number = || PrintError::NotANumber { column: name.to_owned(), value: value.to_owned() };
    let mask = match column.dtype() {
        DataType::String if value.is_empty() => column.is_null() | column.str().map_err(polars)?.equal(""),
        _ if value.is_empty() => column.is_null(),
        DataType::String => column.str().map_err(polars)?.equal(value),
        DataType::UInt64 => column.u64().map_err(polars)?.equal(value.parse::<u64>().map_err(|_| not_a_number())?),
        _ => column.f64().map_err(polars)?.equal(value.parse::<f64>().map_err(|_| not_a_number())?),
    };
    frame.filter(&mask).map_err(polars)
}

fn begin(columns: &[String], format: Format, output: &mut impl Write) -> std::io::Result<()> {
    match format {
        Format::Csv | Format::Tsv => Ok(()),
        Format::Markdown => {
            writeln!(output, "| {} |\n|{}", columns.join(" | "), " --- |".repeat(columns.len()))
        }
        Format::Json => output.write_all(b"["),
    }
}

/// A line for each row; no text leaves its cell, or is markup, a formula or a command to the terminal.
fn markdown(frame: &DataFrame, output: &mut impl Write) -> std::io::Result<()> {
    for row in 0..frame.height() {
        output.write_all(b"|")?;
        for column in frame.columns() {
            let text = match value(column, row) {
                Value::Null => String::new(),
                Value::String(text) => escaped(&csv::armoured(&text)),
                number => number.to_string(),
            };
            write!(output, " {text} |")?;
        }
        output.write_all(b"\n")?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            _ if letter.is_control() => escaped.push(' '),
            '|' | '\\' | '<' | '[' | ']' | '*' | '`' | '$' | '&' | '_' => escaped.extend(['\\', letter]),
            _ => escaped.push(letter),
        }
    }
    escaped
}

fn json(frame: &DataFrame, before: usize, output: &mut impl Write) -> std::io::Result<()> {
    for row in 0..frame.height() {
        let cells = frame.columns().iter().map(|column| (column.name().to_string(), value(column, row)));
        let separator = if before + row == 0 { "\n" } else { ",\n" };
        write!(output, "{separator}{}", Value::Object(cells.collect::<Map<_, _>>()))?;
    }
    Ok(())
}

fn value(column: &Column, row: usize) -> Value {
    match column.get(row) {
        Ok(AnyValue::String(text)) => text.into(),
        Ok(AnyValue::UInt64(number)) => number.into(),
        Ok(AnyValue::Float64(number)) => number.into(),
        Ok(_) | Err(_) => Value::Null,
    }
}
