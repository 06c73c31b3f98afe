//! Randomly pivoted Cholesky: a positive semi-definite matrix from a few of its columns.

use faer::Mat;
use rand::RngExt;

use super::Scalar;
use crate::random::Rng;

/// H ≈ F·Fᵀ, n×r, with the pivots in the order in which they were drawn: rows `pivots` of F are lower triangular.
#[derive(Debug, Clone)]
pub struct PivotedCholesky<T> {
    pub factor: Mat<T>,
    pub pivots: Vec<usize>,
}

/// At most `k` columns of an n×n positive semi-definite matrix, one at a time, each drawn with probability proportional to the
/// diagonal of what is left: Chen, Epperly, Tropp, Webber 2022, Algorithm 2.1. `column` gives a column of the matrix.
///
/// Stops early where what is left is rounding error: further pivots would be drawn from noise.
pub fn randomly_pivoted_cholesky<T: Scalar>(
    diagonal: Vec<f64>,
    mut column: impl FnMut(usize) -> Vec<T>,
    k: usize,
    rng: &mut Rng,
) -> PivotedCholesky<T> {
    let n = diagonal.len();
    let mut factor = Mat::<T>::zeros(n, k);
    let mut residual: Vec<f64> = diagonal.into_iter().map(|entry| entry.max(0.0)).collect();
    let start: f64 = residual.iter().sum();
    let mut pivots = Vec::new();
    while pivots.len() < k {
        let total: f64 = residual.iter().sum();
        if total <= start * n as f64 * T::UNIT_ROUNDOFF {
            break;
        }
        let pivot = draw_by_weight(&residual, total, rng);
        let mut column = column(pivot);
        for done in 0..pivots.len() {
            let weight = factor[(pivot, done)];
            for (entry, &known) in column.iter_mut().zip(factor.col(done).iter()) {
                *entry -= known * weight;
            }
        }
        let left = column[pivot].to_f64();
        if left <= 0.0 {
            residual[pivot] = 0.0;
            continue;
        }
        let scale = T::of(1.0 / left.sqrt());
        for (i, &entry) in column.iter().enumerate() {
            let entry = entry * scale;
            factor[(i, pivots.len())] = entry;
            residual[i] = (residual[i] - entry.to_f64() * entry.to_f64()).max(0.0);
        }
        residual[pivot] = 0.0;
        pivots.push(pivot);
    }
    PivotedCholesky { factor: factor.subcols(0, pivots.len()).to_owned(), pivots }
}

/// An index with probability weights[i]/total.
fn draw_by_weight(weights: &[f64], total: f64, rng: &mut Rng) -> usize {
    let mut left = rng.random::<f64>() * total;
    let mut last = 0;
    for (i, &weight) in weights.iter().enumerate() {
        if weight > 0.0 {
            last = i;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}
