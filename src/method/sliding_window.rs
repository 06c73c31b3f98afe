//! Sliding window: every query attends to the k keys around it and to no other; a control that is not low rank. Beltagy, Peters
//! & Cohan 2020, Longformer, section 3.1.
//!
//! The window of query i is centred on it and moved inward at both ends, so that it always holds k keys; a causal window ends
//! at the query. Softmax runs over the window alone, so rows sum to one.
//!
//! Cost: 2nkd flops, nk weights and as many indices; linear in n. The target rank is k, the width; the matrix itself has full
//! rank.
//!
//! Breaks: where attention goes far; no width below n repairs that.
//!
//! Inside the clock: the check of finiteness, the scores within the windows and their softmax.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Role, Traits,
    unformed::{head, head_dim, not_attention, rows_of, softmax_of_few},
};
use crate::{
    approximant::{Approximant, SparseRows, filled_by_bands},
    linalg::Scalar,
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// Attention to the nearest tokens; the target rank is their number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SlidingWindow {}

impl Parameters for SlidingWindow {
    const KIND: &'static str = "sliding_window";
    const WORDS: &'static str = include_str!("sliding_window.toml");
    const VERSION: u32 = 1;
}

impl Facts for SlidingWindow {
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
        let weights = (outline.rows * target_rank) as u64;
        Forecast {
            flops: 2 * weights * head_dim(outline),
            entries: 2 * weights + outline.columns as u64 * head_dim(outline),
        }
    }

    /// So many entries in every row.
    fn forecast_product(&self, outline: Outline, target_rank: usize) -> u64 {
        2 * outline.rows as u64 * target_rank as u64 * outline.value_columns as u64
    }
}

/// Queries of one task.
const BAND: usize = 64;

impl<T: Scalar> Method<T> for SlidingWindow {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let head = head(problem)?;
        let (m, n, d, width) = (head.queries.nrows(), head.keys.nrows(), head.keys.ncols(), draw.target_rank);
        let (queries, keys) = (rows_of(head.queries.as_ref()), rows_of(head.keys.as_ref()));
        let scale = T::of(head.scale);
        let window = |i: usize| match head.causal {
            true => ((i + 1).saturating_sub(width), n.min(i + 1)),
            false => {
                let first = i.saturating_sub(width / 2).min(n - width);
                (first, first + width)
            }
        };
        let (indices, weights) = filled_by_bands(m, width, BAND, draw.parallelism, |first, indices, weights| {
            let places = indices.chunks_exact_mut(width).zip(weights.chunks_exact_mut(width));
            for (i, (indices, weights)) in (first..).zip(places) {
                let (from, to) = window(i);
                let query = &queries[i * d..(i + 1) * d];
                for (j, (index, weight)) in (from..to).zip(indices.iter_mut().zip(weights.iter_mut())) {
                    *index = j as u32;
                    *weight = scale * dot(query, &keys[j * d..(j + 1) * d]);
                }
                softmax_of_few(&mut weights[..to - from]);
            }
        });
        let rows = SparseRows::new(n, width, indices, weights);
        Ok(Approximation { factors: Approximant::SparseRows(rows), notes: Vec::new() })
    }
}

/// Eight running sums, so that no addition waits for the one before.
fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::zero(); 8];
    let (whole_a, rest_a) = a.as_chunks::<8>();
    let (whole_b, rest_b) = b.as_chunks::<8>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        for l in 0..8 {
            sums[l] += a[l] * b[l];
        }
    }
    let rest = rest_a.iter().zip(rest_b).fold(T::zero(), |sum, (&a, &b)| sum + a * b);
    sums.iter().fold(rest, |sum, &part| sum + part)
}
