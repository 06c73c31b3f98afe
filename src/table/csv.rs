//! CSV: the tables for people and spreadsheets. Parquet is what the program reads back.

use std::{borrow::Cow, io::Cursor};

use polars::prelude::{
    CsvParseOptions, CsvReadOptions, CsvWriter, DataFrame, DataType, IntoColumn, PolarsResult, Schema, SerReader,
    SerWriter, StringChunked,
};

/// A text that a spreadsheet would run as a formula, with the apostrophe that makes it a text again.
///
/// A text that is already apostrophes before such a start gets one more, so that [`disarmed`] gives back exactly what was there.
pub(super) fn armoured(text: &str) -> Cow<'_, str> {
    if looks_like_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The inverse of [`armoured`].
pub(super) fn disarmed(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if looks_like_formula(rest) => rest,
        _ => text,
    }
}

fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// The frame as CSV: shortest decimals that read back to the same bits, nothing for a missing value, `""` for an empty text.
pub(super) fn write(frame: &DataFrame, separator: u8, header: bool) -> PolarsResult<Vec<u8>> {
    let mut frame = map_texts(frame, armoured)?;
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes).n_threads(1).with_separator(separator).include_header(header).finish(&mut frame)?;
    Ok(bytes)
}

/// A frame of known column types back from CSV.
pub(super) fn read(bytes: &[u8], schema: Schema) -> PolarsResult<DataFrame> {
    let frame = CsvReadOptions::default()
        .with_schema(Some(schema.into()))
        .with_parse_options(CsvParseOptions::default().with_missing_is_null(true))
        .into_reader_with_file_handle(Cursor::new(bytes))
        .finish()?;
    map_texts(&frame, |text| Cow::Borrowed(disarmed(text)))
}

fn map_texts(frame: &DataFrame, change: impl Fn(&str) -> Cow<'_, str>) -> PolarsResult<DataFrame> {
    let mut columns = Vec::with_capacity(frame.width());
    for column in frame.columns() {
        if column.dtype() == &DataType::String {
            let texts: StringChunked = column.str()?.iter().map(|text| text.map(&change)).collect();
            columns.push(texts.with_name(column.name().clone()).into_column());
        } else {
            columns.push(column.clone());
        }
    }
    DataFrame::new(frame.height(), columns)
}
