//! Products with a block of a few columns, which wait for the long operand to be read and not for the arithmetic.
//!
//! Qᵀ·X is computed as (Xᵀ·Q)ᵀ, and Q·Z with the rows of Z lying together: Q is then read down its columns, as it lies, where
//! a product with Qᵀ first gathers its rows. With 8 columns and 2048×2048 entries that is 1.5 times as fast for the two.

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};

use super::{Scalar, orthonormalize::worthwhile, transposed};

/// Blocks of at most so many columns are narrow.
const NARROW: usize = 8;

/// Qᵀ·X, s×b, for Q m×s: the coordinates of the columns of X along those of Q. 2msb flops.
#[must_use]
pub fn coordinates<T: Scalar>(matrix: MatRef<'_, T>, block: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
    let narrow = is_narrow(matrix, block.ncols());
    let parallelism = degree(matrix, block.ncols(), narrow, parallelism);
    if narrow {
        let mut across = Mat::<T>::zeros(block.ncols(), matrix.ncols());
        matmul(&mut across, Accum::Replace, &transposed(block), matrix, T::of(1.0), parallelism);
        return transposed(across.as_ref());
    }
    let mut along = Mat::<T>::zeros(matrix.ncols(), block.ncols());
    matmul(&mut along, Accum::Replace, matrix.transpose(), block, T::of(1.0), parallelism);
    along
}

/// `target` ← `target` + `scale`·Q·Z, m×b, for Q m×s and Z s×b. 2msb flops.
pub fn add_combination<T: Scalar>(
    target: MatMut<'_, T>,
    scale: T,
    matrix: MatRef<'_, T>,
    coordinates: MatRef<'_, T>,
    parallelism: Par,
) {
    let narrow = is_narrow(matrix, coordinates.ncols());
    let parallelism = degree(matrix, coordinates.ncols(), narrow, parallelism);
    if narrow {
        matmul(target, Accum::Add, matrix, transposed(coordinates).transpose(), scale, parallelism);
    } else {
        matmul(target, Accum::Add, matrix, coordinates, scale, parallelism);
    }
}

fn is_narrow<T: Scalar>(matrix: MatRef<'_, T>, columns: usize) -> bool {
    columns <= NARROW && matrix.row_stride() == 1
}

/// A narrow product takes twice as long for its flops, so that half of them are worth another thread.
fn degree<T: Scalar>(matrix: MatRef<'_, T>, columns: usize, narrow: bool, parallelism: Par) -> Par {
    let flops = 2 * matrix.nrows() * matrix.ncols() * columns;
    worthwhile(parallelism, if narrow { 2 * flops } else { flops })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    #[test]
    fn both_are_the_products_of_plain_loops_whatever_the_width_and_the_layout() {
        fn check<T: Scalar>(m: usize, s: usize, b: usize) {
            let mut rng = generator(9);
            let (q, x, z) =
                (gaussian::<T>(m, s, &mut rng), gaussian::<T>(m, b, &mut rng), gaussian::<T>(s, b, &mut rng));
            let by_rows = transposed(q.as_ref());
            let of = |a: &Mat<T>, i: usize, j: usize| a[(i, j)].to_f64();
            for q_as_given in [q.as_ref(), by_rows.transpose()] {
                let along = coordinates(q_as_given, x.as_ref(), Par::Seq);
                let mut sum = x.clone();
                add_combination(sum.as_mut(), T::of(-0.5), q_as_given, z.as_ref(), Par::Seq);
                let tolerance = 8.0 * T::UNIT_ROUNDOFF * (m.max(s) as f64 + 1.0);
                for c in 0..b {
                    for j in 0..s {
                        let expected: f64 = (0..m).map(|i| of(&q, i, j) * of(&x, i, c)).sum();
                        assert!((of(&along, j, c) - expected).abs() < 8.0 * tolerance, "{m}×{s}, {b} columns");
                    }
                    for i in 0..m {
                        let expected = of(&x, i, c) - 0.5 * (0..s).map(|j| of(&q, i, j) * of(&z, j, c)).sum::<f64>();
                        assert!((of(&sum, i, c) - expected).abs() < 8.0 * tolerance, "{m}×{s}, {b} columns");
                    }
                }
            }
        }
        for (m, s) in [(1, 1), (5, 3), (40, 17), (64, 64), (33, 90)] {
            for b in [1, 2, 7, 8, 9, 20] {
                check::<f32>(m, s, b);
                check::<f64>(m, s, b);
            }
        }
    }
}
