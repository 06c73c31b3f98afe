//! Randomized SVD: Q = orth((AAᵀ)^q A Ω) with Ω Gaussian n×(k+p); Â = Q · (the rank-k truncation of QᵀA). Halko, Martinsson,
//! Tropp 2011, Algorithms 4.4 and 5.1.
//!
//! Cost: (2q+2) products of 2mn(k+p) flops; every power step is followed by a new basis, so powers do not lose the small
//! directions (naive powering does once (σ₁/σ_ℓ)^(2q+1) > 1/u).
//!
//! Breaks: a flat spectrum leaves the sketch nothing to find; q = 0 is then off by up to (1 + k/(p−1))^½ from the optimum.
//!
//! Inside the clock: the check of finiteness and scale, the Gaussian draw, all products, the small SVD.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Bound, Draw, Facts, Forecast, Method, MethodError, Traits, pair_of, tail};
use crate::{
    linalg::{
        Scalar, in_pool_awake,
        range_finder::{best_in_range, power_range},
    },
    parameters::{Invalid, Parameters},
    problem::{Outline, Problem},
};

/// Randomized singular value decomposition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomizedSvd {
    /// p: columns of the sketch beyond the target rank.
    pub oversampling: usize,
    /// q: passes with AAᵀ that sharpen the spectrum before the basis is taken.
    pub power_iterations: usize,
}

impl Default for RandomizedSvd {
    fn default() -> Self {
        Self { oversampling: 10, power_iterations: 2 }
    }
}

impl Parameters for RandomizedSvd {
    const KIND: &'static str = "randomized_svd";
    const WORDS: &'static str = include_str!("randomized_svd.toml");
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Invalid> {
        if self.power_iterations > 100 {
            return Err(Invalid::new(
                "power_iterations",
                "is beyond any use (at most 100)",
                "for example `power_iterations = 2`",
            ));
        }
        Ok(())
    }
}

impl RandomizedSvd {
    fn sketch_size(&self, size: usize, target_rank: usize) -> usize {
        target_rank.saturating_add(self.oversampling).min(size)
    }
}

impl Facts for RandomizedSvd {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: true }
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n) = (outline.rows as u64, outline.columns as u64);
        let l = self.sketch_size(outline.rows.min(outline.columns), target_rank) as u64;
        let passes = 2 * self.power_iterations as u64 + 2;
        Forecast {
            flops: passes * 2 * m * n * l + passes * 2 * m.max(n) * l * l + 22 * l * l * l,
            entries: 3 * (m + n) * l,
        }
    }

    /// Theorem 10.5 for the Frobenius norm at q = 0. It bounds E‖A − QQᵀA‖_F; the truncation to rank k adds at most the
    /// tail (their §9.4: ‖A − Â‖ ≤ ‖A − QQᵀA‖ + tail), which is added here. Powers only lower the expectation.
    fn bound(&self, singular_values: &[f64], target_rank: usize) -> Option<Bound> {
        let size = singular_values.len();
        let p = self.sketch_size(size, target_rank) - target_rank.min(size);
        if p < 2 {
            return None;
        }
        let tail = tail(singular_values, target_rank);
        let range = (1.0 + target_rank as f64 / (p as f64 - 1.0)).sqrt();
        // The projected part is orthogonal to the truncated rest: squares add.
        Some(Bound { frobenius: tail * (range * range + 1.0).sqrt(), source: "HMT 2011, Theorem 10.5 with truncation" })
    }
}

impl<T: Scalar> Method<T> for RandomizedSvd {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let matrix = problem.matrix();
        let sketch_size = self.sketch_size(matrix.nrows().min(matrix.ncols()), draw.target_rank);
        // Between its products are pieces of work for one thread.
        in_pool_awake(draw.parallelism, || {
            let basis = power_range(matrix, sketch_size, self.power_iterations, draw.rng, draw.parallelism);
            let svd = best_in_range(matrix, basis.as_ref(), draw.target_rank, draw.parallelism)?;
            Ok(pair_of(&svd, draw.target_rank))
        })
    }
}
