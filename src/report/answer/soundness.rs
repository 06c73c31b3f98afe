//! Whether the measurements agree with what is proved: the optimum is the optimum, and bounds bound.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    report::{document::Text, survey::Survey},
    table::CellRow,
};

/// What rounding may take off the optimum before a method counts as better than it.
const BELOW_OPTIMUM: f64 = 1e-10;

/// What theorems promise, held against every completed cell.
#[derive(Debug, Serialize)]
struct Soundness<'a> {
    svd: Vec<Deviation<'a>>,
    /// Double-precision cells with a suboptimality, the least of them, and how many lie below one.
    cells: usize,
    least: Option<f64>,
    below_optimum: usize,
    bounds: Option<Bounds>,
}

/// How far the truncated SVD is from the optimum at most.
#[derive(Debug, Serialize)]
struct Deviation<'a> {
    precision: &'a str,
    cells: usize,
    most: f64,
}

/// Errors against the bounds of the literature, which hold for the mean over draws; in the lead precision, since no bound
/// counts rounding.
#[derive(Debug, Serialize)]
struct Bounds {
    /// Matrices, methods and ranks with a bound.
    means: usize,
    /// Those whose mean error is above it.
    above: usize,
    /// Greatest mean error / bound.
    tightest: f64,
}

fn bounds<'a>(cells: impl Iterator<Item = &'a CellRow>) -> Option<Bounds> {
    let mut draws: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for cell in cells {
        let of = (&cell.problem, &cell.problem_variant, &cell.method, &cell.method_variant, cell.target_rank);
        // All draws have one bound, so the mean of the ratios is the ratio of the mean.
        draws.entry(of).or_default().extend(cell.bound_tightness);
    }
    let means: Vec<f64> = draws
        .into_values()
        .filter(|ratios| !ratios.is_empty())
        .map(|ratios| ratios.iter().sum::<f64>() / ratios.len() as f64)
        .collect();
    Some(Bounds {
        means: means.len(),
        above: means.iter().filter(|&&mean| mean > 1.0).count(),
        tightest: means.iter().copied().max_by(f64::total_cmp)?,
    })
}

pub fn of(survey: &Survey<'_>) -> Option<Text> {
    let completed = || survey.families.iter().flat_map(|family| &family.methods).flat_map(|method| method.completed());
    let double: Vec<f64> =
        completed().filter(|cell| cell.precision == "f64").filter_map(|cell| cell.suboptimality).collect();
    let svd: Vec<_> = survey
        .precisions()
        .into_iter()
        .filter_map(|precision| {
            let is_svd = |cell: &&CellRow| cell.method_kind == "truncated_svd" && cell.precision == precision;
            let deviations: Vec<f64> = completed()
                .filter(is_svd)
                .filter_map(|cell| cell.suboptimality)
                .map(|suboptimality| (suboptimality - 1.0).abs())
                .collect();
            let most = deviations.iter().copied().max_by(f64::total_cmp)?;
            Some(Deviation { precision, cells: deviations.len(), most })
        })
        .collect();
    let bounds = bounds(completed().filter(|cell| cell.precision == survey.lead_precision()));
    (!double.is_empty() || !svd.is_empty() || bounds.is_some()).then(|| {
        Text::new(
            "answer/soundness",
            Soundness {
                svd,
                cells: double.len(),
                least: double.iter().copied().min_by(f64::total_cmp),
                below_optimum: double.iter().filter(|&&value| value < 1.0 - BELOW_OPTIMUM).count(),
                bounds,
            },
        )
    })
}
