//! Matrices whose singular values fall to rounding level: a method that inverts a core must not lose there what it had at a
//! lower rank. Hilbert, Vandermonde, Cauchy and Kahan matrices, and kernels and heads of a wide bandwidth.

use factoreo::{
    approximant::Operator,
    linalg::{Scalar, from_f64, gaussian::gaussian, softmax::attention_matrix, svd::singular_values},
    method::{Draw, MethodSpec},
    problem::{Head, Problem, Structure},
    random::generator,
};
use faer::{Mat, MatRef, Par};

use crate::methods::method;

fn matrices() -> Vec<(&'static str, Structure<f64>, Mat<f64>)> {
    let hilbert = Mat::from_fn(60, 60, |i, j| 1.0 / (i + j + 1) as f64);
    let vandermonde = Mat::from_fn(50, 30, |i, j| (i as f64 / 49.0).powi(29 - j as i32));
    let cauchy = Mat::from_fn(60, 40, |i, j| 1.0 / (i as f64 + 0.5 * j as f64 + 0.7));
    let (sine, cosine) = 1.2f64.sin_cos();
    let kahan = Mat::from_fn(60, 60, |i, j| {
        sine.powi(i as i32)
            * if i == j {
                1.0
            } else if i < j {
                -cosine
            } else {
                0.0
            }
    });
    let kernel = |width: f64| {
        let points = gaussian::<f64>(60, 2, &mut generator(8));
        Mat::from_fn(60, 60, |i, j| {
            let squared: f64 = (0..2).map(|c| (points[(i, c)] - points[(j, c)]).powi(2)).sum();
            (-squared / (2.0 * width * width)).exp()
        })
    };
    let definite = Structure::PositiveSemidefinite;
    let mut matrices = vec![
        ("Hilbert", Structure::General, hilbert.clone()),
        ("Vandermonde", Structure::General, vandermonde),
        ("Cauchy", Structure::General, cauchy),
        ("Kahan", Structure::General, kahan),
        ("Hilbert, definite", definite.clone(), hilbert),
        ("kernel of width 3", definite.clone(), kernel(3.0)),
        ("kernel of width 30", definite, kernel(30.0)),
    ];
    for (name, size) in [("head of small logits", 0.5), ("head of tiny logits", 0.05)] {
        let mut rng = generator(9);
        let mut rows = || {
            Mat::from_fn(60, 4, {
                let normal = gaussian::<f64>(60, 4, &mut rng);
                move |i, j| size * normal[(i, j)]
            })
        };
        let (queries, keys) = (rows(), rows());
        let matrix = attention_matrix(queries.as_ref(), keys.as_ref(), 0.5, false, Par::Seq);
        matrices.push((name, Structure::Attention(Head { queries, keys, scale: 0.5, causal: false }), matrix));
    }
    matrices
}

fn in_precision<T: Scalar>(structure: &Structure<f64>, matrix: MatRef<'_, f64>) -> Problem<T> {
    let structure = match structure {
        Structure::Attention(head) => Structure::Attention(head.round::<T>()),
        Structure::PositiveSemidefinite => Structure::PositiveSemidefinite,
        _ => Structure::General,
    };
    Problem {
        values: Mat::from_fn(matrix.ncols(), 1, |_, _| T::of(1.0)),
        formed: Some(from_f64(matrix)),
        structure,
        prescribed_singular_values: None,
    }
}

/// ‖A − Â‖_F/‖A‖_F at every rank of `ranks`, the median over `seeds` draws.
fn errors<T: Scalar>(problem: &Problem<T>, method: &MethodSpec, ranks: &[usize], seeds: u64) -> Vec<f64> {
    let matrix = factoreo::linalg::to_f64(problem.matrix());
    let at = |target_rank: usize, seed: u64| {
        let mut rng = generator(seed);
        let draw = Draw { target_rank, rng: &mut rng, parallelism: Par::Seq };
        let factors = method.factor(problem, draw).unwrap().factors;
        let every_row: Vec<usize> = (0..matrix.nrows()).collect();
        let approximation = factoreo::linalg::to_f64(factors.rows(&every_row).as_ref());
        (&matrix - approximation).norm_l2() / matrix.norm_l2()
    };
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    ranks.iter().map(|&rank| median((0..seeds).map(|seed| at(rank, seed)).collect())).collect()
}

fn with_cores(structure: &Structure<f64>) -> Vec<MethodSpec> {
    use serde_json::json;
    match structure {
        Structure::Attention(_) => vec![
            method("nystromformer", json!({"pseudoinverse": "exact"})),
            method("skyformer", json!({})),
            method("coreset", json!({})),
        ],
        Structure::PositiveSemidefinite => ["uniform", "rp_cholesky", "gaussian"]
            .map(|sampling| method("nystrom", json!({ "sampling": sampling })))
            .into(),
        _ => ["cur", "generalized_nystrom", "interpolative_decomposition"].map(|kind| method(kind, json!({}))).into(),
    }
}

/// What a published form can be held to: the error at the numerical rank, and how much a higher rank may be worse. Where these
/// are not the general ones, the method's own file says why, under "Breaks".
struct Promise {
    double: f64,
    single: f64,
    rise: f64,
}

fn promise(method: &MethodSpec) -> Promise {
    let general = Promise { double: 1e-12, single: 1e-4, rise: 10.0 };
    let parameters = method.parameters();
    match (method.kind(), parameters.get("sampling").and_then(|sampling| sampling.as_str())) {
        ("nystrom", Some("uniform")) => Promise { double: 0.05, single: 0.15, ..general },
        ("nystrom", Some("gaussian")) | ("coreset", _) => Promise { single: 2e-4, ..general },
        ("skyformer", _) => Promise { double: 1e-3, single: 3e-3, ..general },
        ("nystromformer", _) => Promise { double: 1e-11, single: 2e-3, rise: 15.0 },
        _ => general,
    }
}

fn check<T: Scalar>(at_numerical_rank: fn(&Promise) -> f64) {
    let mut faults = Vec::new();
    for (name, structure, matrix) in matrices() {
        let problem = in_precision::<T>(&structure, matrix.as_ref());
        let values = singular_values(matrix.as_ref(), Par::Seq).unwrap();
        let numerical_rank = values.iter().filter(|&&value| value > T::UNIT_ROUNDOFF * 60.0 * values[0]).count();
        let full = matrix.nrows().min(matrix.ncols());
        let mut ranks: Vec<usize> = (1..full).step_by(3).chain([numerical_rank, full]).collect();
        ranks.sort_unstable();
        ranks.dedup();
        for method in with_cores(&structure) {
            let errors = errors(&problem, &method, &ranks, 5);
            let label = format!("{name}, {} {:?}", method.kind(), method.parameters());
            let promise = promise(&method);
            let mut least = f64::INFINITY;
            for (&rank, &error) in ranks.iter().zip(&errors) {
                if error > promise.rise * least.max(T::UNIT_ROUNDOFF) {
                    faults.push(format!("{label}: {error:.1e} at k = {rank}, {least:.1e} below it"));
                }
                if rank == numerical_rank && error > at_numerical_rank(&promise) {
                    faults.push(format!("{label}: {error:.1e} at the numerical rank, {rank}"));
                }
                least = least.min(error);
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_core_loses_in_double_precision_what_a_lower_rank_had() {
    check::<f64>(|promise| promise.double);
}

#[test]
fn no_core_loses_in_single_precision_what_a_lower_rank_had() {
    check::<f32>(|promise| promise.single);
}
