//! What is said of a family that is swept over a number (its length, its temperature).

mod findings;
mod growth;
mod tables;

pub use findings::{ends, growth, rank_growth};
pub use tables::tables;

use serde::Serialize;

use super::survey::{Family, Method, median};
use crate::table::{SummaryRow, Sweep};

/// Slopes are fitted over so many of the largest values: what counts is where a cost is going, not where it starts.
const FITTED: usize = 5;

/// The largest values of a sweep, over which slopes are fitted.
pub(super) fn fitted(sweep: &Sweep) -> Vec<f64> {
    let values = sweep.values();
    values[values.len().saturating_sub(FITTED)..].to_vec()
}

/// Ranks of the methods that have one to choose.
pub(super) fn chosen_ranks(family: &Family<'_>) -> Vec<u64> {
    let ranked = family.methods.iter().filter(|method| method.kind != "exact_attention");
    let mut ranks: Vec<u64> = ranked.flat_map(|method| &method.cells).map(|cell| cell.target_rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Interval {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl<'a> Family<'a> {
    /// The median of a quantity at each value of a sweep: pooled over the other swept
    /// parameters.
    pub fn swept(&self, method: &Method<'_>, sweep: &Sweep, quantity: &str) -> Vec<(f64, f64)> {
        let rows = self.rows_of(method, quantity);
        let pooled = sweep.pooled(rows.map(|row| (row.problem_variant.as_str(), row.median)));
        pooled.into_iter().filter_map(|(value, medians)| Some((value, median(medians)?))).collect()
    }

    /// The only row of a quantity at a value of a sweep; `None` where several matrices share the value.
    pub fn swept_row(&self, method: &Method<'_>, sweep: &Sweep, value: f64, quantity: &str) -> Option<&'a SummaryRow> {
        let mut rows = self.rows_of(method, quantity);
        let row = rows.find(|row| sweep.value(&row.problem_variant) == Some(value))?;
        rows.all(|row| sweep.value(&row.problem_variant) != Some(value)).then_some(row)
    }
}
