//! The Rust half of `encoder.py`: holds a model and a batch, and times one forward pass to sentence embeddings whenever a line
//! arrives.
//!
//!     encoder MODEL_DIR IDS TOKENS THREADS          (IDS: token ids, little-endian u32, TOKENS to each text)
//!
//! The first line of output is what a token costs, in flops. Each line of input is `embed OUT` (the embeddings, texts × width,
//! go to the file OUT, the seconds it took to standard output) or `gemm` (the rate in flop/s at which all threads together do
//! one of the model's larger products, each its own).
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]

use std::{
    io::{BufRead, Write},
    path::Path,
    time::Instant,
};

use factoreo::model::Encoder;
use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, ids, tokens, threads] = arguments.as_slice() else {
        // `cargo test` builds and may start every example: without arguments there is nothing to do.
        println!("usage: encoder MODEL_DIR IDS TOKENS THREADS (see encoder.py)");
        return;
    };
    factoreo::run::keep_freed_memory();
    let (tokens, threads): (usize, usize) = (tokens.parse().unwrap(), threads.parse().unwrap());
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let parallelism = if threads == 1 { Par::Seq } else { Par::rayon(threads) };
    let bytes = std::fs::read(ids).unwrap();
    let ids: Vec<u32> = bytes.chunks_exact(4).map(|id| u32::from_le_bytes(id.try_into().unwrap())).collect();
    let texts: Vec<&[u32]> = ids.chunks_exact(tokens).collect();
    let encoder = Encoder::read(Path::new(model)).unwrap();
    say(encoder.cost(tokens).flops_per_token);
    for line in std::io::stdin().lock().lines() {
        match line.unwrap().split_whitespace().collect::<Vec<_>>()[..] {
            ["embed", out] => {
                let start = Instant::now();
                let embeddings = encoder.embed_ids(&texts, parallelism).unwrap();
                let seconds = start.elapsed().as_secs_f64();
                let entries = embeddings.col_iter().flat_map(|text| text.iter().copied());
                std::fs::write(out, entries.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()).unwrap();
                say(seconds);
            }
            ["gemm"] => say(product_rate(encoder.config().intermediate_size, encoder.config().hidden_size, threads)),
            ref request => panic!("unknown request: {request:?}"),
        }
    }
}

fn say(number: f64) {
    println!("{number}");
    std::io::stdout().flush().unwrap();
}

/// Flop/s of all threads together.
fn product_rate(outputs: usize, inputs: usize, threads: usize) -> f64 {
    const TOKENS: usize = 512;
    const TIMES: usize = 10;
    let weight = Mat::from_fn(outputs, inputs, |i, j| ((i * 31 + j * 17) % 13) as f32 - 6.0);
    let input = Mat::from_fn(inputs, TOKENS, |i, j| ((i * 7 + j * 19) % 11) as f32 - 5.0);
    let start = Instant::now();
    (0..threads).into_par_iter().for_each(|_| {
        let mut output = Mat::<f32>::zeros(outputs, TOKENS);
        for _ in 0..TIMES {
            matmul(&mut output, Accum::Replace, &weight, &input, 1.0, Par::Seq);
        }
    });
    (2 * outputs * inputs * TOKENS * TIMES * threads) as f64 / start.elapsed().as_secs_f64()
}
