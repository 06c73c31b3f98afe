//! Skyformer: with κ(x, y) = exp(−‖x − y‖²/(2√d)), exp(QKᵀ/√d) = D_Q·κ(Q, K)·D_K, D the exponentials of half the squared norms.
//! κ(Q, K) is an off-diagonal block of the positive semi-definite kernel of all queries and keys together, whose Nyström
//! approximation with k landmarks Z among them is κ(Q, Z)·κ(Z, Z)⁺·κ(Z, K). Chen, Zeng, Ji, Yang 2021, section 4.
//!
//! The paper attends with κ itself; here the diagonal factors are put back and rows divided by their sums, so that P is what
//! is approximated. D_Q drops out of that. Landmarks are drawn uniformly, as in the paper.
//!
//! Cost: 2·2nkd flops for the two kernels, 4nk² for the products; linear in n, and the n×n matrix is never formed.
//!
//! Breaks: where queries and keys lie far apart, no landmark is near both and row sums vanish or change sign; D_K multiplies
//! the errors of keys with large norms. The joint kernel has twice as many rows as P: with as many landmarks as P has rows, the
//! error is 6e-4 on a head of 60 small logits whose P has full rank. Landmarks look ahead, so causal attention is refused.
//!
//! Inside the clock: the check of finiteness, the draw, the three kernels, the pseudoinverse, its product, the row sums.

use faer::{Mat, MatRef, Par};
use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Traits,
    unformed::{head, head_dim, refusal, scores, squared_norms, with_rows_summing_to_one},
};
use crate::{
    linalg::{Scalar, pseudoinverse, range_finder::product},
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// Nyström approximation of the joint Gaussian kernel of queries and keys; the target rank is the number of landmarks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Skyformer {}

impl Parameters for Skyformer {
    const KIND: &'static str = "skyformer";
    const WORDS: &'static str = include_str!("skyformer.toml");
    const VERSION: u32 = 2;
}

impl Facts for Skyformer {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: false }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        refusal(outline, "landmarks look ahead: its published form is not causal")
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let d = head_dim(outline);
        Forecast {
            flops: 2 * (m + n + k) * k * d + 24 * k * k * k + 2 * (m + n) * k * k,
            entries: 2 * (m + n) * k + 6 * k * k,
        }
    }
}

impl<T: Scalar> Method<T> for Skyformer {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let head = head(problem)?;
        let (queries, keys, k) = (&head.queries, &head.keys, draw.target_rank);
        let (m, n, d) = (queries.nrows(), keys.nrows(), keys.ncols());
        let chosen = index::sample(draw.rng, m + n, k).into_vec();
        let landmarks = Mat::from_fn(k, d, |i, c| match chosen[i] {
            query if query < m => queries[(query, c)],
            key => keys[(key - m, c)],
        });
        let kernel =
            |rows: MatRef<'_, T>, others: MatRef<'_, T>| gaussian_kernel(rows, others, head.scale, draw.parallelism);
        let core = kernel(landmarks.as_ref(), landmarks.as_ref());
        // Below √n·u·σ₁ the core's eigenvalues are rounding errors of the kernel's entries, and their inverses are noise.
        let cutoff = 4.0 * ((m + n) as f64).sqrt() * T::UNIT_ROUNDOFF;
        let inverse = pseudoinverse::split(core.as_ref(), cutoff, draw.parallelism)?;
        let of_queries = kernel(queries.as_ref(), landmarks.as_ref());
        let left = product(of_queries.as_ref(), inverse.right.as_ref(), draw.parallelism);
        let of_keys = kernel(landmarks.as_ref(), keys.as_ref());
        let mut right = product(inverse.left.as_ref(), of_keys.as_ref(), draw.parallelism);

        // One factor for all keys: what every row shares, its normalisation takes out.
        let half_norms = squared_norms(keys.as_ref(), head.scale / 2.0);
        let largest = half_norms.iter().copied().fold(0.0, f64::max);
        for (column, half) in right.col_iter_mut().zip(&half_norms) {
            let factor = T::of((half - largest).exp());
            column.iter_mut().for_each(|entry| *entry *= factor);
        }
        let notes = (inverse.kept < k).then(|| format!("core of numerical rank {} of {k}", inverse.kept));
        Ok(Approximation { factors: with_rows_summing_to_one(left, right)?.into(), notes: notes.into_iter().collect() })
    }
}

/// exp(−‖x − y‖²·`scale`/2) for every row x and every other row y.
fn gaussian_kernel<T: Scalar>(rows: MatRef<'_, T>, others: MatRef<'_, T>, scale: f64, parallelism: Par) -> Mat<T> {
    let mut kernel = scores(rows, others, scale, parallelism);
    let half_norms = squared_norms(rows, scale / 2.0);
    let other_half_norms = squared_norms(others, scale / 2.0);
    for (column, other) in kernel.col_iter_mut().zip(&other_half_norms) {
        for (entry, half) in column.iter_mut().zip(&half_norms) {
            let logit = *entry - T::of(half + other);
            // A squared distance is not negative, up to rounding.
            *entry = if logit > T::of(0.0) { T::of(1.0) } else { logit.exp_of_nonpositive() };
        }
    }
    kernel
}
