//! A matrix of which every row keeps few entries: the form of the controls that are not low rank.

use faer::{Mat, MatRef, Par};
use rayon::{
    iter::{IndexedParallelIterator, ParallelIterator},
    slice::ParallelSliceMut,
};

use super::Operator;
use crate::linalg::{Scalar, fingerprint};

/// An m×n matrix with at most `width` entries in each row.
#[derive(Debug, Clone)]
pub struct SparseRows<T> {
    columns: usize,
    width: usize,
    /// Column numbers, `width` for each row; of places that hold nothing, 0.
    indices: Vec<u32>,
    /// Entries, `width` for each row; of places that hold nothing, 0.
    weights: Vec<T>,
}

impl<T: Scalar> SparseRows<T> {
    /// An m×`columns` matrix of `indices` and `weights`, `width` of each for every row.
    ///
    /// # Panics
    /// If there are not as many weights as indices, or an index lies outside: a method that does that is wrong.
    #[must_use]
    pub fn new(columns: usize, width: usize, indices: Vec<u32>, weights: Vec<T>) -> Self {
        assert!(indices.len() == weights.len() && indices.len().is_multiple_of(width.max(1)), "rows of one width");
        assert!(indices.iter().all(|&index| (index as usize) < columns), "an index lies outside of the matrix");
        Self { columns, width, indices, weights }
    }

    pub(super) fn to_f64(&self) -> SparseRows<f64> {
        let weights = self.weights.iter().map(|weight| weight.to_f64()).collect();
        SparseRows { columns: self.columns, width: self.width, indices: self.indices.clone(), weights }
    }

    fn row(&self, i: usize) -> impl Iterator<Item = (usize, T)> {
        let places = i * self.width..(i + 1) * self.width;
        self.indices[places.clone()].iter().map(|&index| index as usize).zip(self.weights[places].iter().copied())
    }
}

/// Rows of one task: enough to be worth sharing out.
const BAND: usize = 256;

impl<T: Scalar> Operator<T> for SparseRows<T> {
    fn shape(&self) -> (usize, usize) {
        (self.weights.len() / self.width.max(1), self.columns)
    }

    fn apply(&self, values: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
        let (rows, d) = (self.shape().0, values.ncols());
        // A row of V is read whole, so V lies row by row.
        let mut by_rows = vec![T::zero(); self.columns * d];
        for (l, column) in values.col_iter().enumerate() {
            for (i, &entry) in column.iter().enumerate() {
                by_rows[i * d + l] = entry;
            }
        }
        let mut applied = vec![T::zero(); rows * d];
        let band = |(index, band): (usize, &mut [T])| {
            for (offset, output) in band.chunks_exact_mut(d.max(1)).enumerate() {
                for (j, weight) in self.row(index * BAND + offset) {
                    for (sum, &value) in output.iter_mut().zip(&by_rows[j * d..(j + 1) * d]) {
                        *sum += weight * value;
                    }
                }
            }
        };
        let length = (BAND * d).max(1);
        if matches!(parallelism, Par::Seq) {
            applied.chunks_mut(length).enumerate().for_each(band);
        } else {
            applied.par_chunks_mut(length).enumerate().for_each(band);
        }
        Mat::from_fn(rows, d, |i, l| applied[i * d + l])
    }

    fn rows(&self, which: &[usize]) -> Mat<T> {
        let mut rows = Mat::zeros(which.len(), self.columns);
        for (place, &i) in which.iter().enumerate() {
            for (j, weight) in self.row(i) {
                rows[(place, j)] += weight;
            }
        }
        rows
    }

    fn magnitudes(&self, which: &[usize], sizes: &[f64]) -> Vec<f64> {
        which.iter().map(|&i| self.row(i).map(|(j, weight)| weight.to_f64().abs() * sizes[j]).sum()).collect()
    }

    fn parameters(&self) -> usize {
        2 * self.weights.len()
    }

    fn bytes(&self) -> usize {
        self.weights.len() * (size_of::<T>() + size_of::<u32>())
    }

    fn apply_flops(&self, columns: usize) -> u64 {
        2 * self.weights.len() as u64 * columns as u64
    }

    fn is_finite(&self) -> bool {
        self.weights.iter().all(|weight| weight.to_f64().is_finite())
    }

    fn fingerprint(&self) -> u64 {
        fingerprint(&[MatRef::from_column_major_slice(&self.weights, self.weights.len(), 1)], &self.indices)
    }
}

/// Fills `width` places a row of m rows in bands that share nothing, so that threads do not change a bit.
///
/// `fill(i, indices, weights)` is called with the first row of a band and its places.
pub fn filled_by_bands<T: Scalar>(
    rows: usize,
    width: usize,
    band: usize,
    parallelism: Par,
    fill: impl Fn(usize, &mut [u32], &mut [T]) + Sync,
) -> (Vec<u32>, Vec<T>) {
    let (mut indices, mut weights) = (vec![0; rows * width], vec![T::zero(); rows * width]);
    let length = (band * width).max(1);
    if matches!(parallelism, Par::Seq) {
        let bands = indices.chunks_mut(length).zip(weights.chunks_mut(length)).enumerate();
        bands.for_each(|(index, (indices, weights))| fill(index * band, indices, weights));
    } else {
        let bands = indices.par_chunks_mut(length).zip(weights.par_chunks_mut(length)).enumerate();
        bands.for_each(|(index, (indices, weights))| fill(index * band, indices, weights));
    }
    (indices, weights)
}
