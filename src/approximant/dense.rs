//! The baseline of a formed matrix: the matrix itself.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};

use super::Operator;
use crate::linalg::{Scalar, fingerprint, scale::magnitude};

/// A matrix that is kept as it is.
#[derive(Debug, Clone)]
pub struct Dense<T>(pub Mat<T>);

impl<T: Scalar> Operator<T> for Dense<T> {
    fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }
    fn apply(&self, values: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
        let mut applied = Mat::zeros(self.0.nrows(), values.ncols());
        matmul(&mut applied, Accum::Replace, &self.0, values, T::one(), parallelism);
        applied
    }
    fn rows(&self, which: &[usize]) -> Mat<T> {
        Mat::from_fn(which.len(), self.0.ncols(), |i, j| self.0[(which[i], j)])
    }
    fn magnitudes(&self, which: &[usize], sizes: &[f64]) -> Vec<f64> {
        let row = |&i: &usize| sizes.iter().enumerate().map(|(j, size)| self.0[(i, j)].to_f64().abs() * size).sum();
        which.iter().map(row).collect()
    }
    fn parameters(&self) -> usize {
        self.0.nrows() * self.0.ncols()
    }
    fn bytes(&self) -> usize {
        self.parameters() * size_of::<T>()
    }
    fn apply_flops(&self, columns: usize) -> u64 {
        2 * self.parameters() as u64 * columns as u64
    }
    fn is_finite(&self) -> bool {
        magnitude(self.0.as_ref()).is_ok()
    }
    fn fingerprint(&self) -> u64 {
        fingerprint(&[self.0.as_ref()], &[])
    }
}
