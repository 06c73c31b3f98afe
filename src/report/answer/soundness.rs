//! Whether the measurements agree with what is proved: the optimum is the optimum, and bounds bound.

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

/// Errors against the bounds of the literature.
#[derive(Debug, Serialize)]
struct Bounds {
    cells: usize,
    /// Cells whose error is above their bound.
    above: usize,
    /// Greatest error / bound.
    tightest: f64,
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
    let tightness: Vec<f64> = completed().filter_map(|cell| cell.bound_tightness).collect();
    let bounds = tightness.iter().copied().max_by(f64::total_cmp).map(|tightest| Bounds {
        cells: tightness.len(),
        above: tightness.iter().filter(|&&tightness| tightness > 1.0).count(),
        tightest,
    });
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
