//! Every approximation is a pair of factors.

use faer::{Mat, MatRef, Par, linalg::matmul::matmul};

use crate::linalg::{
    Scalar, from_f64,
    scale::{magnitude, scaled},
};

/// `Â = left · right`, with `left` m×r and `right` r×n.
#[derive(Debug, Clone)]
pub struct LowRank<T> {
    /// m×r.
    pub left: Mat<T>,
    /// r×n.
    pub right: Mat<T>,
}

impl LowRank<f64> {
    /// Both factors rounded to `T`.
    #[must_use]
    pub fn round<T: Scalar>(&self) -> LowRank<T> {
        LowRank { left: from_f64(self.left.as_ref()), right: from_f64(self.right.as_ref()) }
    }
}

impl<T: Scalar> LowRank<T> {
    /// Pairs two factors.
    ///
    /// # Panics
    /// If `left` has not as many columns as `right` has rows: a method that does that is wrong.
    #[must_use]
    pub fn new(left: Mat<T>, right: Mat<T>) -> Self {
        assert_eq!(left.ncols(), right.nrows(), "the factors of a pair share their inner dimension");
        Self { left, right }
    }

    /// m, the rows of the product.
    #[must_use]
    pub fn nrows(&self) -> usize {
        self.left.nrows()
    }

    /// n, the columns of the product.
    #[must_use]
    pub fn ncols(&self) -> usize {
        self.right.ncols()
    }

    /// r, the inner dimension: an upper bound of the product's rank, and what storing and applying it costs.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.left.ncols()
    }

    /// `(left · right) · values` as `left · (right · values)`: m×d in 2r(m+n)d flops, without forming the product.
    #[must_use]
    pub fn apply(&self, values: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
        let mut inner = Mat::zeros(self.rank(), values.ncols());
        matmul(&mut inner, faer::Accum::Replace, &self.right, values, T::one(), parallelism);
        let mut applied = Mat::zeros(self.nrows(), values.ncols());
        matmul(&mut applied, faer::Accum::Replace, &self.left, &inner, T::one(), parallelism);
        applied
    }

    /// The m×n product, formed. For measuring only.
    #[must_use]
    pub fn to_dense(&self, parallelism: Par) -> Mat<T> {
        let mut dense = Mat::zeros(self.nrows(), self.ncols());
        matmul(&mut dense, faer::Accum::Replace, &self.left, &self.right, T::one(), parallelism);
        dense
    }

    /// The first `rank` columns of `left` with the first `rank` rows of `right`: the rank-`rank` answer of a nested method.
    #[must_use]
    pub fn truncate(&self, rank: usize) -> Self {
        let rank = rank.min(self.rank());
        Self { left: self.left.subcols(0, rank).to_owned(), right: self.right.subrows(0, rank).to_owned() }
    }

    /// Both factors in f64.
    #[must_use]
    pub fn to_f64(&self) -> LowRank<f64> {
        LowRank { left: crate::linalg::to_f64(self.left.as_ref()), right: crate::linalg::to_f64(self.right.as_ref()) }
    }

    /// Numbers stored: r(m+n).
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.rank() * (self.nrows() + self.ncols())
    }

    /// Bytes stored, at the width of `T`.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parameters() * size_of::<T>()
    }

    /// Flops of [`Self::apply`] to an n×`columns` block.
    #[must_use]
    pub fn apply_flops(&self, columns: usize) -> u64 {
        2 * self.parameters() as u64 * columns as u64
    }

    /// The pair times 2^`exponent`, half of it on each side so that neither factor leaves the range of `T` alone.
    #[must_use]
    pub fn scaled(&self, exponent: i32) -> Self {
        let half = exponent / 2;
        Self::new(scaled(self.left.as_ref(), half), scaled(self.right.as_ref(), exponent - half))
    }

    /// Whether every entry of both factors is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        magnitude(self.left.as_ref()).is_ok() && magnitude(self.right.as_ref()).is_ok()
    }

    /// A hash of the exact bits of both factors: equal draws of a deterministic method give equal fingerprints.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        crate::linalg::fingerprint(&[self.left.as_ref(), self.right.as_ref()], &[])
    }
}
