//! The files of `results/NAME/`.

use std::{
    fs,
    io::{Cursor, ErrorKind, Write},
    path::Path,
};

use polars::prelude::{DataFrame, IntoColumn, NamedFrom, Series};
use polars::prelude::{ParquetReader, ParquetWriter, SerReader};

use super::{
    CellRow, MatrixRow, MeasurementRow, Results, Row, SampleRow, SpectrumRow, SummaryRow, TableError, columns, csv,
};

impl Results {
    /// The tables of `results/NAME/`, read from their Parquet files.
    ///
    /// # Errors
    /// A file is missing, unreadable, or has other columns than this version writes.
    pub fn read(directory: &Path) -> Result<Self, TableError> {
        let provenance = directory.join("provenance.json");
        Ok(Self {
            name: directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            matrices: read_table(directory)?,
            spectra: read_table(directory)?,
            cells: read_table(directory)?,
            samples: read_table(directory)?,
            summary: read_table(directory)?,
            measurements: read_optional_table(directory)?,
            provenance: serde_json::from_slice(&read_file(&provenance)?)
                .map_err(|source| TableError::Json { path: provenance, source })?,
            spec: String::from_utf8_lossy(&read_file(&directory.join("spec.toml"))?).into_owned(),
        })
    }

    /// Writes every table as Parquet and CSV, with `columns.csv`, `provenance.json` and `spec.toml`.
    ///
    /// Equal rows give equal bytes. A file that has these bytes already is left alone; the others are replaced in one step
    /// each, so that a reader never sees half a file.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), TableError> {
        fs::create_dir_all(directory).map_err(|source| TableError::Io { path: directory.to_owned(), source })?;
        for (name, bytes) in self.files()? {
            replace(&directory.join(name), &bytes)?;
        }
        if self.measurements.is_empty() {
            // The spec may have had studies before.
            for name in names_of::<MeasurementRow>() {
                remove(&directory.join(name))?;
            }
        }
        Ok(())
    }

    /// Names and contents of all files.
    fn files(&self) -> Result<Vec<(String, Vec<u8>)>, TableError> {
        let mut files = Vec::new();
        encode(&self.matrices, &mut files)?;
        encode(&self.spectra, &mut files)?;
        encode(&self.cells, &mut files)?;
        encode(&self.samples, &mut files)?;
        encode(&self.summary, &mut files)?;
        if !self.measurements.is_empty() {
            encode(&self.measurements, &mut files)?;
        }
        files.push(("columns.csv".to_owned(), data_dictionary(!self.measurements.is_empty())?));
        files.push(("provenance.json".to_owned(), format!("{:#}\n", self.provenance).into_bytes()));
        files.push(("spec.toml".to_owned(), self.spec.clone().into_bytes()));
        Ok(files)
    }
}

/// Names of all files [`Results::write`] may leave.
#[must_use]
pub fn file_names() -> Vec<String> {
    let tables = [
        names_of::<MatrixRow>(),
        names_of::<SpectrumRow>(),
        names_of::<CellRow>(),
        names_of::<SampleRow>(),
        names_of::<SummaryRow>(),
        names_of::<MeasurementRow>(),
    ];
    let others = ["columns.csv", "provenance.json", "spec.toml"].map(str::to_owned);
    tables.into_iter().flatten().chain(others).collect()
}

fn names_of<R: Row>() -> [String; 2] {
    [format!("{}.parquet", R::TABLE), format!("{}.csv", R::TABLE)]
}

fn remove(path: &Path) -> Result<(), TableError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(TableError::Io { path: path.to_owned(), source }),
        _ => Ok(()),
    }
}

/// A table in both formats.
fn encode<R: Row>(rows: &[R], files: &mut Vec<(String, Vec<u8>)>) -> Result<(), TableError> {
    let polars = |source| TableError::Polars { table: R::TABLE, source };
    let mut frame = R::to_frame(rows)?;
    files.push((format!("{}.csv", R::TABLE), csv::write(&frame).map_err(polars)?));
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).set_parallel(false).finish(&mut frame).map_err(polars)?;
    files.push((format!("{}.parquet", R::TABLE), bytes));
    Ok(())
}

/// No rows where there is no such file: results written before the table existed, or that have nothing to put there.
fn read_optional_table<R: Row>(directory: &Path) -> Result<Vec<R>, TableError> {
    match read_table(directory) {
        Err(TableError::Missing { .. }) => Ok(Vec::new()),
        read => read,
    }
}

fn read_table<R: Row>(directory: &Path) -> Result<Vec<R>, TableError> {
    let bytes = read_file(&directory.join(format!("{}.parquet", R::TABLE)))?;
    let frame = ParquetReader::new(Cursor::new(bytes))
        .finish()
        .map_err(|source| TableError::Polars { table: R::TABLE, source })?;
    R::from_frame(&frame)
}

/// The rows of a table from its CSV file: what was written, bit for bit.
///
/// # Errors
/// The file cannot be read, or is not a CSV file of this table.
pub fn read_csv<R: Row>(path: &Path) -> Result<Vec<R>, TableError> {
    let frame =
        csv::read(&read_file(path)?, R::schema()).map_err(|source| TableError::Polars { table: R::TABLE, source })?;
    R::from_frame(&frame)
}

/// `columns.csv`: table, name, unit and description of every column.
fn data_dictionary(with_measurements: bool) -> Result<Vec<u8>, TableError> {
    let mut columns = columns();
    columns.retain(|column| with_measurements || column.table != MeasurementRow::TABLE);
    let text = |name: &str, values: Vec<&str>| Series::new(name.into(), values).into_column();
    let polars = |source| TableError::Polars { table: "columns", source };
    let frame = DataFrame::new(
        columns.len(),
        vec![
            text("table", columns.iter().map(|column| column.table).collect()),
            text("column", columns.iter().map(|column| column.name).collect()),
            text("unit", columns.iter().map(|column| column.meaning.unit()).collect()),
            text("description", columns.iter().map(|column| column.description.as_str()).collect()),
        ],
    )
    .map_err(polars)?;
    csv::write(&frame).map_err(polars)
}

fn read_file(path: &Path) -> Result<Vec<u8>, TableError> {
    fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => TableError::Missing { path: path.to_owned() },
        _ => TableError::Io { path: path.to_owned(), source },
    })
}

/// Puts a whole file in the place of another, or leaves it alone if it has these bytes already.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), TableError> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let io = |source| TableError::Io { path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(directory).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    readable_by_all(file.as_file()).map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

/// Temporary files are private to their owner; results are as public as any other file of the project.
#[cfg(unix)]
fn readable_by_all(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}
