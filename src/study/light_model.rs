//! A whole encoder made light: its weights as pairs of factors, its attention by an approximation, or both; against the same
//! encoder as published, on chunks of a text (all-MiniLM-L6-v2 on ≥ 40 of them).
//!
//! Every linear map W (m×n) of every layer becomes a pair of rank `rank_share` · mn/(m+n): truncated SVD, or the truncated SVD of
//! WS with S·Sᵀ = XXᵀ of a calibration text (SVD-LLM, Wang et al. 2025), undone by S⁻¹. Embeddings, norms and biases stay. Every
//! head attends by a method at rank `landmarks`. Measured: cosine to the exact sentence embeddings, Spearman's correlation of
//! pairwise similarities, self-retrieval; numbers and bytes stored, flops and time per token.
//!
//! Cost: two passes over the chunks, timed one after the other, and one SVD for each linear map. Breaks: short chunks, of which
//! attention is a small part; a calibration text unlike the one that is embedded.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Bench, Measurement, ModelFiles, ModelInput, Study, StudyError, StudyTraits,
    failure::method,
    numerics::{check_count, rank_at},
};
use crate::{
    linalg::{to_f64, weighted_svd::Coordinates},
    model::{Attention, Encoder, LinearMap, Map, Quality},
    parameters::{Belongs, Invalid, Parameters},
};

/// A whole encoder with factored weights, approximate attention, or both, against the exact one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LightModel {
    /// Folder with config.json, tokenizer.json and model.safetensors.
    pub model: String,
    /// Text whose chunks are embedded, in UTF-8.
    pub text: String,
    /// Text that `svd_llm` learns the inputs of every map from; not the one that is embedded.
    #[serde(default)]
    pub calibration: Option<String>,
    /// How the linear maps are factored.
    #[serde(default)]
    pub weights: WeightFactors,
    /// The rank of every pair over its break-even rank mn/(m+n); of no meaning for exact weights.
    #[serde(default = "one")]
    pub rank_share: f64,
    /// How heads attend.
    #[serde(default)]
    pub attention: HeadAttention,
    /// k, the rank of approximate attention; of no meaning for exact attention.
    #[serde(default = "sixty_four")]
    pub landmarks: usize,
    /// Tokens of a chunk, `[CLS]` and `[SEP]` included; at least 40 chunks are asked of the text.
    #[serde(default = "two_hundred")]
    pub chunk_tokens: usize,
}

/// What the linear maps of the encoder become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeightFactors {
    /// As published.
    #[default]
    Exact,
    /// The least error in the weights.
    TruncatedSvd,
    /// The least error in the outputs on the calibration text.
    SvdLlm,
}

/// What the heads of the encoder do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeadAttention {
    /// As published.
    #[default]
    Exact,
    /// Landmarks by segment means.
    Nystromformer,
    /// Keys and values projected, untrained.
    Linformer,
    /// Positive random features.
    Performer,
    /// Keys chosen by randomly pivoted Cholesky.
    Coreset,
    /// The largest weights of each row: not of low rank.
    TopK,
}

fn one() -> f64 {
    1.0
}

fn sixty_four() -> usize {
    64
}

fn two_hundred() -> usize {
    200
}

impl Parameters for LightModel {
    const KIND: &'static str = "light_model";
    /// Pairs are those that `compress` begins with since version 2.
    const VERSION: u32 = 2;
    const BELONGS: &'static [Belongs] = &[
        Belongs::to("calibration", "weights", &["svd_llm"]),
        Belongs::unless("rank_share", "weights", "exact"),
        Belongs::unless("landmarks", "attention", "exact"),
    ];

    fn check(&self) -> Result<(), Invalid> {
        if !(self.rank_share > 0.0 && self.rank_share <= 2.0) {
            let instead = "for example `rank_share = 0.5`";
            return Err(Invalid::new("rank_share", "must be above 0 and at most 2", instead));
        }
        if self.weights == WeightFactors::SvdLlm && self.calibration.is_none() {
            let instead = "add `calibration = \"experiments/data/us-declaration.txt\"`";
            return Err(Invalid::new("weights", "needs a calibration text", instead));
        }
        if self.calibration.as_ref() == Some(&self.text) {
            let instead = "calibrate on another text than the one that is embedded";
            return Err(Invalid::new("calibration", "is the text that is embedded", instead));
        }
        if self.weights == WeightFactors::Exact && self.attention == HeadAttention::Exact {
            let instead = "change one of `weights` and `attention`";
            return Err(Invalid::new("weights", "is exact, and so is attention: nothing is measured", instead));
        }
        check_count("landmarks", self.landmarks, 1, 4096, 64)?;
        check_count("chunk_tokens", self.chunk_tokens, 8, 512, 200)
    }
}

impl Study for LightModel {
    fn traits(&self) -> StudyTraits {
        StudyTraits { random: true, timed: true }
    }

    fn model(&self) -> Option<ModelFiles> {
        let texts = std::iter::once(&self.text).chain(&self.calibration).cloned().collect();
        Some(ModelFiles { folder: self.model.clone(), texts })
    }

    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        let input = bench.model.ok_or_else(|| StudyError::Numerical("no model was read".to_owned()))?;
        let texts = input.embedded(self.chunk_tokens)?;
        let exact = &input.encoder;
        let light = self.lighten(input, bench)?;
        let (exact_embeddings, exact_seconds) = embed(exact, &texts, bench)?;
        let (embeddings, seconds) = embed(&light, &texts, bench)?;
        let quality = Quality::measure(exact_embeddings.as_ref(), embeddings.as_ref())?;
        let (before, after) = (exact.cost(self.chunk_tokens), light.cost(self.chunk_tokens));
        let tokens = (texts.len() * self.chunk_tokens) as f64;

        let (series, place) = self.series();
        let loss = 1.0 - quality.mean_cosine;
        let value = |quantity, value| Measurement::new(&series, None, quantity, value);
        let mut found = vec![
            value("mean_cosine", quality.mean_cosine),
            value("least_cosine", quality.least_cosine),
            value("self_retrieval", quality.self_retrieval),
            value("texts", quality.texts as f64),
            value("parameters", after.parameters as f64),
            value("parameters_share", after.parameters as f64 / before.parameters as f64),
            value("memory", after.bytes as f64).in_unit("B"),
            value("flops_per_token", after.flops_per_token).in_unit("flop"),
            value("flops_share", after.flops_per_token / before.flops_per_token),
            value("tokens_per_second", tokens / seconds).in_unit("1/s"),
            value("exact_tokens_per_second", tokens / exact_seconds).in_unit("1/s"),
            value("speed_up", exact_seconds / seconds),
        ];
        found.extend(quality.rank_correlation.map(|correlation| value("rank_correlation", correlation)));
        let (x, quantities) = match place {
            Place::RankShare => (self.rank_share, ["loss_by_rank_share", "speed_by_rank_share"]),
            Place::Landmarks => (self.landmarks as f64, ["loss_by_landmarks", "speed_by_landmarks"]),
        };
        found.push(Measurement::new(&series, x, quantities[0], loss.max(0.0)));
        found.push(Measurement::new(&series, x, quantities[1], exact_seconds / seconds));
        Ok(found)
    }
}

/// Which parameter is the horizontal axis.
enum Place {
    RankShare,
    Landmarks,
}

impl LightModel {
    /// Whose curve a point is on: the methods' names, and the parameter that is not the axis.
    fn series(&self) -> (String, Place) {
        let weights = self.weights.kind();
        match (weights, self.attention.kind()) {
            (Some(weights), Some(attention)) => {
                (format!("{attention}+{weights} k={}", self.landmarks), Place::RankShare)
            }
            (Some(weights), None) => (weights.to_owned(), Place::RankShare),
            (None, attention) => (attention.unwrap_or_default().to_owned(), Place::Landmarks),
        }
    }

    /// The encoder with everything replaced that is to be.
    fn lighten(&self, input: &ModelInput, bench: &mut Bench<'_>) -> Result<Encoder, StudyError> {
        let mut light = input.encoder.clone();
        if self.weights != WeightFactors::Exact {
            let whitenings = match self.weights {
                WeightFactors::SvdLlm => Some(input.whitenings(bench.parallelism)?),
                WeightFactors::TruncatedSvd | WeightFactors::Exact => None,
            };
            for map in LinearMap::of_model(input.encoder.config()) {
                let name = format!("{}.weight", map.name());
                let dense = to_f64(input.encoder.dense(&name)?.as_ref());
                let whitening = whitenings.and_then(|whitenings| whitenings.get(&map));
                let coordinates = Coordinates { rows: None, columns: whitening };
                let rank = rank_at(self.rank_share, dense.shape());
                let pair = coordinates.decompose(dense.as_ref(), bench.parallelism)?.pair(rank);
                light.replace(&name, Map::Pair(pair.round()))?;
            }
        }
        if let Some(kind) = self.attention.kind() {
            let method = method(kind, json!({}))?;
            for layer in 0..input.encoder.config().num_hidden_layers {
                let seed = rand::RngExt::random(bench.rng);
                let attention = Attention::Method { method: method.clone(), target_rank: self.landmarks, seed };
                light.set_attention(layer, attention)?;
            }
        }
        Ok(light)
    }
}

/// The embeddings of all texts, and the seconds they took.
fn embed(encoder: &Encoder, texts: &[Vec<u32>], bench: &Bench<'_>) -> Result<(Mat<f32>, f64), StudyError> {
    let mut embedded = None;
    let seconds = bench.instruments.seconds(&mut || embedded = Some(encoder.embed_ids(texts, bench.parallelism)));
    let embedded = embedded.ok_or_else(|| StudyError::Numerical("nothing was embedded".to_owned()))??;
    Ok((embedded, seconds))
}

impl WeightFactors {
    fn kind(self) -> Option<&'static str> {
        match self {
            Self::Exact => None,
            Self::TruncatedSvd => Some("truncated_svd"),
            Self::SvdLlm => Some("svd_llm"),
        }
    }
}

impl HeadAttention {
    /// The registered method.
    fn kind(self) -> Option<&'static str> {
        match self {
            Self::Exact => None,
            Self::Nystromformer => Some("nystromformer"),
            Self::Linformer => Some("linformer"),
            Self::Performer => Some("performer"),
            Self::Coreset => Some("coreset"),
            Self::TopK => Some("top_k"),
        }
    }
}
