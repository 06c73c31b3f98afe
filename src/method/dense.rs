//! The matrix itself: Â = A, applied as y = Ax.
//!
//! The baseline of everything that is applied as y = U(Vx). Nothing is factored: the cost, 2mn flops a column, is in applying
//! it, and mn numbers are stored. It has no rank to choose, so it is run once, as rank min(m, n).
//!
//! Breaks: never.
//!
//! Inside the clock of the factorisation: the check of finiteness and a copy. Inside that of the application: the product.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Approximation, Draw, Facts, Forecast, Method, MethodError, Role, Traits};
use crate::{
    approximant::{self, Approximant},
    linalg::Scalar,
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// The matrix as it is, unfactored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dense {}

impl Parameters for Dense {
    const KIND: &'static str = "dense";
    const WORDS: &'static str = include_str!("dense.toml");
    const VERSION: u32 = 1;
}

impl Facts for Dense {
    fn traits(&self) -> Traits {
        Traits { random: false, nested: false, needs_matrix: true }
    }

    fn role(&self) -> Role {
        Role::Baseline
    }

    fn target_ranks(&self, outline: Outline, _asked: &[usize]) -> Vec<usize> {
        vec![outline.rows.min(outline.columns)]
    }

    fn forecast(&self, outline: Outline, _target_rank: usize) -> Forecast {
        Forecast { flops: 0, entries: outline.rows as u64 * outline.columns as u64 }
    }

    fn forecast_product(&self, outline: Outline, _target_rank: usize) -> u64 {
        2 * outline.rows as u64 * outline.columns as u64 * outline.value_columns as u64
    }
}

impl<T: Scalar> Method<T> for Dense {
    fn factor(&self, problem: &Problem<T>, _draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let matrix = approximant::Dense(problem.matrix().to_owned());
        Ok(Approximation { factors: Approximant::Dense(matrix), notes: Vec::new() })
    }
}
