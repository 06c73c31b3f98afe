//! XXᵀ of what goes into every linear map of a model on a text: all that whitening needs to know of it.

use std::collections::HashMap;

use faer::{Accum, Mat, Par, linalg::matmul::matmul};

use super::{Encoder, LinearMap, ModelError, Role};
use crate::linalg::{
    svd::SvdError,
    to_f64,
    whitening::{FLOOR, Whitening},
};

/// XXᵀ of the inputs of every linear map, in f64. Maps that share their inputs share it.
#[derive(Default)]
pub struct Grams {
    by_map: HashMap<LinearMap, Mat<f64>>,
}

impl Grams {
    /// Adds what the maps meet on one sequence of tokens.
    ///
    /// # Errors
    /// As [`Encoder::forward_seeing_inputs`].
    pub fn add(&mut self, encoder: &Encoder, ids: &[u32]) -> Result<(), ModelError> {
        encoder.forward_seeing_inputs(ids, |map, input| {
            if own(map) == map {
                let input = to_f64(input.as_ref());
                let size = input.nrows();
                let gram = self.by_map.entry(map).or_insert_with(|| Mat::zeros(size, size));
                matmul(gram, Accum::Add, &input, input.transpose(), 1.0, Par::Seq);
            }
        })?;
        Ok(())
    }

    /// XXᵀ of the inputs of one map, n×n.
    #[must_use]
    pub fn of(&self, map: LinearMap) -> Option<&Mat<f64>> {
        self.by_map.get(&own(map))
    }

    /// Coordinates in which the inputs of one map are white.
    ///
    /// # Errors
    /// As [`Whitening::of_gram`]; `None` of a map that met nothing.
    #[must_use]
    pub fn whitening(&self, map: LinearMap, parallelism: Par) -> Option<Result<Whitening, SvdError>> {
        self.of(map).map(|gram| Whitening::of_gram(gram.as_ref(), FLOOR, parallelism))
    }
}

/// Queries, keys and values are made of the same inputs.
fn own(map: LinearMap) -> LinearMap {
    match map.role {
        Role::Key | Role::Value => LinearMap { role: Role::Query, ..map },
        Role::Query | Role::AttentionOutput | Role::Intermediate | Role::Output => map,
    }
}
