//! ASVD, columns scaled: Ŵ = U_k Σ_k V_kᵀ D⁻¹ with the SVD UΣVᵀ of W·D, D diagonal, d_j = (rms of input j)^α on a calibration
//! text. Yuan, Shang, Song, Yang, Wu, Yan & Sun 2023, "ASVD" (there the mean of |x_j|, of which the root mean square is a cousin
//! that XXᵀ tells).
//!
//! Inputs that are large get more of the rank. α = 0 is the plain SVD; α = 1 would be SVD-LLM if inputs were not
//! correlated. The scale of D as a whole changes nothing.
//!
//! Cost: a full SVD, 22·mn·min(m,n) flops, whatever k; one factorisation serves every rank. In f64 whatever the precision; the
//! factors are rounded at the end.
//!
//! Breaks: it knows nothing of correlations between inputs, and is optimal for nothing. An input that is always zero would have
//! D⁻¹ infinite: d_j is at least 1e-4 of the largest.
//!
//! Inside the clock: the check of finiteness and scale, D, the SVD and both factors; not XXᵀ.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Traits,
    calibrated::{gram, uncalibrated},
};
use crate::{
    linalg::{
        Scalar, from_f64,
        scale::magnitude,
        svd::{Svd, thin_svd},
    },
    low_rank::LowRank,
    parameters::{Invalid, Parameters},
    problem::{Outline, Problem},
};

/// Truncated SVD of the weights with columns scaled by the size of their inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Asvd {
    /// α: 0 ignores the activations, 1 takes their root mean square as it is.
    pub alpha: f64,
}

impl Default for Asvd {
    fn default() -> Self {
        Self { alpha: 0.5 }
    }
}

/// The least scale beside the largest.
const FLOOR: f64 = 1e-4;

impl Parameters for Asvd {
    const KIND: &'static str = "asvd";
    const WORDS: &'static str = include_str!("asvd.toml");
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Invalid> {
        if (0.0..=2.0).contains(&self.alpha) {
            return Ok(());
        }
        Err(Invalid::new("alpha", "must lie between 0 and 2", "for example `alpha = 0.5`"))
    }
}

impl Facts for Asvd {
    fn traits(&self) -> Traits {
        Traits { random: false, nested: true, needs_matrix: true }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        uncalibrated(outline)
    }

    fn forecast(&self, outline: Outline, _target_rank: usize) -> Forecast {
        let (m, n) = (outline.rows as u64, outline.columns as u64);
        let size = m.min(n);
        Forecast { flops: 22 * m * n * size, entries: 2 * m * n + 2 * (m + n) * size }
    }
}

impl<T: Scalar> Method<T> for Asvd {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let (gram, weight) = (gram(problem)?, problem.matrix());
        magnitude(gram)?;
        let sizes: Vec<f64> = (0..gram.nrows()).map(|j| gram[(j, j)].max(0.0).sqrt()).collect();
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        // Where nothing came in, nothing is larger than anything else.
        let scale = |size: f64| if largest > 0.0 { (size / largest).powf(self.alpha).max(FLOOR) } else { 1.0 };
        let scales: Vec<f64> = sizes.into_iter().map(scale).collect();
        let (m, n) = weight.shape();
        let scaled = Mat::from_fn(m, n, |i, j| weight[(i, j)].to_f64() * scales[j]);
        let svd = thin_svd(scaled.as_ref(), draw.parallelism)?;
        let right = Mat::from_fn(svd.right.ncols(), n, |i, j| svd.right[(j, i)] / scales[j]);
        Ok(pair(&svd, &right, draw.target_rank))
    }
}

/// The first `rank` columns of U·Σ and rows of `right`, of which every row is there: which rows a product computes together
/// changes its bits, and the first j of rank k must be those of rank j.
fn pair<T: Scalar>(svd: &Svd<f64>, right: &Mat<f64>, rank: usize) -> Approximation<T> {
    let rank = rank.min(svd.left.ncols());
    let left = Mat::from_fn(svd.left.nrows(), rank, |i, j| T::of(svd.left[(i, j)] * svd.singular_values[j]));
    Approximation {
        factors: LowRank::new(left, from_f64(right.subrows(0, rank))).into(),
        notes: svd.fallback.map(str::to_owned).into_iter().collect(),
    }
}
