//! Nyströmformer: P ≈ softmax(QK̃ᵀ/√d) · softmax(Q̃K̃ᵀ/√d)⁺ · softmax(Q̃Kᵀ/√d), with landmarks Q̃, K̃ = means of k
//! consecutive segments of Q and K (or the centres of k clusters). Xiong et al. 2021, equation 13 and Algorithm 1.
//!
//! Cost: 2·2nkd flops for the two thin score matrices, 2nk² for the product, 8k³ a step for the iterative pseudoinverse;
//! linear in n, and the n×n matrix is never formed.
//!
//! Breaks: the core softmax(Q̃K̃ᵀ/√d) is ill conditioned on real heads, so an exact pseudoinverse blows up without a cut-off
//! and the six published iterations give a damped one; the core belongs to no positive semi-definite matrix and its landmarks
//! change with their number, so more of them can be worse (12 times, from 28 to 31 on a head of 60 small logits); rows of the result need not sum to 1 and entries may be negative.
//! Landmarks of a causal head would look ahead, so causal attention is refused, as in the paper.
//!
//! Inside the clock: the check of finiteness, the segment means, the three softmaxes, the pseudoinverse and its product
//! with the left factor.

use faer::{Mat, MatRef, Par};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Approximation, Draw, Facts, Forecast, Method, MethodError, Traits,
    k_means::k_means,
    unformed::{head, head_dim, refusal, renormalized, segment_means},
};
use crate::{
    linalg::{
        Scalar, fused_attention::fused_attention, pseudoinverse, range_finder::product, softmax::attention_matrix,
        wide_attention::wide_attention,
    },
    parameters::{Belongs, Invalid, Parameters},
    problem::{Outline, Problem},
};

/// Nyströmformer attention; the target rank is the number of landmarks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Nystromformer {
    /// `iterative`: the published fixed number of steps. `exact`: by SVD with `cutoff`.
    pub pseudoinverse: Pseudoinverse,
    /// `iterative` only: steps (6 in the paper).
    pub iterations: usize,
    /// `exact` only: singular values of the core below this share of its largest are dropped.
    pub cutoff: f64,
    /// What stands for a group of queries (or keys).
    #[serde(skip_serializing_if = "Landmarks::are_published")]
    pub landmarks: Landmarks,
    /// Whether the rows of the product are divided by their sums.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub renormalize_rows: bool,
}

/// How landmarks are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Landmarks {
    /// Means of consecutive tokens, as published.
    SegmentMeans,
    /// Centres of clusters: Lloyd's iteration from the segment means.
    KMeans,
}

impl Landmarks {
    fn are_published(&self) -> bool {
        *self == Self::SegmentMeans
    }

    fn of<T: Scalar>(self, rows: MatRef<'_, T>, count: usize, parallelism: Par) -> Mat<T> {
        match self {
            Self::SegmentMeans => segment_means(rows, count),
            Self::KMeans => k_means(rows, segment_means(rows, count), parallelism),
        }
    }
}

/// How the core of a Nyströmformer approximation is inverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pseudoinverse {
    Exact,
    Iterative,
}

impl Default for Nystromformer {
    fn default() -> Self {
        Self {
            pseudoinverse: Pseudoinverse::Iterative,
            iterations: 6,
            cutoff: 1e-12,
            landmarks: Landmarks::SegmentMeans,
            renormalize_rows: false,
        }
    }
}

impl Parameters for Nystromformer {
    const KIND: &'static str = "nystromformer";
    const WORDS: &'static str = include_str!("nystromformer.toml");
    const VERSION: u32 = 3;
    const BELONGS: &'static [Belongs] = &[
        Belongs::to("iterations", "pseudoinverse", &["iterative"]),
        Belongs::to("cutoff", "pseudoinverse", &["exact"]),
    ];

    /// The exact pseudoinverse is shared between both factors since version 4.
    fn version(&self) -> u32 {
        if self.pseudoinverse == Pseudoinverse::Exact { 4 } else { Self::VERSION }
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.iterations == 0 || self.iterations > 1000 {
            return Err(Invalid::new("iterations", "must lie between 1 and 1000", "for example `iterations = 6`"));
        }
        if !(0.0..1.0).contains(&self.cutoff) {
            return Err(Invalid::new("cutoff", "must lie between 0 and 1", "for example `cutoff = 1e-12`"));
        }
        Ok(())
    }
}

impl Facts for Nystromformer {
    fn traits(&self) -> Traits {
        Traits { random: false, nested: false, needs_matrix: false }
    }

    fn refuses(&self, outline: Outline, _target_rank: usize) -> Option<String> {
        refusal(outline, "landmarks look ahead: its published form is not causal")
    }

    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        let d = head_dim(outline);
        let inversion = match self.pseudoinverse {
            Pseudoinverse::Exact => 24 * k * k * k + 2 * n * k * k,
            Pseudoinverse::Iterative => 8 * k * k * k * self.iterations as u64,
        };
        let clustering = match self.landmarks {
            Landmarks::SegmentMeans => 0,
            Landmarks::KMeans => super::k_means::ITERATIONS as u64 * 2 * (m + n) * k * d,
        };
        Forecast {
            flops: clustering + 2 * (m + n + k) * k * d + inversion + 2 * m * k * k,
            entries: (m + n) * k + 6 * k * k,
        }
    }
}

impl<T: Scalar> Method<T> for Nystromformer {
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let head = head(problem)?;
        let parallelism = draw.parallelism;
        let (queries, keys) = (head.queries.as_ref(), head.keys.as_ref());
        let query_landmarks = self.landmarks.of(queries, draw.target_rank, parallelism);
        let key_landmarks = self.landmarks.of(keys, draw.target_rank, parallelism);
        let core = attention_matrix(query_landmarks.as_ref(), key_landmarks.as_ref(), head.scale, false, parallelism);
        let from_landmarks = wide_attention(query_landmarks.as_ref(), keys, head.scale, parallelism);

        let mut notes = Vec::new();
        // Exactly inverted, the core goes half to either side, so that neither is of the size of its inverse.
        let (inverse, right) = match self.pseudoinverse {
            Pseudoinverse::Iterative => {
                (pseudoinverse::by_iteration(core.as_ref(), self.iterations, parallelism), from_landmarks)
            }
            Pseudoinverse::Exact => {
                let cutoff = self.cutoff.max(10.0 * T::UNIT_ROUNDOFF);
                let inverse = pseudoinverse::split(core.as_ref(), cutoff, parallelism)?;
                if inverse.kept < draw.target_rank {
                    notes.push(format!("core of numerical rank {} of {}", inverse.kept, draw.target_rank));
                }
                (inverse.right, product(inverse.left.as_ref(), from_landmarks.as_ref(), parallelism))
            }
        };
        // softmax(QK̃ᵀ)·inverse is attention to the landmarks, whose values are the rows of the inverse: band by band, the
        // softmax itself is never kept.
        let left = fused_attention(queries, key_landmarks.as_ref(), inverse.as_ref(), head.scale, false, parallelism);
        let factors = renormalized(self.renormalize_rows, left, right)?;
        Ok(Approximation { factors: factors.into(), notes })
    }
}
