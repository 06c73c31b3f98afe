//! The Rust half of `compare.py`: holds one matrix and times one algorithm on it whenever it is asked.
//!
//!     peers FILE n f32|f64 [THREADS]        (FILE: n×n row-major little-endian numbers)
//!
//! A request is `randomized_svd K P Q SEED`, `truncated_svd K TOLERANCE SEED` (their value: the relative Frobenius error) or
//! `gemm COLUMNS` (A·X with X n×COLUMNS: the bound for every sketch).
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]

mod served;

use factoreo::{
    linalg::{Scalar, from_f64, gaussian::gaussian, range_finder::product, to_f64},
    method::{Draw, MethodSpec},
    problem::{Problem, Structure},
    random::generator,
};
use faer::{Mat, Par};
use serde_json::json;

fn main() {
    factoreo::run::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, n, precision, threads @ ..] = arguments.as_slice() else {
        // `cargo test` builds and may start every example: without arguments there is nothing to do.
        println!("usage: peers FILE n f32|f64 [THREADS] (see compare.py)");
        return;
    };
    let n: usize = n.parse().unwrap();
    let bytes = std::fs::read(file).unwrap();
    let parallelism = served::parallelism(threads.first());
    if precision == "f32" {
        let entry = |at: usize| f64::from(f32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap()));
        serve(&from_f64::<f32>(Mat::from_fn(n, n, |i, j| entry(i * n + j)).as_ref()), parallelism);
    } else {
        let entry = |at: usize| f64::from_le_bytes(bytes[8 * at..8 * at + 8].try_into().unwrap());
        serve(&Mat::from_fn(n, n, |i, j| entry(i * n + j)), parallelism);
    }
}

fn serve<T: Scalar>(matrix: &Mat<T>, parallelism: Par) {
    let exact = to_f64(matrix.as_ref());
    let problem = Problem {
        formed: Some(matrix.clone()),
        structure: Structure::General,
        values: Mat::zeros(matrix.ncols(), 1),
        prescribed_singular_values: None,
    };
    served::serve(|runs, words| {
        let (method, target_rank, seed) = match words {
            ["gemm", columns] => {
                let right = gaussian::<T>(matrix.ncols(), columns.parse().unwrap(), &mut generator(1));
                let multiply = || product(matrix.as_ref(), right.as_ref(), parallelism);
                return served::timed(runs, multiply, |result| result[(0, 0)].to_f64());
            }
            ["randomized_svd", k, p, q, seed] => {
                let number = |word: &str| word.parse::<u64>().unwrap();
                let parameters = json!({"oversampling": number(p), "power_iterations": number(q)});
                (specified("randomized_svd", parameters), k, seed)
            }
            ["truncated_svd", k, tolerance, seed] => {
                let parameters = json!({"algorithm": "krylov", "tolerance": tolerance.parse::<f64>().unwrap()});
                (specified("truncated_svd", parameters), k, seed)
            }
            _ => panic!("unknown request: {words:?}"),
        };
        let (target_rank, seed) = (target_rank.parse().unwrap(), seed.parse().unwrap());
        let factor = || method.factor(&problem, Draw { target_rank, rng: &mut generator(seed), parallelism }).unwrap();
        served::timed(runs, factor, |found| (found.factors.to_f64().to_dense() - &exact).norm_l2() / exact.norm_l2())
    });
}

fn specified(kind: &str, parameters: serde_json::Value) -> MethodSpec {
    let serde_json::Value::Object(parameters) = parameters else { unreachable!("json! of a table is a table") };
    MethodSpec::from_parameters(kind, parameters).unwrap().unwrap()
}
