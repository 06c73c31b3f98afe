//! What the methods share that work on queries and keys and never form P.

use faer::{Mat, MatMut, MatRef, Par};

use super::MethodError;
use crate::{
    linalg::{Scalar, range_finder::product},
    low_rank::LowRank,
    problem::{Head, Outline, Problem, Structure, StructureKind},
};

const NEEDS_A_HEAD: &str = "needs the queries and keys of an attention head";

/// The head of a problem.
///
/// # Errors
/// It has none.
pub fn head<T: Scalar>(problem: &Problem<T>) -> Result<&Head<T>, MethodError> {
    match &problem.structure {
        Structure::Attention(head) => Ok(head),
        _ => Err(MethodError::Numerical(NEEDS_A_HEAD.into())),
    }
}

/// Why a method that sees all keys at once is not applied to a problem: `looks_ahead` where the mask is causal.
pub fn refusal(outline: Outline, looks_ahead: &str) -> Option<String> {
    match outline.structure {
        StructureKind::Attention { causal: false, .. } => None,
        StructureKind::Attention { causal: true, .. } => Some(looks_ahead.to_owned()),
        _ => Some(NEEDS_A_HEAD.to_owned()),
    }
}

/// Why a method that can mask is not applied to a problem.
pub fn not_attention(outline: Outline) -> Option<String> {
    match outline.structure {
        StructureKind::Attention { .. } => None,
        _ => Some(NEEDS_A_HEAD.to_owned()),
    }
}

/// The entries row by row.
pub fn rows_of<T: Scalar>(matrix: MatRef<'_, T>) -> Vec<T> {
    let mut rows = vec![T::zero(); matrix.nrows() * matrix.ncols()];
    for (l, column) in matrix.col_iter().enumerate() {
        for (i, &entry) in column.iter().enumerate() {
            rows[i * matrix.ncols() + l] = entry;
        }
    }
    rows
}

/// Replaces a few scores by their softmax.
pub fn softmax_of_few<T: Scalar>(scores: &mut [T]) {
    let largest = scores.iter().copied().fold(T::of(f64::NEG_INFINITY), |a, b| if b > a { b } else { a });
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - largest).exp_of_nonpositive();
        sum += score.to_f64();
    }
    for score in scores.iter_mut() {
        *score = T::of(score.to_f64() / sum);
    }
}

/// d, or 0 where there is no head.
pub fn head_dim(outline: Outline) -> u64 {
    match outline.structure {
        StructureKind::Attention { head_dim, .. } => head_dim as u64,
        _ => 0,
    }
}

/// The segments of `count` consecutive ones that cover 0..n, as even as whole rows allow: (first, end) of each.
pub fn segments(n: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).map(move |segment| (segment * n / count, (segment + 1) * n / count))
}

/// Means of `count` consecutive segments of the rows: `count`×d.
pub fn segment_means<T: Scalar>(rows: MatRef<'_, T>, count: usize) -> Mat<T> {
    let mut means = Mat::zeros(count, rows.ncols());
    for (segment, (from, to)) in segments(rows.nrows(), count).enumerate() {
        for (j, column) in rows.subrows(from, to - from).col_iter().enumerate() {
            // Eight running sums: no addition waits for the one before.
            let mut sums = [0.0; 8];
            let Some(column) = column.try_as_col_major() else {
                means[(segment, j)] =
                    T::of(column.iter().map(|entry| entry.to_f64()).sum::<f64>() / (to - from) as f64);
                continue;
            };
            let (eights, rest) = column.as_slice().as_chunks::<8>();
            for eight in eights {
                sums.iter_mut().zip(eight).for_each(|(sum, entry)| *sum += entry.to_f64());
            }
            let sum = sums.iter().sum::<f64>() + rest.iter().map(|entry| entry.to_f64()).sum::<f64>();
            means[(segment, j)] = T::of(sum / (to - from) as f64);
        }
    }
    means
}

/// X·Yᵀ·`scale`, m×n from m×d and n×d.
pub fn scores<T: Scalar>(rows: MatRef<'_, T>, others: MatRef<'_, T>, scale: f64, parallelism: Par) -> Mat<T> {
    // The small side is scaled, and its transpose owned: parallel products of row-major views are not trusted.
    let others = Mat::from_fn(others.ncols(), others.nrows(), |l, j| others[(j, l)] * T::of(scale));
    product(rows, others.as_ref(), parallelism)
}

/// ‖x‖²·`scale` of every row.
pub fn squared_norms<T: Scalar>(rows: MatRef<'_, T>, scale: f64) -> Vec<f64> {
    (0..rows.nrows()).map(|i| scale * (0..rows.ncols()).map(|j| rows[(i, j)].to_f64().powi(2)).sum::<f64>()).collect()
}

/// The largest entry of every row.
pub fn largest_of_rows<T: Scalar>(matrix: MatRef<'_, T>) -> Vec<T> {
    let mut largest = vec![T::of(f64::NEG_INFINITY); matrix.nrows()];
    for column in matrix.col_iter() {
        for (largest, &entry) in largest.iter_mut().zip(column.iter()) {
            *largest = if entry > *largest { entry } else { *largest };
        }
    }
    largest
}

/// Replaces x_ij by exp(x_ij − c_i), c_i the largest of its row: what a later normalisation of rows cannot see.
pub fn exponentials_by_rows<T: Scalar>(mut logits: MatMut<'_, T>) {
    let largest = largest_of_rows(logits.as_ref());
    for column in logits.as_mut().col_iter_mut() {
        for (logit, &largest) in column.iter_mut().zip(&largest) {
            *logit = (*logit - largest).exp_of_nonpositive();
        }
    }
}

/// The pair with every row of `left`·`right` divided by its sum.
///
/// # Errors
/// A row sums to zero.
pub fn with_rows_summing_to_one<T: Scalar>(mut left: Mat<T>, right: Mat<T>) -> Result<LowRank<T>, MethodError> {
    let mut sums = vec![0.0; right.nrows()];
    for column in right.col_iter() {
        for (sum, &entry) in sums.iter_mut().zip(column.iter()) {
            *sum += entry.to_f64();
        }
    }
    for i in 0..left.nrows() {
        let total: f64 = sums.iter().enumerate().map(|(j, sum)| left[(i, j)].to_f64() * sum).sum();
        if total == 0.0 {
            return Err(MethodError::Numerical(format!("row {i} of the approximation sums to zero")));
        }
        for j in 0..left.ncols() {
            left[(i, j)] = T::of(left[(i, j)].to_f64() / total);
        }
    }
    Ok(LowRank::new(left, right))
}

/// The pair, its rows divided by their sums if asked.
///
/// # Errors
/// A row sums to zero.
pub fn renormalized<T: Scalar>(asked: bool, left: Mat<T>, right: Mat<T>) -> Result<LowRank<T>, MethodError> {
    if asked { with_rows_summing_to_one(left, right) } else { Ok(LowRank::new(left, right)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_every_row_once() {
        let rows = Mat::<f64>::from_fn(7, 1, |i, _| i as f64);
        let means = segment_means(rows.as_ref(), 3);
        // 7 rows in segments of 2, 2 and 3: {0,1}, {2,3}, {4,5,6}.
        assert_eq!([means[(0, 0)], means[(1, 0)], means[(2, 0)]], [0.5, 2.5, 5.0]);
        assert_eq!(segment_means(rows.as_ref(), 7), rows);
    }
}
