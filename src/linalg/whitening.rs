//! Coordinates in which the activations of a linear map are white: S with S·Sᵀ = XXᵀ, so that ‖(W − Ŵ)X‖_F = ‖(W − Ŵ)S‖_F.
//!
//! S = Q·Λ^½ from the eigendecomposition XXᵀ = QΛQᵀ. With fewer tokens than inputs, or inputs that depend on one another, XXᵀ is
//! singular and Λ holds zeros (or, by rounding, a little less); eigenvalues below `floor`·λ₁ are raised to that, which bounds
//! ‖S⁻¹‖·‖S‖ by floor^−½ and leaves a little weight on directions that the activations never took. About 9n³ flops.

use faer::{
    Mat, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::{
        evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch},
        matmul::triangular::{self, BlockStructure},
    },
};

use super::{
    range_finder::product,
    scale::{excess_exponent, magnitude, scaled, times_power_of_two},
    svd::{SvdError, thin_svd},
};

/// The usual floor: what the calibration text hardly takes is not given up.
pub const FLOOR: f64 = 1e-8;

/// S and its inverse.
#[derive(Debug, Clone)]
pub struct Whitening {
    /// Q, n×n, orthogonal.
    directions: Mat<f64>,
    /// The square roots of the eigenvalues, after the floor.
    roots: Vec<f64>,
    spanned: usize,
}

impl Whitening {
    /// Of XXᵀ, n×n; eigenvalues below `floor` times the largest are raised to that. Of the zero matrix, S is the identity.
    ///
    /// # Errors
    /// An entry that is not finite, named; or no convergence, neither of the eigendecomposition nor of the SVD in its place.
    pub fn of_gram(gram: MatRef<'_, f64>, floor: f64, parallelism: Par) -> Result<Self, SvdError> {
        let largest_entry = magnitude(gram)?;
        let n = gram.nrows();
        if largest_entry == 0.0 {
            return Ok(Self { directions: Mat::identity(n, n), roots: vec![1.0; n], spanned: 0 });
        }
        let exponent = excess_exponent::<f64>(largest_entry).unwrap_or(0);
        let moderate = scaled(gram, -exponent);
        let (eigenvalues, directions) = eigen(moderate.as_ref(), parallelism)?;
        let largest = eigenvalues.iter().copied().fold(0.0, f64::max);
        let least = floor * largest;
        // Of half an exponent, the odd one stays under the root.
        let (half, odd) = (exponent.div_euclid(2), exponent.rem_euclid(2));
        let root = |value: &f64| times_power_of_two((value.max(least) * f64::from(1 + odd)).sqrt(), half);
        Ok(Self {
            roots: eigenvalues.iter().map(root).collect(),
            spanned: eigenvalues.iter().filter(|&&value| value >= least).count(),
            directions,
        })
    }

    /// How many directions the activations take, to the floor: fewer than there are where XXᵀ is singular.
    #[must_use]
    pub fn spanned(&self) -> usize {
        self.spanned
    }

    /// W·S, for W with n columns.
    #[must_use]
    pub fn apply(&self, matrix: MatRef<'_, f64>, parallelism: Par) -> Mat<f64> {
        let mut turned = product(matrix, self.directions.as_ref(), parallelism);
        for (j, root) in self.roots.iter().enumerate() {
            turned.col_mut(j).iter_mut().for_each(|entry| *entry *= root);
        }
        turned
    }

    /// R·S⁻¹, for R with n columns.
    #[must_use]
    pub fn undo(&self, matrix: MatRef<'_, f64>, parallelism: Par) -> Mat<f64> {
        let divided = Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] / self.roots[j]);
        product(divided.as_ref(), self.directions.transpose(), parallelism)
    }

    /// R·S⁻ᵀ, for R with n columns: R·(SSᵀ)⁻¹ in the coordinates of [`Self::apply`].
    #[must_use]
    pub fn divide(&self, matrix: MatRef<'_, f64>, parallelism: Par) -> Mat<f64> {
        let mut turned = product(matrix, self.directions.as_ref(), parallelism);
        for (j, root) in self.roots.iter().enumerate() {
            turned.col_mut(j).iter_mut().for_each(|entry| *entry /= root);
        }
        turned
    }
}

/// XXᵀ for the activations Xᵀ (tokens×inputs), half of it computed and the other half mirrored; on one thread, so that its bits
/// do not depend on how many the run is given. n² flops a token.
#[must_use]
pub fn gram(activations: MatRef<'_, f64>) -> Mat<f64> {
    let n = activations.ncols();
    let mut gram = Mat::zeros(n, n);
    triangular::matmul(
        &mut gram,
        BlockStructure::TriangularLower,
        faer::Accum::Replace,
        activations.transpose(),
        BlockStructure::Rectangular,
        activations,
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    for j in 0..n {
        for i in 0..j {
            gram[(i, j)] = gram[(j, i)];
        }
    }
    gram
}

/// Eigenvalues and eigenvectors of a symmetric positive semi-definite matrix of moderate entries.
fn eigen(matrix: MatRef<'_, f64>, parallelism: Par) -> Result<(Vec<f64>, Mat<f64>), SvdError> {
    let n = matrix.nrows();
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::zeros(n, n);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, parallelism, faer::prelude::default());
    let mut memory = MemBuffer::new(scratch);
    let found = self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        parallelism,
        MemStack::new(&mut memory),
        faer::prelude::default(),
    );
    let values: Vec<f64> = values.column_vector().iter().copied().collect();
    if found.is_ok() && values.iter().all(|value| value.is_finite()) && magnitude(vectors.as_ref()).is_ok() {
        return Ok((values, vectors));
    }
    // Of such a matrix, the singular triplets are the eigenpairs.
    let svd = thin_svd(matrix, parallelism)?;
    Ok((svd.singular_values, svd.left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    /// 40 tokens of 12 inputs, one of them silent and one a copy of another.
    fn activations() -> Mat<f64> {
        let mut tokens = gaussian::<f64>(40, 12, &mut generator(5));
        for i in 0..40 {
            tokens[(i, 3)] = 0.0;
            tokens[(i, 7)] = tokens[(i, 8)];
            tokens[(i, 0)] *= 1e3;
        }
        tokens
    }

    #[test]
    fn the_gram_matrix_is_the_sum_over_tokens() {
        let tokens = activations();
        let gram = gram(tokens.as_ref());
        for i in 0..12 {
            for j in 0..12 {
                let sum: f64 = (0..40).map(|t| tokens[(t, i)] * tokens[(t, j)]).sum();
                assert!((gram[(i, j)] - sum).abs() <= 1e-9, "({i}, {j})");
                assert_eq!(gram[(i, j)].to_bits(), gram[(j, i)].to_bits());
            }
        }
    }

    #[test]
    fn whitened_coordinates_measure_what_the_activations_do_and_can_be_undone() {
        let gram = gram(activations().as_ref());
        let matrix = gaussian::<f64>(9, 12, &mut generator(6));
        for exponent in [0, 601, -600] {
            let whitening = Whitening::of_gram(scaled(gram.as_ref(), exponent).as_ref(), 1e-10, Par::Seq).unwrap();
            assert_eq!(whitening.spanned(), 10);
            let whitened = whitening.apply(matrix.as_ref(), Par::Seq);
            // ‖W·S‖_F² = tr(W·XXᵀ·Wᵀ); of what the floor adds, 1e-10 of the largest at most.
            let expected = (&matrix * &gram * matrix.transpose()).diagonal().column_vector().iter().sum::<f64>();
            let found = scaled(whitened.as_ref(), -exponent.div_euclid(2)).squared_norm_l2();
            let found = if exponent % 2 == 0 { found } else { found / 2.0 };
            assert!((found / expected - 1.0).abs() < 1e-8, "2^{exponent}: {found} for {expected}");
            let back = whitening.undo(whitened.as_ref(), Par::Seq);
            assert!((back - &matrix).norm_max() < 1e-9, "2^{exponent}");
            // S·(S⁻¹·) either way: R·S⁻ᵀ·Sᵀ is R.
            let divided = whitening.divide(matrix.as_ref(), Par::Seq);
            let identity = Mat::<f64>::identity(12, 12);
            let again = divided * whitening.apply(identity.as_ref(), Par::Seq).transpose();
            assert!((again - &matrix).norm_max() < 1e-9, "2^{exponent}");
        }
    }

    #[test]
    fn nothing_to_whiten_by_leaves_a_matrix_as_it_is_and_what_is_not_finite_is_named() {
        let matrix = gaussian::<f64>(3, 5, &mut generator(7));
        let identity = Whitening::of_gram(Mat::zeros(5, 5).as_ref(), 1e-8, Par::Seq).unwrap();
        assert_eq!(identity.apply(matrix.as_ref(), Par::Seq), matrix);
        let mut broken = Mat::<f64>::identity(5, 5);
        broken[(2, 1)] = f64::NAN;
        assert!(matches!(Whitening::of_gram(broken.as_ref(), 1e-8, Par::Seq), Err(SvdError::NotFinite(_))));
    }
}
