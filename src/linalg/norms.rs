//! Norms of a matrix, safe at every scale.

use faer::{Accum, Col, ColMut, Mat, MatRef, Par, linalg::matmul::matmul};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::{
    Scalar,
    scale::{excess_exponent, magnitude, scaled, times_power_of_two},
    to_f64,
};
use crate::random::generator;

/// ‖A‖_F, accumulated in f64; NaN if an entry is not finite.
///
/// Entries whose squares would overflow or underflow are scaled by a power of two first.
#[must_use]
pub fn frobenius<T: Scalar>(matrix: MatRef<'_, T>) -> f64 {
    let sum = sum_of_squares(matrix);
    // Within these bounds no square overflowed, and those that underflowed are below the rounding of the sum.
    if (1e-270..1e300).contains(&sum) {
        return sum.sqrt();
    }
    match magnitude(matrix) {
        Err(_) => f64::NAN,
        Ok(0.0) => 0.0,
        Ok(largest) => {
            let wide = to_f64(matrix);
            let exponent = excess_exponent::<f64>(largest).unwrap_or(0);
            times_power_of_two(sum_of_squares(scaled(wide.as_ref(), -exponent).as_ref()).sqrt(), exponent)
        }
    }
}

fn sum_of_squares<T: Scalar>(matrix: MatRef<'_, T>) -> f64 {
    let matrix = if matrix.row_stride() == 1 { matrix } else { matrix.transpose() };
    matrix
        .col_iter()
        .map(|column| match column.try_as_col_major() {
            Some(column) => pulp::Arch::new().dispatch(
                #[inline(always)]
                || slice_sum_of_squares(column.as_slice()),
            ),
            None => column.iter().map(|&entry| entry.to_f64() * entry.to_f64()).sum(),
        })
        .sum()
}

#[inline(always)]
fn slice_sum_of_squares<T: Scalar>(entries: &[T]) -> f64 {
    // Independent lanes: vectorisable, and an error that grows with an eighth of the length.
    let mut lanes = [0.0; 8];
    let mut chunks = entries.chunks_exact(8);
    for chunk in &mut chunks {
        for (lane, &entry) in lanes.iter_mut().zip(chunk) {
            *lane += entry.to_f64() * entry.to_f64();
        }
    }
    for (lane, &entry) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += entry.to_f64() * entry.to_f64();
    }
    lanes.iter().sum()
}

/// ‖A‖₂, the largest singular value, to `relative_tolerance`; NaN if an entry is not finite.
///
/// Golub–Kahan–Lanczos bidiagonalisation (Golub & Van Loan, *Matrix Computations*, 10.4), run as Lanczos on AᵀA without
/// forming it (on AAᵀ if A is wider than tall), reorthogonalised in full, from a fixed Gaussian start: the same matrix always
/// gives the same bits. It stops when the residual of the leading Ritz pair puts a singular value within a tenth of the
/// tolerance (Parlett, *The Symmetric Eigenvalue Problem*, 4.5.1): values closer together than that are not told apart, which
/// is what the other nine tenths are for. At the latest it stops after min(m, n) steps, when the Krylov space is everything.
/// About 4mn flops per step, 10 to 40 steps for 1e-6; on one thread, memory being what it waits for.
#[must_use]
pub fn spectral(matrix: MatRef<'_, f64>, relative_tolerance: f64) -> f64 {
    let largest = match magnitude(matrix) {
        Err(_) => return f64::NAN,
        Ok(largest) => largest,
    };
    if largest == 0.0 || matrix.nrows().min(matrix.ncols()) == 1 {
        return frobenius(matrix);
    }
    match excess_exponent::<f64>(largest) {
        None => lanczos(matrix, relative_tolerance),
        Some(exponent) => {
            let moderate = lanczos(scaled(matrix, -exponent).as_ref(), relative_tolerance);
            times_power_of_two(moderate, exponent)
        }
    }
}

fn lanczos(matrix: MatRef<'_, f64>, relative_tolerance: f64) -> f64 {
    let matrix = if matrix.nrows() < matrix.ncols() { matrix.transpose() } else { matrix };
    let n = matrix.ncols();
    let tolerance = relative_tolerance.max(4.0 * f64::UNIT_ROUNDOFF);

    let mut rng = generator(0);
    let mut next = Col::<f64>::from_fn(n, |_| rng.sample(StandardNormal));
    next = &next * (1.0 / next.norm_l2());
    let mut basis = Mat::<f64>::zeros(n, 0);
    let mut image = Col::<f64>::zeros(matrix.nrows());
    let mut tridiagonal = Tridiagonal::default();

    loop {
        basis.resize_with(n, basis.ncols() + 1, |i, _| next[i]);
        // w = AᵀA v, and vᵀw = ‖Av‖² without a cancellation.
        matmul(image.as_mat_mut(), Accum::Replace, matrix, next.as_mat(), 1.0, Par::Seq);
        matmul(next.as_mat_mut(), Accum::Replace, matrix.transpose(), image.as_mat(), 1.0, Par::Seq);
        tridiagonal.diagonal.push(image.squared_norm_l2());
        // Against the whole basis, twice: w loses its components along v and its predecessor here too.
        for _ in 0..2 {
            orthogonalize(next.as_mut(), basis.as_ref());
        }
        let coupling = next.norm_l2();
        let (ritz_value, last) = tridiagonal.leading_pair();
        // |λ − θ| ≤ residual for some eigenvalue λ of AᵀA; for its square root half of that, relatively.
        let exhausted = basis.ncols() == n || coupling <= f64::UNIT_ROUNDOFF * ritz_value;
        if exhausted || coupling * last <= 0.2 * tolerance * ritz_value {
            return ritz_value.sqrt();
        }
        tridiagonal.coupling.push(coupling);
        next = &next * (1.0 / coupling);
    }
}

/// w ← (I − VVᵀ) w.
fn orthogonalize(vector: ColMut<'_, f64>, basis: MatRef<'_, f64>) {
    let mut components = Col::<f64>::zeros(basis.ncols());
    matmul(components.as_mat_mut(), Accum::Replace, basis.transpose(), vector.as_ref().as_mat(), 1.0, Par::Seq);
    matmul(vector.as_mat_mut(), Accum::Add, basis, components.as_mat(), -1.0, Par::Seq);
}

/// The projection of AᵀA on the Krylov basis: symmetric, tridiagonal, growing by one row a step.
#[derive(Default)]
struct Tridiagonal {
    diagonal: Vec<f64>,
    /// Positive; one fewer than the diagonal.
    coupling: Vec<f64>,
}

impl Tridiagonal {
    /// The largest eigenvalue, and the size of the last component of its unit eigenvector.
    fn leading_pair(&self) -> (f64, f64) {
        let value = self.leading_value();
        // Backward substitution through the factors of T − θI, whose pivots all have one sign since θ is the largest.
        let pivots = self.pivots(value);
        let (mut component, mut squares) = (1.0, 1.0);
        for (&coupling, &pivot) in self.coupling.iter().zip(&pivots).rev() {
            component *= -coupling / pivot;
            squares += component * component;
            if squares > 1e200 {
                return (value, 0.0);
            }
        }
        (value, 1.0 / squares.sqrt())
    }

    /// By bisection between the largest diagonal entry and Gershgorin's bound, to the last bits: an upper bound.
    fn leading_value(&self) -> f64 {
        let neighbours = |i: usize| {
            let before = if i == 0 { 0.0 } else { self.coupling[i - 1] };
            before + self.coupling.get(i).copied().unwrap_or(0.0)
        };
        let mut low = self.diagonal.iter().copied().fold(0.0, f64::max);
        let mut high = self.diagonal.iter().enumerate().map(|(i, &entry)| entry + neighbours(i)).fold(0.0, f64::max);
        high += f64::EPSILON * high;
        while high - low > 2.0 * f64::EPSILON * high {
            let middle = low + (high - low) / 2.0;
            if self.pivots(middle).iter().all(|&pivot| pivot < 0.0) {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }

    /// Pivots of T − `shift`·I: all negative exactly where `shift` is above every eigenvalue (Sylvester).
    fn pivots(&self, shift: f64) -> Vec<f64> {
        let mut pivots = Vec::with_capacity(self.diagonal.len());
        let mut carried = 0.0;
        for (i, &entry) in self.diagonal.iter().enumerate() {
            let pivot = entry - shift - carried;
            carried = self.coupling.get(i).map_or(0.0, |coupling| coupling * coupling / pivot);
            pivots.push(pivot);
        }
        pivots
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{
        from_f64,
        gaussian::{gaussian, haar},
        svd::singular_values,
    };

    fn with_singular_values(rows: usize, columns: usize, values: &[f64]) -> Mat<f64> {
        let mut rng = generator(5);
        let left = haar(rows, values.len(), &mut rng);
        let right = haar(columns, values.len(), &mut rng);
        Mat::from_fn(rows, values.len(), |i, j| left[(i, j)] * values[j]) * right.transpose()
    }

    #[test]
    fn the_frobenius_norm_is_right_at_every_scale() {
        let block = gaussian::<f64>(37, 21, &mut generator(1));
        let plain = block.col_iter().flat_map(|c| c.iter()).map(|x| x * x).sum::<f64>().sqrt();
        assert!((frobenius(block.as_ref()) / plain - 1.0).abs() < 1e-15);
        assert!((frobenius(block.transpose()) / plain - 1.0).abs() < 1e-15);
        for scale in [1e300, 1e-300, 1e200, 1e-160] {
            let far = Mat::from_fn(37, 21, |i, j| block[(i, j)] * scale);
            assert!((frobenius(far.as_ref()) / scale / plain - 1.0).abs() < 1e-14, "scale {scale:e}");
        }
        let narrow: Mat<f32> = from_f64(Mat::from_fn(37, 21, |i, j| block[(i, j)] * 1e30).as_ref());
        assert!((frobenius(narrow.as_ref()) / 1e30 / plain - 1.0).abs() < 1e-7);
        assert_eq!(frobenius(Mat::<f64>::zeros(3, 2).as_ref()), 0.0);
        assert_eq!(frobenius(Mat::<f64>::zeros(0, 2).as_ref()), 0.0);
        assert_eq!(frobenius(Mat::from_fn(2, 2, |_, _| 5e-324).as_ref()), 1e-323);
        assert!(frobenius(Mat::from_fn(2, 2, |i, _| [1.0, f64::NAN][i]).as_ref()).is_nan());
    }

    #[test]
    fn the_spectral_norm_is_the_largest_singular_value() {
        for (rows, columns) in [(1, 7), (7, 1), (2, 2), (40, 40), (90, 30), (30, 90)] {
            let block = gaussian::<f64>(rows, columns, &mut generator(2));
            let expected = singular_values(block.as_ref(), Par::Seq).unwrap()[0];
            for scale in [1.0, 1e300 / expected, 1e-300] {
                let scaled = Mat::from_fn(rows, columns, |i, j| block[(i, j)] * scale);
                let computed = spectral(scaled.as_ref(), 1e-12) / scale;
                assert!((computed / expected - 1.0).abs() < 1e-12, "{rows}×{columns}: {computed} for {expected}");
            }
        }
    }

    #[test]
    fn clustered_and_repeated_leading_values_do_not_mislead_it() {
        for gap in [0.0, 1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3] {
            let values: Vec<f64> = (0..60).map(|j| if j < 5 { 1.0 - gap * j as f64 } else { 0.9 / j as f64 }).collect();
            let computed = spectral(with_singular_values(80, 60, &values).as_ref(), 1e-6);
            assert!((computed - 1.0).abs() < 1e-6, "gap {gap:e}: {computed}");
        }
    }

    #[test]
    fn flat_low_rank_and_empty_matrices_end_at_once() {
        let flat = with_singular_values(50, 50, &[3.0; 50]);
        assert!((spectral(flat.as_ref(), 1e-6) / 3.0 - 1.0).abs() < 1e-13);
        let rank_one = with_singular_values(50, 20, &[2.0]);
        assert!((spectral(rank_one.as_ref(), 1e-14) / 2.0 - 1.0).abs() < 1e-13);
        assert_eq!(spectral(Mat::zeros(10, 10).as_ref(), 1e-6), 0.0);
        assert_eq!(spectral(Mat::zeros(0, 10).as_ref(), 1e-6), 0.0);
        assert_eq!(spectral(Mat::from_fn(1, 2, |_, j| [3.0, -4.0][j]).as_ref(), 1e-6), 5.0);
        assert!(spectral(Mat::from_fn(2, 2, |_, j| [3.0, f64::INFINITY][j]).as_ref(), 1e-6).is_nan());
    }
}
