//! Softmax by rows, and the attention matrix it makes of queries and keys.

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{Scalar, transposed};

/// P = softmax(scale · Q Kᵀ) by rows, m×n from Q m×d and K n×d; if `causal`, query i sees keys 0..=i and the rest is 0.
///
/// Entries are in [0, 1], those below 1e-33 (f32) or 1e-303 (f64) are 0, and rows sum to one within a few units roundoff,
/// however long they are. Logits may be as large as
/// the precision can hold: the largest of each row is subtracted first.
///
/// # Panics
/// If Q and K have different numbers of columns.
#[must_use]
pub fn attention_matrix<T: Scalar>(
    queries: MatRef<'_, T>,
    keys: MatRef<'_, T>,
    scale: f64,
    causal: bool,
    parallelism: Par,
) -> Mat<T> {
    assert_eq!(queries.ncols(), keys.ncols(), "queries and keys share head_dim");
    let mut scores = Mat::zeros(queries.nrows(), keys.nrows());
    // An owned transpose, not a row-major view: parallel products of those have given wrong entries (faer issue 273).
    let keys = transposed(keys);
    matmul(&mut scores, Accum::Replace, queries, &keys, T::of(scale), parallelism);
    softmax(scores.as_mut(), causal, parallelism);
    scores
}

/// Some rows of [`attention_matrix`]: `which.len()`×n, row i of them being row `which[i]` of P; of the keys, the transpose, d×n.
///
/// # Panics
/// If Q and K have different numbers of columns, or there is no such row.
#[must_use]
pub fn attention_rows<T: Scalar>(
    queries: MatRef<'_, T>,
    transposed_keys: MatRef<'_, T>,
    scale: f64,
    causal: bool,
    which: &[usize],
) -> Mat<T> {
    let some = Mat::from_fn(which.len(), queries.ncols(), |i, l| queries[(which[i], l)]);
    let mut scores = Mat::zeros(which.len(), transposed_keys.ncols());
    matmul(&mut scores, Accum::Replace, &some, transposed_keys, T::of(scale), Par::Seq);
    if causal {
        for (i, &query) in which.iter().enumerate() {
            for j in query + 1..scores.ncols() {
                scores[(i, j)] = T::of(f64::NEG_INFINITY);
            }
        }
    }
    softmax(scores.as_mut(), false, Par::Seq);
    scores
}

/// Replaces every row of `scores` by its softmax.
///
/// A row of which no entry is above −∞ has no softmax and becomes NaN.
pub fn softmax_rows_in_place<T: Scalar>(scores: &mut Mat<T>, parallelism: Par) {
    softmax(scores.as_mut(), false, parallelism);
}

/// Rows of one block: three sweeps over so few rows find them in the second-level cache.
const BLOCK: usize = 64;

/// Fewer rows than these are not worth a thread: whole cache lines of a column.
const LEAST_SHARE: usize = 32;

fn softmax<T: Scalar>(scores: MatMut<'_, T>, causal: bool, parallelism: Par) {
    // Rows are independent: however they are shared out, the bits are the same.
    let threads = parallelism.degree().max(1);
    let share = scores.nrows().div_ceil(threads).next_multiple_of(LEAST_SHARE).max(LEAST_SHARE);
    if threads == 1 || scores.nrows() <= share {
        return softmax_band(scores, 0, causal);
    }
    scores.par_row_chunks_mut(share).enumerate().for_each(|(band, rows)| softmax_band(rows, band * share, causal));
}

/// Rows of which the first is query `first_query`, block by block.
fn softmax_band<T: Scalar>(mut band: MatMut<'_, T>, first_query: usize, causal: bool) {
    let rows = band.nrows();
    for first in (0..rows).step_by(BLOCK) {
        let block = band.as_mut().subrows_mut(first, BLOCK.min(rows - first));
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || softmax_block(block, causal.then_some(first_query + first)),
        );
    }
}

/// At most [`BLOCK`] rows; `first_query` is the number of the first one where a causal mask applies.
///
/// Every sweep goes down the columns, where entries are contiguous, with one running value per row: no loop carries a
/// dependency from one entry to the next, so all of them vectorise.
#[inline(always)]
fn softmax_block<T: Scalar>(mut scores: MatMut<'_, T>, first_query: Option<usize>) {
    let (rows, columns) = scores.shape();
    // The first row of the block that sees key j; those above it do not.
    let first_seeing = |j: usize| first_query.map_or(0, |first| j.saturating_sub(first).min(rows));

    let mut largest = [T::of(f64::NEG_INFINITY); BLOCK];
    for j in 0..columns {
        let seen = first_seeing(j);
        for (largest, &score) in largest[seen..].iter_mut().zip(&column_of(&mut scores, j)[seen..]) {
            *largest = if score > *largest { score } else { *largest };
        }
    }

    // Compensated (Kahan 1965): the rounding of a row's sum does not grow with its length.
    let (mut sum, mut lost) = ([T::zero(); BLOCK], [T::zero(); BLOCK]);
    for j in 0..columns {
        let seen = first_seeing(j);
        let (hidden, visible) = column_of(&mut scores, j).split_at_mut(seen);
        hidden.fill(T::zero());
        for (((score, &largest), sum), lost) in
            visible.iter_mut().zip(&largest[seen..]).zip(&mut sum[seen..]).zip(&mut lost[seen..])
        {
            *score = (*score - largest).exp_of_nonpositive();
            let term = *score - *lost;
            let total = *sum + term;
            *lost = (total - *sum) - term;
            *sum = total;
        }
    }

    let mut inverse = [T::zero(); BLOCK];
    for (inverse, &sum) in inverse.iter_mut().zip(&sum) {
        *inverse = T::one() / sum;
    }
    for j in 0..columns {
        let seen = first_seeing(j);
        for (weight, &inverse) in column_of(&mut scores, j)[seen..].iter_mut().zip(&inverse[seen..]) {
            *weight *= inverse;
        }
    }
}

/// The entries of column `j`, which lie side by side.
#[inline(always)]
pub(super) fn column_of<'a, T: Scalar>(matrix: &'a mut MatMut<'_, T>, j: usize) -> &'a mut [T] {
    matrix
        .as_mut()
        .col_mut(j)
        .try_as_col_major_mut()
        .expect("callers pass blocks of owned matrices, whose columns are contiguous")
        .as_slice_mut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    /// The definition, entry by entry, in f64.
    fn plain(queries: &Mat<f64>, keys: &Mat<f64>, scale: f64, causal: bool) -> Mat<f64> {
        let mut weights = Mat::zeros(queries.nrows(), keys.nrows());
        for i in 0..queries.nrows() {
            let visible = if causal { keys.nrows().min(i + 1) } else { keys.nrows() };
            let logits: Vec<f64> = (0..visible)
                .map(|j| scale * (0..queries.ncols()).map(|l| queries[(i, l)] * keys[(j, l)]).sum::<f64>())
                .collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|&logit| (logit - largest).exp()).sum();
            for (j, logit) in logits.iter().enumerate() {
                weights[(i, j)] = (logit - largest).exp() / sum;
            }
        }
        weights
    }

    #[test]
    fn equals_the_definition_on_every_shape_mask_and_thread_count() {
        let mut rng = generator(3);
        for (rows, columns, dim) in [(1, 1, 1), (3, 200, 4), (200, 3, 4), (63, 65, 8), (130, 129, 16), (0, 5, 2)] {
            let queries = gaussian::<f64>(rows, dim, &mut rng);
            let keys = gaussian::<f64>(columns, dim, &mut rng);
            for causal in [false, true] {
                let expected = plain(&queries, &keys, 0.7, causal);
                let computed = attention_matrix(queries.as_ref(), keys.as_ref(), 0.7, causal, Par::Seq);
                assert!((&computed - &expected).norm_max() < 1e-14, "{rows}×{columns}, causal: {causal}");
                let shared = attention_matrix(queries.as_ref(), keys.as_ref(), 0.7, causal, Par::rayon(2));
                assert!((&shared - &expected).norm_max() < 1e-14, "{rows}×{columns}, causal: {causal}, two threads");
            }
        }
    }

    fn row_sums_are_one<T: Scalar>(length: usize, spread: f64) {
        let mut rng = generator(4);
        let queries = gaussian::<T>(length, 8, &mut rng);
        let keys = gaussian::<T>(length, 8, &mut rng);
        let weights = attention_matrix(queries.as_ref(), keys.as_ref(), spread, true, Par::Seq);
        for i in 0..length {
            // In f64, far finer than what is asked of f32; in f64 itself the plain sum adds length·u at most.
            let sum: f64 = (0..=i).map(|j| weights[(i, j)].to_f64()).sum();
            let allowed = 4.0 * T::UNIT_ROUNDOFF + i as f64 * f64::UNIT_ROUNDOFF;
            assert!((sum - 1.0).abs() <= allowed, "row {i} sums to 1 + {:e}", sum - 1.0);
        }
    }

    #[test]
    fn rows_sum_to_one_within_a_few_ulps_however_long_they_are() {
        row_sums_are_one::<f32>(2000, 0.01);
        row_sums_are_one::<f64>(700, 0.01);
        row_sums_are_one::<f64>(700, 3.0);
    }

    fn huge_logits<T: Scalar>() {
        let mut scores = Mat::from_fn(3, 4, |i, j| T::of([1e4, -1e4, 9_999.0, 0.0][(i + j) % 4]));
        softmax_rows_in_place(&mut scores, Par::Seq);
        for i in 0..3 {
            let row: Vec<f64> = (0..4).map(|j| scores[(i, j)].to_f64()).collect();
            assert!(row.iter().all(|weight| (0.0..=1.0).contains(weight)), "{row:?}");
            let expected = 1.0 / (1.0 + (-1f64).exp());
            let largest = row.iter().copied().fold(0.0, f64::max);
            assert!((largest - expected).abs() < 4.0 * T::UNIT_ROUNDOFF, "{row:?}");
        }
    }

    #[test]
    fn logits_of_ten_thousand_neither_overflow_nor_vanish() {
        huge_logits::<f64>();
        huge_logits::<f32>();
    }
}
