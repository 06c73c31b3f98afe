//! SVD-LLM: Ŵ = U_k Σ_k V_kᵀ S⁻¹ with the SVD UΣVᵀ of W·S, where S·Sᵀ = XXᵀ for the activations X of a calibration
//! text. Wang, Zheng, Wan & Zhang 2025, "SVD-LLM".
//!
//! No matrix of rank k has a smaller ‖(W − Ŵ)X‖_F = ‖(W − Ŵ)S‖_F, by Eckart & Young for W·S: it is (Σ_{j>k} σ_j(WS)²)^½. The
//! paper takes S from a Cholesky factorisation, which a singular XXᵀ has not; here it is Q·Λ^½ with eigenvalues raised to
//! `floor`·λ₁ (`linalg/whitening.rs`), which adds ‖(W − Ŵ)·‖² on the raised directions, times that floor, to what is minimised.
//!
//! Cost: about 9n³ flops for S, 4mn² to apply S and S⁻¹, and a full SVD, 22·mn·min(m,n), whatever k; one factorisation serves
//! every rank. In f64 whatever the precision, since S may have a condition of floor^−½; the factors are rounded at the end.
//!
//! Breaks: directions that the calibration never takes get (almost) no say, so a text of another kind may fare worse than under
//! the plain SVD; the smaller the floor, the more so.
//!
//! Inside the clock: the check of finiteness and scale, S, the SVD and both factors; not XXᵀ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Traits,
    calibrated::{gram, uncalibrated},
};
use crate::{
    linalg::{
        Scalar, to_f64,
        weighted_svd::Coordinates,
        whitening::{FLOOR, Whitening},
    },
    parameters::{Invalid, Parameters},
    problem::{Outline, Problem},
};

/// Truncated SVD of the weights times a square root of XXᵀ: the least error on the calibration text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SvdLlm {
    /// Eigenvalues of XXᵀ below this share of the largest are raised to it.
    pub floor: f64,
}

impl Default for SvdLlm {
    fn default() -> Self {
        Self { floor: FLOOR }
    }
}

impl Parameters for SvdLlm {
    const KIND: &'static str = "svd_llm";
    const WORDS: &'static str = include_str!("svd_llm.toml");
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Invalid> {
        if (1e-14..=1.0).contains(&self.floor) {
            return Ok(());
        }
        Err(Invalid::new("floor", "must lie between 1e-14 and 1", "for example `floor = 1e-8`"))
    }
}

impl Facts for SvdLlm {
    fn traits(&self) -> Traits {
        Traits { random: false, nested: true, needs_matrix: true }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        uncalibrated(outline)
    }

    fn forecast(&self, outline: Outline, _target_rank: usize) -> Forecast {
        let (m, n) = (outline.rows as u64, outline.columns as u64);
        let size = m.min(n);
        Forecast {
            flops: 9 * n * n * n + 2 * m * n * n + 22 * m * n * size + 2 * size * n * n,
            entries: 3 * n * n + 2 * m * n + 2 * (m + n) * size,
        }
    }
}

impl<T: Scalar> Method<T> for SvdLlm {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let whitening = Whitening::of_gram(gram(problem)?, self.floor, draw.parallelism)?;
        let coordinates = Coordinates { rows: None, columns: Some(&whitening) };
        let svd = coordinates.decompose(to_f64(problem.matrix()).as_ref(), draw.parallelism)?;
        let pair = svd.pair(draw.target_rank);
        let (spanned, n) = (whitening.spanned(), pair.right.ncols());
        let note = (spanned < n).then(|| format!("the calibration spans {spanned} of {n} directions"));
        let notes = svd.fallback.map(str::to_owned).into_iter().chain(note).collect();
        Ok(Approximation { factors: pair.round::<T>().into(), notes })
    }
}
