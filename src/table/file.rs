//! The files of `results/NAME/`.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{Cursor, ErrorKind, Write},
    path::Path,
};

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, Series};
use polars::prelude::{ParquetReader, ParquetWriter, SerReader};

use crate::method::{MethodSpec, Role};

use super::{
    CellRow, MatrixRow, MeasurementRow, Results, Row, SampleRow, SpectrumRow, SummaryRow, TableError, VariantRow,
    column::Field, columns, csv,
};

/// Rows up to which a table is written as CSV, for people and spreadsheets; more are read with `factoreo table`.
pub const LARGEST_CSV: usize = 20_000;

/// Rows of a group of a Parquet file, which is what a reader holds at once.
pub(super) const ROW_GROUP: usize = 65_536;

impl Results {
    /// The tables of `results/NAME/`, read from their Parquet files.
    ///
    /// # Errors
    /// A file is missing, unreadable, or has other columns than this version writes.
    pub fn read(directory: &Path) -> Result<Self, TableError> {
        let provenance = directory.join("provenance.json");
        let mut results = Self {
            name: directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            matrices: read_table(directory)?,
            spectra: read_table(directory)?,
            cells: read_table(directory)?,
            samples: read_table(directory)?,
            summary: read_table(directory)?,
            measurements: read_optional_table(directory)?,
            provenance: serde_json::from_slice(&read_file(&provenance)?)
                .map_err(|source| TableError::Json { path: provenance, source })?,
            variants: read_optional_table(directory)?,
            spec: String::from_utf8_lossy(&read_file(&directory.join("spec.toml"))?).into_owned(),
        };
        if results.variants.is_empty() {
            results.variants = results.derived_variants();
        }
        Ok(results)
    }

    /// Writes every table as Parquet, those of at most [`LARGEST_CSV`] rows as CSV too, with `columns.csv`, `provenance.json` and `spec.toml`.
    ///
    /// Equal rows give equal bytes. A file that has these bytes already is left alone; the others are replaced in one step
    /// each, so that a reader never sees half a file.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), TableError> {
        fs::create_dir_all(directory).map_err(|source| TableError::Io { path: directory.to_owned(), source })?;
        let mut written = Vec::new();
        for (name, bytes) in self.files()? {
            replace(&directory.join(&name), &bytes)?;
            written.push(name);
        }
        for name in file_names().iter().filter(|name| !written.contains(*name)) {
            // The spec may have had studies before, or a table fewer rows.
            remove(&directory.join(name))?;
        }
        Ok(())
    }

    /// The file a person opens for a table: CSV unless it is too long.
    #[must_use]
    pub fn file_of(&self, table: &str) -> String {
        let rows = match table {
            MatrixRow::TABLE => self.matrices.len(),
            SpectrumRow::TABLE => self.spectra.len(),
            CellRow::TABLE => self.cells.len(),
            SampleRow::TABLE => self.samples.len(),
            SummaryRow::TABLE => self.summary.len(),
            MeasurementRow::TABLE => self.measurements.len(),
            _ => 0,
        };
        format!("{table}.{}", if rows > LARGEST_CSV { "parquet" } else { "csv" })
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
        encode(&self.variants, &mut files)?;
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
        names_of::<VariantRow>(),
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

/// A table as Parquet and, if it has the size of people, as CSV.
fn encode<R: Row>(rows: &[R], files: &mut Vec<(String, Vec<u8>)>) -> Result<(), TableError> {
    let polars = |source| TableError::Polars { table: R::TABLE, source };
    let mut frame = R::to_frame(rows)?;
    if rows.len() <= LARGEST_CSV {
        files.push((format!("{}.csv", R::TABLE), csv::write(&frame, b',', true).map_err(polars)?));
    }
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes).set_parallel(false).with_row_group_size(Some(ROW_GROUP));
    writer.finish(&mut frame).map_err(polars)?;
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
    let polars = |source| TableError::Polars { table: R::TABLE, source };
    let mut frame = ParquetReader::new(Cursor::new(bytes)).finish().map_err(polars)?;
    if R::schema().contains("role") && frame.column("role").is_err() {
        let roles =
            roles_of_kinds(&frame).ok_or(TableError::MissingColumn { table: R::TABLE, column: "method_kind" })?;
        frame.with_column(roles).map_err(polars)?;
    }
    let lacks = |frame: &DataFrame, name: &str| R::schema().contains(name) && frame.column(name).is_err();
    if lacks(&frame, "asked_rank") {
        // Written before ranks could be asked for by a share.
        let none: Vec<Option<String>> = vec![None; frame.height()];
        frame.with_column(Field::column("asked_rank", none.iter())).map_err(polars)?;
    }
    if lacks(&frame, "machine") {
        // Written when all times of an experiment were of one machine.
        let none: Vec<Option<u64>> = vec![None; frame.height()];
        frame.with_column(Field::column("machine", none.iter())).map_err(polars)?;
    }
    if R::schema().contains("matrices") && frame.column("matrices").is_err() {
        let counts =
            matrices_of_rows(&frame).ok_or(TableError::MissingColumn { table: R::TABLE, column: "matrices" })?;
        frame.with_column(counts).map_err(polars)?;
    }
    R::from_frame(&frame)
}

/// The column `matrices` of a table written before there was one: rows without a variant were over all variants of their family.
fn matrices_of_rows(frame: &DataFrame) -> Option<Column> {
    let texts = |name: &str| Some(frame.column(name).ok()?.str().ok()?.clone());
    let (problems, variants) = (texts("problem")?, texts("problem_variant")?);
    let mut of_family: HashMap<&str, HashSet<&str>> = HashMap::new();
    for (problem, variant) in problems.iter().zip(variants.iter()) {
        let variants = of_family.entry(problem?).or_default();
        variants.extend(variant.filter(|variant| !variant.is_empty()));
    }
    let count = |(problem, variant): (Option<&str>, Option<&str>)| {
        let variants = of_family.get(problem?)?.len() as u64;
        Some(if variant?.is_empty() { variants.max(1) } else { 1 })
    };
    let counts: Vec<u64> = problems.iter().zip(variants.iter()).map(count).collect::<Option<_>>()?;
    Some(Field::column("matrices", counts.iter()))
}

/// The column `role` of a table written before there was one.
fn roles_of_kinds(frame: &DataFrame) -> Option<Column> {
    let kinds = frame.column("method_kind").ok()?.str().ok()?;
    let roles: Vec<Option<Role>> = kinds.iter().map(|kind| MethodSpec::role_of_kind(kind?)).collect();
    Some(Field::column("role", roles.iter()))
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
    csv::write(&frame, b',', true).map_err(polars)
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
