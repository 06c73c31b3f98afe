//! Published figures beside ours: what is met, and what a deviation comes from.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Study, swept, word};
use crate::{
    report::{
        document::{Block, Document, Item, Table, Text},
        sweeps::Interval,
    },
    table::MeasurementSummary,
};

/// One row of the table.
struct Row<'a> {
    figure: &'a str,
    series: &'a str,
    paper: f64,
    ours: &'a MeasurementSummary,
    tolerance: f64,
}

impl Row<'_> {
    /// By the median over trials, and a little for its rounding.
    fn passes(&self) -> bool {
        (self.ours.median - self.paper).abs() <= self.tolerance * (1.0 + 1e-9)
    }
}

fn rows(study: &Study) -> Vec<Row<'_>> {
    let row = |ours: &'_ MeasurementSummary| -> Option<(f64, f64)> {
        let find = |quantity: &str| study.value(&ours.study_variant, &ours.series, quantity).map(|row| row.median);
        Some((find("paper")?, find("tolerance")?))
    };
    study
        .rows
        .iter()
        .filter(|found| found.quantity == "ours")
        .filter_map(|ours| {
            let (paper, tolerance) = row(ours)?;
            let figure = swept(study, &ours.study_variant, "figure");
            Some(Row { figure, series: &ours.series, paper, ours, tolerance })
        })
        .collect()
}

#[derive(Serialize)]
struct Finding<'a> {
    study: &'a str,
    rows: usize,
    passed: usize,
    /// The rows that do not pass: figure, row.
    deviating: Vec<[&'a str; 2]>,
}

pub fn finding(study: &Study) -> Option<Text> {
    let rows = rows(study);
    let deviating: Vec<[&str; 2]> =
        rows.iter().filter(|row| !row.passes()).map(|row| [row.figure, row.series]).collect();
    let finding = Finding { study: &study.label, rows: rows.len(), passed: rows.len() - deviating.len(), deviating };
    (!rows.is_empty()).then(|| Text::new("study.answer.reproductions", finding))
}

pub fn lay_out(document: &mut Document, experiment: &str, study: &Study) {
    let rows = rows(study);
    let line = |row: &Row<'_>| {
        let (low, high) = (row.ours.interval.map(|ends| ends.0), row.ours.interval.map(|ends| ends.1));
        // Counts have no interval worth printing.
        let spread = row.ours.max > row.ours.min;
        let interval =
            Interval { value: Some(row.ours.median), low: low.filter(|_| spread), high: high.filter(|_| spread) };
        vec![
            word(row.figure),
            word(row.series),
            Item::Text(Text::new("study.cell.number", BTreeMap::from([("value", row.paper)]))),
            Item::Text(Text::new("study.cell.interval", interval)),
            Item::Text(Text::new("study.cell.tolerance", BTreeMap::from([("value", row.tolerance)]))),
            Item::Word(if row.passes() { "study.cell.pass" } else { "study.cell.fail" }),
        ]
    };
    document.blocks.push(Block::Table(Table {
        label: format!("reproductions/{experiment}/{}", study.label),
        caption: Text::new("study.caption.reproductions", BTreeMap::from([("study", &study.label)])),
        header: [
            "study.column.figure",
            "study.column.row",
            "study.column.paper",
            "study.column.ours",
            "study.column.tolerance",
            "study.column.verdict",
        ]
        .map(Item::Word)
        .to_vec(),
        rows: rows.iter().map(line).collect(),
    }));
    let note = |variant: &&str| {
        let figure = swept(study, variant, "figure");
        super::study_word(figure, crate::language::Language::English)?;
        Some(Text::new(format!("reproduction.{figure}"), Note { values: values(study, variant) }))
    };
    document.blocks.push(Block::List(study.variants().iter().filter_map(note).collect()));
}

/// What a note may speak of: medians by series and quantity.
#[derive(Serialize)]
struct Note<'a> {
    values: BTreeMap<&'a str, BTreeMap<&'a str, f64>>,
}

fn values<'a>(study: &'a Study, variant: &str) -> BTreeMap<&'a str, BTreeMap<&'a str, f64>> {
    let mut values: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for row in study.rows.iter().filter(|row| row.study_variant == variant && row.x.is_none()) {
        values.entry(&row.series).or_default().insert(&row.quantity, row.median);
    }
    values
}
