//! Products of a large matrix with a few columns, at the rate at which memory delivers the matrix.
//!
//! A general matrix product packs its operands first, which for four columns costs more than the product: faer's takes two
//! to three times the time of one pass over A. A Krylov method is made of such products, so they are written out here.
//! Every entry of the result is summed in an order that depends on the shapes alone: any number of threads gives the same bits.

use faer::{Mat, MatRef, Par};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::{Precision, Scalar, range_finder::product};

/// Columns of the right-hand side that one sweep over A serves.
pub const WIDTH: usize = 4;

/// Rows of A·X that stay in the first-level cache while the columns of A pass by.
const ROWS: usize = 512;

/// A·X for X of at most [`WIDTH`] columns and A stored by columns; any other shape or layout goes to the general product.
#[must_use]
pub fn times<T: Scalar>(matrix: MatRef<'_, T>, block: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
    let (m, n) = matrix.shape();
    let (Some(columns), true) = (contiguous_columns(matrix), block.ncols() <= WIDTH) else {
        return product(matrix, block, parallelism);
    };
    let weights = padded_rows(block);
    let strip = |from: usize| {
        let rows = ROWS.min(m - from);
        let mut sums = vec![T::of(0.0); rows * WIDTH];
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let mut j = 0;
                while j + 4 <= n {
                    let panel = [0, 1, 2, 3].map(|c| &columns(j + c)[from..from + rows]);
                    add_four_columns(panel, [weights[j], weights[j + 1], weights[j + 2], weights[j + 3]], &mut sums);
                    j += 4;
                }
                for j in j..n {
                    add_column(&columns(j)[from..from + rows], weights[j], &mut sums);
                }
            },
        );
        sums
    };
    let strips: Vec<Vec<T>> = if parallelism.degree() > 1 {
        (0..m.div_ceil(ROWS)).into_par_iter().map(|s| strip(s * ROWS)).collect()
    } else {
        (0..m.div_ceil(ROWS)).map(|s| strip(s * ROWS)).collect()
    };
    Mat::from_fn(m, block.ncols(), |i, c| {
        let sums = &strips[i / ROWS];
        sums[c * (sums.len() / WIDTH) + i % ROWS]
    })
}

/// Aᵀ·X under the conditions of [`times`].
#[must_use]
pub fn transpose_times<T: Scalar>(matrix: MatRef<'_, T>, block: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
    let (m, n) = matrix.shape();
    let (Some(columns), true) = (contiguous_columns(matrix), block.ncols() <= WIDTH) else {
        return product(matrix.transpose(), block, parallelism);
    };
    let padded = Mat::<T>::from_fn(m, WIDTH, |i, c| if c < block.ncols() { block[(i, c)] } else { T::of(0.0) });
    let Some(right) = contiguous_columns(padded.as_ref()) else {
        return product(matrix.transpose(), block, parallelism);
    };
    let right = [right(0), right(1), right(2), right(3)];
    let pair = |p: usize| {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                let first = columns(2 * p);
                let second = if 2 * p + 1 < n { columns(2 * p + 1) } else { first };
                match T::PRECISION {
                    Precision::F64 => dots::<T, 4>(first, second, right),
                    Precision::F32 => dots::<T, 8>(first, second, right),
                }
            },
        )
    };
    let pairs: Vec<[[T; WIDTH]; 2]> = if parallelism.degree() > 1 {
        (0..n.div_ceil(2)).into_par_iter().with_min_len(32).map(pair).collect()
    } else {
        (0..n.div_ceil(2)).map(pair).collect()
    };
    Mat::from_fn(n, block.ncols(), |j, c| pairs[j / 2][j % 2][c])
}

/// The columns as slices, if the matrix is stored by columns.
fn contiguous_columns<'a, T: Scalar>(matrix: MatRef<'a, T>) -> Option<impl Fn(usize) -> &'a [T] + Sync> {
    let matrix = matrix.try_as_col_major()?;
    Some(move |j: usize| matrix.col(j).as_slice())
}

/// Row j of an n×(≤ 4) block, padded with zeros.
fn padded_rows<T: Scalar>(block: MatRef<'_, T>) -> Vec<[T; WIDTH]> {
    let entry = |i, c| if c < block.ncols() { block[(i, c)] } else { T::of(0.0) };
    (0..block.nrows()).map(|i| [entry(i, 0), entry(i, 1), entry(i, 2), entry(i, 3)]).collect()
}

/// sums[:, c] += Σ_p panel[p]·weights[p][c], sums stored by columns.
#[inline(always)]
fn add_four_columns<T: Scalar>(panel: [&[T]; 4], weights: [[T; WIDTH]; 4], sums: &mut [T]) {
    let rows = panel[0].len();
    let [a0, a1, a2, a3] = panel.map(|column| &column[..rows]);
    for (c, sums) in sums.chunks_exact_mut(rows).enumerate() {
        let [w0, w1, w2, w3] = weights.map(|row| row[c]);
        for i in 0..rows {
            sums[i] = sums[i] + ((a0[i] * w0 + a1[i] * w1) + (a2[i] * w2 + a3[i] * w3));
        }
    }
}

#[inline(always)]
fn add_column<T: Scalar>(column: &[T], weights: [T; WIDTH], sums: &mut [T]) {
    for (sums, weight) in sums.chunks_exact_mut(column.len()).zip(weights) {
        for (sum, &entry) in sums.iter_mut().zip(column) {
            *sum = *sum + entry * weight;
        }
    }
}

/// The eight inner products of two columns with four, in L running sums each.
#[inline(always)]
fn dots<T: Scalar, const L: usize>(first: &[T], second: &[T], right: [&[T]; WIDTH]) -> [[T; WIDTH]; 2] {
    let zero = T::of(0.0);
    let m = first.len();
    let mut sums = [[[zero; L]; WIDTH]; 2];
    let whole = m / L * L;
    let mut i = 0;
    while i < whole {
        let a: [&[T]; 2] = [&first[i..i + L], &second[i..i + L]];
        for c in 0..WIDTH {
            let x = &right[c][i..i + L];
            for s in 0..2 {
                for lane in 0..L {
                    sums[s][c][lane] = sums[s][c][lane] + a[s][lane] * x[lane];
                }
            }
        }
        i += L;
    }
    let mut totals = [[zero; WIDTH]; 2];
    for (s, column) in [first, second].into_iter().enumerate() {
        for c in 0..WIDTH {
            let lanes = sums[s][c].iter().fold(zero, |total, &lane| total + lane);
            totals[s][c] = (whole..m).fold(lanes, |total, i| total + column[i] * right[c][i]);
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    #[test]
    fn skinny_products_equal_plain_loops_whatever_the_shape_and_the_threads() {
        fn check<T: Scalar>(m: usize, n: usize, width: usize) {
            let mut rng = generator(1);
            let a = gaussian::<T>(m, n, &mut rng);
            let (x, y) = (gaussian::<T>(n, width, &mut rng), gaussian::<T>(m, width, &mut rng));
            let (ax, aty) =
                (times(a.as_ref(), x.as_ref(), Par::Seq), transpose_times(a.as_ref(), y.as_ref(), Par::Seq));
            let allowed = 8.0 * (m.max(n) as f64) * T::UNIT_ROUNDOFF;
            for c in 0..width {
                for i in 0..m {
                    let exact: f64 = (0..n).map(|j| a[(i, j)].to_f64() * x[(j, c)].to_f64()).sum();
                    assert!((ax[(i, c)].to_f64() - exact).abs() <= allowed, "{m}×{n}×{width}");
                }
                for j in 0..n {
                    let exact: f64 = (0..m).map(|i| a[(i, j)].to_f64() * y[(i, c)].to_f64()).sum();
                    assert!((aty[(j, c)].to_f64() - exact).abs() <= allowed, "{m}×{n}×{width}");
                }
            }
            assert_eq!(ax, times(a.as_ref(), x.as_ref(), Par::rayon(2)));
            assert_eq!(aty, transpose_times(a.as_ref(), y.as_ref(), Par::rayon(2)));
        }
        for (m, n) in [(1, 1), (3, 5), (5, 3), (511, 7), (512, 8), (513, 9), (7, 1030), (1030, 66)] {
            for width in 1..=WIDTH {
                check::<f64>(m, n, width);
                check::<f32>(m, n, width);
            }
        }
        check::<f64>(20, 30, 6);
        check::<f64>(0, 3, 2);
    }
}
