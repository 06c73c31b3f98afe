//! Failures of range finders and of the SVD itself.

use faer::{Mat, MatRef, Par};
use serde_json::json;

use super::{Provoked, approximate, method};
use crate::{
    linalg::{
        gaussian::{gaussian, haar},
        orthonormalize::orthonormalize,
        range_finder::best_in_range,
        svd::thin_svd,
    },
    problem::{Problem, Structure},
    random::Rng,
    study::{
        Bench, StudyError,
        numerics::{relative_error, weighted_product},
    },
};

/// A matrix with these singular values between Haar bases, and its leading `rank` part.
fn with_spectrum(spectrum: &[f64], rank: usize, rng: &mut Rng) -> (Mat<f64>, Mat<f64>) {
    let n = spectrum.len();
    let (left, right) = (haar(n, n, rng), haar(n, n, rng));
    let all = weighted_product(left.as_ref(), spectrum, right.as_ref());
    (all, weighted_product(left.as_ref(), &spectrum[..rank], right.as_ref()))
}

fn problem(matrix: Mat<f64>) -> Problem<f64> {
    let values = Mat::zeros(matrix.ncols(), 1);
    Problem { formed: Some(matrix), structure: Structure::General, values, prescribed_singular_values: None }
}

fn randomized(matrix: &Mat<f64>, powers: usize, rank: usize, bench: &mut Bench<'_>) -> Result<Mat<f64>, StudyError> {
    let method = method("randomized_svd", json!({ "oversampling": 5, "power_iterations": powers }))?;
    Ok(approximate(&method, &problem(matrix.clone()), rank, bench)?.factors.to_dense())
}

/// σ_j = 1 for all j: rank 20 of 200. The optimum is as bad, so the ratio is close to 1 by nature.
pub fn flat_spectrum(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (n, k) = (200, 20);
    let (matrix, leading) = with_spectrum(&vec![1.0; n], k, bench.rng);
    let found = randomized(&matrix, 0, k, bench)?;
    Ok(Provoked {
        bad: Some(relative_error(found.as_ref(), matrix.as_ref())),
        cure: relative_error(leading.as_ref(), matrix.as_ref()),
    })
}

/// Ten values of 1 over 390 of 0.5. The error is the distance from the signal, ‖Â − A_10‖/‖A_10‖, which the tail hides.
pub fn flat_tail(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (n, k) = (400, 10);
    let spectrum: Vec<f64> = (0..n).map(|j| if j < k { 1.0 } else { 0.5 }).collect();
    let (matrix, signal) = with_spectrum(&spectrum, k, bench.rng);
    let error = |found: Mat<f64>| relative_error(found.as_ref(), signal.as_ref());
    let bad = error(randomized(&matrix, 0, k, bench)?);
    let cure = error(randomized(&matrix, 8, k, bench)?);
    Ok(Provoked { bad: Some(bad), cure })
}

/// σ_j falls by 10^(1/4) a step, k = 20, q = 8: (σ_1/σ_20)^17 is 10^80, so that all columns of the sketch become one.
pub fn naive_powering(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    let (n, k, powers) = (120, 20, 8);
    let spectrum: Vec<f64> = (0..n).map(|j| 10f64.powf(-(j as f64) / 4.0)).collect();
    let (matrix, _) = with_spectrum(&spectrum, k, bench.rng);
    let basis = naive_range(matrix.as_ref(), k + 5, powers, bench.rng, bench.parallelism);
    let svd = best_in_range(matrix.as_ref(), basis.as_ref(), k, bench.parallelism)?;
    let found = weighted_product(svd.left.as_ref(), &svd.singular_values, svd.right.as_ref());
    let cure = randomized(&matrix, powers, k, bench)?;
    Ok(Provoked {
        bad: Some(relative_error(found.as_ref(), matrix.as_ref())),
        cure: relative_error(cure.as_ref(), matrix.as_ref()),
    })
}

/// orth((AAᵀ)^q AΩ), orthonormalised once, at the end.
fn naive_range(matrix: MatRef<'_, f64>, columns: usize, powers: usize, rng: &mut Rng, parallelism: Par) -> Mat<f64> {
    let mut sketch = matrix * gaussian::<f64>(matrix.ncols(), columns, rng);
    for _ in 0..powers {
        sketch = matrix * (matrix.transpose() * &sketch);
    }
    orthonormalize(sketch, parallelism)
}

/// A Gaussian matrix times 1e-300, put through faer's SVD as it is. Errors are taken at the original scale, where the truth is known.
pub fn unscaled_svd(bench: &mut Bench<'_>) -> Result<Provoked, StudyError> {
    const TINY: f64 = 1e-300;
    let matrix = gaussian::<f64>(60, 40, bench.rng);
    let tiny = &matrix * faer::Scale(TINY);
    let error = |left: MatRef<'_, f64>, values: &[f64], right: MatRef<'_, f64>| {
        let values: Vec<f64> = values.iter().map(|value| value / TINY).collect();
        relative_error(weighted_product(left, &values, right).as_ref(), matrix.as_ref())
    };
    let bad = tiny.thin_svd().ok().map(|svd| {
        let values: Vec<f64> = svd.S().column_vector().iter().copied().collect();
        error(svd.U(), &values, svd.V())
    });
    let svd = thin_svd(tiny.as_ref(), bench.parallelism)?;
    Ok(Provoked { bad, cure: error(svd.left.as_ref(), &svd.singular_values, svd.right.as_ref()) })
}
