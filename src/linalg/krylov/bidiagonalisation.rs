//! Block Golub–Kahan bidiagonalisation with full reorthogonalisation on both sides: every digit the precision has, for twice
//! the work of [`super::lanczos`].

use faer::{Mat, MatRef, Par};

use super::{Looks, append, block_size};
use crate::{
    linalg::{
        Scalar,
        gaussian::gaussian,
        narrow::coordinates,
        orthonormalize::orthonormalize,
        range_finder::{extension, product},
        svd::{Svd, SvdError, thin_svd},
    },
    random::Rng,
};

/// The leading `rank` singular triplets, each with ‖Aᵀu − σv‖₂ ≤ `tolerance`·σ₁ (Av = σu holds by construction); `None` if
/// that takes a basis of more than `limit` columns.
///
/// # Errors
/// As [`thin_svd`].
pub fn leading_triplets<T: Scalar>(
    matrix: MatRef<'_, T>,
    rank: usize,
    tolerance: f64,
    limit: usize,
    rng: &mut Rng,
    parallelism: Par,
) -> Result<Option<Svd<T>>, SvdError> {
    let block = block_size(matrix.nrows(), matrix.ncols()).min(limit);
    let mut bases = Bidiagonalisation::start(matrix, block, rng, parallelism);
    let mut looks = Looks::new(rank, block, tolerance);
    while block > 0 && bases.size() + 2 * block <= limit {
        bases.grow(rng);
        if !looks.due(bases.size()) {
            continue;
        }
        let small = thin_svd(bases.projected().as_ref(), Par::Seq)?;
        let (residual, largest) = (bases.residual(&small, rank), small.singular_values[0]);
        if residual <= tolerance * largest {
            return Ok(Some(bases.triplets(small, rank)));
        }
        looks.missed(bases.size(), residual / largest);
    }
    Ok(None)
}

/// A·V = U·B and Aᵀ·U = V·Bᵀ + (next block of V)·(coupling)·Eᵀ, with U and V orthonormal.
struct Bidiagonalisation<'a, T: Scalar> {
    matrix: MatRef<'a, T>,
    parallelism: Par,
    /// m×s.
    left: Mat<T>,
    /// n×(s + b): one block ahead of `left`.
    right: Mat<T>,
    /// B by blocks of columns: UᵀAV, s×s, upper triangular by blocks.
    columns: Vec<Mat<T>>,
    /// (Aᵀ·last left block) in the coordinates of the newest right block, b×b.
    coupling: Mat<T>,
}

impl<'a, T: Scalar> Bidiagonalisation<'a, T> {
    fn start(matrix: MatRef<'a, T>, block: usize, rng: &mut Rng, parallelism: Par) -> Self {
        Self {
            matrix,
            parallelism,
            left: Mat::zeros(matrix.nrows(), 0),
            // Starting in the row space (Aᵀ·Gaussian) is worth one product with A: the basis holds no null directions.
            right: orthonormalize(
                product(matrix.transpose(), gaussian::<T>(matrix.nrows(), block, rng).as_ref(), parallelism),
                parallelism,
            ),
            columns: Vec::new(),
            coupling: Mat::zeros(0, 0),
        }
    }

    fn size(&self) -> usize {
        self.left.ncols()
    }

    /// One block more on both sides: two products with A.
    fn grow(&mut self, rng: &mut Rng) {
        let size = self.size();
        let block = self.right.ncols() - size;
        let image = product(self.matrix, self.right.subcols(size, block), self.parallelism);
        let fresh = extension(self.left.as_ref(), image.clone(), rng, self.parallelism);
        append(&mut self.left, fresh.as_ref());
        self.columns.push(product(self.left.transpose(), image.as_ref(), self.parallelism));

        let back = coordinates(self.matrix, fresh.as_ref(), self.parallelism);
        let ahead = extension(self.right.as_ref(), back.clone(), rng, self.parallelism);
        self.coupling = product(ahead.transpose(), back.as_ref(), self.parallelism);
        append(&mut self.right, ahead.as_ref());
    }

    /// B = UᵀAV, s×s.
    fn projected(&self) -> Mat<T> {
        let mut projected = Mat::zeros(self.size(), self.size());
        let mut at = 0;
        for column in &self.columns {
            projected.submatrix_mut(0, at, column.nrows(), column.ncols()).copy_from(column);
            at += column.ncols();
        }
        projected
    }

    /// max over the leading `rank` triplets of ‖Aᵀu − σv‖₂: what leaves V through the newest block.
    fn residual(&self, small: &Svd<T>, rank: usize) -> f64 {
        let block = self.coupling.ncols();
        let last_rows = small.left.submatrix(self.size() - block, 0, block, rank);
        let leaving = product(self.coupling.as_ref(), last_rows, self.parallelism);
        (0..rank).map(|j| leaving.col(j).norm_l2().to_f64()).fold(0.0, f64::max)
    }

    fn triplets(&self, small: Svd<T>, rank: usize) -> Svd<T> {
        let right = self.right.subcols(0, self.size());
        Svd {
            left: product(self.left.as_ref(), small.left.subcols(0, rank), self.parallelism),
            right: product(right, small.right.subcols(0, rank), self.parallelism),
            singular_values: small.singular_values[..rank].to_vec(),
            fallback: small.fallback,
        }
    }
}
