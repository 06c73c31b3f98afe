//! The atlas of failures: by how much each is worse than its cure, and why.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Study, median_of, swept, with_range, word};
use crate::report::document::{Block, Document, Item, Table, Text};

/// A failure is provoked where it is so many times worse than its cure.
const PROVOKED: f64 = 10.0;

#[derive(Serialize)]
struct Finding<'a> {
    study: &'a str,
    failures: usize,
    seeds: usize,
    factor: f64,
    provoked: usize,
    /// Provoked in every single draw.
    always: usize,
    /// Those below the factor, with their ratios.
    others: Vec<Other<'a>>,
    /// Gave no answer.
    silent: usize,
}

#[derive(Serialize)]
struct Other<'a> {
    which: &'a str,
    ratio: f64,
    least: f64,
    most: f64,
}

pub fn finding(study: &Study) -> Option<Text> {
    let ratios: Vec<_> = study
        .variants()
        .into_iter()
        .filter_map(|variant| Some((swept(study, variant, "which"), study.value(variant, "", "ratio")?)))
        .collect();
    let seeds = ratios.first()?.1.values.len();
    let silent = |variant: &&str| study.value(variant, "", "no_answer").is_some_and(|row| row.median > 0.5);
    let others = ratios.iter().filter(|(_, ratio)| ratio.median < PROVOKED);
    Some(Text::new(
        "study.answer.failures",
        Finding {
            study: &study.label,
            failures: ratios.len(),
            seeds,
            factor: PROVOKED,
            provoked: ratios.iter().filter(|(_, ratio)| ratio.median >= PROVOKED).count(),
            always: ratios.iter().filter(|(_, ratio)| ratio.min >= PROVOKED).count(),
            others: others
                .map(|(which, ratio)| Other { which, ratio: ratio.median, least: ratio.min, most: ratio.max })
                .collect(),
            silent: study.variants().iter().filter(|variant| silent(variant)).count(),
        },
    ))
}

pub fn lay_out(document: &mut Document, experiment: &str, study: &Study) {
    let line = |variant: &&str| {
        let silent = study.value(variant, "", "no_answer").is_some_and(|row| row.median > 0.5);
        let bad = study.value(variant, "bad", "error");
        vec![
            word(swept(study, variant, "which")),
            if silent { Item::Word("study.cell.no_answer") } else { median_of(bad) },
            median_of(study.value(variant, "cure", "error")),
            with_range(study.value(variant, "", "ratio")),
            Item::Count(bad.map(|row| row.values.len() as u64)),
        ]
    };
    let variants = study.variants();
    document.blocks.push(Block::Table(Table {
        label: format!("failures/{experiment}/{}", study.label),
        caption: Text::new("study.caption.failures", BTreeMap::from([("study", &study.label)])),
        header: [
            "study.column.failure",
            "study.column.bad",
            "study.column.cure",
            "study.column.ratio",
            "study.column.seeds",
        ]
        .map(Item::Word)
        .to_vec(),
        rows: variants.iter().map(line).collect(),
    }));
    let cause = |variant: &&str| {
        let which = swept(study, variant, "which");
        let known = super::study_word(which, crate::language::Language::English).is_some();
        known.then(|| Text::plain(format!("failure.{which}")))
    };
    document.blocks.push(Block::List(variants.iter().filter_map(cause).collect()));
}
