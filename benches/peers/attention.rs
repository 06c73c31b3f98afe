//! The Rust half of `attention.py`: holds Q, K and V and times one way of applying attention whenever it is asked.
//!
//!     attention FILE n d [THREADS]        (FILE: Q, K, V one after the other, n×d row-major little-endian f32 each)
//!
//! A request is `exact OUT` or `nystromformer LANDMARKS OUT`; the n×d result goes to the file OUT.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]

mod served;

use factoreo::{
    approximant::Operator,
    method::{Draw, MethodSpec},
    problem::{Head, Problem, Structure},
    random::generator,
};
use faer::Mat;
use serde_json::json;

fn main() {
    factoreo::run::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, n, d, threads @ ..] = arguments.as_slice() else {
        // `cargo test` builds and may start every example: without arguments there is nothing to do.
        println!("usage: attention FILE n d [THREADS] (see attention.py)");
        return;
    };
    let (n, d): (usize, usize) = (n.parse().unwrap(), d.parse().unwrap());
    let bytes = std::fs::read(file).unwrap();
    let entry = |at: usize| f32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap());
    let tensor = |which: usize| Mat::from_fn(n, d, |i, l| entry((which * n + i) * d + l));
    let scale = 1.0 / (d as f64).sqrt();
    let structure = Structure::Attention(Head { queries: tensor(0), keys: tensor(1), scale, causal: false });
    let problem = Problem { formed: None, structure, values: tensor(2), prescribed_singular_values: None };
    let parallelism = served::parallelism(threads.first());
    served::serve(|runs, words| {
        let (kind, parameters, target_rank, out) = match words {
            ["exact", out] => ("exact_attention", json!({}), n, out),
            ["nystromformer", landmarks, out] => {
                ("nystromformer", json!({ "iterations": 6 }), landmarks.parse().unwrap(), out)
            }
            _ => panic!("unknown request: {words:?}"),
        };
        let parameters = parameters.as_object().unwrap().clone();
        let method = MethodSpec::from_parameters(kind, parameters).unwrap().unwrap();
        let apply = || {
            let draw = Draw { target_rank, rng: &mut generator(0), parallelism };
            let factors = method.factor(&problem, draw).unwrap().factors;
            factors.apply(problem.values.as_ref(), parallelism)
        };
        served::timed(runs, apply, |applied: Mat<f32>| {
            let row_major = applied.transpose().to_owned();
            let entries = row_major.col_iter().flat_map(|row| row.iter().copied());
            std::fs::write(out, entries.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()).unwrap();
            f64::from(applied[(0, 0)])
        })
    });
}
