//! Random matrices: Gaussian entries, Haar-random orthonormal columns.

use faer::{
    Conj, Mat, Par, Unbind,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{householder, qr::no_pivoting::factor},
};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::Scalar;
use crate::random::Rng;

/// Independent standard normals, `rows`×`columns`, drawn column by column.
///
/// Every entry is drawn in f64 and then rounded: both precisions see the same numbers.
#[must_use]
pub fn gaussian<T: Scalar>(rows: usize, columns: usize, rng: &mut Rng) -> Mat<T> {
    let mut matrix = Mat::zeros(rows, columns);
    for column in matrix.col_iter_mut() {
        for entry in column.iter_mut() {
            *entry = T::of(rng.sample(StandardNormal));
        }
    }
    matrix
}

/// `columns` orthonormal columns in `rows` dimensions, distributed by the Haar measure: every orthonormal basis is equally
/// likely.
///
/// The Q of a Householder QR of a Gaussian matrix is not Haar until each column takes the sign of its diagonal entry of R
/// (Mezzadri 2007, "How to generate random matrices from the classical compact groups", section 5).
///
/// # Panics
/// If `columns > rows`: no such basis exists.
#[must_use]
pub fn haar(rows: usize, columns: usize, rng: &mut Rng) -> Mat<f64> {
    assert!(columns <= rows, "at most {rows} orthonormal columns exist in {rows} dimensions");
    let mut factored = gaussian::<f64>(rows, columns, rng);
    let block = factor::recommended_block_size::<f64>(rows, columns).min(columns.max(1));
    let mut coefficients = Mat::zeros(block, columns);
    // One thread: the bits of a problem must not depend on how many threads the run is given.
    let mut memory =
        MemBuffer::new(factor::qr_in_place_scratch::<f64>(rows, columns, block, Par::Seq, Default::default()).or(
            householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(rows, block, columns),
        ));
    factor::qr_in_place(
        factored.as_mut(),
        coefficients.as_mut(),
        Par::Seq,
        MemStack::new(&mut memory),
        Default::default(),
    );

    let mut basis =
        Mat::from_fn(rows, columns, |i, j| if i != j.unbound() { 0.0 } else { 1f64.copysign(factored[(j, j)]) });
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        factored.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        basis.as_mut(),
        Par::Seq,
        MemStack::new(&mut memory),
    );
    basis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;

    #[test]
    fn first_draws_are_the_same_everywhere() {
        let block = gaussian::<f64>(2, 2, &mut generator(7));
        let draws = [block[(0, 0)], block[(1, 0)], block[(0, 1)], block[(1, 1)]];
        assert_eq!(draws, [0.7521231938211115, 0.4133372350029456, -0.03334723972595288, 0.11881879412302039]);
        let rounded = gaussian::<f32>(2, 2, &mut generator(7));
        assert_eq!(f64::from(rounded[(1, 1)]), f64::from(block[(1, 1)] as f32), "both precisions see the same draw");
    }

    #[test]
    fn haar_columns_are_orthonormal_and_of_no_preferred_sign() {
        for (rows, columns) in [(1, 1), (5, 5), (40, 7), (64, 64), (130, 100), (9, 0)] {
            let basis = haar(rows, columns, &mut generator(1));
            let defect = basis.transpose() * &basis - Mat::<f64>::identity(columns, columns);
            assert!(defect.norm_max() < 1e-14 * rows as f64, "{rows}×{columns}: {}", defect.norm_max());
        }
        // Without the sign fix every 1×1 draw would be −1, and the mean of a diagonal entry would be far from 0.
        let draws = 400;
        let mut rng = generator(2);
        let mean = (0..draws).map(|_| haar(3, 3, &mut rng)[(0, 0)]).sum::<f64>() / f64::from(draws);
        // Var(q₁₁) = 1/3 over the Haar measure: four standard errors.
        assert!(mean.abs() < 4.0 * (1.0 / 3.0 / f64::from(draws)).sqrt(), "mean of q₁₁ is {mean}");
    }
}
