//! Generalized Nyström: Â = AX (YᵀAX)⁺ YᵀA with X Gaussian n×k and Y Gaussian m×(k+p). Nakatsukasa 2020, Algorithm 1.1.
//!
//! Cost: one pass over A, 2mn(2k+p) flops, no orthogonalisation of anything as large as A.
//!
//! Breaks: the core YᵀAX is ill conditioned where the spectrum decays, so its pseudoinverse drops singular values below
//! `cutoff`·σ₁, and Y is oversampled (p ≈ k/2 is the paper's choice). Within a modest factor of the randomized SVD with
//! q = 0, at half its passes.
//!
//! Inside the clock: the check of finiteness and scale, both draws, all products, the SVD of the core.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Draw, Facts, Forecast, Method, MethodError, Traits};
use crate::{
    linalg::{Scalar, gaussian::gaussian, range_finder::product, svd::thin_svd},
    low_rank::LowRank,
    parameters::{Invalid, Parameters},
    problem::{Outline, Problem},
};

/// Generalized Nyström approximation of any matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GeneralizedNystrom {
    /// p/k: how many more rows than columns are sketched, as a share of the target rank.
    pub oversampling_ratio: f64,
    /// Singular values of the core below this share of its largest are dropped (never below 10·u).
    pub cutoff: f64,
}

impl Default for GeneralizedNystrom {
    fn default() -> Self {
        Self { oversampling_ratio: 0.5, cutoff: 1e-14 }
    }
}

impl Parameters for GeneralizedNystrom {
    const KIND: &'static str = "generalized_nystrom";
    const WORDS: &'static str = include_str!("generalized_nystrom.toml");
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Invalid> {
        if !(0.0..=10.0).contains(&self.oversampling_ratio) {
            return Err(Invalid::new(
                "oversampling_ratio",
                "must lie between 0 and 10",
                "for example `oversampling_ratio = 0.5`",
            ));
        }
        if !(0.0..1.0).contains(&self.cutoff) {
            return Err(Invalid::new("cutoff", "must lie between 0 and 1", "for example `cutoff = 1e-14`"));
        }
        Ok(())
    }
}

impl GeneralizedNystrom {
    fn sketch_rows(&self, rows: usize, target_rank: usize) -> usize {
        (target_rank + (self.oversampling_ratio * target_rank as f64).ceil() as usize).min(rows)
    }
}

impl Facts for GeneralizedNystrom {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: true }
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let l = self.sketch_rows(outline.rows, target_rank) as u64;
        Forecast { flops: 2 * m * n * (k + l) + 2 * (m + n) * k * l + 30 * l * k * k, entries: 2 * (m + n) * (k + l) }
    }
}

impl<T: Scalar> Method<T> for GeneralizedNystrom {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let Draw { target_rank, rng, parallelism } = draw;
        let matrix = problem.matrix();
        let x = gaussian::<T>(matrix.ncols(), target_rank, rng);
        let y = gaussian::<T>(matrix.nrows(), self.sketch_rows(matrix.nrows(), target_rank), rng);
        let columns = product(matrix, x.as_ref(), parallelism);
        let rows = product(y.transpose(), matrix, parallelism);
        let core = thin_svd(product(y.transpose(), columns.as_ref(), parallelism).as_ref(), parallelism)?;

        let cutoff = self.cutoff.max(10.0 * T::UNIT_ROUNDOFF) * core.singular_values[0];
        let kept = core.singular_values.iter().take_while(|&&value| value > cutoff).count();
        let unmixed = Mat::from_fn(target_rank, kept, |i, j| core.right[(i, j)] * T::of(1.0 / core.singular_values[j]));
        let mut notes: Vec<String> = core.fallback.map(str::to_owned).into_iter().collect();
        if kept < target_rank {
            notes.push(format!("core of numerical rank {kept} of {target_rank}"));
        }
        let factors = LowRank::new(
            product(columns.as_ref(), unmixed.as_ref(), parallelism),
            product(core.left.subcols(0, kept).transpose(), rows.as_ref(), parallelism),
        );
        Ok(Approximation { factors: factors.into(), notes })
    }
}
