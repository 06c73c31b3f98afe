//! The error of the matrix itself, against the least error possible.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};

use super::{Measures, Spectrum};
use crate::{
    linalg::{Precision, norms::spectral},
    low_rank::LowRank,
};

/// To how much of itself ‖A − Â‖₂ is computed.
const SPECTRAL_TOLERANCE: f64 = 1e-6;

/// D = A − L·R.
pub(super) fn residual(matrix: MatRef<'_, f64>, factors: &LowRank<f64>, parallelism: Par) -> Mat<f64> {
    let mut residual = matrix.to_owned();
    matmul(&mut residual, Accum::Add, &factors.left, &factors.right, -1.0, parallelism);
    residual
}

/// The errors of a residual of Frobenius norm `error`, relative to ‖A‖. All are `None` for the zero matrix, of which nothing is a share.
pub(super) fn measure(
    measures: &mut Measures,
    spectrum: &Spectrum,
    residual: MatRef<'_, f64>,
    error: f64,
    target_rank: usize,
) {
    if spectrum.spectral_norm() == 0.0 {
        return;
    }
    let error = error / spectrum.frobenius_norm();
    let optimum = spectrum.optimal_frobenius_error(target_rank) / spectrum.frobenius_norm();
    measures.relative_frobenius_error = Some(error);
    measures.optimal_frobenius_error = Some(optimum);
    measures.suboptimality = (optimum > suboptimality_floor(spectrum.precision())).then(|| error / optimum);
    measures.relative_spectral_error = Some(spectral(residual, SPECTRAL_TOLERANCE) / spectrum.spectral_norm());
    measures.optimal_spectral_error = Some(spectrum.optimal_spectral_error(target_rank) / spectrum.spectral_norm());
}

/// The relative optimum below which error / optimum says more about rounding than about the method.
///
/// In f64 the residual and the tail of the singular values are each known to a few u·‖A‖_F, whatever their size (measured:
/// they part by at most 3u up to n = 512); 1e-5 lets 9u of it be a part in 10¹⁰. In f32 the metrics are as exact, but the
/// factors are not: a method's own rounding E, about 100u·‖A‖_F, adds E²/(2·tail²) to the ratio, first orders cancelling
/// at the optimum; 1e-3 keeps twice that below 1e-4.
fn suboptimality_floor(precision: Precision) -> f64 {
    match precision {
        Precision::F64 => 1e-5,
        Precision::F32 => 1e-3,
    }
}

/// An error below that of the best matrix of its rank: impossible, so something between the method and the metric is wrong.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "relative {norm} error {error:e} is below {optimum:e}, the least any matrix of rank {rank} has: a mistake in the harness"
)]
pub struct BetterThanOptimal {
    pub norm: &'static str,
    pub rank: usize,
    pub error: f64,
    pub optimum: f64,
}

/// Whether measured errors lie below the Eckart–Young optimum of `rank` by more than rounding explains.
///
/// `rank` is the inner dimension of the pair, or the target rank if that is larger.
///
/// # Errors
/// The norm, the error and the optimum.
pub fn better_than_optimal(spectrum: &Spectrum, measures: &Measures, rank: usize) -> Result<(), BetterThanOptimal> {
    // Singular values and residual both carry an error of a few max(m,n)·u·‖A‖.
    let rounding = spectrum.longest_side() as f64 * f64::EPSILON;
    let optimal = |absolute: f64, norm: f64| if norm > 0.0 { absolute / norm } else { 0.0 };
    let checks = [
        (
            "Frobenius",
            measures.relative_frobenius_error,
            optimal(spectrum.optimal_frobenius_error(rank), spectrum.frobenius_norm()),
            1e-10,
        ),
        (
            "spectral",
            measures.relative_spectral_error,
            optimal(spectrum.optimal_spectral_error(rank), spectrum.spectral_norm()),
            SPECTRAL_TOLERANCE,
        ),
    ];
    for (norm, error, optimum, tolerance) in checks {
        if let Some(error) = error.filter(|&error| error < optimum * (1.0 - tolerance) - rounding) {
            return Err(BetterThanOptimal { norm, rank, error, optimum });
        }
    }
    Ok(())
}
