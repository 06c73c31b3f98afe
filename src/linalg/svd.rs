//! The dense SVD, made safe: scaled, checked, and with a recorded ladder of retries.

use faer::{
    Mat, MatRef, Par,
    diag::Diag,
    dyn_stack::{MemBuffer, MemStack},
    linalg::svd::{ComputeSvdVectors, svd, svd_scratch},
};

use super::{
    Scalar,
    scale::{NotFinite, excess_exponent, magnitude, scaled, times_power_of_two},
};

/// A = left · diag(singular_values) · rightᵀ, thin.
#[derive(Debug, Clone)]
pub struct Svd<T> {
    /// m×r with orthonormal columns, r = min(m, n).
    pub left: Mat<T>,
    /// Non-negative, descending. In f64 whatever `T`, so that putting a scale back cannot overflow an f32.
    pub singular_values: Vec<f64>,
    /// n×r with orthonormal columns.
    pub right: Mat<T>,
    /// The retry that gave the answer, if the plain course did not.
    pub fallback: Option<&'static str>,
}

/// Why a matrix has no SVD here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SvdError {
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    #[error("the SVD did not converge, neither as given, nor sequentially, nor transposed")]
    NoConvergence,
}

/// Thin SVD of an m×n matrix by bidiagonalisation and divide and conquer (faer), O(mn·min(m,n)) flops.
///
/// # Errors
/// A non-finite entry, named; or no convergence after the whole ladder (as given, sequential, transposed).
pub fn thin_svd<T: Scalar>(matrix: MatRef<'_, T>, parallelism: Par) -> Result<Svd<T>, SvdError> {
    on_moderate_scale(matrix, |moderate| {
        let size = moderate.nrows().min(moderate.ncols());
        let attempt = |a: MatRef<'_, T>, par: Par| {
            let mut left = Mat::zeros(a.nrows(), size);
            let mut right = Mat::zeros(a.ncols(), size);
            let values = faer_svd(a, Some((&mut left, &mut right)), par)?;
            Some((left, values, right))
        };
        let (left, singular_values, right, fallback) = if let Some((u, s, v)) = attempt(moderate, parallelism) {
            (u, s, v, None)
        } else if let Some((u, s, v)) = attempt(moderate, Par::Seq) {
            (u, s, v, Some("svd: sequential retry"))
        } else {
            let (v, s, u) = attempt(moderate.transpose(), Par::Seq).ok_or(SvdError::NoConvergence)?;
            (u, s, v, Some("svd: transposed retry"))
        };
        Ok(Svd { left, singular_values, right, fallback })
    })
    .map(|(mut svd, exponent)| {
        restore(&mut svd.singular_values, exponent);
        svd
    })
}

/// The singular values alone, descending.
///
/// # Errors
/// As [`thin_svd`].
pub fn singular_values<T: Scalar>(matrix: MatRef<'_, T>, parallelism: Par) -> Result<Vec<f64>, SvdError> {
    on_moderate_scale(matrix, |moderate| {
        faer_svd(moderate, None, parallelism)
            .or_else(|| faer_svd(moderate, None, Par::Seq))
            .or_else(|| faer_svd(moderate.transpose(), None, Par::Seq))
            .ok_or(SvdError::NoConvergence)
    })
    .map(|(mut values, exponent)| {
        restore(&mut values, exponent);
        values
    })
}

/// Runs `compute` on the matrix scaled by a power of two to moderate entries; gives back the exponent that was taken out.
fn on_moderate_scale<T: Scalar, R>(
    matrix: MatRef<'_, T>,
    compute: impl FnOnce(MatRef<'_, T>) -> Result<R, SvdError>,
) -> Result<(R, i32), SvdError> {
    match excess_exponent::<T>(magnitude(matrix)?) {
        None => compute(matrix).map(|result| (result, 0)),
        Some(exponent) => compute(scaled(matrix, -exponent).as_ref()).map(|result| (result, exponent)),
    }
}

fn restore(singular_values: &mut [f64], exponent: i32) {
    if exponent != 0 {
        for value in singular_values {
            *value = times_power_of_two(*value, exponent);
        }
    }
}

/// faer's SVD with our own workspace and an explicit degree of parallelism (the high-level call reads a global one).
fn faer_svd<T: Scalar>(
    matrix: MatRef<'_, T>,
    vectors: Option<(&mut Mat<T>, &mut Mat<T>)>,
    parallelism: Par,
) -> Option<Vec<f64>> {
    let (m, n) = matrix.shape();
    let mut values = Diag::<T>::zeros(m.min(n));
    let wanted = if vectors.is_some() { ComputeSvdVectors::Thin } else { ComputeSvdVectors::No };
    let (left, right) = vectors.map(|(left, right)| (left.as_mut(), right.as_mut())).unzip();
    let mut memory = MemBuffer::new(svd_scratch::<T>(m, n, wanted, wanted, parallelism, faer::prelude::default()));
    svd(matrix, values.as_mut(), left, right, parallelism, MemStack::new(&mut memory), faer::prelude::default())
        .ok()?;
    let values: Vec<f64> = values.column_vector().iter().map(|value| value.to_f64()).collect();
    values.iter().all(|value| value.is_finite()).then_some(values)
}
