//! What a model folder holds, and how far its sentence embeddings lie from those of another.

use crate::paths::Shown as _;
use std::{
    fmt,
    path::{Path, PathBuf},
};

use faer::{Mat, Par};
use serde::Serialize;

use super::{CompressError, parameters, read_text};
use crate::{
    model::{Encoder, Quality, Tokenizer, embedding::chunks},
    tensor::{Checkpoint, Entries, NamedEntries, write_safetensors},
};

/// What to measure.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// A model folder, compressed or not.
    pub folder: PathBuf,
    /// The model it should equal.
    pub against: Option<PathBuf>,
    /// A UTF-8 text, not the one that was calibrated on.
    pub text: PathBuf,
    /// A `.safetensors` file to write the embeddings to.
    pub embeddings: Option<PathBuf>,
}

/// What was measured. The fields, in this order and under these names, are the keys of `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    pub folder: String,
    /// Of the weight files.
    pub bytes: u64,
    pub parameters: u64,
    /// Matrices that are pairs of factors.
    pub pairs: usize,
    /// `null` without a model to compare with.
    pub against: Option<Comparison>,
}

/// One model against another, on pieces of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub folder: String,
    pub bytes: u64,
    pub parameters: u64,
    /// Bytes of the model over bytes of the other.
    pub bytes_share: f64,
    pub texts: usize,
    /// Of each text, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    pub mean_cosine: f64,
    pub least_cosine: f64,
    /// Spearman's, of the similarities of all pairs of texts; `null` where they are all the same.
    pub rank_correlation: Option<f64>,
    /// The share of texts whose embedding has no other text's exact embedding nearer than its own.
    pub self_retrieval: f64,
}

/// Texts that are compared at least: with fewer, retrieval says nothing.
const TEXTS: usize = 40;
/// The tokens of a text, between these.
const TOKENS: [usize; 2] = [8, 64];

/// Measures a model folder.
///
/// # Errors
/// A folder or the text cannot be read, the text is too short, or the embeddings cannot be written.
pub fn evaluate(options: &EvalOptions) -> Result<Evaluation, CompressError> {
    let EvalOptions { folder, against, text, embeddings } = options;
    let (bytes, numbers, pairs) = size(folder)?;
    let mut evaluation = Evaluation { folder: folder.shown(), bytes, parameters: numbers, pairs, against: None };
    if against.is_none() && embeddings.is_none() {
        return Ok(evaluation);
    }
    let encoder = Encoder::read(folder)?;
    let (ids, tokens) = pieces(folder, &encoder, text)?;
    let changed = encoder.embed_ids(&ids, Par::rayon(0))?;
    if let Some(other) = against {
        let (other_bytes, other_numbers, _) = size(other)?;
        let exact = Encoder::read(other)?;
        if exact.config().hidden_size != encoder.config().hidden_size {
            let problem = format!("{}: not a model of the same width as {}", other.shown(), folder.shown());
            return Err(CompressError::Request(problem));
        }
        let exact = exact.embed_ids(&ids, Par::rayon(0))?;
        let Quality { texts, mean_cosine, least_cosine, rank_correlation, self_retrieval } =
            Quality::measure(exact.as_ref(), changed.as_ref())?;
        evaluation.against = Some(Comparison {
            folder: other.shown(),
            bytes: other_bytes,
            parameters: other_numbers,
            bytes_share: bytes as f64 / other_bytes as f64,
            texts,
            tokens,
            mean_cosine,
            least_cosine,
            rank_correlation,
            self_retrieval,
        });
    }
    if let Some(out) = embeddings {
        save(out, &ids, &changed)?;
    }
    Ok(evaluation)
}

/// Whether a text can tell how near two models are: before hours of work, not after them.
///
/// # Errors
/// The model or the text cannot be read, or the text is too short.
pub fn check_text(folder: &Path, text: &Path) -> Result<(), CompressError> {
    pieces(folder, &Encoder::read(folder)?, text).map(drop)
}

/// Bytes, numbers and pairs.
fn size(folder: &Path) -> Result<(u64, u64, usize), CompressError> {
    let checkpoint = Checkpoint::open(folder)?;
    let pairs = checkpoint.tensors().iter().filter(|stored| {
        let base = stored.name.strip_suffix(".left");
        base.is_some_and(|base| checkpoint.has(&format!("{base}.right")))
    });
    Ok((checkpoint.bytes()?, parameters(checkpoint.tensors()), pairs.count()))
}

/// The text in at least 40 pieces of equal length, and that length.
fn pieces(folder: &Path, encoder: &Encoder, text: &Path) -> Result<(Vec<Vec<u32>>, usize), CompressError> {
    let tokenizer = Tokenizer::read(folder)?;
    let words = read_text(text)?;
    let all = tokenizer.tokenize(&words).len();
    let [least, most] = TOKENS;
    let tokens = (all / TEXTS + 2).min(most).min(encoder.config().max_position_embeddings);
    if tokens < least {
        return Err(CompressError::Request(format!(
            "{}: its {all} tokens do not make {TEXTS} pieces worth embedding; give a text of at least {}",
            text.shown(),
            TEXTS * (least - 2)
        )));
    }
    Ok((chunks(&tokenizer, &words, tokens)?, tokens))
}

/// `embeddings` (texts × width, F32) and `input_ids` (texts × tokens, I64).
fn save(out: &Path, ids: &[Vec<u32>], embeddings: &Mat<f32>) -> Result<(), CompressError> {
    let tensors = [
        NamedEntries {
            name: "embeddings".to_owned(),
            shape: vec![embeddings.ncols(), embeddings.nrows()],
            entries: embeddings.col_iter().flat_map(|text| text.iter().copied()).collect(),
        },
        NamedEntries {
            name: "input_ids".to_owned(),
            shape: vec![ids.len(), ids.first().map_or(0, Vec::len)],
            entries: Entries::Whole(ids.iter().flatten().map(|&id| i64::from(id)).collect()),
        },
    ];
    Ok(write_safetensors(out, &tensors, &[])?)
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, bytes, parameters, pairs, against } = self;
        writeln!(f, "{folder}: {bytes} bytes, {parameters} parameters, {pairs} matrices as pairs")?;
        let Some(other) = against else { return Ok(()) };
        writeln!(
            f,
            "against {}: {:.2} % of its {} bytes, {:.2} % of its {} parameters",
            other.folder,
            100.0 * other.bytes_share,
            other.bytes,
            100.0 * *parameters as f64 / other.parameters as f64,
            other.parameters
        )?;
        let correlation = other.rank_correlation.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"));
        writeln!(
            f,
            "{} texts of {} tokens: cosine {:.4} in the mean, {:.4} at least; rank correlation of similarities {correlation}; \
             self-retrieval {:.1} %",
            other.texts,
            other.tokens,
            other.mean_cosine,
            other.least_cosine,
            100.0 * other.self_retrieval
        )
    }
}
