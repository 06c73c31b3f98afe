//! Truncated SVD: Â = U_k Σ_k V_kᵀ, the best rank-k approximation in every unitarily invariant norm (Eckart & Young 1936,
//! Mirsky 1960).
//!
//! *full*: all singular triplets by bidiagonalisation and divide and conquer, then the first k; about 22·mn·min(m,n) flops
//! whatever k, and one factorisation serves every rank. *krylov*: only the first k, by block Lanczos on AAᵀ with full
//! reorthogonalisation until ‖Av − σu‖ ≤ `tolerance`·σ₁ (block Golub–Kahan where squared singular values would drown); 4mn
//! flops per basis column, the choice for k ≪ n.
//!
//! Breaks: never on finite input; *krylov* on a flat spectrum grows its basis until a full SVD is cheaper, and takes it.
//!
//! Inside the clock: the check of finiteness and scale, the factorisation, the truncation, and Σ multiplied into U.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Draw, Facts, Forecast, Method, MethodError, Traits, pair_of};
use crate::{
    linalg::{Scalar, krylov::leading_triplets, svd::thin_svd},
    parameters::{Belongs, Invalid, Parameters},
    problem::{Outline, Problem},
};

/// Truncated singular value decomposition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TruncatedSvd {
    /// `full`: every singular triplet, then the first k. `krylov`: only the first k, to `tolerance`.
    pub algorithm: Algorithm,
    /// `krylov` only: the residual ‖Av − σu‖/σ₁ at which a triplet counts as converged.
    pub tolerance: f64,
}

/// How the leading singular triplets are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    Full,
    Krylov,
}

impl Default for TruncatedSvd {
    fn default() -> Self {
        Self { algorithm: Algorithm::Full, tolerance: 1e-9 }
    }
}

impl Parameters for TruncatedSvd {
    const KIND: &'static str = "truncated_svd";
    const WORDS: &'static str = include_str!("truncated_svd.toml");
    const VERSION: u32 = 2;
    const BELONGS: &'static [Belongs] = &[Belongs::to("tolerance", "algorithm", &["krylov"])];

    fn version(&self) -> u32 {
        match self.algorithm {
            Algorithm::Full => Self::VERSION,
            // Since it stops at other basis sizes than before.
            Algorithm::Krylov => Self::VERSION + 1,
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.tolerance > 0.0 && self.tolerance < 1.0 {
            Ok(())
        } else {
            Err(Invalid::new("tolerance", "must lie between 0 and 1", "for example `tolerance = 1e-9`"))
        }
    }
}

impl Facts for TruncatedSvd {
    fn traits(&self) -> Traits {
        let full = self.algorithm == Algorithm::Full;
        Traits { random: !full, nested: full, needs_matrix: true }
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let size = m.min(n);
        match self.algorithm {
            Algorithm::Full => Forecast { flops: 22 * m * n * size, entries: m * n + 2 * (m + n) * size },
            Algorithm::Krylov => {
                // A basis of about three times the rank is what decaying spectra take.
                let basis = (3 * k + 32).min(size);
                Forecast { flops: 4 * m * n * basis + 8 * (m + n) * basis * basis, entries: 2 * (m + n) * basis }
            }
        }
    }
}

impl<T: Scalar> Method<T> for TruncatedSvd {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let matrix = problem.matrix();
        let svd = match self.algorithm {
            Algorithm::Full => thin_svd(matrix, draw.parallelism)?,
            Algorithm::Krylov => {
                // No residual can be smaller than what rounding leaves in it.
                let attainable = 8.0 * T::UNIT_ROUNDOFF * (matrix.nrows().max(matrix.ncols()) as f64).sqrt();
                let tolerance = self.tolerance.max(attainable);
                leading_triplets(matrix, draw.target_rank, tolerance, draw.rng, draw.parallelism)?
            }
        };
        Ok(pair_of(&svd, draw.target_rank))
    }
}
