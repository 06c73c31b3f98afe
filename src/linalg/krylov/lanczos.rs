//! Block Lanczos on AAᵀ with full reorthogonalisation, and one Rayleigh–Ritz step on A itself at the end.

use faer::{
    Mat, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch},
};

use super::{Looks, append, band::Band, block_size};
use crate::{
    linalg::{
        Scalar,
        gaussian::gaussian,
        narrow::{add_combination, coordinates},
        orthonormalize::orthonormalize,
        range_finder::{best_in_range, extension, product},
        svd::{Svd, SvdError},
    },
    random::Rng,
};

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
    let wide = block_size(matrix.nrows(), matrix.ncols());
    // A wide block takes a larger basis: about three times the rank on decaying spectra, where a narrow one takes twice.
    let block = if 3 * rank + 4 * wide <= limit { wide } else { wide.min(4) };
    if rank == 0 || 2 * rank + 4 * block > limit {
        return Ok(None);
    }
    let mut bases = Lanczos::start(matrix, block, rank, rng, parallelism);
    let mut looks = Looks::new(rank, block, tolerance);
    while bases.size() + 2 * block <= limit {
        bases.grow(rng);
        if !looks.due(bases.size()) {
            continue;
        }
        // All pairs cost as much as many blocks, one next to nothing; and the last is the slowest on a decaying spectrum.
        let slowest = bases.slowest(rank);
        if !attainable::<T>(tolerance, &slowest) {
            return Ok(None);
        }
        if slowest.residual > tolerance {
            looks.missed(bases.size(), slowest.residual);
            continue;
        }
        let Some(ritz) = bases.ritz(rank) else { return Ok(None) };
        let residual = bases.residual(&ritz) / ritz.squares[0].sqrt();
        if residual <= tolerance {
            let left = product(bases.basis.subcols(0, bases.size()), ritz.vectors.as_ref(), parallelism);
            return best_in_range(matrix, left.as_ref(), rank, parallelism).map(Some);
        }
        looks.missed(bases.size(), residual);
    }
    Ok(None)
}

/// Whether squared singular values leave the digits that are asked for.
fn attainable<T: Scalar>(tolerance: f64, slowest: &Slowest) -> bool {
    // A residual of AAᵀ is known up to a small multiple of u·σ₁², one of A therefore up to u·σ₁²/σ_k: stay far above it.
    const MARGIN: f64 = 100.0;
    tolerance * slowest.size >= MARGIN * T::UNIT_ROUNDOFF
}

/// AAᵀ·U = U·T + (next block)·(last coupling)·Eᵀ, with U orthonormal and T block tridiagonal.
struct Lanczos<'a, T: Scalar> {
    matrix: MatRef<'a, T>,
    parallelism: Par,
    /// b.
    block: usize,
    /// m×(s + b): one block ahead of T.
    basis: Mat<T>,
    /// The diagonal blocks of T, b×b each.
    diagonal: Vec<Mat<T>>,
    /// The blocks below them, each (next block)ᵀ·AAᵀ·(block).
    couplings: Vec<Mat<T>>,
}

/// The last of the leading triplets.
struct Slowest {
    /// σ_k/σ₁.
    size: f64,
    /// ‖Av − σu‖₂/σ₁.
    residual: f64,
}

/// Leading eigenpairs of T.
struct Ritz<T> {
    /// Descending; estimates of σ².
    squares: Vec<f64>,
    /// s×k.
    vectors: Mat<T>,
}

impl<'a, T: Scalar> Lanczos<'a, T> {
    fn start(matrix: MatRef<'a, T>, block: usize, rank: usize, rng: &mut Rng, parallelism: Par) -> Self {
        // Starting in the range of A is worth one product: the basis holds no null directions.
        let start = product(matrix, gaussian::<T>(matrix.ncols(), block, rng).as_ref(), parallelism);
        let mut basis = orthonormalize(start, parallelism);
        // What decaying spectra take, so that growing does not move it each time.
        basis.reserve(matrix.nrows(), 3 * rank + 4 * block);
        Self { matrix, parallelism, block, basis, diagonal: Vec::new(), couplings: Vec::new() }
    }

    /// s, the order of T.
    fn size(&self) -> usize {
        self.block * self.diagonal.len()
    }

    /// One block more: two products with A.
    fn grow(&mut self, rng: &mut Rng) {
        let newest = self.basis.subcols(self.size(), self.block);
        let mut image = Mat::zeros(self.matrix.nrows(), self.block);
        let across = coordinates(self.matrix, newest, self.parallelism);
        add_combination(image.as_mut(), T::of(1.0), self.matrix, across.as_ref(), self.parallelism);
        self.diagonal.push(product(newest.transpose(), image.as_ref(), self.parallelism));
        let next = extension(self.basis.as_ref(), image.clone(), rng, self.parallelism);
        self.couplings.push(product(next.transpose(), image.as_ref(), self.parallelism));
        append(&mut self.basis, next.as_ref());
    }

    /// T's lower triangle.
    fn projected(&self) -> Mat<T> {
        let mut projected = Mat::zeros(self.size(), self.size());
        for (block, (diagonal, coupling)) in self.diagonal.iter().zip(&self.couplings).enumerate() {
            let at = block * self.block;
            projected.submatrix_mut(at, at, self.block, self.block).copy_from(diagonal);
            if at + self.block < self.size() {
                projected.submatrix_mut(at + self.block, at, self.block, self.block).copy_from(coupling);
            }
        }
        projected
    }

    fn slowest(&self, rank: usize) -> Slowest {
        let projected = Band::of_lower(self.projected().as_ref());
        let (square, vector) = projected.eigenpair(rank - 1);
        let (largest, least) = (projected.eigenvalue(0).sqrt(), square.max(0.0).sqrt());
        let last = &vector[self.size() - self.block..];
        let leaving = self.couplings.last().map_or(f64::INFINITY, |coupling| {
            let entry = |i: usize| (0..self.block).map(|j| coupling[(i, j)].to_f64() * last[j]).sum::<f64>();
            (0..self.block).map(entry).map(|entry| entry * entry).sum::<f64>().sqrt()
        });
        Slowest { size: least / largest, residual: leaving / least / largest }
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
        let last_rows = ritz.vectors.subrows(self.size() - self.block, self.block);
        let leaving = product(coupling.as_ref(), last_rows, Par::Seq);
        let residual = |(j, &square): (usize, &f64)| leaving.col(j).norm_l2().to_f64() / square.max(0.0).sqrt();
        ritz.squares.iter().enumerate().map(residual).fold(0.0, f64::max)
    }
}
