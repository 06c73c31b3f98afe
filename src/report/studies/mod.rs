//! What is said of studies: what they are, what they found, and their tables.

mod denoised_head;
mod failures;
mod light_model;
mod model_storage;
mod regularization;
mod reproductions;

use std::collections::BTreeMap;

use serde::Serialize;

use super::document::{Document, Item, Table, Text};
use crate::{
    figure::names::study_word,
    language::Language,
    table::{MeasurementRow, MeasurementSummary, Results, Status, settings, summarise_measurements},
};

/// The measurements of one study of the spec.
pub struct Study {
    pub label: String,
    pub kind: String,
    /// In the order of the rows.
    rows: Vec<MeasurementSummary>,
}

/// Every study of an experiment that has a completed cell.
pub fn all(results: &Results) -> Vec<Study> {
    let mut studies: Vec<Study> = Vec::new();
    for row in summarise_measurements(&results.measurements) {
        match studies.iter_mut().find(|study| study.label == row.study) {
            Some(study) => study.rows.push(row),
            None => studies.push(Study { label: row.study.clone(), kind: row.study_kind.clone(), rows: vec![row] }),
        }
    }
    studies
}

impl Study {
    /// The points of its grid, in the order of the rows.
    fn variants(&self) -> Vec<&str> {
        let mut variants: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !variants.contains(&row.study_variant.as_str()) {
                variants.push(&row.study_variant);
            }
        }
        variants
    }

    /// A number without a place on the axis.
    fn value(&self, variant: &str, series: &str, quantity: &str) -> Option<&MeasurementSummary> {
        self.rows.iter().find(|row| {
            row.study_variant == variant && row.series == series && row.quantity == quantity && row.x.is_none()
        })
    }
}

/// One sentence or two for each finding.
pub fn findings(results: &Results) -> Vec<Text> {
    let studies = all(results);
    let mut findings = Vec::new();
    for study in &studies {
        findings.extend(match study.kind.as_str() {
            "reduced_rank_regression" | "denoising" => regularization::finding(study),
            "denoised_head" => denoised_head::finding(study),
            "failure" => failures::finding(study),
            "reproduction" => reproductions::finding(study),
            "light_model" => light_model::finding(study),
            "model_storage" => model_storage::finding(study),
            _ => None,
        });
    }
    findings
}

/// What factors are worth beside fewer bits, of the first study that asks.
pub fn rivals(results: &Results) -> Option<Text> {
    all(results).iter().filter(|study| study.kind == "model_storage").find_map(model_storage::finding)
}

/// Whether a whole model was measured, and not its matrices alone.
pub fn of_whole_model(results: &Results) -> bool {
    kinds(results).iter().any(|kind| ["light_model", "model_storage"].contains(kind))
}

/// The tables of one study, and the notes that go with them.
pub fn results(document: &mut Document, experiment: &str, study: &Study) {
    match study.kind.as_str() {
        "denoised_head" => denoised_head::lay_out(document, experiment, study),
        "failure" => failures::lay_out(document, experiment, study),
        "reproduction" => reproductions::lay_out(document, experiment, study),
        "light_model" => light_model::lay_out(document, experiment, study),
        "model_storage" => model_storage::lay_out(document, experiment, study),
        _ => regularization::lay_out(document, experiment, study),
    }
}

/// The kinds of some studies, each once.
pub fn kinds(results: &Results) -> Vec<&str> {
    let mut kinds: Vec<&str> = Vec::new();
    for row in &results.measurements {
        if !kinds.contains(&row.study_kind.as_str()) {
            kinds.push(&row.study_kind);
        }
    }
    kinds
}

#[derive(Serialize)]
pub struct Coverage {
    pub cells: usize,
    pub completed: usize,
    pub skipped: usize,
    pub failed: usize,
}

/// How the cells of studies ended.
pub fn coverage(results: &Results) -> Coverage {
    let cells = cells(results);
    let ended = |status| cells.values().filter(|row| row.status == status).count();
    Coverage {
        cells: cells.len(),
        completed: ended(Status::Completed),
        skipped: ended(Status::Skipped),
        failed: ended(Status::Failed),
    }
}

/// One row of each cell.
fn cells(results: &Results) -> BTreeMap<&str, &MeasurementRow> {
    results.measurements.iter().map(|row| (row.cell.as_str(), row)).collect()
}

/// Why cells of studies did not complete.
pub fn reasons(results: &Results) -> Option<Table> {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for row in cells(results).values() {
        if let Some(reason) = &row.reason {
            *counts.entry((&row.study, reason)).or_default() += 1;
        }
    }
    let line = |((study, reason), count): (&(&str, &str), &u64)| {
        let study = Text::new("study.cell.study", BTreeMap::from([("study", *study)]));
        vec![Item::Text(study), Item::Clause((*reason).to_owned()), Item::Count(Some(*count))]
    };
    let rows: Vec<Vec<Item>> = counts.iter().map(line).collect();
    (!rows.is_empty()).then(|| Table {
        label: format!("study_reasons/{}", results.name),
        caption: Text::plain("study.caption.reasons"),
        header: ["study.column.study", "column.reason", "column.cells"].map(Item::Word).to_vec(),
        rows,
    })
}

/// A word of a row in the language of the report, or the word itself.
fn word(word: &str) -> Item {
    match study_word(word, Language::English) {
        Some(_) => Item::Text(Text::new("study.cell.word", BTreeMap::from([("word", word)]))),
        None => Item::Quoted(word.to_owned()),
    }
}

/// The value of a swept parameter: `which=flat_tail` → `flat_tail`; what is not swept has the study's label.
fn swept<'a>(study: &'a Study, variant: &'a str, parameter: &str) -> &'a str {
    settings(variant).find(|(name, _)| *name == parameter).map_or(&study.label, |(_, value)| value)
}

/// A median with the least and greatest value, where they differ.
fn with_range(row: Option<&MeasurementSummary>) -> Item {
    #[derive(Serialize)]
    struct Range {
        median: f64,
        min: f64,
        max: f64,
    }
    let text = |row: &MeasurementSummary| {
        // A spread of rounding size is none.
        let (min, max) = if row.max - row.min > 1e-9 * row.max.abs() { (row.min, row.max) } else { (0.0, 0.0) };
        Item::Text(Text::new("study.cell.range", Range { median: row.median, min, max }))
    };
    row.map_or(Item::Absent, text)
}

fn median_of(row: Option<&MeasurementSummary>) -> Item {
    Item::Number(row.map(|row| row.median), 3)
}
