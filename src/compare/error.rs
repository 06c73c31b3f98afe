//! What changed in error: a seed gives the same factors, so any difference above rounding is one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Method, Place};
use crate::table::{CellRow, MeasurementRow, Results};

/// Errors nearer than this share of the larger are the same up to rounding, which differs between machines.
const ROUNDING: f64 = 1e-7;

/// And those nearer than this.
const ROUNDING_ABSOLUTE: f64 = 1e-13;

/// One error of one cell in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorChange {
    pub place: Option<Place>,
    pub before: f64,
    pub after: f64,
}

impl ErrorChange {
    /// Below 1 if it became smaller; infinite from nothing.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.before == self.after { 1.0 } else { self.after / self.before }
    }

    fn is_above_rounding(&self) -> bool {
        let difference = (self.before - self.after).abs();
        difference > ROUNDING_ABSOLUTE && difference > ROUNDING * self.before.abs().max(self.after.abs())
    }
}

/// One kind of error of one method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfMethod {
    pub method: Method,
    pub quantity: String,
    /// Cells that have it in both runs.
    pub cells: usize,
    /// Of them, those whose bits differ, by rounding alone.
    pub rounding: usize,
    /// The others: the largest ratio first.
    pub changed: Vec<ErrorChange>,
    /// Of the changed ones.
    pub worst_ratio: Option<f64>,
    pub best_ratio: Option<f64>,
}

impl OfMethod {
    fn of(method: Method, quantity: String, pairs: Vec<ErrorChange>) -> Self {
        let cells = pairs.len();
        let equal = pairs.iter().filter(|pair| pair.before.to_bits() == pair.after.to_bits()).count();
        let mut changed: Vec<ErrorChange> = pairs.into_iter().filter(ErrorChange::is_above_rounding).collect();
        changed.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()));
        let (worst_ratio, best_ratio) =
            (changed.first().map(ErrorChange::ratio), changed.last().map(ErrorChange::ratio));
        Self { method, quantity, cells, rounding: cells - equal - changed.len(), changed, worst_ratio, best_ratio }
    }
}

/// The name of an error, and where a cell has it.
type ErrorColumn = (&'static str, fn(&CellRow) -> Option<f64>);

/// The errors that a cell is judged by.
const ERRORS: [ErrorColumn; 4] = [
    ("relative_frobenius_error", |cell| cell.relative_frobenius_error),
    ("relative_spectral_error", |cell| cell.relative_spectral_error),
    ("relative_output_error", |cell| cell.relative_output_error),
    ("kl_divergence", |cell| cell.kl_divergence),
];

/// Every error of every method, over the cells both runs have.
pub fn of_methods(pairs: &[(&Place, &CellRow, &CellRow)]) -> Vec<OfMethod> {
    let mut by_method: BTreeMap<(Method, usize), Vec<ErrorChange>> = BTreeMap::new();
    for (place, old, new) in pairs {
        for (order, (_, of)) in ERRORS.iter().enumerate() {
            if let (Some(before), Some(after)) = (of(old), of(new)) {
                let change = ErrorChange { place: Some((*place).clone()), before, after };
                by_method.entry((place.method(), order)).or_default().push(change);
            }
        }
    }
    let named = by_method.into_iter();
    named.map(|((method, order), pairs)| OfMethod::of(method, ERRORS[order].0.to_owned(), pairs)).collect()
}

/// What studies found, times apart, and how many measurements both runs have.
pub fn measurements(before: &Results, after: &Results) -> (Vec<OfMethod>, usize) {
    type Key<'a> = (&'a str, &'a str, u64, &'a str, Option<u64>, &'a str);
    fn key(row: &MeasurementRow) -> Key<'_> {
        (&row.study, &row.study_variant, row.trial, &row.series, row.x.map(f64::to_bits), &row.quantity)
    }
    let old: BTreeMap<Key<'_>, &MeasurementRow> = before.measurements.iter().map(|row| (key(row), row)).collect();
    let mut by_study: BTreeMap<(Method, String), Vec<ErrorChange>> = BTreeMap::new();
    let mut in_both = 0;
    for new in &after.measurements {
        let Some(old) = old.get(&key(new)) else { continue };
        in_both += 1;
        if let (Some(before), Some(after), false) = (old.value, new.value, new.unit == "s") {
            let study =
                Method { method: new.study.clone(), variant: new.study_variant.clone(), precision: new.series.clone() };
            let change = ErrorChange { place: None, before, after };
            by_study.entry((study, new.quantity.clone())).or_default().push(change);
        }
    }
    let of = by_study.into_iter().map(|((study, quantity), pairs)| OfMethod::of(study, quantity, pairs));
    (of.collect(), in_both)
}
