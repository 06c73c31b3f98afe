//! Failures of positive semi-definite matrices: kernels and Gram matrices.

use faer::{Mat, MatRef, Side};
use serde_json::json;

use super::{Provoked, approximate, method};
use crate::{
    linalg::{
        gaussian::{gaussian, haar},
        orthonormalize::orthonormalize,
        svd::thin_svd,
    },
    problem::{Problem, Structure},
    study::{
        Bench, StudyError,
        numerics::{relative_error, weighted_product},
    },
};

fn kernel_problem(kernel: Mat<f64>) -> Problem<f64> {
    let values = Mat::zeros(kernel.ncols(), 1);
    Problem {
        formed: Some(kernel),
        structure: Structure::PositiveSemidefinite,
        values,
        prescribed_singular_values: None,
    }
}

/// λ_j = 10^(−j/2), n = 200, k = 60: from the 32nd on, eigenvalues are below rounding, so that the core ΩᵀKΩ is not positive
/// definite in arithmetic, and its Cholesky factorisation stops.
pub fn unshifted_nystrom(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (n, k) = (200, 60);
    let basis = haar(n, n, bench.rng);
    let eigenvalues: Vec<f64> = (0..n).map(|j| 10f64.powf(-(j as f64) / 2.0)).collect();
    let kernel = symmetric(weighted_product(basis.as_ref(), &eigenvalues, basis.as_ref()).as_ref());
    let test = orthonormalize(gaussian::<f64>(n, k, bench.rng), bench.parallelism);
    let sketch = &kernel * &test;
    let core = symmetric((test.transpose() * &sketch).as_ref());
    let bad = cholesky(core.as_ref()).map(|lower| {
        let root = solved_from_the_right(&sketch, &lower);
        relative_error((&root * root.transpose()).as_ref(), kernel.as_ref())
    });
    let shifted = method("nystrom", json!({ "sampling": "gaussian" }))?;
    let found = approximate(&shifted, &kernel_problem(kernel.clone()), k, bench)?.factors.to_dense();
    Ok(Provoked { bad, cure: relative_error(found.as_ref(), kernel.as_ref()) })
}

/// K = ZZᵀ of 1000 points on 10 directions, of length 1, and of 20 outliers of length 1.05, each in a direction of its own;
/// k = 20. Greedy pivots take the outliers, which explain nothing but themselves.
pub fn greedy_pivots(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (clusters, each, outliers, k) = (10, 100, 20, 20);
    let n = clusters * each + outliers;
    let directions = haar(clusters + outliers, clusters + outliers, bench.rng);
    // A little noise, so that no two points are the same.
    let noise = gaussian::<f64>(n, clusters + outliers, bench.rng);
    let points = Mat::from_fn(n, clusters + outliers, |i, j| {
        let (direction, length) =
            if i < clusters * each { (i / each, 1.0) } else { (clusters + i - clusters * each, 1.05) };
        directions[(j, direction)] * length + 1e-3 * noise[(i, j)]
    });
    let kernel = symmetric((&points * points.transpose()).as_ref());
    let trace = |matrix: MatRef<'_, f64>| (0..n).map(|i| matrix[(i, i)]).sum::<f64>();
    let error = |found: &Mat<f64>| trace((&kernel - found).as_ref()) / trace(kernel.as_ref());
    let greedy = greedy_cholesky(kernel.as_ref(), k);
    let drawn = method("nystrom", json!({ "sampling": "rp_cholesky" }))?;
    let found = approximate(&drawn, &kernel_problem(kernel.clone()), k, bench)?.factors.to_dense();
    Ok(Provoked { bad: Some(error(&(&greedy * greedy.transpose()))), cure: error(&found) })
}

/// Pivoted Cholesky whose next pivot is the largest diagonal entry left.
fn greedy_cholesky(kernel: MatRef<'_, f64>, k: usize) -> Mat<f64> {
    let n = kernel.nrows();
    let mut residual: Vec<f64> = (0..n).map(|i| kernel[(i, i)]).collect();
    let mut factor = Mat::<f64>::zeros(n, k);
    for step in 0..k {
        let largest = residual.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let Some((pivot, &left)) = largest.filter(|(_, left)| **left > 0.0) else { break };
        for i in 0..n {
            let known: f64 = (0..step).map(|j| factor[(i, j)] * factor[(pivot, j)]).sum();
            factor[(i, step)] = (kernel[(i, pivot)] - known) / left.sqrt();
        }
        for (i, residual) in residual.iter_mut().enumerate() {
            *residual -= factor[(i, step)] * factor[(i, step)];
        }
        residual[pivot] = 0.0;
    }
    factor
}

/// SVD-LLM of a 64×96 weight from 48 tokens in 20 dimensions: XXᵀ has 76 zero eigenvalues, and rank 32 could
/// reproduce WX exactly. By Cholesky (Wang et al. 2025) the factorisation stops; by eigenvalues raised to a floor it does not.
pub fn singular_gram(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (rows, columns, tokens, inner, k) = (64, 96, 48, 20, 32);
    let weight = gaussian::<f64>(rows, columns, bench.rng);
    let activations = gaussian::<f64>(columns, inner, bench.rng) * gaussian::<f64>(inner, tokens, bench.rng);
    let gram = symmetric((&activations * activations.transpose()).as_ref());
    let output = &weight * &activations;
    let error = |found: Mat<f64>| relative_error((found * &activations).as_ref(), output.as_ref());

    let bad = match cholesky(gram.as_ref()) {
        Some(lower) => {
            let svd = thin_svd((&weight * &lower).as_ref(), bench.parallelism)?;
            let truncated = weighted_product(svd.left.as_ref(), &svd.singular_values[..k], svd.right.as_ref());
            // Ŵ = T·L⁻¹, that is Ŵ·L = T.
            Some(error(solved_by_columns(&truncated, &lower)))
        }
        None => None,
    };

    let eigen = gram
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| StudyError::Numerical("the eigendecomposition of the Gram matrix did not converge".to_owned()))?;
    let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let floor = 1e-10 * values.iter().copied().fold(0.0, f64::max);
    let roots: Vec<f64> = values.iter().map(|value| value.max(floor).sqrt()).collect();
    let whitened = Mat::from_fn(columns, columns, |i, j| eigen.U()[(i, j)] * roots[j]);
    let svd = thin_svd((&weight * &whitened).as_ref(), bench.parallelism)?;
    let truncated = weighted_product(svd.left.as_ref(), &svd.singular_values[..k], svd.right.as_ref());
    let inverse = Mat::from_fn(columns, columns, |i, j| eigen.U()[(j, i)] / roots[i]);
    Ok(Provoked { bad, cure: error(truncated * inverse) })
}

fn symmetric(matrix: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| f64::midpoint(matrix[(i, j)], matrix[(j, i)]))
}

/// L with LLᵀ = A, without pivoting and without mercy: `None` at the first pivot that is not positive.
fn cholesky(matrix: MatRef<'_, f64>) -> Option<Mat<f64>> {
    let n = matrix.nrows();
    let mut lower = Mat::<f64>::zeros(n, n);
    for j in 0..n {
        let pivot = matrix[(j, j)] - (0..j).map(|l| lower[(j, l)] * lower[(j, l)]).sum::<f64>();
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        lower[(j, j)] = pivot.sqrt();
        for i in j + 1..n {
            let known: f64 = (0..j).map(|l| lower[(i, l)] * lower[(j, l)]).sum();
            lower[(i, j)] = (matrix[(i, j)] - known) / lower[(j, j)];
        }
    }
    Some(lower)
}

/// Y·L⁻ᵀ.
fn solved_from_the_right(block: &Mat<f64>, lower: &Mat<f64>) -> Mat<f64> {
    let mut solved = block.clone();
    for j in 0..lower.ncols() {
        for i in 0..block.nrows() {
            let known: f64 = (0..j).map(|l| solved[(i, l)] * lower[(j, l)]).sum();
            solved[(i, j)] = (block[(i, j)] - known) / lower[(j, j)];
        }
    }
    solved
}

/// T·L⁻¹.
fn solved_by_columns(block: &Mat<f64>, lower: &Mat<f64>) -> Mat<f64> {
    let n = lower.ncols();
    let mut solved = block.clone();
    for j in (0..n).rev() {
        for i in 0..block.nrows() {
            let known: f64 = (j + 1..n).map(|l| solved[(i, l)] * lower[(l, j)]).sum();
            solved[(i, j)] = (block[(i, j)] - known) / lower[(j, j)];
        }
    }
    solved
}
