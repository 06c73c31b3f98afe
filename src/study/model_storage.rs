//! A whole encoder whose weights take fewer bytes: by factors, by fewer bits, or by both; against the same encoder as published, on
//! chunks of a text it was not calibrated on.
//!
//! Every linear map W (m×n) of every layer becomes what `format` says: W in fewer bits (`linalg/quantization.rs`); a pair of rank
//! `rank_share` · mn/(m+n), by its truncated SVD or by that of WS with S·Sᵀ = XXᵀ of a calibration text (SVD-LLM, Wang and others
//! 2025), in 32, 16 or 8 bits; or W in few bits plus a pair of rank `correction_rank` in 16 bits that is fitted to what the bits
//! left, E = W − Q(W): to E itself (LQER, Zhang and others 2024) or to E·S (QERA, Zhang and others 2025), which has the least
//! ‖(E − UV)X‖_F on the calibration text. Word embeddings are stored in the same bits, never factored; positions, norms and biases
//! stay in 32. Measured: bytes as stored, and what the sentence embeddings are worth.
//!
//! Cost: one SVD for each linear map and two passes over the chunks. Breaks: a calibration text unlike the one that is embedded.

use faer::{Mat, MatRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bench, Measurement, ModelFiles, ModelInput, Study, StudyError, StudyTraits,
    numerics::{check_count, rank_at},
};
use crate::{
    linalg::{
        from_f64,
        quantization::{NumberFormat, Stored},
        to_f64,
        weighted_svd::Coordinates,
        whitening::Whitening,
    },
    low_rank::LowRank,
    model::{Encoder, LinearMap, Map, Quality, WORDS},
    parameters::{Belongs, Invalid, Parameters},
};

/// A whole encoder whose weights are factored, stored in fewer bits, or both, against the exact one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelStorage {
    /// Folder with config.json, tokenizer.json and model.safetensors.
    pub model: String,
    /// Text whose chunks are embedded, in UTF-8.
    pub text: String,
    /// Text that pairs are fitted to; not the one that is embedded.
    #[serde(default)]
    pub calibration: Option<String>,
    /// What becomes of every linear map.
    pub format: WeightFormat,
    /// The rank of every pair over its break-even rank mn/(m+n).
    #[serde(default = "half")]
    pub rank_share: f64,
    /// The rank of every pair that is added to weights in few bits.
    #[serde(default = "thirty_two")]
    pub correction_rank: usize,
    /// Numbers that share a scale and a lowest value, in 4 and 3 bits.
    #[serde(default = "thirty_two")]
    pub group: usize,
    /// Tokens of a chunk, `[CLS]` and `[SEP]` included.
    #[serde(default = "sixty_four")]
    pub chunk_tokens: usize,
}

/// What a matrix of weights is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeightFormat {
    /// Each number in 16 bits.
    Float16,
    /// In 8 bits, one scale a row.
    Int8,
    /// In 4 bits, in groups.
    Int4,
    /// In 3 bits, in groups.
    Int3,
    /// A pair of the least error in the weights.
    TruncatedSvd,
    /// A pair of the least error in the outputs on the calibration text.
    SvdLlm,
    /// The same with its numbers in 16 bits.
    SvdLlmFloat16,
    /// The same with its numbers in 8 bits.
    SvdLlmInt8,
    /// In 4 bits, and a pair of the least error in the outputs for what they left.
    Int4PlusPair,
    /// In 3 bits, and such a pair.
    Int3PlusPair,
    /// In 3 bits, and a pair of the least error in the weights.
    Int3PlusPlainPair,
}

fn half() -> f64 {
    0.5
}

fn thirty_two() -> usize {
    32
}

fn sixty_four() -> usize {
    64
}

const PAIRS: &[&str] = &["truncated_svd", "svd_llm", "svd_llm_float16", "svd_llm_int8"];
const CORRECTED: &[&str] = &["int4_plus_pair", "int3_plus_pair", "int3_plus_plain_pair"];
const CALIBRATED: &[&str] = &["svd_llm", "svd_llm_float16", "svd_llm_int8", "int4_plus_pair", "int3_plus_pair"];
const IN_GROUPS: &[&str] = &["int4", "int3", "int4_plus_pair", "int3_plus_pair", "int3_plus_plain_pair"];

impl Parameters for ModelStorage {
    const KIND: &'static str = "model_storage";
    const VERSION: u32 = 1;
    const BELONGS: &'static [Belongs] = &[
        Belongs::to("rank_share", "format", PAIRS),
        Belongs::to("correction_rank", "format", CORRECTED),
        Belongs::to("calibration", "format", CALIBRATED),
        Belongs::to("group", "format", IN_GROUPS),
    ];

    fn check(&self) -> Result<(), Invalid> {
        if !(self.rank_share > 0.0 && self.rank_share <= 2.0) {
            let instead = "for example `rank_share = 0.5`";
            return Err(Invalid::new("rank_share", "must be above 0 and at most 2", instead));
        }
        if CALIBRATED.contains(&self.format.name()) && self.calibration.is_none() {
            let instead = "add `calibration = \"experiments/data/us-constitution.txt\"`";
            return Err(Invalid::new("format", "needs a calibration text", instead));
        }
        if self.calibration.as_ref() == Some(&self.text) {
            let instead = "calibrate on another text than the one that is embedded";
            return Err(Invalid::new("calibration", "is the text that is embedded", instead));
        }
        check_count("correction_rank", self.correction_rank, 1, 4096, 32)?;
        check_count("group", self.group, 8, 4096, 32)?;
        check_count("chunk_tokens", self.chunk_tokens, 8, 512, 64)
    }
}

impl Study for ModelStorage {
    fn traits(&self) -> StudyTraits {
        StudyTraits { random: false, timed: false }
    }

    fn model(&self) -> Option<ModelFiles> {
        let texts = std::iter::once(&self.text).chain(&self.calibration).cloned().collect();
        Some(ModelFiles { folder: self.model.clone(), texts })
    }

    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        let input = bench.model.ok_or_else(|| StudyError::Numerical("no model was read".to_owned()))?;
        let texts = input.embedded(self.chunk_tokens)?;
        let exact = &input.encoder;
        let (stored, bytes) = self.store(input, bench)?;
        let exact_embeddings = exact.embed_ids(&texts, bench.parallelism)?;
        let embeddings = stored.embed_ids(&texts, bench.parallelism)?;
        let quality = Quality::measure(exact_embeddings.as_ref(), embeddings.as_ref())?;
        let share = bytes as f64 / exact.cost(self.chunk_tokens).bytes as f64;

        let series = self.format.name();
        let value = |quantity, value| Measurement::new(series, None, quantity, value);
        let mut found = vec![
            value("mean_cosine", quality.mean_cosine),
            value("least_cosine", quality.least_cosine),
            value("self_retrieval", quality.self_retrieval),
            value("texts", quality.texts as f64),
            value("memory", bytes as f64).in_unit("B"),
            value("bytes_share", share),
        ];
        found.extend(quality.rank_correlation.map(|correlation| value("rank_correlation", correlation)));
        let loss = (1.0 - quality.mean_cosine).max(0.0);
        found.push(Measurement::new(self.format.curve(), share, "loss_by_bytes", loss));
        Ok(found)
    }
}

impl WeightFormat {
    /// As the spec writes it.
    fn name(self) -> &'static str {
        match self {
            Self::Float16 => "float16",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Int3 => "int3",
            Self::TruncatedSvd => "truncated_svd",
            Self::SvdLlm => "svd_llm",
            Self::SvdLlmFloat16 => "svd_llm_float16",
            Self::SvdLlmInt8 => "svd_llm_int8",
            Self::Int4PlusPair => "int4_plus_pair",
            Self::Int3PlusPair => "int3_plus_pair",
            Self::Int3PlusPlainPair => "int3_plus_plain_pair",
        }
    }

    /// Whose curve it is a point of: formats that differ in their bits alone are one.
    fn curve(self) -> &'static str {
        match self {
            Self::Float16 | Self::Int8 | Self::Int4 | Self::Int3 => "fewer_bits",
            other => other.name(),
        }
    }
}

/// A linear map as it comes back from storage.
struct StoredMap {
    map: Map,
    bytes: usize,
}

impl ModelStorage {
    /// The bits of whole matrices, and those of pairs.
    fn number_format(&self) -> NumberFormat {
        let group = self.group;
        match self.format {
            WeightFormat::TruncatedSvd | WeightFormat::SvdLlm => NumberFormat::Float32,
            WeightFormat::Float16 | WeightFormat::SvdLlmFloat16 => NumberFormat::Float16,
            WeightFormat::Int8 | WeightFormat::SvdLlmInt8 => NumberFormat::Int8,
            WeightFormat::Int4 | WeightFormat::Int4PlusPair => NumberFormat::Int4 { group },
            WeightFormat::Int3 | WeightFormat::Int3PlusPair | WeightFormat::Int3PlusPlainPair => {
                NumberFormat::Int3 { group }
            }
        }
    }

    /// The encoder with every matrix as it comes back, and the bytes of all of it.
    fn store(&self, input: &ModelInput, bench: &mut Bench<'_>) -> Result<(Encoder, usize), StudyError> {
        let exact = &input.encoder;
        let mut stored = exact.clone();
        let mut bytes = exact.cost(self.chunk_tokens).bytes;
        let calibrated = CALIBRATED.contains(&self.format.name());
        let whitenings = calibrated.then(|| input.whitenings(bench.parallelism)).transpose()?;
        let mut replace = |name: &str, matrix: &Mat<f64>, with: StoredMap| {
            bytes = bytes - size_of::<f32>() * matrix.nrows() * matrix.ncols() + with.bytes;
            stored.replace(name, with.map)
        };
        for map in LinearMap::of_model(exact.config()) {
            let name = format!("{}.weight", map.name());
            let dense = to_f64(exact.dense(&name)?.as_ref());
            let whitening = whitenings.and_then(|whitenings| whitenings.get(&map));
            let with = self.store_map(dense.as_ref(), whitening, bench)?;
            replace(&name, &dense, with)?;
        }
        let words = to_f64(exact.dense(WORDS)?.as_ref());
        replace(WORDS, &words, whole(self.number_format().store(words.as_ref())))?;
        Ok((stored, bytes))
    }

    /// One linear map, m×n.
    fn store_map(
        &self,
        dense: MatRef<'_, f64>,
        whitening: Option<&Whitening>,
        bench: &Bench<'_>,
    ) -> Result<StoredMap, StudyError> {
        let (name, (m, n)) = (self.format.name(), dense.shape());
        let coordinates = Coordinates { rows: None, columns: whitening };
        if PAIRS.contains(&name) {
            let rank = rank_at(self.rank_share, (m, n));
            let pair = coordinates.decompose(dense, bench.parallelism)?.pair(rank);
            let (pair, bytes) = store_pair(&pair, self.number_format());
            return Ok(StoredMap { map: Map::Pair(pair.round()), bytes });
        }
        let Stored { mut matrix, mut bytes } = self.number_format().store(dense);
        if CORRECTED.contains(&name) {
            let left = dense - &matrix;
            let rank = self.correction_rank.min(m.min(n));
            let pair = coordinates.decompose(left.as_ref(), bench.parallelism)?.pair(rank);
            let (pair, bytes_of_pair) = store_pair(&pair, NumberFormat::Float16);
            matrix += pair.to_dense(bench.parallelism);
            bytes += bytes_of_pair;
        }
        Ok(whole(Stored { matrix, bytes }))
    }
}

fn whole(stored: Stored) -> StoredMap {
    StoredMap { map: Map::Dense(from_f64(stored.matrix.as_ref())), bytes: stored.bytes }
}

/// Both factors as they come back, and their bytes together. Columns of the left one are what a scale is shared by.
fn store_pair(pair: &LowRank<f64>, format: NumberFormat) -> (LowRank<f64>, usize) {
    let left = format.store(pair.left.as_ref().transpose());
    let right = format.store(pair.right.as_ref());
    (LowRank::new(left.matrix.transpose().to_owned(), right.matrix), left.bytes + right.bytes)
}
