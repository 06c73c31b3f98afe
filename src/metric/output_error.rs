//! The error of what the matrix is for: its product with V.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};

use crate::{linalg::norms::frobenius, low_rank::LowRank};

/// V and A·V.
#[derive(Debug, Clone)]
pub(super) struct Output {
    /// V, n×d.
    values: Mat<f64>,
    /// A·V, m×d.
    exact: Mat<f64>,
    /// ‖A·V‖_F.
    norm: f64,
}

impl Output {
    pub(super) fn new(matrix: MatRef<'_, f64>, values: Mat<f64>, parallelism: Par) -> Self {
        let mut exact = Mat::zeros(matrix.nrows(), values.ncols());
        matmul(&mut exact, Accum::Replace, matrix, &values, 1.0, parallelism);
        let norm = frobenius(exact.as_ref());
        Self { values, exact, norm }
    }

    /// A·V.
    pub(super) fn exact(&self) -> MatRef<'_, f64> {
        self.exact.as_ref()
    }

    /// A·V − L·(R·V), as a user of the factors would compute it.
    pub(super) fn residual(&self, factors: &LowRank<f64>, parallelism: Par) -> Mat<f64> {
        &self.exact - factors.apply(self.values.as_ref(), parallelism)
    }

    /// A·V − Â·V of a matrix that is not factored.
    pub(super) fn residual_of_dense(&self, dense: &Mat<f64>, parallelism: Par) -> Mat<f64> {
        let mut residual = self.exact.clone();
        matmul(&mut residual, Accum::Add, dense, &self.values, -1.0, parallelism);
        residual
    }

    /// ‖(A − Â)V‖_F/‖AV‖_F; `None` where AV is zero.
    pub(super) fn relative_error(&self, residual: MatRef<'_, f64>) -> Option<f64> {
        (self.norm > 0.0).then(|| frobenius(residual) / self.norm)
    }
}
