//! The Rust half of `encoder.py`: holds a model and a batch, and times one forward pass to sentence embeddings whenever it is
//! asked.
//!
//!     encoder MODEL_DIR IDS TOKENS [THREADS]          (IDS: token ids, little-endian u32, TOKENS to each text)
//!
//! A request is `embed OUT` (the embeddings, texts × width, go to the file OUT; its value is what a token costs, in flops) or
//! `gemm` (the rate in flop/s at which all threads together do one of the model's larger products, each its own).
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on says so by panicking")]

mod served;

use std::{path::Path, time::Instant};

use factoreo::model::Encoder;
use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, ids, tokens, threads @ ..] = arguments.as_slice() else {
        // `cargo test` builds and may start every example: without arguments there is nothing to do.
        println!("usage: encoder MODEL_DIR IDS TOKENS [THREADS] (see encoder.py)");
        return;
    };
    factoreo::run::keep_freed_memory();
    let tokens: usize = tokens.parse().unwrap();
    if let Some(threads) = threads.first() {
        rayon::ThreadPoolBuilder::new().num_threads(threads.parse().unwrap()).build_global().unwrap();
    }
    let parallelism = served::parallelism(threads.first());
    let bytes = std::fs::read(ids).unwrap();
    let ids: Vec<u32> = bytes.chunks_exact(4).map(|id| u32::from_le_bytes(id.try_into().unwrap())).collect();
    let texts: Vec<&[u32]> = ids.chunks_exact(tokens).collect();
    let encoder = Encoder::read(Path::new(model)).unwrap();
    let flops_per_token = encoder.cost(tokens).flops_per_token;
    served::serve(|runs, words| match words {
        ["embed", out] => {
            let embed = || encoder.embed_ids(&texts, parallelism).unwrap();
            served::timed(runs, embed, |embeddings| {
                let entries = embeddings.col_iter().flat_map(|text| text.iter().copied());
                std::fs::write(out, entries.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()).unwrap();
                flops_per_token
            })
        }
        ["gemm"] => {
            let config = encoder.config();
            served::timed(runs, || product_rate(config.intermediate_size, config.hidden_size), |rate| rate)
        }
        _ => panic!("unknown request: {words:?}"),
    });
}

/// Flop/s of all threads together.
fn product_rate(outputs: usize, inputs: usize) -> f64 {
    const TOKENS: usize = 512;
    const TIMES: usize = 10;
    let threads = rayon::current_num_threads();
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
