//! Figures of randomized sketches.

use faer::{Mat, MatRef};
use serde_json::json;

use super::row;
use crate::{
    linalg::{
        gaussian::{gaussian, haar},
        orthonormalize::orthonormalize,
        range_finder::extension,
        svd::singular_values,
    },
    problem::{Problem, Structure},
    study::{
        Bench, Measurement, StudyError,
        failure::{approximate, method},
        numerics::weighted_product,
    },
};

/// randn(10000,161)·diag(1.5^(−40:.5:40))·randn(161,161), k = 30, three blocks: ‖A − UΣVᵀ‖₂/‖A‖₂ of block Krylov and of a Lanczos
/// SVD run to convergence (theirs is ARPACK by svds, ours `truncated_svd` with Krylov), and how much faster the first is.
pub fn bksvd(bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
    const RANK: usize = 30;
    let (rows, columns) = (10_000, 161);
    let scales: Vec<f64> = (0..columns).map(|j| 1.5f64.powf(-40.0 + 0.5 * j as f64)).collect();
    let left = gaussian::<f64>(rows, columns, bench.rng);
    let scaled = Mat::from_fn(rows, columns, |i, j| left[(i, j)] * scales[j]);
    let matrix = scaled * gaussian::<f64>(columns, columns, bench.rng);
    let largest = singular_values(matrix.as_ref(), bench.parallelism)?.first().copied().unwrap_or(0.0);
    let problem = Problem {
        formed: Some(matrix),
        structure: Structure::General,
        values: Mat::zeros(columns, 1),
        prescribed_singular_values: None,
    };
    let block_krylov = method("block_krylov", json!({ "oversampling": 0, "power_iterations": 2 }))?;
    let lanczos = method("truncated_svd", json!({ "algorithm": "krylov", "tolerance": 1e-9 }))?;
    let mut run = |method| {
        let mut found = None;
        let instruments = bench.instruments;
        let seconds = instruments.seconds(&mut || found = Some(approximate(method, &problem, RANK, bench)));
        let found = found.ok_or_else(|| StudyError::Numerical("nothing was run".to_owned()))??;
        let residual = problem.matrix() - found.factors.to_dense();
        let error = singular_values(residual.as_ref(), bench.parallelism)?.first().copied().unwrap_or(0.0) / largest;
        Ok::<(f64, f64), StudyError>((error, seconds))
    };
    let (block_error, block_seconds) = run(&block_krylov)?;
    let (lanczos_error, lanczos_seconds) = run(&lanczos)?;
    let rows = [
        row("block_krylov_error", 0.0018, block_error, 0.0005),
        row("lanczos_error", 0.0018, lanczos_error, 0.0005),
        // 1.380471 s over 0.062798 s.
        row("speed_up", 1.380_471 / 0.062_798, lanczos_seconds / block_seconds, 11.0),
    ];
    let mut found = rows.concat();
    found.push(Measurement::new(
        "block_krylov_error",
        None,
        "distance_from_lanczos",
        (block_error / lanczos_error - 1.0).abs(),
    ));
    for (series, seconds) in [("block_krylov", block_seconds), ("lanczos", lanczos_seconds)] {
        found.push(Measurement::new(series, None, "time", seconds).in_unit("s"));
    }
    Ok(found)
}

/// gallery('randsvd', 200): singular values geometric from 1 to 1/κ, κ = eps^(−1/2). The sketch grows by blocks of a tenth of the
/// columns with one power iteration each, until ‖A − QB‖_F ≤ tol·‖A‖_F (Yu, Gu & Li 2018, which svdsketch implements).
pub fn randsvd(bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
    let n = 200;
    let condition = f64::EPSILON.powf(-0.5);
    let spectrum: Vec<f64> = (0..n).map(|j| condition.powf(-(j as f64) / (n - 1) as f64)).collect();
    let (left, right) = (haar(n, n, bench.rng), haar(n, n, bench.rng));
    let matrix = weighted_product(left.as_ref(), &spectrum, right.as_ref());
    let (rank, error) = adaptive(matrix.as_ref(), 1e-2, bench);
    let (default_rank, _) = adaptive(matrix.as_ref(), f64::EPSILON.powf(0.25), bench);
    let rows = [
        row("rank", 60.0, rank as f64, 0.0),
        row("error", 0.0048, error, 0.0005),
        row("default_rank", 120.0, default_rank as f64, 0.0),
    ];
    let mut found = rows.concat();
    let tail = |rank: usize| spectrum[rank..].iter().map(|value| value * value).sum::<f64>().sqrt();
    let least = (0..n).find(|rank| tail(*rank) <= 1e-2 * tail(0)).unwrap_or(n);
    found.push(Measurement::new("rank", None, "optimum", least as f64));
    found.push(Measurement::new("error", None, "optimum", tail(rank) / tail(0)));
    Ok(found)
}

/// Rank and relative error of the adaptive sketch.
fn adaptive(matrix: MatRef<'_, f64>, tolerance: f64, bench: &mut Bench<'_>) -> (usize, f64) {
    let (m, n) = matrix.shape();
    let norm = matrix.norm_l2();
    let mut basis = Mat::<f64>::zeros(m, 0);
    loop {
        let block = (n / 10).min(n - basis.ncols());
        let residual = |right: Mat<f64>| {
            let image = matrix * right;
            &image - &basis * (basis.transpose() * &image)
        };
        let sketch = orthonormalize(residual(gaussian::<f64>(n, block, bench.rng)), bench.parallelism);
        let back = orthonormalize(matrix.transpose() * &sketch, bench.parallelism);
        let fresh = extension(basis.as_ref(), residual(back), bench.rng, bench.parallelism);
        let mut grown = Mat::zeros(m, basis.ncols() + block);
        grown.subcols_mut(0, basis.ncols()).copy_from(&basis);
        grown.subcols_mut(basis.ncols(), block).copy_from(&fresh);
        basis = grown;
        let error = (matrix - &basis * (basis.transpose() * matrix)).norm_l2() / norm;
        if error <= tolerance || basis.ncols() == n {
            return (basis.ncols(), error);
        }
    }
}
