//! Block Krylov: Q = orth[AΩ, (AAᵀ)AΩ, …, (AAᵀ)^q AΩ] with Ω Gaussian n×(k+p); Â = Q · (the rank-k truncation of QᵀA).
//! Musco & Musco 2015, Algorithm 2.
//!
//! Cost: the passes of a randomized SVD with the same q, but a basis of (q+1)(k+p) columns, which is what it gains its
//! accuracy from: (2q+1)·2mn(k+p) + 2mn(q+1)(k+p) flops. The basis never exceeds min(m, n).
//!
//! Breaks: without re-orthogonalisation the blocks become parallel; here each is made orthogonal to all before it.
//!
//! Inside the clock: the check of finiteness and scale, the Gaussian draw, all products, the small SVD.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Draw, Facts, Forecast, Method, MethodError, Traits, pair_of};
use crate::{
    linalg::{
        Scalar,
        gaussian::gaussian,
        orthonormalize::orthonormalize,
        range_finder::{best_in_range, extension, product},
    },
    parameters::{Invalid, Parameters},
    problem::{Outline, Problem},
};

/// Block Krylov approximation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlockKrylov {
    /// p: columns of each block beyond the target rank.
    pub oversampling: usize,
    /// q: blocks after the first.
    pub power_iterations: usize,
}

impl Default for BlockKrylov {
    fn default() -> Self {
        Self { oversampling: 4, power_iterations: 2 }
    }
}

impl Parameters for BlockKrylov {
    const KIND: &'static str = "block_krylov";
    const WORDS: &'static str = include_str!("block_krylov.toml");
    const VERSION: u32 = 2;

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

impl Facts for BlockKrylov {
    fn traits(&self) -> Traits {
        Traits { random: true, nested: false, needs_matrix: true }
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n) = (outline.rows as u64, outline.columns as u64);
        let q = self.power_iterations as u64;
        let block = (target_rank as u64).saturating_add(self.oversampling as u64).min(m.min(n));
        let basis = ((q + 1) * block).min(m.min(n));
        Forecast {
            flops: (2 * q + 1) * 2 * m * n * block + 2 * m * n * basis + 8 * m.max(n) * basis * basis,
            entries: 3 * (m + n) * basis,
        }
    }
}

impl<T: Scalar> Method<T> for BlockKrylov {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let Draw { target_rank, rng, parallelism } = draw;
        let matrix = problem.matrix();
        let size = matrix.nrows().min(matrix.ncols());
        let block = target_rank.saturating_add(self.oversampling).min(size);
        let test = gaussian::<T>(matrix.ncols(), block, rng);
        let mut newest = orthonormalize(product(matrix, test.as_ref(), parallelism), parallelism);
        let mut basis = newest.clone();
        for _ in 0..self.power_iterations {
            let width = block.min(size - basis.ncols());
            if width == 0 {
                break;
            }
            let back = orthonormalize(product(matrix.transpose(), newest.as_ref(), parallelism), parallelism);
            let forth = product(matrix, back.subcols(0, width), parallelism);
            newest = extension(basis.as_ref(), forth, rng, parallelism);
            basis = joined(&basis, &newest);
        }
        Ok(pair_of(&best_in_range(matrix, basis.as_ref(), target_rank, parallelism)?, target_rank))
    }
}

fn joined<T: Scalar>(left: &Mat<T>, right: &Mat<T>) -> Mat<T> {
    let mut both = Mat::zeros(left.nrows(), left.ncols() + right.ncols());
    both.subcols_mut(0, left.ncols()).copy_from(left);
    both.subcols_mut(left.ncols(), right.ncols()).copy_from(right);
    both
}
