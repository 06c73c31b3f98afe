//! What several studies share.

use faer::{Mat, MatRef};

use crate::parameters::Invalid;

/// The singular value above which a component of an m×n matrix with noise of standard deviation `sigma` is worth keeping:
/// λ(β)·√max(m,n)·σ with β = min/max, λ = (2(β+1) + 8β/((β+1) + √(β²+14β+1)))^½; 4/√3 for a square matrix.
/// Gavish & Donoho 2014, equations 3 and 11.
#[must_use]
pub fn gavish_donoho_threshold(rows: usize, columns: usize, sigma: f64) -> f64 {
    let (short, long) = (rows.min(columns) as f64, rows.max(columns) as f64);
    let beta = short / long;
    let root = (beta * beta + 14.0 * beta + 1.0).sqrt();
    let lambda = (2.0 * (beta + 1.0) + 8.0 * beta / ((beta + 1.0) + root)).sqrt();
    lambda * long.sqrt() * sigma
}

/// How many of descending values are above a threshold.
pub fn above(values: &[f64], threshold: f64) -> usize {
    values.iter().take_while(|value| **value > threshold).count()
}

/// ‖A − B‖_F / ‖B‖_F.
pub fn relative_error(approximation: MatRef<'_, f64>, truth: MatRef<'_, f64>) -> f64 {
    (approximation - truth).norm_l2() / truth.norm_l2()
}

/// The place (from 1) of the least of some values, the first of equals.
pub fn place_of_least(values: &[f64]) -> usize {
    let least = values.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    least.map_or(1, |(place, _)| place + 1)
}

/// Columns of `basis` times `weights`, times the transpose of `other`: Σ w_j b_j o_jᵀ over the first `weights.len()` columns.
pub fn weighted_product(basis: MatRef<'_, f64>, weights: &[f64], other: MatRef<'_, f64>) -> Mat<f64> {
    let scaled = Mat::from_fn(basis.nrows(), weights.len(), |i, j| basis[(i, j)] * weights[j]);
    scaled * other.subcols(0, weights.len()).transpose()
}

/// Refuses a count outside a range.
pub fn check_count(
    parameter: &'static str,
    value: usize,
    least: usize,
    most: usize,
    example: usize,
) -> Result<(), Invalid> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let reason = format!("is {value}: it must lie between {least} and {most}");
    Err(Invalid::new(parameter, reason, format!("for example `{parameter} = {example}`")))
}

/// Refuses noise that is not positive.
pub fn check_noise(noise: f64) -> Result<(), Invalid> {
    if (1e-9..=1e6).contains(&noise) {
        return Ok(());
    }
    Err(Invalid::new("noise", "must be positive, from 1e-9 to 1e6", "for example `noise = 0.5`"))
}

/// The rank of a pair at a share of the break-even rank mn/(m+n) of an m×n matrix: at least 1, at most all of it.
pub(super) fn rank_at(share: f64, (m, n): (usize, usize)) -> usize {
    let break_even = (m * n) as f64 / (m + n) as f64;
    ((break_even * share) as usize).clamp(1, m.min(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_that_of_the_paper() {
        // Square: (4/√3)·√n·σ. β = 1/2, their equation 11 by hand: λ² = 2·1.5 + 8·0.5/(1.5 + √8.25) = 3.91485.
        assert!((gavish_donoho_threshold(100, 100, 0.5) - 4.0 / 3f64.sqrt() * 10.0 * 0.5).abs() < 1e-12);
        let half = gavish_donoho_threshold(50, 100, 1.0) / 10.0;
        assert!((half - 1.978_599).abs() < 1e-5, "{half}");
        assert_eq!(gavish_donoho_threshold(50, 100, 1.0), gavish_donoho_threshold(100, 50, 1.0));
    }

    #[test]
    fn the_first_of_equal_values_is_the_least() {
        assert_eq!(place_of_least(&[3.0, 1.0, 1.0, 2.0]), 2);
        assert_eq!(place_of_least(&[]), 1);
    }
}
