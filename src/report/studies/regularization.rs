//! Test errors against the rank of a constraint: where they are least, and whether the constraint helps or hurts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Study, median_of, with_range};
use crate::{
    figure::names::{label_name, setting_name},
    language::Language,
    report::{
        document::{Block, Document, Item, Table, Text},
        sweeps::Interval,
    },
    table::MeasurementSummary,
};

/// The least share of the seeds in which the minimum must lie at the true rank ± 1.
const ENOUGH: f64 = 0.9;

#[derive(Serialize)]
struct Finding {
    study: String,
    kind: String,
    /// Points of the grid.
    settings: usize,
    /// Draws of each.
    seeds: usize,
    /// The truth has no low rank.
    full: bool,
    true_rank: f64,
    /// Draws whose minimum is at the true rank ± 1, of all and in the worst setting.
    hits: usize,
    draws: usize,
    worst_hits: usize,
    worst: String,
    enough: bool,
    /// The same of Gavish and Donoho's choice.
    chosen_hits: usize,
    /// Error at the true rank over the unconstrained one.
    gain: Interval,
    helps: bool,
    /// Error at half of full rank over the unconstrained one.
    half: Interval,
    hurts: bool,
    /// Where the error is least, and what is gained there over full rank, in the median.
    best_rank: f64,
    ridge: Option<f64>,
}

pub fn finding(study: &Study) -> Option<Text> {
    let variants = study.variants();
    let of = |variant: &&str, quantity: &str| study.value(variant, "", quantity).map(|row| row.values.clone());
    let mut settings: Vec<(&str, Setting)> = Vec::new();
    for variant in &variants {
        settings.push((
            variant,
            Setting {
                truth: of(variant, "true_rank")?,
                best: of(variant, "best_rank")?,
                chosen: of(variant, "gavish_donoho_rank")?,
                full: of(variant, "unconstrained_error")?,
                at_truth: of(variant, "error_at_true_rank")?,
                half: of(variant, "error_ratio_at_half_rank")?,
            },
        ));
    }
    let (worst, worst_setting) = settings.iter().min_by_key(|(_, setting)| setting.hits())?;
    let sum = |count: fn(&Setting) -> usize| settings.iter().map(|(_, setting)| count(setting)).sum::<usize>();
    let draws = sum(|setting| setting.best.len());
    // The widest rank any curve has is that of no constraint.
    let widest = study.rows.iter().filter_map(|row| row.x).fold(0.0, f64::max);
    let true_rank = worst_setting.truth.first().copied()?;
    let all = |part: fn(&Setting) -> Vec<f64>| settings.iter().flat_map(|(_, setting)| part(setting)).collect();
    let gain = interval(all(|setting| ratios(&setting.at_truth, &setting.full)));
    let half = interval(all(|setting| setting.half.clone()));
    let best: Vec<f64> = all(|setting| setting.best.clone());
    let ridge = ridge(study, &variants);
    let finding = Finding {
        study: study.label.clone(),
        kind: study.kind.clone(),
        settings: settings.len(),
        seeds: worst_setting.best.len(),
        full: true_rank >= widest,
        true_rank,
        hits: sum(Setting::hits),
        draws,
        worst_hits: worst_setting.hits(),
        worst: (*worst).to_owned(),
        enough: worst_setting.hits() as f64 >= ENOUGH * worst_setting.best.len() as f64,
        chosen_hits: sum(Setting::chosen_hits),
        helps: gain.high.is_some_and(|high| high < 1.0),
        gain,
        hurts: half.low.is_some_and(|low| low > 1.0),
        half,
        best_rank: interval(best).value?,
        ridge,
    };
    Some(Text::new("study.answer.regularization", finding))
}

/// Every draw of one point of the grid.
struct Setting {
    truth: Vec<f64>,
    best: Vec<f64>,
    chosen: Vec<f64>,
    full: Vec<f64>,
    at_truth: Vec<f64>,
    half: Vec<f64>,
}

impl Setting {
    fn hits(&self) -> usize {
        near(&self.truth, &self.best)
    }

    fn chosen_hits(&self) -> usize {
        near(&self.truth, &self.chosen)
    }
}

/// Pairs that differ by no more than 1.
fn near(truth: &[f64], found: &[f64]) -> usize {
    truth.iter().zip(found).filter(|(truth, found)| (*truth - *found).abs() <= 1.0).count()
}

fn ratios(numerators: &[f64], denominators: &[f64]) -> Vec<f64> {
    numerators.iter().zip(denominators).map(|(a, b)| a / b).filter(|ratio| ratio.is_finite()).collect()
}

/// The median of the ratios draw by draw, and its 95 % interval.
pub(super) fn interval_of_ratios(numerators: &[f64], denominators: &[f64]) -> Interval {
    interval(ratios(numerators, denominators))
}

/// The median and its 95 % interval.
fn interval(mut values: Vec<f64>) -> Interval {
    values.sort_by(f64::total_cmp);
    let ends = crate::table::median_interval(values.len()).map(|(low, high)| (values[low - 1], values[high - 1]));
    Interval {
        value: crate::report::survey::median(values),
        low: ends.map(|ends| ends.0),
        high: ends.map(|ends| ends.1),
    }
}

/// Ridge's test error over that of reduced rank at the true rank, in the median over settings.
fn ridge(study: &Study, variants: &[&str]) -> Option<f64> {
    let ratio = |variant: &&str| {
        let ridge = study.value(variant, "ridge", "test_error")?.median;
        Some(ridge / study.value(variant, "", "error_at_true_rank")?.median)
    };
    crate::report::survey::median(variants.iter().filter_map(ratio).collect())
}

/// One point of the grid by name; a study that has but one goes by its label.
pub(super) fn setting(study: &Study, variant: &str) -> Item {
    let name = |language: Language| match setting_name(variant, language) {
        name if name.is_empty() => label_name(&study.label, language),
        name => name,
    };
    let names: BTreeMap<&str, String> =
        Language::ALL.into_iter().map(|language| (language.code(), name(language))).collect();
    Item::Text(Text::new("study.cell.setting", names))
}

pub fn lay_out(document: &mut Document, experiment: &str, study: &Study) {
    let line = |variant: &&str| {
        let value = |quantity: &str| study.value(variant, "", quantity);
        let hits = value("true_rank")
            .zip(value("best_rank"))
            .map(|(truth, best)| (near(&truth.values, &best.values), best.values.len()));
        vec![
            setting(study, variant),
            Item::Count(value("true_rank").map(|row| row.median as u64)),
            with_range(value("best_rank")),
            hits.map_or(Item::Absent, |(hits, of)| {
                Item::Text(Text::new("study.cell.hits", BTreeMap::from([("hits", hits), ("of", of)])))
            }),
            with_range(value("gavish_donoho_rank")),
            median_of(value("unconstrained_error")),
            median_of(value("error_at_true_rank")),
            median_of(other_error(study, variant)),
        ]
    };
    let rows: Vec<Vec<Item>> = study.variants().iter().map(line).collect();
    let (kind, other) = match study.kind.as_str() {
        "reduced_rank_regression" => ("study.caption.regression", "study.column.ridge"),
        _ => ("study.caption.denoising", "study.column.gavish_donoho_error"),
    };
    document.blocks.push(Block::Table(Table {
        label: format!("regularization/{experiment}/{}", study.label),
        caption: Text::new(kind, BTreeMap::from([("study", &study.label)])),
        header: [
            "study.column.setting",
            "study.column.true_rank",
            "study.column.best_rank",
            "study.column.hits",
            "study.column.gavish_donoho",
            "study.column.full_error",
            "study.column.error_at_true_rank",
            other,
        ]
        .map(Item::Word)
        .to_vec(),
        rows,
    }));
}

/// What stands beside the constraint: ridge, or truncation at Gavish and Donoho's rank.
fn other_error<'a>(study: &'a Study, variant: &str) -> Option<&'a MeasurementSummary> {
    study.value(variant, "ridge", "test_error").or_else(|| study.value(variant, "", "gavish_donoho_error"))
}
