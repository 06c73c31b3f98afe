//! The Rust half of `compare.py`: holds one matrix and times one algorithm on it whenever a line arrives on standard input.
//!
//!     peers FILE n f32|f64 THREADS        (FILE: n×n row-major little-endian numbers)
//!
//! Each line of input is `randomized_svd K P Q SEED`, `truncated_svd K TOLERANCE SEED` or `gemm COLUMNS`; each line of output is
//! `SECONDS RELATIVE_FROBENIUS_ERROR` (`SECONDS GFLOP/S` for gemm). The error is computed outside the clock.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]

use std::{
    io::{BufRead, Write},
    time::Instant,
};

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
    let [_, file, n, precision, threads] = arguments.as_slice() else {
        // `cargo test` builds and may start every example: without arguments there is nothing to do.
        println!("usage: peers FILE n f32|f64 THREADS (see compare.py)");
        return;
    };
    let n: usize = n.parse().unwrap();
    let bytes = std::fs::read(file).unwrap();
    let parallelism = match threads.parse().unwrap() {
        1 => Par::Seq,
        threads => Par::rayon(threads),
    };
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
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let (method, target_rank, seed) = match words.as_slice() {
            ["gemm", columns] => {
                println!("{}", gemm(matrix, columns.parse().unwrap(), parallelism));
                std::io::stdout().flush().unwrap();
                continue;
            }
            ["randomized_svd", k, p, q, seed] => {
                let number = |word: &str| word.parse::<u64>().unwrap();
                let parameters = json!({"oversampling": number(p), "power_iterations": number(q)});
                (specified("randomized_svd", parameters), number(k), number(seed))
            }
            ["truncated_svd", k, tolerance, seed] => {
                let parameters = json!({"algorithm": "krylov", "tolerance": tolerance.parse::<f64>().unwrap()});
                (specified("truncated_svd", parameters), k.parse().unwrap(), seed.parse().unwrap())
            }
            _ => panic!("unknown request: {line}"),
        };
        let mut rng = generator(seed);
        let draw = Draw { target_rank: target_rank as usize, rng: &mut rng, parallelism };
        let start = Instant::now();
        let approximation = method.factor(&problem, draw).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let error = (approximation.factors.to_f64().to_dense() - &exact).norm_l2() / exact.norm_l2();
        println!("{seconds:e} {error:.17e} {}", approximation.notes.join("; "));
        std::io::stdout().flush().unwrap();
    }
}

fn specified(kind: &str, parameters: serde_json::Value) -> MethodSpec {
    let serde_json::Value::Object(parameters) = parameters else { unreachable!("json! of a table is a table") };
    MethodSpec::from_parameters(kind, parameters).unwrap().unwrap()
}

/// The machine's own rate for A·X with X n×`columns`: the bound for every sketch.
fn gemm<T: Scalar>(matrix: &Mat<T>, columns: usize, parallelism: Par) -> String {
    let right = gaussian::<T>(matrix.ncols(), columns, &mut generator(1));
    let start = Instant::now();
    let result = product(matrix.as_ref(), right.as_ref(), parallelism);
    let seconds = start.elapsed().as_secs_f64();
    let flops = 2.0 * (matrix.nrows() * matrix.ncols() * columns) as f64;
    assert!(result[(0, 0)].to_f64().is_finite());
    format!("{seconds:e} {}", flops / seconds / 1e9)
}
