//! Block Lanczos on AAᵀ with full reorthogonalisation, and one Rayleigh–Ritz step on A itself at the end.

use faer::{
    Mat, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch},
};

use super::{Looks, append};
use crate::{
    linalg::{
        Scalar,
        gaussian::gaussian,
        normal_product::add_normal_product,
        orthonormalize::orthonormalize,
        range_finder::{best_in_range, extension, product},
        svd::{Svd, SvdError},
    },
    random::Rng,
};

/// Columns added at a time: as many as [`add_normal_product`] takes in one reading of A. A narrow block reaches a higher
/// degree with the same basis.
const BLOCK: usize = 4;

/// The leading `rank` singular triplets, each with ‖Av − σu‖₂ ≤ `tolerance`·σ₁ (Aᵀu = σv holds by construction); `None` if
/// that takes a basis of more than `limit` columns, or more digits than are left once singular values are squared.
///
/// # Errors
/// As [`crate::linalg::svd::thin_svd`].
pub fn leading_triplets<T: Scalar>(
    matrix: MatRef<'_, T>,
    rank: usize,
    tolerance: f64,
    limit: usize,
    rng: &mut Rng,
    parallelism: Par,
) -> Result<Option<Svd<T>>, SvdError> {
    if matrix.row_stride() != 1 {
        if matrix.col_stride() != 1 {
            return Ok(None);
        }
        let transposed = leading_triplets(matrix.transpose(), rank, tolerance, limit, rng, parallelism)?;
        return Ok(transposed.map(|svd| Svd { left: svd.right, right: svd.left, ..svd }));
    }
    if rank == 0 || 2 * rank + 4 * BLOCK > limit {
        return Ok(None);
    }
    let mut bases = Lanczos::start(matrix, rng, parallelism);
    let mut looks = Looks::new(rank, BLOCK, tolerance);
    while bases.size() + 2 * BLOCK <= limit {
        bases.grow(rng);
        if !looks.due(bases.size()) {
            continue;
        }
        let Some(ritz) = bases.ritz(rank) else { return Ok(None) };
        let (largest, least) = (ritz.squares[0], ritz.squares[rank - 1]);
        // A residual of AAᵀ is known up to a small multiple of u·σ₁², one of A therefore up to u·σ₁²/σ_k: stay far above it.
        const MARGIN: f64 = 100.0;
        if tolerance * least.max(0.0).sqrt() < MARGIN * T::UNIT_ROUNDOFF * largest.sqrt() {
            return Ok(None);
        }
        let residual = bases.residual(&ritz) / largest.sqrt();
        if residual <= tolerance {
            let left = product(bases.basis.subcols(0, bases.size()), ritz.vectors.as_ref(), parallelism);
            return best_in_range(matrix, left.as_ref(), rank, parallelism).map(Some);
        }
        looks.missed(bases.size(), residual);
    }
    Ok(None)
}

/// AAᵀ·U = U·T + (next block)·(last coupling)·Eᵀ, with U orthonormal and T block tridiagonal.
struct Lanczos<'a, T: Scalar> {
    matrix: MatRef<'a, T>,
    parallelism: Par,
    /// m×(s + b): one block ahead of T.
    basis: Mat<T>,
    /// The diagonal blocks of T, b×b each.
    diagonal: Vec<Mat<T>>,
    /// The blocks below them, each (next block)ᵀ·AAᵀ·(block).
    couplings: Vec<Mat<T>>,
}

/// Leading eigenpairs of T.
struct Ritz<T> {
    /// Descending; estimates of σ².
    squares: Vec<f64>,
    /// s×k.
    vectors: Mat<T>,
}

impl<'a, T: Scalar> Lanczos<'a, T> {
    fn start(matrix: MatRef<'a, T>, rng: &mut Rng, parallelism: Par) -> Self {
        // Starting in the range of A is worth one product: the basis holds no null directions.
        let start = product(matrix, gaussian::<T>(matrix.ncols(), BLOCK, rng).as_ref(), parallelism);
        Self {
            matrix,
            parallelism,
            basis: orthonormalize(start, parallelism),
            diagonal: Vec::new(),
            couplings: Vec::new(),
        }
    }

    /// s, the order of T.
    fn size(&self) -> usize {
        BLOCK * self.diagonal.len()
    }

    /// One block more: A is read once.
    fn grow(&mut self, rng: &mut Rng) {
        let newest = self.basis.subcols(self.size(), BLOCK);
        let mut image = Mat::zeros(self.matrix.nrows(), BLOCK);
        add_normal_product(image.as_mut(), T::of(1.0), self.matrix, newest, self.parallelism);
        self.diagonal.push(product(newest.transpose(), image.as_ref(), self.parallelism));
        let next = extension(self.basis.as_ref(), image.clone(), rng, self.parallelism);
        self.couplings.push(product(next.transpose(), image.as_ref(), self.parallelism));
        append(&mut self.basis, next.as_ref());
    }

    /// T's lower triangle.
    fn projected(&self) -> Mat<T> {
        let mut projected = Mat::zeros(self.size(), self.size());
        for (block, (diagonal, coupling)) in self.diagonal.iter().zip(&self.couplings).enumerate() {
            let at = block * BLOCK;
            projected.submatrix_mut(at, at, BLOCK, BLOCK).copy_from(diagonal);
            if at + BLOCK < self.size() {
                projected.submatrix_mut(at + BLOCK, at, BLOCK, BLOCK).copy_from(coupling);
            }
        }
        projected
    }

    fn ritz(&self, rank: usize) -> Option<Ritz<T>> {
        let size = self.size();
        let mut values = Diag::<T>::zeros(size);
        let mut vectors = Mat::<T>::zeros(size, size);
        let wanted = ComputeEigenvectors::Yes;
        let mut memory =
            MemBuffer::new(self_adjoint_evd_scratch::<T>(size, wanted, Par::Seq, faer::prelude::default()));
        self_adjoint_evd(
            self.projected().as_ref(),
            values.as_mut(),
            Some(vectors.as_mut()),
            Par::Seq,
            MemStack::new(&mut memory),
            faer::prelude::default(),
        )
        .ok()?;
        // faer gives them ascending.
        let squares = (0..rank).map(|j| values.column_vector()[size - 1 - j].to_f64()).collect();
        Some(Ritz { squares, vectors: Mat::from_fn(size, rank, |i, j| vectors[(i, size - 1 - j)]) })
    }

    /// max over the leading triplets of ‖AAᵀu − σ²u‖₂/σ = ‖Av − σu‖₂: what leaves the basis through the newest block.
    fn residual(&self, ritz: &Ritz<T>) -> f64 {
        let Some(coupling) = self.couplings.last() else { return f64::INFINITY };
        let last_rows = ritz.vectors.subrows(self.size() - BLOCK, BLOCK);
        let leaving = product(coupling.as_ref(), last_rows, Par::Seq);
        let residual = |(j, &square): (usize, &f64)| leaving.col(j).norm_l2().to_f64() / square.max(0.0).sqrt();
        ritz.squares.iter().enumerate().map(residual).fold(0.0, f64::max)
    }
}
