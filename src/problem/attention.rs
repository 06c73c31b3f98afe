//! The attention matrix of random queries and keys: P = softmax(QKᵀ / (√d · temperature)).

use faer::Mat;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Head, Outline, Problem, ProblemError, Source, StructureKind, Tensor};
use crate::{
    linalg::gaussian::gaussian,
    parameters::{Belongs, Invalid, Parameters},
    random::Rng,
};

/// Attention of Gaussian queries, keys and values; tokens may gather in clusters, as they do in trained models.
///
/// Without clusters, Q, K and V have independent standard normal entries. With c clusters, each token belongs to one of c
/// standard normal centres in head_dim dimensions, chosen evenly, and its query and its key are each the centre plus
/// `cluster_noise` times a standard normal: tokens of a cluster attend to one another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// n, the tokens: the matrix is length×length.
    pub length: usize,
    /// d, the columns of Q, K and V.
    pub head_dim: usize,
    /// Divides the logits QKᵀ/√d: below 1 attention is sharper, above 1 it is flatter and of lower rank.
    #[serde(default = "default_temperature")]
    pub temperature: f64,
    /// Groups of tokens with similar queries and keys; 0 for none.
    #[serde(default)]
    pub clusters: usize,
    /// Standard deviation of queries and keys around the centre of their cluster.
    #[serde(default = "default_cluster_noise")]
    pub cluster_noise: f64,
    /// Whether token i attends to tokens 0..=i only.
    #[serde(default)]
    pub causal: bool,
}

fn default_temperature() -> f64 {
    1.0
}
fn default_cluster_noise() -> f64 {
    0.3
}

impl Parameters for Attention {
    const KIND: &'static str = "attention";
    const VERSION: u32 = 1;
    const BELONGS: &'static [Belongs] = &[Belongs::unless("cluster_noise", "clusters", "0")];

    fn check(&self) -> Result<(), Invalid> {
        super::check_side("length", self.length, 512)?;
        super::check_side("head_dim", self.head_dim, 64)?;
        super::check_temperature(self.temperature)?;
        if self.clusters > self.length {
            let reason = format!("must not exceed length = {}", self.length);
            return Err(Invalid::new(
                "clusters",
                reason,
                format!("for example `clusters = {}`, or 0 for none", self.length.min(16)),
            ));
        }
        if !(0.0..=1e6).contains(&self.cluster_noise) {
            let reason = "must not be negative, nor above 1e6";
            return Err(Invalid::new("cluster_noise", reason, "for example `cluster_noise = 0.3`"));
        }
        Ok(())
    }
}

impl Source for Attention {
    fn outline(&self, _tensors: &[Vec<usize>]) -> Result<Outline, String> {
        Ok(Outline {
            rows: self.length,
            columns: self.length,
            value_columns: self.head_dim,
            structure: StructureKind::Attention { causal: self.causal, head_dim: self.head_dim },
        })
    }

    fn build(&self, _tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        let mut queries = gaussian::<f64>(self.length, self.head_dim, rng);
        let mut keys = gaussian::<f64>(self.length, self.head_dim, rng);
        let values = gaussian(self.length, self.head_dim, rng);
        if self.clusters > 0 {
            let centres = gaussian::<f64>(self.clusters, self.head_dim, rng);
            let member_of: Vec<usize> = (0..self.length).map(|_| rng.random_range(0..self.clusters)).collect();
            for side in [&mut queries, &mut keys] {
                *side = Mat::from_fn(self.length, self.head_dim, |i, l| {
                    centres[(member_of[i], l)] + self.cluster_noise * side[(i, l)]
                });
            }
        }
        let scale = 1.0 / ((self.head_dim as f64).sqrt() * self.temperature);
        Ok(Problem::attention(Head { queries, keys, scale, causal: self.causal }, values))
    }
}
