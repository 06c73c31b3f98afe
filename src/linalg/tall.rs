//! The SVD of a matrix that is much longer than wide, or wider than long: an orthonormal basis of its short side first, then the
//! SVD of a square. 6mn² flops in products and a small SVD, where bidiagonalising the whole takes 22mn².

use faer::{MatRef, Par};

use super::{
    Scalar,
    orthonormalize::orthonormalize,
    range_finder::product,
    scale::{excess_exponent, magnitude},
    svd::{Svd, SvdError, singular_values, thin_svd},
    transposed,
};

/// From this ratio of the sides on, the detour is shorter.
const RATIO: usize = 3;

/// [`thin_svd`], by way of an orthonormal basis where one side is at least three times the other.
///
/// # Errors
/// As [`thin_svd`].
pub fn thin_svd_by_basis<T: Scalar>(matrix: MatRef<'_, T>, parallelism: Par) -> Result<Svd<T>, SvdError> {
    let (m, n) = matrix.shape();
    if m < n {
        let Svd { left, singular_values, right, fallback } =
            thin_svd_by_basis(transposed(matrix).as_ref(), parallelism)?;
        return Ok(Svd { left: right, singular_values, right: left, fallback });
    }
    if !worth_it(matrix)? {
        return thin_svd(matrix, parallelism);
    }
    let basis = orthonormalize(matrix.to_owned(), parallelism);
    let square = product(basis.transpose(), matrix, parallelism);
    let Svd { left, singular_values, right, fallback } = thin_svd(square.as_ref(), parallelism)?;
    Ok(Svd { left: product(basis.as_ref(), left.as_ref(), parallelism), singular_values, right, fallback })
}

/// [`singular_values`] in the same way.
///
/// # Errors
/// As [`thin_svd`].
pub fn singular_values_by_basis<T: Scalar>(matrix: MatRef<'_, T>, parallelism: Par) -> Result<Vec<f64>, SvdError> {
    let (m, n) = matrix.shape();
    if m < n {
        return singular_values_by_basis(transposed(matrix).as_ref(), parallelism);
    }
    if !worth_it(matrix)? {
        return singular_values(matrix, parallelism);
    }
    let basis = orthonormalize(matrix.to_owned(), parallelism);
    singular_values(product(basis.transpose(), matrix, parallelism).as_ref(), parallelism)
}

/// Whether it is tall enough, and of a size whose squares are safe.
fn worth_it<T: Scalar>(matrix: MatRef<'_, T>) -> Result<bool, SvdError> {
    let size = magnitude(matrix)?;
    let tall = matrix.ncols() > 0 && matrix.nrows() >= RATIO * matrix.ncols();
    Ok(tall && excess_exponent::<T>(size).is_none())
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    #[test]
    fn it_is_the_svd_whatever_the_shape_and_the_rank() {
        let random = |rows, columns, seed| gaussian::<f64>(rows, columns, &mut generator(seed));
        let deficient = &random(90, 4, 3) * &random(4, 20, 4);
        for matrix in [random(90, 20, 1), random(20, 90, 2), deficient, random(20, 19, 5), Mat::zeros(30, 4)] {
            let Svd { left, singular_values, right, .. } = thin_svd_by_basis(matrix.as_ref(), Par::Seq).unwrap();
            let scale = singular_values[0].max(1.0);
            let rebuilt =
                Mat::from_fn(left.nrows(), left.ncols(), |i, j| left[(i, j)] * singular_values[j]) * right.transpose();
            assert!((rebuilt - &matrix).norm_max() < 1e-12 * scale, "{:?}", matrix.shape());
            let identity = Mat::<f64>::identity(left.ncols(), left.ncols());
            assert!((left.transpose() * &left - &identity).norm_max() < 1e-12, "{:?}", matrix.shape());
            let plain = crate::linalg::svd::singular_values(matrix.as_ref(), Par::Seq).unwrap();
            let values = singular_values_by_basis(matrix.as_ref(), Par::Seq).unwrap();
            for ((plain, value), with_vectors) in plain.iter().zip(&values).zip(&singular_values) {
                assert!((plain - value).abs() < 1e-12 * scale && (plain - with_vectors).abs() < 1e-12 * scale);
            }
        }
    }

    #[test]
    fn extreme_entries_take_the_plain_course_and_bad_ones_are_named() {
        let huge = Mat::from_fn(9, 2, |i, j| 1e300 * (i as f64 + 1.0) * if j == 0 { 1.0 } else { -0.5 } + j as f64);
        assert!(thin_svd_by_basis(huge.as_ref(), Par::Seq).unwrap().singular_values[0].is_finite());
        let mut broken = Mat::<f32>::zeros(9, 2);
        broken[(7, 1)] = f32::NAN;
        assert!(matches!(thin_svd_by_basis(broken.as_ref(), Par::Seq), Err(SvdError::NotFinite(_))));
    }
}
