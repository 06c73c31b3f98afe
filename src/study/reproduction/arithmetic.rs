//! Figures that follow from counting what a pair of factors stores.

use super::row;
use crate::study::Measurement;

/// r(m+n): what a pair of rank r stores for an m×n matrix.
fn stored(rows: u64, columns: u64, rank: u64) -> u64 {
    rank * (rows + columns)
}

/// V = 30 000 words, H = 768, E = 128. The published figures have three and four digits: half of the last may be missing.
pub fn albert_embeddings() -> Vec<Measurement> {
    let (words, hidden, inner) = (30_000, 768, 128);
    let full = row("full", 23.04e6, (words * hidden) as f64, 5e3);
    let factored = row("factored", 3.94e6, stored(words, hidden, inner) as f64, 5e3);
    [full, factored].concat()
}

/// 96 layers, two weights each of 12 288², r = 8. The published 37.7 M is cut off, not rounded.
pub fn lora_gpt3() -> Vec<Measurement> {
    let (layers, weights, width, rank) = (96, 2, 12_288, 8);
    row("trainable", 37.7e6, (layers * weights * stored(width, width, rank)) as f64, 1e5).to_vec()
}

/// The last rank at which the pair stores no more than the matrix.
pub fn break_even() -> Vec<Measurement> {
    let shapes: [(u64, u64, u64); 4] = [(768, 768, 384), (768, 3072, 614), (4096, 4096, 2048), (4096, 11_008, 2985)];
    let last = |m: u64, n: u64| (1..=m.min(n)).take_while(|rank| stored(m, n, *rank) <= m * n).count();
    shapes
        .into_iter()
        .flat_map(|(m, n, paper)| row(&format!("{m}×{n}"), paper as f64, last(m, n) as f64, 0.0))
        .collect()
}
