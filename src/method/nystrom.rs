//! Nyström approximation of a positive semi-definite matrix: Â = (KΩ)(ΩᵀKΩ)⁺(KΩ)ᵀ ≼ K.
//!
//! What Ω is makes the method. *uniform*: k columns of K drawn uniformly (Williams & Seeger 2001); fails on coherent
//! matrices, whose weight lies in a few columns. *rp_cholesky*: columns drawn one by one in proportion to the diagonal of
//! what is left (Chen, Epperly, Tropp, Webber 2022, Algorithm 2.1); reads (k+1)n entries, O(k²n) flops. *gaussian*: Ω
//! Gaussian n×k with the shift ν ≈ √n·u·‖KΩ‖ added for the Cholesky step and taken off the result's eigenvalues (Tropp,
//! Yurtsever, Udell, Cevher 2017, Algorithm 3); 2n²k flops, the most accurate at equal k.
//!
//! Breaks: on matrices that are not PSD it is not defined; the core ΩᵀKΩ is ill conditioned wherever the approximation is
//! good, hence the cut-off with the inverse shared by both factors (uniform), the residual pivots (rp_cholesky) and the shift
//! (gaussian). Uniform columns are drawn blindly: on the 60×60 Hilbert matrix, of numerical rank 16, the error is still 3e-2
//! there and 4e-9 at k = 37. A Gaussian sketch wants a column or two beyond the numerical rank (the bound has 1/(k−r−1)): at it,
//! 1.5e-4 in single precision.
//!
//! Inside the clock: the check of finiteness and scale, the draw, everything up to the two factors.

use faer::{
    Mat, MatRef, Par,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{cholesky::llt, triangular_solve::solve_lower_triangular_in_place},
};
use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Bound, Draw, Facts, Forecast, Method, MethodError, Traits};
use crate::{
    linalg::{
        Scalar,
        gaussian::gaussian,
        orthonormalize::orthonormalize,
        pivoted_cholesky::{PivotedCholesky, randomly_pivoted_cholesky},
        pseudoinverse,
        range_finder::product,
        svd::thin_svd,
    },
    low_rank::LowRank,
    parameters::Parameters,
    problem::{Outline, Problem, StructureKind},
    random::Rng,
};

/// Nyström approximation of a positive semi-definite matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nystrom {
    /// `uniform` columns, columns by `rp_cholesky` (randomly pivoted Cholesky), or a `gaussian` sketch with shift.
    pub sampling: Sampling,
}

/// Where the test matrix Ω of a Nyström approximation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    Uniform,
    RpCholesky,
    Gaussian,
}

impl Parameters for Nystrom {
    const KIND: &'static str = "nystrom";
    const WORDS: &'static str = include_str!("nystrom.toml");
    const VERSION: u32 = 1;

    /// Uniform sampling shares the inverse of its core between both factors since version 2.
    fn version(&self) -> u32 {
        if self.sampling == Sampling::Uniform { 2 } else { Self::VERSION }
    }
}

impl Facts for Nystrom {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: true }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        (outline.structure != StructureKind::PositiveSemidefinite)
            .then(|| "needs a positive semi-definite matrix".to_owned())
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (n, k) = (outline.rows as u64, target_rank as u64);
        match self.sampling {
            Sampling::Uniform => Forecast { flops: 4 * n * k * k + 22 * k * k * k, entries: 3 * n * k + 4 * k * k },
            Sampling::RpCholesky => Forecast { flops: n * k * k, entries: n * k + n },
            Sampling::Gaussian => Forecast { flops: 2 * n * n * k + 10 * n * k * k, entries: 4 * n * k },
        }
    }

    /// Tropp et al. 2017, Theorem 4.1 (Gaussian only, in the trace norm, which is never below the Frobenius norm):
    /// E‖K − Â‖_* ≤ (1 + r/(k−r−1))·Σ_{j>r}σ_j for every r < k − 1; the least over r. The rank of Â is k here, so no
    /// truncation is added.
    fn bound(&self, singular_values: &[f64], target_rank: usize) -> Option<Bound> {
        if self.sampling != Sampling::Gaussian || target_rank < 3 {
            return None;
        }
        let trace_tail = |r: usize| singular_values.iter().skip(r).rev().sum::<f64>();
        let best = (0..target_rank - 1)
            .map(|r| (1.0 + r as f64 / (target_rank - r - 1) as f64) * trace_tail(r))
            .fold(f64::INFINITY, f64::min);
        Some(Bound { frobenius: best, source: "Tropp et al. 2017, Theorem 4.1 (trace norm)" })
    }
}

impl<T: Scalar> Method<T> for Nystrom {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let Draw { target_rank, rng, parallelism } = draw;
        let kernel = problem.matrix();
        match self.sampling {
            Sampling::Uniform => uniform(kernel, target_rank, rng, parallelism),
            Sampling::RpCholesky => Ok(rp_cholesky(kernel, target_rank, rng)),
            Sampling::Gaussian => gaussian_sketch(kernel, target_rank, rng, parallelism),
        }
    }
}

/// C W⁺ Cᵀ with C = K(:, S), W = K(S, S), S uniform without replacement; half of W⁺ goes to either side.
fn uniform<T: Scalar>(
    kernel: MatRef<'_, T>,
    k: usize,
    rng: &mut Rng,
    parallelism: Par,
) -> Result<Approximation<T>, MethodError> {
    let n = kernel.nrows();
    let chosen = index::sample(rng, n, k).into_vec();
    let columns = Mat::from_fn(n, k, |i, j| kernel[(i, chosen[j])]);
    let core = Mat::from_fn(k, k, |i, j| kernel[(chosen[i], chosen[j])]);
    // Below √n·u·σ₁ the core's eigenvalues are rounding errors of the kernel's entries, and their inverses are noise.
    let cutoff = 4.0 * (n as f64).sqrt() * T::UNIT_ROUNDOFF;
    let inverse = pseudoinverse::split(core.as_ref(), cutoff, parallelism)?;
    let notes = (inverse.kept < k).then(|| format!("core of numerical rank {} of {k}", inverse.kept));
    let left = product(columns.as_ref(), inverse.right.as_ref(), parallelism);
    let right = product(inverse.left.as_ref(), columns.transpose(), parallelism);
    Ok(Approximation { factors: LowRank::new(left, right).into(), notes: notes.into_iter().collect() })
}

/// K ≈ F·Fᵀ, one column of K at a time.
fn rp_cholesky<T: Scalar>(kernel: MatRef<'_, T>, k: usize, rng: &mut Rng) -> Approximation<T> {
    let n = kernel.nrows();
    let diagonal = (0..n).map(|i| kernel[(i, i)].to_f64()).collect();
    let column = |pivot: usize| (0..n).map(|i| kernel[(i, pivot)]).collect();
    let PivotedCholesky { factor, pivots } = randomly_pivoted_cholesky(diagonal, column, k, rng);
    let rank = pivots.len();
    let notes = (rank < k).then(|| format!("stopped at rank {rank} of {k}: the residual is at rounding level"));
    Approximation {
        factors: LowRank::new(factor.clone(), factor.transpose().to_owned()).into(),
        notes: notes.into_iter().collect(),
    }
}

/// Â = U·max(Σ² − ν, 0)·Uᵀ with the SVD UΣ· of B = Y_ν C⁻¹, Y_ν = KΩ + νΩ, CᵀC = ΩᵀY_ν, Ω orthonormal.
fn gaussian_sketch<T: Scalar>(
    kernel: MatRef<'_, T>,
    k: usize,
    rng: &mut Rng,
    parallelism: Par,
) -> Result<Approximation<T>, MethodError> {
    let n = kernel.nrows();
    let test = orthonormalize(gaussian::<T>(n, k, rng), parallelism);
    let sketch = product(kernel, test.as_ref(), parallelism);
    let mut shift = (n as f64).sqrt() * 2.0 * T::UNIT_ROUNDOFF * sketch.norm_l2().to_f64();
    let mut notes = Vec::new();
    // A kernel that is PSD only up to rounding may need a larger shift: ten times more each time, on record.
    for _ in 0..6 {
        let shifted = Mat::from_fn(n, k, |i, j| sketch[(i, j)] + T::of(shift) * test[(i, j)]);
        let core = product(test.transpose(), shifted.as_ref(), parallelism);
        let symmetric = Mat::from_fn(k, k, |i, j| (core[(i, j)] + core[(j, i)]) * T::of(0.5));
        if let Some(lower) = cholesky(symmetric, parallelism) {
            // B = Y_ν·L⁻ᵀ: solve L·Bᵀ = Y_νᵀ.
            let mut root = shifted.transpose().to_owned();
            solve_lower_triangular_in_place(lower.as_ref(), root.as_mut(), parallelism);
            let svd = thin_svd(root.transpose(), parallelism)?;
            let eigenvalues: Vec<f64> =
                svd.singular_values.iter().map(|value| (value * value - shift).max(0.0)).collect();
            let left = Mat::from_fn(n, k, |i, j| svd.left[(i, j)] * T::of(eigenvalues[j]));
            return Ok(Approximation { factors: LowRank::new(left, svd.left.transpose().to_owned()).into(), notes });
        }
        shift = (shift * 10.0).max(f64::MIN_POSITIVE);
        notes = vec![format!("shift raised to {shift:.1e}")];
    }
    Err(MethodError::Numerical(
        "the sketched core is not positive definite after six shifts: is the matrix PSD?".into(),
    ))
}

/// Lower Cholesky factor, or `None` if the matrix is not numerically positive definite.
fn cholesky<T: Scalar>(matrix: Mat<T>, parallelism: Par) -> Option<Mat<T>> {
    let n = matrix.nrows();
    let mut lower = matrix;
    let mut memory =
        MemBuffer::new(llt::factor::cholesky_in_place_scratch::<T>(n, parallelism, faer::prelude::default()));
    llt::factor::cholesky_in_place(
        lower.as_mut(),
        llt::factor::LltRegularization::default(),
        parallelism,
        MemStack::new(&mut memory),
        faer::prelude::default(),
    )
    .ok()?;
    Some(lower)
}
