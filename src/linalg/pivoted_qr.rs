//! QR factorisation with column pivoting (Businger & Golub 1965): the columns of a matrix in an order in which each next one has the
//! most that those before it have not.

use faer::{
    Mat, Par,
    dyn_stack::{MemBuffer, MemStack},
    linalg::qr::{col_pivoting::factor as pivoted, no_pivoting::factor::recommended_block_size},
};

use super::Scalar;

/// AP = QR without Q.
pub struct PivotedQr<T> {
    /// R in the upper triangle, min(m, n)×n in use; below the diagonal, what is left of the reflections.
    pub upper: Mat<T>,
    /// Which column of A the j-th of AP is.
    pub order: Vec<usize>,
}

/// Of an m×n matrix. 4mn² − 4n³/3 flops for m ≥ n.
#[must_use]
pub fn pivoted_qr<T: Scalar>(matrix: Mat<T>, parallelism: Par) -> PivotedQr<T> {
    let (rows, columns) = matrix.shape();
    let mut upper = matrix;
    let block_size = recommended_block_size::<T>(rows, columns).max(1);
    let mut coefficients = Mat::<T>::zeros(block_size, rows.min(columns));
    let mut order = vec![0usize; columns];
    let mut backward = vec![0usize; columns];
    let mut memory = MemBuffer::new(pivoted::qr_in_place_scratch::<usize, T>(
        rows,
        columns,
        block_size,
        parallelism,
        faer::prelude::default(),
    ));
    pivoted::qr_in_place(
        upper.as_mut(),
        coefficients.as_mut(),
        &mut order,
        &mut backward,
        parallelism,
        MemStack::new(&mut memory),
        faer::prelude::default(),
    );
    PivotedQr { upper, order }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    #[test]
    fn pivots_pick_the_columns_that_matter() {
        // Columns 3 and 7 carry everything, column 7 most.
        let noise = gaussian::<f64>(6, 10, &mut generator(5));
        let sketch = Mat::from_fn(6, 10, |i, j| {
            noise[(i, j)] * [1e-3, 10.0, 100.0][usize::from(j == 3) + 2 * usize::from(j == 7)]
        });
        assert_eq!(pivoted_qr(sketch, Par::Seq).order[..2], [7, 3]);
    }

    #[test]
    fn r_has_the_gram_matrix_of_the_columns_in_their_new_order() {
        let matrix = gaussian::<f64>(7, 5, &mut generator(6));
        let PivotedQr { upper, order } = pivoted_qr(matrix.clone(), Par::Seq);
        for i in 0..5 {
            for j in 0..5 {
                let of_upper: f64 = (0..=i.min(j)).map(|l| upper[(l, i)] * upper[(l, j)]).sum();
                let of_columns: f64 = (0..7).map(|l| matrix[(l, order[i])] * matrix[(l, order[j])]).sum();
                assert!((of_upper - of_columns).abs() < 1e-12, "({i}, {j})");
            }
        }
    }

    #[test]
    fn sketches_keep_the_shape_of_a_row_vector() {
        let row = Mat::<f64>::from_fn(1, 4, |_, j| j as f64);
        assert_eq!(pivoted_qr(row, Par::Seq).order[0], 3);
    }
}
