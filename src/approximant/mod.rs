//! What stands in for a matrix: a pair of factors, or one of the controls that are none.

mod dense;
mod exact_attention;
mod sparse_rows;

pub use dense::Dense;
pub use exact_attention::ExactAttention;
pub use sparse_rows::{SparseRows, filled_by_bands};

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};

use crate::{
    linalg::{Scalar, in_pool, to_f64},
    low_rank::LowRank,
};

/// What everything that stands in for an m×n matrix can do.
pub trait Operator<T: Scalar> {
    /// m×n.
    fn shape(&self) -> (usize, usize);

    /// Its product with an n×d block: m×d.
    fn apply(&self, values: MatRef<'_, T>, parallelism: Par) -> Mat<T>;

    /// Some of its rows, formed: `which.len()`×n. For measuring only.
    fn rows(&self, which: &[usize]) -> Mat<T>;

    /// Of some rows, Σ_j |stored numbers|·`sizes`_j: what the rounding of a product with numbers of such sizes is a fraction of.
    fn magnitudes(&self, which: &[usize], sizes: &[f64]) -> Vec<f64>;

    /// Numbers stored, indices among them.
    fn parameters(&self) -> usize;

    /// Bytes stored.
    fn bytes(&self) -> usize;

    /// Flops of [`Self::apply`] to an n×`columns` block.
    fn apply_flops(&self, columns: usize) -> u64;

    /// Whether every number stored is finite.
    fn is_finite(&self) -> bool;

    /// A hash of the exact bits stored: equal draws of a deterministic method give equal fingerprints.
    fn fingerprint(&self) -> u64;
}

/// What a method returns.
#[derive(Debug, Clone)]
pub enum Approximant<T> {
    /// A low-rank approximation, the rule.
    Pair(LowRank<T>),
    /// A control: few entries of every row.
    SparseRows(SparseRows<T>),
    /// The baseline: exact attention, never formed.
    Exact(ExactAttention<T>),
    /// The baseline of a formed matrix: the matrix itself.
    Dense(Dense<T>),
}

impl<T> From<LowRank<T>> for Approximant<T> {
    fn from(pair: LowRank<T>) -> Self {
        Self::Pair(pair)
    }
}

impl<T: Scalar> Approximant<T> {
    fn operator(&self) -> &dyn Operator<T> {
        match self {
            Self::Pair(pair) => pair,
            Self::SparseRows(rows) => rows,
            Self::Exact(attention) => attention,
            Self::Dense(matrix) => matrix,
        }
    }

    /// The pair of factors, where it is one.
    #[must_use]
    pub fn pair(&self) -> Option<&LowRank<T>> {
        match self {
            Self::Pair(pair) => Some(pair),
            Self::SparseRows(_) | Self::Exact(_) | Self::Dense(_) => None,
        }
    }

    /// The pair of factors, where it is one.
    #[must_use]
    pub fn into_pair(self) -> Option<LowRank<T>> {
        match self {
            Self::Pair(pair) => Some(pair),
            Self::SparseRows(_) | Self::Exact(_) | Self::Dense(_) => None,
        }
    }

    /// The rank-`rank` answer of a nested method: the leading part of a pair.
    #[must_use]
    pub fn truncate(&self, rank: usize) -> Self {
        match self {
            Self::Pair(pair) => Self::Pair(pair.truncate(rank)),
            Self::SparseRows(_) | Self::Exact(_) | Self::Dense(_) => self.clone(),
        }
    }

    /// The m×n matrix it stands for. For measuring only.
    #[must_use]
    pub fn to_dense(&self) -> Mat<T> {
        self.rows(&(0..self.shape().0).collect::<Vec<_>>())
    }

    /// Every number widened to f64.
    #[must_use]
    pub fn to_f64(&self) -> Approximant<f64> {
        match self {
            Self::Pair(pair) => Approximant::Pair(pair.to_f64()),
            Self::SparseRows(rows) => Approximant::SparseRows(rows.to_f64()),
            Self::Exact(attention) => Approximant::Exact(ExactAttention(attention.0.to_f64())),
            Self::Dense(matrix) => Approximant::Dense(Dense(to_f64(matrix.0.as_ref()))),
        }
    }
}

impl<T: Scalar> Operator<T> for Approximant<T> {
    fn shape(&self) -> (usize, usize) {
        self.operator().shape()
    }
    fn apply(&self, values: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
        in_pool(parallelism, || self.operator().apply(values, parallelism))
    }
    fn rows(&self, which: &[usize]) -> Mat<T> {
        self.operator().rows(which)
    }
    fn magnitudes(&self, which: &[usize], sizes: &[f64]) -> Vec<f64> {
        self.operator().magnitudes(which, sizes)
    }
    fn parameters(&self) -> usize {
        self.operator().parameters()
    }
    fn bytes(&self) -> usize {
        self.operator().bytes()
    }
    fn apply_flops(&self, columns: usize) -> u64 {
        self.operator().apply_flops(columns)
    }
    fn is_finite(&self) -> bool {
        self.operator().is_finite()
    }
    fn fingerprint(&self) -> u64 {
        self.operator().fingerprint()
    }
}

impl<T: Scalar> Operator<T> for LowRank<T> {
    fn shape(&self) -> (usize, usize) {
        (self.nrows(), self.ncols())
    }
    fn apply(&self, values: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
        Self::apply(self, values, parallelism)
    }
    fn rows(&self, which: &[usize]) -> Mat<T> {
        let left = Mat::from_fn(which.len(), self.rank(), |i, l| self.left[(which[i], l)]);
        let mut rows = Mat::zeros(which.len(), self.ncols());
        matmul(&mut rows, Accum::Replace, &left, &self.right, T::one(), Par::Seq);
        rows
    }
    fn magnitudes(&self, which: &[usize], sizes: &[f64]) -> Vec<f64> {
        let mut inner = vec![0.0; self.rank()];
        for (column, size) in self.right.col_iter().zip(sizes) {
            inner.iter_mut().zip(column.iter()).for_each(|(sum, &entry)| *sum += entry.to_f64().abs() * size);
        }
        let row =
            |&i: &usize| inner.iter().enumerate().map(|(l, inner)| self.left[(i, l)].to_f64().abs() * inner).sum();
        which.iter().map(row).collect()
    }
    fn parameters(&self) -> usize {
        Self::parameters(self)
    }
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
    fn apply_flops(&self, columns: usize) -> u64 {
        Self::apply_flops(self, columns)
    }
    fn is_finite(&self) -> bool {
        Self::is_finite(self)
    }
    fn fingerprint(&self) -> u64 {
        Self::fingerprint(self)
    }
}
