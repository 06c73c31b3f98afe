//! The Rust half of `attention.py`: holds Q, K and V and times one way of applying attention whenever a line arrives.
//!
//!     attention FILE n d THREADS          (FILE: Q, K, V one after the other, n×d row-major little-endian f32 each)
//!
//! Each line of input is `exact OUT` or `nystromformer LANDMARKS OUT`; the n×d result goes to the file OUT, the seconds it took
//! to standard output.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]

use std::{
    io::{BufRead, Write},
    time::Instant,
};

use factoreo::{
    approximant::Operator,
    method::{Draw, MethodSpec},
    problem::{Head, Problem, Structure},
    random::generator,
};
use faer::{Mat, Par};
use serde_json::json;

fn main() {
    factoreo::run::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, n, d, threads] = arguments.as_slice() else {
        // `cargo test` builds and may start every example: without arguments there is nothing to do.
        println!("usage: attention FILE n d THREADS (see attention.py)");
        return;
    };
    let (n, d): (usize, usize) = (n.parse().unwrap(), d.parse().unwrap());
    let bytes = std::fs::read(file).unwrap();
    let entry = |at: usize| f32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap());
    let tensor = |which: usize| Mat::from_fn(n, d, |i, l| entry((which * n + i) * d + l));
    let scale = 1.0 / (d as f64).sqrt();
    let structure = Structure::Attention(Head { queries: tensor(0), keys: tensor(1), scale, causal: false });
    let problem = Problem { formed: None, structure, values: tensor(2), prescribed_singular_values: None };
    let parallelism = match threads.parse().unwrap() {
        1 => Par::Seq,
        threads => Par::rayon(threads),
    };
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (method, target_rank, out) = match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["exact", out] => {
                (MethodSpec::from_parameters("exact_attention", serde_json::Map::new()), n, out.to_owned())
            }
            ["nystromformer", landmarks, out] => {
                let parameters = json!({ "iterations": 6 }).as_object().unwrap().clone();
                let method = MethodSpec::from_parameters("nystromformer", parameters);
                (method, landmarks.parse().unwrap(), out.to_owned())
            }
            _ => panic!("unknown request: {line}"),
        };
        let (method, mut rng) = (method.unwrap().unwrap(), generator(0));
        let start = Instant::now();
        let draw = Draw { target_rank, rng: &mut rng, parallelism };
        let factors = method.factor(&problem, draw).unwrap().factors;
        let applied = factors.apply(problem.values.as_ref(), parallelism);
        let seconds = start.elapsed().as_secs_f64();
        let rows = (0..n).flat_map(|i| {
            (0..d).flat_map({
                let applied = &applied;
                move |l| applied[(i, l)].to_le_bytes()
            })
        });
        std::fs::write(out, rows.collect::<Vec<u8>>()).unwrap();
        println!("{seconds}");
        std::io::stdout().flush().unwrap();
    }
}
