//! Exact attention, never formed: softmax(QKᵀ/√d)·V in tiles (`linalg/fused_attention.rs`). Dao et al. 2022, FlashAttention.
//!
//! The baseline of everything that works on queries and keys. Nothing is factored: the whole cost, 2n²(d + e) flops, is in
//! applying it to V, and memory stays O(n·d). It has no rank to choose, so it is run once, as rank min(m, n).
//!
//! Breaks: never; it is as exact as its precision. It is quadratic in n.
//!
//! Inside the clock of the factorisation: the check of finiteness and a copy of Q and K. Inside that of the application:
//! everything else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Role, Traits,
    unformed::{head, not_attention},
};
use crate::{
    approximant::{self, Approximant},
    linalg::Scalar,
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// Exact attention, streamed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExactAttention {}

impl Parameters for ExactAttention {
    const KIND: &'static str = "exact_attention";
    const WORDS: &'static str = include_str!("exact_attention.toml");
    const VERSION: u32 = 2;
}

impl Facts for ExactAttention {
    fn traits(&self) -> Traits {
        Traits { random: false, nested: false, needs_matrix: false }
    }

    fn role(&self) -> Role {
        Role::Baseline
    }

    fn target_ranks(&self, outline: Outline, _asked: &[usize]) -> Vec<usize> {
        vec![outline.rows.min(outline.columns)]
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        not_attention(outline)
    }

    fn forecast(&self, outline: Outline, _target_rank: usize) -> Forecast {
        let copied = (outline.rows + outline.columns) as u64 * super::unformed::head_dim(outline);
        Forecast { flops: 0, entries: 2 * copied }
    }

    fn forecast_product(&self, outline: Outline, _target_rank: usize) -> u64 {
        2 * outline.rows as u64
            * outline.columns as u64
            * (super::unformed::head_dim(outline) + outline.value_columns as u64)
    }
}

impl<T: Scalar> Method<T> for ExactAttention {
    fn factor(&self, problem: &Problem<T>, _draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let attention = approximant::ExactAttention(head(problem)?.clone());
        Ok(Approximation { factors: Approximant::Exact(attention), notes: Vec::new() })
    }
}
