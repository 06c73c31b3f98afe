//! Real attention under noise: whether truncation at a rank read off the noisy matrix brings it nearer to the truth.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Study, median_of, regularization, with_range};
use crate::{
    report::{
        document::{Block, Document, Item, Table, Text},
        sweeps::Interval,
    },
    table::MeasurementSummary,
};

/// One head under one noise.
#[derive(Clone, Serialize)]
struct Setting {
    variant: String,
    /// The error at the chosen rank over that without truncation.
    ratio: Interval,
}

#[derive(Serialize)]
struct Finding<'a> {
    study: &'a str,
    settings: usize,
    /// Where the whole interval of the ratio is below 1, and above it.
    lower: usize,
    higher: usize,
    best: Setting,
    worst: Setting,
}

pub fn finding(study: &Study) -> Option<Text> {
    let setting = |variant: &&str| {
        let of = |quantity: &str| study.value(variant, "", quantity).map(|row| &row.values);
        let ratio = regularization::interval_of_ratios(of("gavish_donoho_error")?, of("unconstrained_error")?);
        Some(Setting { variant: (*variant).to_owned(), ratio })
    };
    let settings: Vec<Setting> = study.variants().iter().filter_map(setting).collect();
    let value = |setting: &&Setting| setting.ratio.value.unwrap_or(f64::NAN);
    let finding = Finding {
        study: &study.label,
        settings: settings.len(),
        lower: settings.iter().filter(|it| it.ratio.high.is_some_and(|high| high < 1.0)).count(),
        higher: settings.iter().filter(|it| it.ratio.low.is_some_and(|low| low > 1.0)).count(),
        best: settings.iter().min_by(|a, b| value(a).total_cmp(&value(b)))?.clone(),
        worst: settings.iter().max_by(|a, b| value(a).total_cmp(&value(b)))?.clone(),
    };
    Some(Text::new("study.answer.denoised_head", finding))
}

pub fn lay_out(document: &mut Document, experiment: &str, study: &Study) {
    let line = |variant: &&str| {
        let value = |quantity: &str| -> Option<&MeasurementSummary> { study.value(variant, "", quantity) };
        vec![
            regularization::setting(study, variant),
            with_range(value("best_rank")),
            with_range(value("gavish_donoho_rank")),
            median_of(value("unconstrained_error")),
            median_of(value("least_error")),
            median_of(value("gavish_donoho_error")),
        ]
    };
    document.blocks.push(Block::Table(Table {
        label: format!("denoised_head/{experiment}/{}", study.label),
        caption: Text::new("study.caption.denoised_head", BTreeMap::from([("study", &study.label)])),
        header: [
            "study.column.setting",
            "study.column.best_rank",
            "study.column.gavish_donoho",
            "study.column.full_error",
            "study.column.least_error",
            "study.column.gavish_donoho_error",
        ]
        .map(Item::Word)
        .to_vec(),
        rows: study.variants().iter().map(line).collect(),
    }));
}
