//! Whole models with factored weights or approximate attention: what is kept of their quality, and at what cost.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Study, median_of};
use crate::{
    figure::names::{label_name, setting_name},
    language::Language,
    report::{
        document::{Block, Document, Item, Table, Text},
        sweeps::Interval,
    },
    table::MeasurementSummary,
};

/// Embeddings nearer than this to the exact ones count as kept.
const TARGET_COSINE: f64 = 0.95;

#[derive(Serialize)]
struct Finding<'a> {
    study: &'a str,
    settings: usize,
    target: f64,
    texts: u64,
    /// Settings that reach the target.
    kept: usize,
    /// Of those, the one with the least work; without any, the one of the highest cosine.
    best: &'a str,
    cosine: f64,
    parameters: f64,
    flops: f64,
    speed: Interval,
    faster: bool,
    slower: bool,
    /// The setting of the highest speed, where it beats the exact model beyond doubt.
    fastest: Option<Fastest<'a>>,
}

#[derive(Serialize)]
struct Fastest<'a> {
    setting: &'a str,
    speed: Interval,
    cosine: f64,
}

/// A number of a point of the grid: every point has one series.
fn value<'a>(study: &'a Study, variant: &str, quantity: &str) -> Option<&'a MeasurementSummary> {
    study.rows.iter().find(|row| row.study_variant == variant && row.quantity == quantity)
}

pub fn finding(study: &Study) -> Option<Text> {
    let variants = study.variants();
    let median = |variant: &str, quantity: &str| value(study, variant, quantity).map(|row| row.median);
    let cosine = |variant: &str| median(variant, "mean_cosine").unwrap_or(f64::NEG_INFINITY);
    let kept: Vec<&str> = variants.iter().copied().filter(|variant| cosine(variant) >= TARGET_COSINE).collect();
    let work = |variant: &str| median(variant, "flops_share").unwrap_or(f64::INFINITY);
    let least_work = kept.iter().copied().min_by(|a, b| work(a).total_cmp(&work(b)));
    let best = least_work.or_else(|| variants.iter().copied().max_by(|a, b| cosine(a).total_cmp(&cosine(b))))?;
    let speed_of = |variant: &str| value(study, variant, "speed_up").map(interval);
    let certain = |variant: &&str| speed_of(variant).and_then(|speed| speed.low).is_some_and(|low| low > 1.0);
    let median_speed = |variant: &str| median(variant, "speed_up").unwrap_or(0.0);
    let fastest = variants.iter().copied().filter(certain).max_by(|a, b| median_speed(a).total_cmp(&median_speed(b)));
    let fastest = fastest
        .filter(|fastest| *fastest != best)
        .and_then(|setting| Some(Fastest { setting, speed: speed_of(setting)?, cosine: cosine(setting) }));
    let speed = speed_of(best)?;
    Some(Text::new(
        "study.answer.light_model",
        Finding {
            study: &study.label,
            settings: variants.len(),
            target: TARGET_COSINE,
            texts: median(best, "texts")? as u64,
            kept: kept.len(),
            best,
            cosine: cosine(best),
            parameters: median(best, "parameters_share")?,
            flops: work(best),
            faster: speed.low.is_some_and(|low| low > 1.0),
            slower: speed.high.is_some_and(|high| high < 1.0),
            speed,
            fastest,
        },
    ))
}

fn interval(row: &MeasurementSummary) -> Interval {
    Interval { value: Some(row.median), low: row.interval.map(|ends| ends.0), high: row.interval.map(|ends| ends.1) }
}

pub fn lay_out(document: &mut Document, experiment: &str, study: &Study) {
    let line = |variant: &&str| {
        let value = |quantity: &str| value(study, variant, quantity);
        let percent = |quantity: &str| Item::Percent(value(quantity).map(|row| row.median), 3);
        let names: BTreeMap<&str, String> = Language::ALL
            .into_iter()
            .map(|language| (language, setting_name(variant, language)))
            .map(|(language, name)| {
                (language.code(), if name.is_empty() { label_name(&study.label, language) } else { name })
            })
            .collect();
        let speed = value("speed_up");
        let speed = speed.map_or(Item::Absent, |row| Item::Text(Text::new("study.cell.interval", interval(row))));
        vec![
            Item::Text(Text::new("study.cell.setting", names)),
            percent("parameters_share"),
            Item::Bytes(value("memory").map(|row| row.median as u64)),
            percent("flops_share"),
            Item::Count(value("tokens_per_second").map(|row| row.median as u64)),
            speed,
            Item::Number(value("mean_cosine").map(|row| row.median), 4),
            median_of(value("rank_correlation")),
            percent("self_retrieval"),
        ]
    };
    document.blocks.push(Block::Table(Table {
        label: format!("light_model/{experiment}/{}", study.label),
        caption: Text::new("study.caption.light_model", BTreeMap::from([("study", &study.label)])),
        header: [
            "study.column.setting",
            "study.column.light_parameters",
            "study.column.light_memory",
            "study.column.light_flops",
            "study.column.light_tokens",
            "study.column.light_speed",
            "study.column.light_cosine",
            "study.column.light_spearman",
            "study.column.light_retrieval",
        ]
        .map(Item::Word)
        .to_vec(),
        rows: study.variants().iter().map(line).collect(),
    }));
}
