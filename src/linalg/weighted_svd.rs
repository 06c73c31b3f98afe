//! The SVD in coordinates in which an error is as bad in one direction as in another: D·W·S = UΣVᵀ for a matrix W, a positive
//! diagonal D and an invertible S. D⁻¹·U_k·Σ_k·V_kᵀ·S⁻¹ is then the matrix of rank k with the least ‖D(W − Ŵ)S‖_F, by Eckart & Young
//! for D·W·S. With D = I and S·Sᵀ = XXᵀ it is the weights of Wang, Zheng, Wan & Zhang 2025, "SVD-LLM", algorithm 1, which has the
//! least ‖(W − Ŵ)X‖_F.

use faer::{Mat, MatRef, Par};

use super::{
    svd::{Svd, SvdError},
    tall::thin_svd_by_basis,
    whitening::Whitening,
};
use crate::low_rank::LowRank;

/// D and S; the identity where there is none.
#[derive(Clone, Copy, Default)]
pub struct Coordinates<'a> {
    /// D, positive.
    pub rows: Option<&'a [f64]>,
    /// S.
    pub columns: Option<&'a Whitening>,
}

/// D·W·S = UΣVᵀ, back in the coordinates of W.
pub struct WeightedSvd {
    /// D⁻¹·U, m×min(m, n).
    pub left: Mat<f64>,
    /// Of D·W·S, descending.
    pub singular_values: Vec<f64>,
    /// Vᵀ·S⁻¹, min(m, n)×n.
    pub right: Mat<f64>,
    /// Which way round the library's own SVD was taken, if it failed.
    pub fallback: Option<&'static str>,
}

impl Coordinates<'_> {
    /// Of W, m×n.
    ///
    /// # Errors
    /// As [`super::svd::thin_svd`].
    pub fn decompose(self, matrix: MatRef<'_, f64>, parallelism: Par) -> Result<WeightedSvd, SvdError> {
        let mut target = match self.columns {
            Some(columns) => columns.apply(matrix, parallelism),
            None => matrix.to_owned(),
        };
        if let Some(weights) = self.rows {
            target.col_iter_mut().for_each(|column| column.iter_mut().zip(weights).for_each(|(entry, d)| *entry *= d));
        }
        self.decompose_weighted(target.as_ref(), parallelism)
    }

    /// Of D·W·S itself.
    ///
    /// # Errors
    /// As [`super::svd::thin_svd`].
    pub fn decompose_weighted(self, target: MatRef<'_, f64>, parallelism: Par) -> Result<WeightedSvd, SvdError> {
        let Svd { mut left, singular_values, right, fallback } = thin_svd_by_basis(target, parallelism)?;
        if let Some(weights) = self.rows {
            left.col_iter_mut().for_each(|column| column.iter_mut().zip(weights).for_each(|(entry, d)| *entry /= d));
        }
        let right = match self.columns {
            Some(columns) => columns.undo(right.transpose(), parallelism),
            None => right.transpose().to_owned(),
        };
        Ok(WeightedSvd { left, singular_values, right, fallback })
    }
}

impl WeightedSvd {
    /// The column and the row of the j-th component, of equal norm: in half precision neither runs out of range.
    #[must_use]
    pub fn component(&self, j: usize) -> [Vec<f64>; 2] {
        balanced(self.left.col(j).iter(), self.singular_values[j], self.right.row(j).iter())
    }

    /// The best pair of a rank: its first j columns and rows are the best pair of rank j, to the bit.
    #[must_use]
    pub fn pair(&self, rank: usize) -> LowRank<f64> {
        let rank = rank.min(self.singular_values.len());
        let mut pair = LowRank::new(Mat::zeros(self.left.nrows(), rank), Mat::zeros(rank, self.right.ncols()));
        for j in 0..rank {
            let [column, row] = self.component(j);
            column.into_iter().enumerate().for_each(|(i, entry)| pair.left[(i, j)] = entry);
            row.into_iter().enumerate().for_each(|(i, entry)| pair.right[(j, i)] = entry);
        }
        pair
    }
}

/// One component's column σu and row v with their norms made equal.
fn balanced<'a>(
    column: impl Iterator<Item = &'a f64>,
    singular_value: f64,
    row: impl Iterator<Item = &'a f64>,
) -> [Vec<f64>; 2] {
    let mut column: Vec<f64> = column.map(|entry| entry * singular_value).collect();
    let mut row: Vec<f64> = row.copied().collect();
    let norm = |entries: &[f64]| entries.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
    let (column_norm, row_norm) = (norm(&column), norm(&row));
    if column_norm > 0.0 && row_norm > 0.0 {
        let even = (row_norm / column_norm).sqrt();
        column.iter_mut().for_each(|entry| *entry *= even);
        row.iter_mut().for_each(|entry| *entry /= even);
    } else {
        // A component of nothing: its row may be as large as the inverse of the floor.
        row.fill(0.0);
    }
    [column, row]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    #[test]
    fn the_whole_pair_is_the_matrix_and_a_lower_rank_its_first_components_to_the_bit() {
        let matrix = gaussian::<f64>(9, 12, &mut generator(1));
        let tokens = gaussian::<f64>(40, 12, &mut generator(2));
        let whitening =
            Whitening::of_gram(super::super::whitening::gram(tokens.as_ref()).as_ref(), 1e-8, Par::Seq).unwrap();
        let weights: Vec<f64> = (0..9).map(|i| 10f64.powf(f64::from(i - 4) / 4.0)).collect();
        let coordinates = Coordinates { rows: Some(&weights), columns: Some(&whitening) };
        let svd = coordinates.decompose(matrix.as_ref(), Par::Seq).unwrap();
        let whole = svd.pair(9);
        assert!((whole.to_dense(Par::Seq) - &matrix).norm_max() < 1e-9);
        let few = svd.pair(4);
        assert_eq!(few.left, whole.left.subcols(0, 4));
        assert_eq!(few.right, whole.right.subrows(0, 4));
    }

    #[test]
    fn components_of_nothing_stay_finite() {
        let [column, row] = balanced([1.0, 0.0].iter(), 0.0, [1e8, 0.0].iter());
        assert_eq!((column, row), (vec![0.0, 0.0], vec![0.0, 0.0]));
    }
}
