//! Coreset attention: P ≈ D⁻¹·exp(QK_Sᵀ/√d)·W with W = H_SS⁻¹·H_S·, H = exp(KKᵀ/√d) the kernel of the keys and S a few keys
//! drawn by randomly pivoted Cholesky on H (Chen, Epperly, Tropp, Webber 2022); D the row sums. The form is WildCat's (2026).
//!
//! With H ≈ FFᵀ and L = F_S·, W = L⁻ᵀFᵀ. The mean of the keys is taken out first, which adds a constant to every row of logits
//! and so leaves P as it is.
//!
//! Cost: 2nkd flops for k columns of H, 2nk² for the factor, 2nkd for the scores; linear in n, and neither n×n matrix is
//! formed.
//!
//! Breaks: on heads whose keys lie far apart the kernel is close to diagonal and k keys say nothing of the others; W has
//! entries of both signs, so weights may be negative. Mixtures of keys look ahead, so causal attention is refused. In
//! single precision the error at the numerical rank is 1.4e-4 on a head of small logits: the kernel of the keys falls more
//! slowly than P itself.
//!
//! Inside the clock: the check of finiteness, the pivots with their columns, the triangular solve, the scores, the row sums.

use faer::{Mat, linalg::triangular_solve::solve_upper_triangular_in_place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Traits,
    unformed::{exponentials_by_rows, head, head_dim, refusal, scores, squared_norms, with_rows_summing_to_one},
};
use crate::{
    linalg::{
        Scalar,
        pivoted_cholesky::{PivotedCholesky, randomly_pivoted_cholesky},
    },
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// Attention to a few keys that stand for all; the target rank is their number.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Coreset {}

impl Parameters for Coreset {
    const KIND: &'static str = "coreset";
    const WORDS: &'static str = include_str!("coreset.toml");
    const VERSION: u32 = 1;
}

impl Facts for Coreset {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: false }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        refusal(outline, "mixtures of keys look ahead: its published form is not causal")
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let d = head_dim(outline);
        Forecast { flops: 2 * (m + n) * k * d + 3 * n * k * k, entries: (m + 2 * n) * k + n * d }
    }
}

impl<T: Scalar> Method<T> for Coreset {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let head = head(problem)?;
        let keys = centred(&head.keys);
        let (n, d) = keys.shape();
        // H over exp(2·max): W does not change when H is multiplied by a number.
        let half_norms = squared_norms(keys.as_ref(), head.scale / 2.0);
        let largest = half_norms.iter().copied().fold(0.0, f64::max);
        let diagonal = half_norms.iter().map(|half| (2.0 * (half - largest)).exp()).collect();
        let column = |pivot: usize| {
            let mut logits = vec![T::of(-2.0 * largest); n];
            for c in 0..d {
                let factor = keys[(pivot, c)] * T::of(head.scale);
                for (logit, &key) in logits.iter_mut().zip(keys.col(c).iter()) {
                    *logit += key * factor;
                }
            }
            // q·k ≤ (‖q‖² + ‖k‖²)/2, up to rounding.
            logits
                .into_iter()
                .map(|logit| T::exp_of_nonpositive(if logit > T::of(0.0) { T::of(0.0) } else { logit }))
                .collect()
        };
        let PivotedCholesky { factor, pivots } =
            randomly_pivoted_cholesky(diagonal, column, draw.target_rank, draw.rng);
        let rank = pivots.len();
        let triangle = Mat::from_fn(rank, rank, |i, j| factor[(pivots[i], j)]);
        let mut weights = factor.transpose().to_owned();
        solve_upper_triangular_in_place(triangle.transpose(), weights.as_mut(), draw.parallelism);

        let chosen = Mat::from_fn(rank, d, |i, c| keys[(pivots[i], c)]);
        let mut left = scores(head.queries.as_ref(), chosen.as_ref(), head.scale, draw.parallelism);
        exponentials_by_rows(left.as_mut());
        let notes = (rank < draw.target_rank)
            .then(|| format!("stopped at rank {rank} of {}: the residual is at rounding level", draw.target_rank));
        Ok(Approximation {
            factors: with_rows_summing_to_one(left, weights)?.into(),
            notes: notes.into_iter().collect(),
        })
    }
}

/// The rows less their mean.
fn centred<T: Scalar>(rows: &Mat<T>) -> Mat<T> {
    let n = rows.nrows() as f64;
    let means: Vec<f64> =
        rows.col_iter().map(|column| column.iter().map(|entry| entry.to_f64()).sum::<f64>() / n).collect();
    Mat::from_fn(rows.nrows(), rows.ncols(), |i, j| rows[(i, j)] - T::of(means[j]))
}
