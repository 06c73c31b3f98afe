//! One eigenpair of a symmetric band matrix: its place in the spectrum found by counting, its vector by inverse iteration.
//!
//! O(s·w²) a count, O(s·w²) a step of the iteration (order s, w diagonals on each side), where all eigenpairs take O(s³).

use faer::MatRef;

use crate::linalg::Scalar;

/// A symmetric band matrix, in f64 whatever it is made from.
pub struct Band {
    width: usize,
    /// Row by row the diagonals −w..=0, zeros before the first column.
    lower: Vec<f64>,
}

impl Band {
    /// From the lower triangle; diagonals of nothing but rounding are left out.
    pub fn of_lower<T: Scalar>(matrix: MatRef<'_, T>) -> Self {
        let size = matrix.nrows();
        let largest = |d: usize| (d..size).map(|i| matrix[(i, i - d)].to_f64().abs()).fold(0.0, f64::max);
        let rounding = 1e3 * T::UNIT_ROUNDOFF * largest(0);
        let width = (1..size).rev().find(|&d| largest(d) > rounding).unwrap_or(0);
        let lower = (0..size)
            .flat_map(|i| {
                (0..=width).map(move |d| if i + d < width { 0.0 } else { matrix[(i, i + d - width)].to_f64() })
            })
            .collect();
        Self { width, lower }
    }

    fn size(&self) -> usize {
        self.lower.len() / (self.width + 1)
    }

    /// T(i, j) for j ≤ i.
    fn entry(&self, i: usize, j: usize) -> f64 {
        if i - j > self.width { 0.0 } else { self.lower[i * (self.width + 1) + self.width + j - i] }
    }

    /// How many eigenvalues exceed `shift`: the positive pivots of T − shift·I (Sylvester). Without interchanges, so it can
    /// be wrong by one where a pivot is all rounding; good enough to find a place, not to prove one.
    fn count_above(&self, shift: f64, least_pivot: f64) -> usize {
        let (size, width) = (self.size(), self.width);
        let mut rows = self.lower.clone();
        let place = |i: usize, j: usize| i * (width + 1) + width + j - i;
        let mut positive = 0;
        for j in 0..size {
            let mut pivot = rows[place(j, j)] - shift;
            if pivot.abs() < least_pivot {
                pivot = -least_pivot;
            }
            positive += usize::from(pivot > 0.0);
            let last = (j + width).min(size - 1);
            for i in j + 1..=last {
                let factor = rows[place(i, j)] / pivot;
                for c in j + 1..=i {
                    rows[place(i, c)] -= factor * rows[place(c, j)];
                }
            }
        }
        positive
    }

    /// The `index`th largest eigenvalue (from 0) of a positive semi-definite T, to four digits.
    pub fn eigenvalue(&self, index: usize) -> f64 {
        // None exceeds the trace.
        let (mut below, mut above) = (0.0, self.trace());
        let least_pivot = self.least_pivot();
        while above - below > 1e-4 * above && above > 100.0 * least_pivot {
            let middle = 0.5 * (below + above);
            if self.count_above(middle, least_pivot) > index { below = middle } else { above = middle }
        }
        0.5 * (below + above)
    }

    fn trace(&self) -> f64 {
        (0..self.size()).map(|i| self.entry(i, i)).sum()
    }

    fn least_pivot(&self) -> f64 {
        f64::EPSILON * self.trace()
    }

    /// The `index`th largest eigenvalue (from 0) of a positive semi-definite T, to all digits, and its unit vector.
    pub fn eigenpair(&self, index: usize) -> (f64, Vec<f64>) {
        let (size, least_pivot) = (self.size(), self.least_pivot());
        if least_pivot <= 0.0 {
            return (0.0, (0..size).map(|i| f64::from(u8::from(i == index))).collect());
        }
        // Close enough to tell neighbours apart that stand apart at all; the iteration finds the other digits.
        let mut value = self.eigenvalue(index);
        // Nothing is orthogonal to it by symmetry.
        let mut vector: Vec<f64> = (0..size).map(|i| 1.0 + (i as f64).sin()).collect();
        for refined in [false, false, true] {
            if refined {
                value = self.quotient(&vector);
            }
            self.solve(value, least_pivot, &mut vector);
            // Its entries may be as large as one over the least pivot, whose squares overflow.
            let largest = vector.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
            vector.iter_mut().for_each(|x| *x /= largest);
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            vector.iter_mut().for_each(|x| *x /= norm);
        }
        (self.quotient(&vector), vector)
    }

    /// xᵀTx.
    fn quotient(&self, x: &[f64]) -> f64 {
        let below = |i: usize| (i.saturating_sub(self.width)..i).map(|j| 2.0 * self.entry(i, j) * x[j]).sum::<f64>();
        (0..x.len()).map(|i| x[i] * (self.entry(i, i) * x[i] + below(i))).sum()
    }

    /// `x` ← (T − shift·I)⁻¹·x, by elimination with interchanges; a pivot of nothing is replaced by the least one.
    fn solve(&self, shift: f64, least_pivot: f64, x: &mut [f64]) {
        let (size, width) = (self.size(), self.width);
        let end = |reach: usize| (reach + 1).min(size);
        // Row by row the diagonals −w..=2w: interchanges widen the upper half.
        let place = |i: usize, j: usize| i * (3 * width + 1) + width + j - i;
        let mut rows = vec![0.0; size * (3 * width + 1)];
        for i in 0..size {
            for j in i.saturating_sub(width)..end(i + width) {
                rows[place(i, j)] = self.entry(i.max(j), i.min(j)) - if i == j { shift } else { 0.0 };
            }
        }
        for k in 0..size {
            let pivot = (k..end(k + width))
                .fold(k, |best, i| if rows[place(i, k)].abs() > rows[place(best, k)].abs() { i } else { best });
            x.swap(k, pivot);
            if pivot != k {
                (k..end(k + 2 * width)).for_each(|j| rows.swap(place(k, j), place(pivot, j)));
            }
            if rows[place(k, k)].abs() < least_pivot {
                rows[place(k, k)] = least_pivot;
            }
            for i in k + 1..end(k + width) {
                let factor = rows[place(i, k)] / rows[place(k, k)];
                x[i] -= factor * x[k];
                for j in k + 1..end(k + 2 * width) {
                    rows[place(i, j)] -= factor * rows[place(k, j)];
                }
            }
        }
        for k in (0..size).rev() {
            let known: f64 = (k + 1..end(k + 2 * width)).map(|j| rows[place(k, j)] * x[j]).sum();
            x[k] = (x[k] - known) / rows[place(k, k)];
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    /// A semi-definite band matrix of half-width `width`: LLᵀ of a lower band L.
    fn band(size: usize, width: usize) -> Mat<f64> {
        let random = gaussian::<f64>(size, size, &mut generator(4));
        let lower = Mat::from_fn(size, size, |i, j| if j <= i && i - j <= width { random[(i, j)] } else { 0.0 });
        &lower * lower.transpose()
    }

    #[test]
    fn each_pair_is_that_of_a_full_decomposition() {
        for (size, width) in [(1, 3), (5, 7), (40, 2), (60, 7)] {
            let matrix = band(size, width);
            let values = matrix.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
            let found = Band::of_lower(matrix.as_ref());
            for index in [0, size / 3, size - 1] {
                let (value, vector) = found.eigenpair(index);
                let expected = values[size - 1 - index];
                assert!((value - expected).abs() < 1e-10 * values[size - 1], "{size}, {width}, {index}: {value:e}");
                let x = faer::Col::from_fn(size, |i| vector[i]);
                assert!((&matrix * &x - value * &x).norm_l2() < 1e-10 * values[size - 1], "{size}, {width}, {index}");
            }
        }
    }

    #[test]
    fn zero_and_equal_eigenvalues_leave_finite_vectors() {
        for matrix in [Mat::<f64>::zeros(6, 6), Mat::identity(6, 6)] {
            let (value, vector) = Band::of_lower(matrix.as_ref()).eigenpair(3);
            assert!((value - matrix[(0, 0)]).abs() < 1e-10, "{value}");
            assert!(vector.iter().all(|x| x.is_finite()));
        }
    }
}
