//! Top-k attention: of every row of P, the k largest entries; a control that is not low rank. Gupta, Dar, Goodman, Ciprut &
//! Berant 2021, "Memory-efficient Transformers via Top-k Attention".
//!
//! Renormalised (as published), softmax runs over those k scores alone. Not renormalised, the entries are those of P itself:
//! the best approximation of P with k entries a row, in every norm that looks at entries.
//!
//! Cost: 2n²d flops for all scores, O(n²) comparisons, nk weights and as many indices: memory is linear in n, time is not.
//! The target rank is k; the matrix itself may have full rank.
//!
//! Breaks: where attention is diffuse; the smallest error any k entries can have is what is left of the row.
//!
//! Inside the clock: the check of finiteness, all scores, the selection and the softmax.

use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Role, Traits,
    unformed::{head, head_dim, not_attention, softmax_of_few},
};
use crate::{
    approximant::{Approximant, SparseRows, filled_by_bands},
    linalg::{Scalar, transposed},
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// The k largest weights of every row; the target rank is their number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TopK {
    /// Whether the weights kept are divided by their sum, as published; else they are entries of P.
    pub renormalize_rows: bool,
}

impl Default for TopK {
    fn default() -> Self {
        Self { renormalize_rows: true }
    }
}

impl Parameters for TopK {
    const KIND: &'static str = "top_k";
    const WORDS: &'static str = include_str!("top_k.toml");
    const VERSION: u32 = 1;
}

impl Facts for TopK {
    fn traits(&self) -> Traits {
        Traits { random: false, nested: false, needs_matrix: false }
    }

    fn role(&self) -> Role {
        Role::Control
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        not_attention(outline)
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n) = (outline.rows as u64, outline.columns as u64);
        Forecast { flops: 2 * m * n * head_dim(outline), entries: 2 * m * target_rank as u64 + 2 * BAND as u64 * n }
    }

    /// So many entries in every row.
    fn forecast_product(&self, outline: Outline, target_rank: usize) -> u64 {
        2 * outline.rows as u64 * target_rank as u64 * outline.value_columns as u64
    }
}

/// Queries whose scores are held at once.
const BAND: usize = 16;

impl<T: Scalar> Method<T> for TopK {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let head = head(problem)?;
        let (m, n, width) = (head.queries.nrows(), head.keys.nrows(), draw.target_rank);
        // Scores lie query by query.
        let queries = transposed(head.queries.as_ref());
        let (indices, weights) = filled_by_bands(m, width, BAND, draw.parallelism, |first, indices, weights| {
            let count = indices.len() / width;
            let mut scores = Mat::<T>::zeros(n, count);
            let band = queries.subcols(first, count);
            matmul(&mut scores, Accum::Replace, &head.keys, band, T::of(head.scale), Par::Seq);
            let mut largest = Vec::with_capacity(2 * width);
            let places = indices.chunks_exact_mut(width).zip(weights.chunks_exact_mut(width));
            for ((offset, scores), (indices, weights)) in scores.col_iter().enumerate().zip(places) {
                let seen = if head.causal { n.min(first + offset + 1) } else { n };
                let scores = &scores.try_as_col_major().map_or(&[][..], |column| column.as_slice())[..seen];
                largest_entries(scores, width, &mut largest);
                for ((index, weight), &(score, j)) in indices.iter_mut().zip(weights.iter_mut()).zip(&largest) {
                    (*index, *weight) = (j, score);
                }
                let kept = &mut weights[..largest.len()];
                if self.renormalize_rows {
                    softmax_of_few(kept);
                } else {
                    let top = kept.iter().copied().fold(T::of(f64::NEG_INFINITY), |a, b| if b > a { b } else { a });
                    let sum: f64 = scores.iter().map(|&score| (score - top).exp_of_nonpositive().to_f64()).sum();
                    kept.iter_mut().for_each(|weight| {
                        *weight = T::of((*weight - top).exp_of_nonpositive().to_f64() / sum);
                    });
                }
            }
        });
        let rows = SparseRows::new(n, width, indices, weights);
        Ok(Approximation { factors: Approximant::SparseRows(rows), notes: Vec::new() })
    }
}

/// The `count` largest of some scores with their places, in the order of places; of equals, the first.
///
/// Most scores are compared with the least of the best so far, eight at a time, and looked at no more.
fn largest_entries<T: Scalar>(scores: &[T], count: usize, best: &mut Vec<(T, u32)>) {
    best.clear();
    let mut least = T::of(f64::NEG_INFINITY);
    for (chunk, eight) in scores.chunks(8).enumerate() {
        if !eight.iter().fold(false, |any, &score| any | (score > least)) {
            continue;
        }
        for (place, &score) in eight.iter().enumerate() {
            if score > least {
                best.push((score, (8 * chunk + place) as u32));
            }
        }
        if best.len() >= 2 * count.max(8) - 8 {
            least = keep_largest(best, count);
        }
    }
    keep_largest(best, count);
    best.sort_unstable_by_key(|&(_, place)| place);
}

/// Drops all but the `count` largest; returns the least of them, or −∞ if there are fewer.
fn keep_largest<T: Scalar>(best: &mut Vec<(T, u32)>, count: usize) -> T {
    if best.len() < count {
        return T::of(f64::NEG_INFINITY);
    }
    let (_, least, _) =
        best.select_nth_unstable_by(count - 1, |a, b| b.0.to_f64().total_cmp(&a.0.to_f64()).then(a.1.cmp(&b.1)));
    let least = least.0;
    best.truncate(count);
    least
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::random::generator;

    #[test]
    fn the_largest_are_those_of_a_sort_ties_and_order_included() {
        let mut rng = generator(5);
        for length in [1_usize, 7, 8, 9, 100, 1000] {
            for distinct in [3, 1000] {
                let scores: Vec<f64> = (0..length).map(|_| f64::from(rng.random_range(0..distinct))).collect();
                for count in [1, 2, 8, length.div_ceil(2), length] {
                    let mut sorted: Vec<(f64, u32)> = scores.iter().copied().zip(0..).collect();
                    sorted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                    sorted.truncate(count);
                    sorted.sort_by_key(|&(_, place)| place);
                    let mut found = Vec::new();
                    largest_entries(&scores, count, &mut found);
                    assert_eq!(found, sorted, "{count} of {length}, {distinct} distinct");
                }
            }
        }
    }
}
