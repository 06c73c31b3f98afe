//! Bases of the dominant range of a matrix, from products with Gaussian blocks, and the best approximation inside them.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};

use super::{
    Scalar,
    gaussian::gaussian,
    narrow::{add_combination, coordinates},
    orthonormalize::{condition, orthonormalize, project_out, worthwhile},
    svd::{Svd, SvdError, thin_svd},
};
use crate::random::Rng;

/// `left · right`, dense.
#[must_use]
pub fn product<T: Scalar>(left: MatRef<'_, T>, right: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
    let mut result = Mat::zeros(left.nrows(), right.ncols());
    let flops = 2 * left.nrows() * left.ncols() * right.ncols();
    matmul(&mut result, Accum::Replace, left, right, T::of(1.0), worthwhile(parallelism, flops));
    result
}

/// Orthonormal basis, m×`sketch_size`, of the range of (AAᵀ)^q·A·Ω with Ω Gaussian n×`sketch_size`: Halko, Martinsson,
/// Tropp 2011, Algorithm 4.4, with a basis taken between all products so that powers do not drown the small directions.
/// (2q+1)·2mn·`sketch_size` flops.
#[must_use]
pub fn power_range<T: Scalar>(
    matrix: MatRef<'_, T>,
    sketch_size: usize,
    power_iterations: usize,
    rng: &mut Rng,
    parallelism: Par,
) -> Mat<T> {
    power_range_from(matrix, gaussian::<T>(matrix.ncols(), sketch_size, rng).as_ref(), power_iterations, parallelism)
}

/// [`power_range`] from a given n×ℓ test matrix Ω.
#[must_use]
pub fn power_range_from<T: Scalar>(
    matrix: MatRef<'_, T>,
    test: MatRef<'_, T>,
    power_iterations: usize,
    parallelism: Par,
) -> Mat<T> {
    let mut sketch = product(matrix, test, parallelism);
    for _ in 0..power_iterations {
        let basis = condition(sketch, parallelism);
        let basis = condition(product(matrix.transpose(), basis.as_ref(), parallelism), parallelism);
        sketch = product(matrix, basis.as_ref(), parallelism);
    }
    orthonormalize(sketch, parallelism)
}

/// Rounds of [`extension`]: one for a block that stands clear of the basis, one more after a refill; the rest is margin.
const MOST_ROUNDS: usize = 5;

/// Grows an orthonormal basis by the part of `block` that stands out of it, orthonormalised. Directions that `block` does
/// not supply (it depends on the basis, or on itself) are filled at random, so the basis always grows by all its columns.
///
/// # Panics
/// If the grown basis would have more columns than rows.
#[must_use]
pub fn extension<T: Scalar>(basis: MatRef<'_, T>, block: Mat<T>, rng: &mut Rng, parallelism: Par) -> Mat<T> {
    assert!(basis.ncols() + block.ncols() <= basis.nrows(), "a basis has at most as many columns as rows");
    let mut fresh = block;
    if basis.ncols() == 0 {
        return orthonormalize(fresh, parallelism);
    }
    // Twice before anything is normalised: what one pass leaves along the basis would swamp a column that barely stands out.
    project_out(basis, fresh.as_mut(), parallelism);
    project_out(basis, fresh.as_mut(), parallelism);
    for _ in 0..MOST_ROUNDS {
        fresh = orthonormalize(fresh, parallelism);
        let overlap = coordinates(basis, fresh.as_ref(), parallelism);
        let along: Vec<f64> = (0..fresh.ncols()).map(|j| overlap.col(j).norm_l2().to_f64()).collect();
        let rounding = 8.0 * T::UNIT_ROUNDOFF * (basis.nrows() as f64).sqrt();
        if along.iter().all(|along| *along <= rounding) {
            break;
        }
        // Once more along what is left: "twice is enough" (Parlett) for every column that stands out of the basis at all.
        add_combination(fresh.as_mut(), T::of(-1.0), basis, overlap.as_ref(), parallelism);
        for (j, _) in along.iter().enumerate().filter(|(_, along)| **along > T::UNIT_ROUNDOFF.sqrt()) {
            // A dependent column left nothing but rounding errors, or an arbitrary direction that may lie in the basis.
            fresh.col_mut(j).copy_from(gaussian::<T>(basis.nrows(), 1, rng).col(0));
            project_out(basis, fresh.subcols_mut(j, 1), parallelism);
        }
    }
    fresh
}

/// The best rank-`rank` approximation of A among matrices whose range lies in that of an orthonormal `basis` Q:
/// the SVD of QᵀA, truncated, with its left vectors carried back (Halko, Martinsson, Tropp 2011, Algorithm 5.1).
///
/// # Errors
/// As [`thin_svd`] of the small matrix.
pub fn best_in_range<T: Scalar>(
    matrix: MatRef<'_, T>,
    basis: MatRef<'_, T>,
    rank: usize,
    parallelism: Par,
) -> Result<Svd<T>, SvdError> {
    // AᵀQ = Z·R with Z orthonormal, so QᵀA = Rᵀ·Zᵀ and only the ℓ×ℓ matrix R needs an SVD.
    let carried = product(matrix.transpose(), basis, parallelism);
    let (right_basis, triangle) = if carried.ncols() <= carried.nrows() {
        let right_basis = orthonormalize(carried.clone(), parallelism);
        let triangle = product(right_basis.transpose(), carried.as_ref(), parallelism);
        (Some(right_basis), triangle)
    } else {
        (None, carried)
    };
    let size = triangle.ncols();
    let small = thin_svd(triangle.as_ref(), worthwhile(parallelism, 8 * size * size * size))?;
    let rank = rank.min(small.singular_values.len());
    let left = product(basis, small.right.subcols(0, rank), parallelism);
    let right = match right_basis {
        Some(z) => product(z.as_ref(), small.left.subcols(0, rank), parallelism),
        None => small.left.subcols(0, rank).to_owned(),
    };
    Ok(Svd { left, right, singular_values: small.singular_values[..rank].to_vec(), fallback: small.fallback })
}
