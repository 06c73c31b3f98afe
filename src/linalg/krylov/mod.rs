//! The leading singular triplets of a matrix from a Krylov basis that is grown until they have converged.
//!
//! Every basis vector is orthogonal to rounding, so no ghost copies of converged values appear.

mod band;
mod bidiagonalisation;
mod lanczos;

use faer::{Mat, MatRef, Par};

use super::{
    Scalar, in_pool_awake,
    orthonormalize::worthwhile,
    svd::{Svd, SvdError, thin_svd},
};
use crate::random::Rng;

/// The leading `rank` singular triplets, with ‖Av − σu‖₂ and ‖Aᵀu − σv‖₂ ≤ `tolerance`·σ₁ for each.
///
/// Block Lanczos on AAᵀ first: it keeps one basis, which halves the reorthogonalisation, but squares the singular values, so
/// that those below about √u·σ₁ drown. Where the tolerance asks for more, a block bidiagonalisation does the work. Once the
/// basis would fill half of min(m, n), a full SVD is cheaper and is taken instead (recorded in `fallback`). It therefore
/// always ends.
///
/// # Errors
/// As [`thin_svd`].
pub fn leading_triplets<T: Scalar>(
    matrix: MatRef<'_, T>,
    rank: usize,
    tolerance: f64,
    rng: &mut Rng,
    parallelism: Par,
) -> Result<Svd<T>, SvdError> {
    let (m, n) = matrix.shape();
    // Where its products are worth more than one thread, as in `narrow`.
    let awake = worthwhile(parallelism, 4 * m * n * block_size(m, n));
    in_pool_awake(awake, || grown(matrix, rank, tolerance, rng, parallelism))
}

fn grown<T: Scalar>(
    matrix: MatRef<'_, T>,
    rank: usize,
    tolerance: f64,
    rng: &mut Rng,
    parallelism: Par,
) -> Result<Svd<T>, SvdError> {
    let limit = matrix.nrows().min(matrix.ncols()) / 2;
    if let Some(svd) = lanczos::leading_triplets(matrix, rank, tolerance, limit, rng, parallelism)? {
        return Ok(svd);
    }
    if let Some(svd) = bidiagonalisation::leading_triplets(matrix, rank, tolerance, limit, rng, parallelism)? {
        return Ok(svd);
    }
    let full = thin_svd(matrix, parallelism)?;
    Ok(Svd {
        left: full.left.subcols(0, rank).to_owned(),
        right: full.right.subcols(0, rank).to_owned(),
        singular_values: full.singular_values[..rank].to_vec(),
        fallback: Some("krylov: no convergence within half the matrix, full SVD instead"),
    })
}

/// Columns added at a time. A narrow block reaches a higher Krylov degree with the same basis, a wide one reads the matrix less
/// often: with σ_j = 1/j, blocks of 4, 8, 16 and 32 take 38, 23, 15 and 10 steps to 64 triplets. Narrow while the matrix stays
/// in the cache; where every pass goes to memory, eight columns cost what four do, and sixteen nearly twice that.
fn block_size(rows: usize, columns: usize) -> usize {
    if rows * columns <= 1 << 19 { 4 } else { 8 }
}

/// When to look whether a growing basis has converged: a look costs as much as several blocks.
struct Looks {
    rank: usize,
    block: usize,
    tolerance: f64,
    next: usize,
}

impl Looks {
    /// First where fast decaying spectra come in.
    fn new(rank: usize, block: usize, tolerance: f64) -> Self {
        Self { rank, block, tolerance, next: rank + rank / 2 + 2 * block }
    }

    fn due(&self, size: usize) -> bool {
        size >= self.next
    }

    /// On decaying spectra the logarithm of the residual (relative to σ₁) falls about with the square of the columns beyond
    /// the rank. Too early costs a look, too late costs readings of A.
    fn missed(&mut self, size: usize, residual: f64) {
        let ahead = (self.tolerance.ln() / residual.min(0.5).ln()).sqrt() - 1.0;
        let columns = (ahead * (size - self.rank) as f64) as usize;
        self.next = size + columns.clamp(1, 16 * self.block);
    }
}

fn append<T: Scalar>(basis: &mut Mat<T>, block: MatRef<'_, T>) {
    let size = basis.ncols();
    basis.resize_with(block.nrows(), size + block.ncols(), |_, _| T::of(0.0));
    basis.subcols_mut(size, block.ncols()).copy_from(block);
}
