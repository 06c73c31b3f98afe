//! What the methods that know the activations of a linear map have in common.

use faer::{Mat, MatRef};

use super::{Approximation, MethodError};
use crate::{
    linalg::{Scalar, from_f64, svd::Svd},
    low_rank::LowRank,
    problem::{Outline, Problem, Structure, StructureKind},
};

/// XXᵀ of the calibration activations.
pub(super) fn gram<T: Scalar>(problem: &Problem<T>) -> Result<MatRef<'_, f64>, MethodError> {
    match &problem.structure {
        Structure::Weight { gram: Some(gram) } => Ok(gram.as_ref()),
        _ => Err(MethodError::Numerical(NEEDED.into())),
    }
}

const NEEDED: &str = "needs calibration activations";

/// Why it cannot be applied.
pub(super) fn uncalibrated(outline: Outline) -> Option<String> {
    (outline.structure != StructureKind::Weight { calibrated: true }).then(|| NEEDED.to_owned())
}

/// The first `rank` columns of U·Σ and rows of `right`, of which every row is there: which rows a product computes together
/// changes its bits, and the first j of rank k must be those of rank j.
pub(super) fn pair<T: Scalar>(svd: &Svd<f64>, right: &Mat<f64>, rank: usize) -> Approximation<T> {
    let rank = rank.min(svd.left.ncols());
    let left = Mat::from_fn(svd.left.nrows(), rank, |i, j| T::of(svd.left[(i, j)] * svd.singular_values[j]));
    Approximation {
        factors: LowRank::new(left, from_f64(right.subrows(0, rank))).into(),
        notes: svd.fallback.map(str::to_owned).into_iter().collect(),
    }
}
