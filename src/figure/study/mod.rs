//! Figures of studies: curves against the study's horizontal axis, and failures beside their cures.

mod curves;
mod failures;

use super::{
    Figure, FigureError,
    names::{label_name, setting_name},
};
use crate::{
    language::Language,
    table::{MeasurementSummary, Results, summarise_measurements},
};

/// The measurements of one study, summarised over trials.
struct Study<'a> {
    label: &'a str,
    kind: &'a str,
    rows: Vec<&'a MeasurementSummary>,
}

impl<'a> Study<'a> {
    /// The points of its grid, in the order of the rows.
    fn variants(&self) -> Vec<&'a str> {
        let mut variants: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !variants.contains(&row.study_variant.as_str()) {
                variants.push(&row.study_variant);
            }
        }
        variants
    }

    fn of_variant(&self, variant: &str) -> impl Iterator<Item = &'a MeasurementSummary> {
        self.rows.iter().copied().filter(move |row| row.study_variant == variant)
    }

    /// `regression` or `regression, n=80, σ=0.5`.
    fn name(&self, variant: &str, language: Language) -> String {
        let name = label_name(self.label, language);
        match setting_name(variant, language) {
            variant if variant.is_empty() => name.to_owned(),
            variant => format!("{name}, {variant}"),
        }
    }
}

/// Every figure of every study, in the order of the rows.
pub(super) fn draw_all(results: &Results, language: Language) -> Result<Vec<Figure>, FigureError> {
    let summaries = summarise_measurements(&results.measurements);
    let mut studies: Vec<Study<'_>> = Vec::new();
    for row in &summaries {
        match studies.iter_mut().find(|study| study.label == row.study) {
            Some(study) => study.rows.push(row),
            None => studies.push(Study { label: &row.study, kind: &row.study_kind, rows: vec![row] }),
        }
    }
    let mut figures = Vec::new();
    for study in &studies {
        figures.extend(curves::draw(study, language)?);
        figures.extend(failures::draw(study, language)?);
    }
    Ok(figures)
}
