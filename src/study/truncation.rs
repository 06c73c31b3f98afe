//! A square matrix under Gaussian noise, and its truncated SVD at every rank against the matrix before noise.

use faer::MatRef;

use super::{
    Bench, Measurement, StudyError,
    numerics::{above, gavish_donoho_threshold, weighted_product},
};
use crate::linalg::{gaussian::gaussian, svd::thin_svd};

/// Errors to the truth, relative in Frobenius norm.
pub struct Truncations {
    /// At rank k, at place k − 1; the last without truncation.
    pub errors: Vec<f64>,
    /// The rank that Gavish and Donoho's threshold keeps.
    pub chosen: usize,
    /// At that rank; 1 where it keeps nothing.
    pub chosen_error: f64,
}

/// Adds noise whose Frobenius norm is `noise` times that of the n×n truth, and takes it off again by truncation.
pub fn truncations(truth: MatRef<'_, f64>, noise: f64, bench: &mut Bench<'_>) -> Result<Truncations, StudyError> {
    let n = truth.nrows();
    let norm = truth.norm_l2();
    let sigma = noise * norm / n as f64;
    let noisy = truth + gaussian::<f64>(n, n, bench.rng) * faer::Scale(sigma);
    let svd = thin_svd(noisy.as_ref(), bench.parallelism)?;
    // ‖A − A_k‖² without forming A_k: triplets are orthogonal, so each adds σ_j² − 2σ_j·u_jᵀAv_j.
    let image = truth * &svd.right;
    let mut squared = norm * norm;
    let mut errors = Vec::with_capacity(n);
    for (j, &value) in svd.singular_values.iter().enumerate() {
        let along: f64 = (0..n).map(|i| svd.left[(i, j)] * image[(i, j)]).sum();
        squared += value * value - 2.0 * value * along;
        errors.push(squared.max(0.0).sqrt() / norm);
    }
    let chosen = above(&svd.singular_values, gavish_donoho_threshold(n, n, sigma));
    let chosen_error = if chosen == 0 {
        1.0
    } else {
        let kept = weighted_product(svd.left.as_ref(), &svd.singular_values[..chosen], svd.right.as_ref());
        (kept - truth).norm_l2() / norm
    };
    Ok(Truncations { errors, chosen, chosen_error })
}

/// The test error by rank, at as many ranks as a figure shows.
pub fn curve(errors: &[f64]) -> Vec<Measurement> {
    let point = |rank: usize| Measurement::new("truncated_svd", rank as f64, "test_error", errors[rank - 1]);
    ranks(errors.len()).into_iter().map(point).collect()
}

/// Ranks the curve is kept at: all of the first 24, then about twelve a doubling up to n.
fn ranks(n: usize) -> Vec<usize> {
    let mut ranks: Vec<usize> = (1..=n.min(24)).collect();
    let mut rank = 24.0;
    while rank < n as f64 {
        ranks.push(rank as usize);
        rank *= 1.1;
    }
    ranks.push(n);
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}
