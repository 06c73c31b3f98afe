//! Linformer: P ≈ softmax(Q(EK)ᵀ/√d)·F with E = F of k×n, which mixes n keys into k. Wang et al. 2020, equation 7.
//!
//! The paper trains E and F; here they are not trained (Gaussian with variance 1/k, or the means of k consecutive segments,
//! the paper's "pooling"), which is another object: what is measured is the form, not the trained model.
//!
//! Cost: 2knd flops for EK, 2nkd for the scores; linear in n, and the n×n matrix is never formed.
//!
//! Breaks: a random mixture of keys is no key, so its softmax has little to do with that of the keys, and rows do not sum to
//! 1; means sum to 1 but spread each weight over a segment. Both look ahead, so causal attention is refused.
//!
//! Inside the clock: the check of finiteness, the projection, its product with K, the softmax.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Traits,
    unformed::{head, head_dim, refusal, renormalized, segment_means, segments},
};
use crate::{
    linalg::{Scalar, gaussian::gaussian, range_finder::product, softmax::attention_matrix},
    parameters::Parameters,
    problem::{Outline, Problem},
};

/// Linformer attention, untrained; the target rank is the projected length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Linformer {
    /// `gaussian`: random and untrained. `segment_means`: pooling.
    pub projection: Projection,
    /// Whether the rows of the product are divided by their sums.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub renormalize_rows: bool,
}

/// What mixes the keys (and the values).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    Gaussian,
    SegmentMeans,
}

impl Default for Linformer {
    fn default() -> Self {
        Self { projection: Projection::Gaussian, renormalize_rows: false }
    }
}

impl Parameters for Linformer {
    const KIND: &'static str = "linformer";
    const WORDS: &'static str = include_str!("linformer.toml");
    const VERSION: u32 = 2;
}

impl Facts for Linformer {
    fn traits(&self) -> Traits {
        Traits { random: self.projection == Projection::Gaussian, nested: false, needs_matrix: false }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        refusal(outline, "mixtures of keys look ahead: its published form is not causal")
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let d = head_dim(outline);
        Forecast { flops: 2 * k * n * d + 2 * m * k * d, entries: (m + n) * k + k * d }
    }
}

impl<T: Scalar> Method<T> for Linformer {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let head = head(problem)?;
        let (k, n) = (draw.target_rank, head.keys.nrows());
        let (mixed, projection) = match self.projection {
            Projection::Gaussian => {
                let deviation = T::of(1.0 / (k as f64).sqrt());
                let projection = gaussian::<T>(k, n, draw.rng) * faer::Scale(deviation);
                (product(projection.as_ref(), head.keys.as_ref(), draw.parallelism), projection)
            }
            Projection::SegmentMeans => {
                let mut projection = Mat::zeros(k, n);
                for (segment, (from, to)) in segments(n, k).enumerate() {
                    for j in from..to {
                        projection[(segment, j)] = T::of(1.0 / (to - from) as f64);
                    }
                }
                (segment_means(head.keys.as_ref(), k), projection)
            }
        };
        let weights = attention_matrix(head.queries.as_ref(), mixed.as_ref(), head.scale, false, draw.parallelism);
        let factors = renormalized(self.renormalize_rows, weights, projection)?;
        Ok(Approximation { factors: factors.into(), notes: Vec::new() })
    }
}
