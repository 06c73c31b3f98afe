//! Whole models that take fewer bytes: factors, fewer bits, and both, against one another.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Study, median_of};
use crate::{
    figure::names::setting_name,
    language::Language,
    report::document::{Block, Document, Item, Table, Text},
};

/// Embeddings nearer than this to the exact ones count as kept.
const TARGET_COSINE: f64 = 0.95;

/// One setting, as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Found<'a> {
    setting: &'a str,
    bytes: f64,
    cosine: f64,
    /// Whether the target is reached.
    kept: bool,
}

#[derive(Serialize)]
struct Finding<'a> {
    study: &'a str,
    texts: u64,
    target: f64,
    /// Of each way, the setting that keeps the target in the fewest bytes; without any, the one of the highest cosine.
    bits: Option<Found<'a>>,
    pairs: Option<Found<'a>>,
    both: Option<Found<'a>>,
    /// Of pairs, the best in no more bytes than 8 bits a number take, and those.
    instead: Option<Found<'a>>,
    eight_bits: Option<Found<'a>>,
    /// What a pair mends: 3 bits alone, and with the pair that leaves the least.
    alone: Option<Found<'a>>,
    mended: Option<Found<'a>>,
}

/// The three ways, by the series of their formats.
const BITS: [&str; 4] = ["float16", "int8", "int4", "int3"];
const PAIRS: [&str; 4] = ["truncated_svd", "svd_llm", "svd_llm_float16", "svd_llm_int8"];
const BOTH: [&str; 3] = ["int4_plus_pair", "int3_plus_pair", "int3_plus_plain_pair"];

/// Every setting of some series.
fn found<'a>(study: &'a Study, series: &[&str]) -> Vec<Found<'a>> {
    let own = |quantity: &'static str| {
        let rows = study.rows.iter().filter(move |row| row.quantity == quantity);
        rows.filter(|row| series.contains(&row.series.as_str()))
    };
    let bytes = |variant: &str| own("bytes_share").find(|row| row.study_variant == variant).map(|row| row.median);
    let all = own("mean_cosine").filter_map(|row| {
        let (cosine, setting) = (row.median, row.study_variant.as_str());
        Some(Found { setting, bytes: bytes(setting)?, cosine, kept: cosine >= TARGET_COSINE })
    });
    all.collect()
}

/// The highest cosine.
fn best<'a>(all: impl IntoIterator<Item = Found<'a>>) -> Option<Found<'a>> {
    all.into_iter().max_by(|a, b| a.cosine.total_cmp(&b.cosine))
}

/// The fewest bytes that keep the target; without any, the highest cosine.
fn least<'a>(all: &[Found<'a>]) -> Option<Found<'a>> {
    let kept = all.iter().filter(|found| found.kept).min_by(|a, b| a.bytes.total_cmp(&b.bytes));
    kept.copied().or_else(|| best(all.iter().copied()))
}

pub fn finding(study: &Study) -> Option<Text> {
    let (bits, pairs, both) = (found(study, &BITS), found(study, &PAIRS), found(study, &BOTH));
    let eight_bits = found(study, &["int8"]).first().copied();
    let instead = eight_bits.and_then(|eight| best(pairs.iter().copied().filter(|pair| pair.bytes <= eight.bytes)));
    let alone = found(study, &["int3"]).first().copied();
    let mended = alone.and_then(|_| best(found(study, &["int3_plus_pair", "int3_plus_plain_pair"])));
    let texts = study.rows.iter().find(|row| row.quantity == "texts")?.median as u64;
    Some(Text::new(
        "study.answer.model_storage",
        Finding {
            study: &study.label,
            texts,
            target: TARGET_COSINE,
            bits: least(&bits),
            pairs: least(&pairs),
            both: least(&both),
            instead,
            eight_bits,
            alone,
            mended,
        },
    ))
}

pub fn lay_out(document: &mut Document, experiment: &str, study: &Study) {
    let value = |variant: &str, quantity: &str| {
        study.rows.iter().find(|row| row.study_variant == variant && row.quantity == quantity)
    };
    let mut variants = study.variants();
    // Lightest first.
    let bytes = |variant: &str| value(variant, "memory").map_or(f64::INFINITY, |row| row.median);
    variants.sort_by(|a, b| bytes(a).total_cmp(&bytes(b)));
    let line = |variant: &&str| {
        let names: BTreeMap<&str, String> =
            Language::ALL.into_iter().map(|language| (language.code(), setting_name(variant, language))).collect();
        vec![
            Item::Text(Text::new("study.cell.setting", names)),
            Item::Bytes(value(variant, "memory").map(|row| row.median as u64)),
            Item::Percent(value(variant, "bytes_share").map(|row| row.median), 3),
            Item::Number(value(variant, "mean_cosine").map(|row| row.median), 4),
            Item::Number(value(variant, "least_cosine").map(|row| row.median), 4),
            median_of(value(variant, "rank_correlation")),
            Item::Percent(value(variant, "self_retrieval").map(|row| row.median), 3),
        ]
    };
    document.blocks.push(Block::Table(Table {
        label: format!("model_storage/{experiment}/{}", study.label),
        caption: Text::new("study.caption.model_storage", BTreeMap::from([("study", &study.label)])),
        header: [
            "study.column.setting",
            "study.column.light_memory",
            "study.column.bytes_share",
            "study.column.light_cosine",
            "study.column.least_cosine",
            "study.column.light_spearman",
            "study.column.light_retrieval",
        ]
        .map(Item::Word)
        .to_vec(),
        rows: variants.iter().map(line).collect(),
    }));
}
