//! Attention of few queries to many keys: the rows of P are shared out among threads by keys.

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{Scalar, softmax::column_of};

/// Keys of one band. It depends on nothing: threads must not change a bit.
const BAND: usize = 512;

/// softmax(scale · Q Kᵀ) by rows, m×n from Q m×d and K n×d, as [`super::softmax::attention_matrix`] forms it, for m ≪ n.
///
/// K is read where it lies, a band of it at a time by a sequential product: no transpose is made, and a band is still in the
/// cache when its rows are looked at. Three sweeps: products and largest logits, exponentials and sums, division.
///
/// # Panics
/// If Q and K have different numbers of columns.
#[must_use]
pub fn wide_attention<T: Scalar>(queries: MatRef<'_, T>, keys: MatRef<'_, T>, scale: f64, parallelism: Par) -> Mat<T> {
    assert_eq!(queries.ncols(), keys.ncols(), "queries and keys share head_dim");
    let rows = queries.nrows();
    let mut weights = Mat::zeros(rows, keys.nrows());

    let largest = over_bands(weights.as_mut(), parallelism, |first, mut band| {
        let keys = keys.subrows(first, band.ncols());
        matmul(band.as_mut(), Accum::Replace, queries, keys.transpose(), T::of(scale), Par::Seq);
        largest_of_rows(band)
    });
    let mut row_largest = vec![T::of(f64::NEG_INFINITY); rows];
    for largest in &largest {
        row_largest.iter_mut().zip(largest).for_each(|(most, &here)| *most = if here > *most { here } else { *most });
    }

    let sums = over_bands(weights.as_mut(), parallelism, |_, band| exponentials(band, &row_largest));
    let inverse: Vec<T> =
        (0..rows).map(|i| T::of(1.0 / sums.iter().map(|sums| sums[i].to_f64()).sum::<f64>())).collect();
    over_bands(weights.as_mut(), parallelism, |_, band| scale_rows(band, &inverse));
    weights
}

/// What `work` makes of every band, in their order; it is told the number of the band's first column.
fn over_bands<T: Scalar, R: Send>(
    mut matrix: MatMut<'_, T>,
    parallelism: Par,
    work: impl Fn(usize, MatMut<'_, T>) -> R + Sync,
) -> Vec<R> {
    if parallelism.degree() > 1 {
        return matrix.par_col_chunks_mut(BAND).enumerate().map(|(band, columns)| work(band * BAND, columns)).collect();
    }
    let columns = matrix.ncols();
    let band = |first| work(first, matrix.as_mut().subcols_mut(first, BAND.min(columns - first)));
    (0..columns).step_by(BAND).map(band).collect()
}

fn largest_of_rows<T: Scalar>(mut band: MatMut<'_, T>) -> Vec<T> {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let mut largest = vec![T::of(f64::NEG_INFINITY); band.nrows()];
            for j in 0..band.ncols() {
                for (largest, &score) in largest.iter_mut().zip(column_of(&mut band, j).iter()) {
                    *largest = if score > *largest { score } else { *largest };
                }
            }
            largest
        },
    )
}

/// Replaces x_ij by exp(x_ij − `largest`_i); the sums of its rows, compensated (Kahan 1965).
fn exponentials<T: Scalar>(mut band: MatMut<'_, T>, largest: &[T]) -> Vec<T> {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            let (mut sums, mut losses) = (vec![T::zero(); largest.len()], vec![T::zero(); largest.len()]);
            for j in 0..band.ncols() {
                let scores = column_of(&mut band, j).iter_mut();
                for (((score, &largest), sum), lost) in scores.zip(largest).zip(&mut sums).zip(&mut losses) {
                    *score = (*score - largest).exp_of_nonpositive();
                    let term = *score - *lost;
                    let total = *sum + term;
                    *lost = (total - *sum) - term;
                    *sum = total;
                }
            }
            sums
        },
    )
}

fn scale_rows<T: Scalar>(mut band: MatMut<'_, T>, factors: &[T]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for j in 0..band.ncols() {
                column_of(&mut band, j).iter_mut().zip(factors).for_each(|(weight, &factor)| *weight *= factor);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        linalg::{gaussian::gaussian, softmax::attention_matrix},
        random::generator,
    };

    #[test]
    fn equals_the_other_way_to_the_same_matrix_and_threads_do_not_change_a_bit() {
        let mut rng = generator(5);
        for (rows, columns, dim, scale) in [(1, 1, 3, 1.0), (5, 511, 4, 0.5), (64, 1500, 16, 0.25), (7, 1025, 8, 30.0)]
        {
            let queries = gaussian::<f64>(rows, dim, &mut rng);
            let keys = gaussian::<f64>(columns, dim, &mut rng);
            let expected = attention_matrix(queries.as_ref(), keys.as_ref(), scale, false, Par::Seq);
            let found = wide_attention(queries.as_ref(), keys.as_ref(), scale, Par::Seq);
            assert!((&found - &expected).norm_max() < 1e-14, "{rows}×{columns}");
            assert_eq!(
                found,
                wide_attention(queries.as_ref(), keys.as_ref(), scale, Par::rayon(2)),
                "{rows}×{columns}"
            );
        }
    }
}
