//! The commands on matrices and models of the user's own: `advise`, `compress`, `eval`.

use factoreo::paths::Shown as _;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use factoreo::{
    advise::{self, AdviseError, AdviseOptions, Subject},
    compress::{self, CompressError, CompressOptions, EvalOptions, Measure, WeightMethod, allocation::Allocation},
    model, terminal,
};

use super::{Failure, print, print_exactly, tell};

/// Look at one matrix of a file: spectrum, ranks, break-even in storage and in time on this machine, and what to do with it
///
/// --json prints one object: file, name, kind (tensor or attention), rows, columns, parameters, spectrum (largest, median,
/// smallest, frobenius_norm, decay: index and share_of_largest), ranks (numerical, stable, effective, energy_90, energy_99,
/// energy_99_9, gavish_donoho), tolerance (asked, rank, error, parameters), break_even (storage; time: for each batch
/// dense, pairs of rank and time, faster_up_to, slower_from; a time is seconds, low, high), recommendation (factor, rank, method,
/// verdict, reason). Times are in seconds. verdict is one of zero, rank_too_high, flat_spectrum, smaller, smaller_and_faster.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Advise {
    /// A .npy or .safetensors file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The matrix's name in a .safetensors file
    #[arg(long, value_name = "NAME", conflicts_with = "qkv")]
    tensor: Option<String>,
    /// Instead of a matrix: the attention matrix of a head, as `extract` writes them (layer0.head3)
    #[arg(long, value_name = "HEAD")]
    qkv: Option<String>,
    /// The relative error, in the Frobenius norm, that is allowed
    #[arg(long, value_name = "E", default_value_t = 0.01)]
    tolerance: f64,
    /// For machines
    #[arg(long)]
    json: bool,
}

/// Write a model with its matrices as pairs of factors, under a budget
///
/// Factored are the weights of the linear maps and the word embeddings, which are half of a small model. Biases, norms, position
/// embeddings and the pooler stay byte for byte. Of a model that is no BERT encoder, --method truncated_svd factors every tensor
/// of two dimensions, without a text.
///
/// Ranks are chosen for all matrices together. With a text, `marginal` measures what an error in each matrix does to the sentence
/// embeddings, and gives rank where it buys most. Then, layer by layer, each pair is fitted to the inputs that the pairs before it
/// make.
///
/// DIR gets model.safetensors (X.left and X.right for a factored X), the model's configuration and tokenizer, manifest.json and a
/// README.md with the Python that loads it. It appears whole or not at all.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("target").required(true).args(["budget", "flops", "cosine"])))]
pub(super) struct Compress {
    /// A model folder with model.safetensors, or with shards and their index
    #[arg(value_name = "MODEL_DIR")]
    model: PathBuf,
    /// The share of the original file's bytes that the new one may have, embeddings included
    #[arg(long, value_name = "SHARE")]
    budget: Option<f64>,
    /// Instead: the share of the flops of the linear maps; the embeddings, which have none, stay as they are
    #[arg(long, value_name = "SHARE")]
    flops: Option<f64>,
    /// Instead: the mean cosine of sentence embeddings to keep on a held-out part of the text, with as few bytes as that takes
    #[arg(long, value_name = "C")]
    cosine: Option<f64>,
    /// A UTF-8 text, some thousands of words of the kind the model is for; one fifth of it is held out
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Texts of other kinds to judge the new model on when it is written, a row each: the held-out part is of the same text
    #[arg(long, value_name = "FILE", num_args = 1..)]
    evaluate: Vec<PathBuf>,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How ranks are chosen: the same share of every break-even rank, the same share of energy, or the best error per parameter
    #[arg(long, value_enum, default_value = "marginal")]
    allocation: AllocationName,
    /// How a matrix is factored: by its least output error on the text (word embeddings: by how often the text has each word), or
    /// by its own SVD
    #[arg(long, value_enum, default_value = "svd_llm")]
    method: MethodName,
    /// Replace DIR if this command wrote it
    #[arg(long)]
    force: bool,
    /// Decides which part of the text is held out
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum AllocationName {
    Uniform,
    Energy,
    Marginal,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum MethodName {
    SvdLlm,
    TruncatedSvd,
}

/// Measure a model folder: size, and how near its sentence embeddings are to those of another
///
/// --json prints one object: folder, bytes, parameters, pairs, against (null, or folder, bytes, parameters, bytes_share, texts,
/// tokens, mean_cosine, least_cosine, rank_correlation, self_retrieval).
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Eval {
    /// A model folder, compressed or not
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The model it should equal
    #[arg(long, value_name = "MODEL_DIR")]
    against: Option<PathBuf>,
    /// A UTF-8 text, cut into at least 40 pieces; not the one that was calibrated on
    #[arg(long, value_name = "FILE", default_value = "experiments/data/us-declaration.txt")]
    text: PathBuf,
    /// For machines
    #[arg(long)]
    json: bool,
    /// Also write the embeddings, and the token ids they are of, to a .safetensors file
    #[arg(long, value_name = "FILE")]
    embeddings: Option<PathBuf>,
}

impl From<AdviseError> for Failure {
    fn from(error: AdviseError) -> Self {
        match error {
            AdviseError::Interrupted => Self::Interrupted(error.to_string()),
            error => Self::Input(format!("error: {error}")),
        }
    }
}

impl From<CompressError> for Failure {
    fn from(error: CompressError) -> Self {
        match error {
            CompressError::Interrupted => Self::Interrupted(error.to_string()),
            CompressError::Write { .. } => Self::of(&error),
            error => Self::Input(format!("error: {error}")),
        }
    }
}

impl Advise {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Self { file, tensor, qkv, tolerance, json } = self;
        let subject = match qkv {
            Some(head) => Subject::Head(Some(head)),
            None => Subject::Tensor(tensor),
        };
        let advice = advise::advise(&AdviseOptions { file, subject, tolerance })?;
        if json { print_json(&advice) } else { print(&advice.to_string()) }
    }
}

impl Compress {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Self { model, budget, flops, cosine, calibration, evaluate, out, allocation, method, force, seed } = self;
        warn_of(&model);
        evaluate.iter().try_for_each(|text| compress::check_text(&model, text))?;
        let (measure, budget) = match (budget, flops, cosine) {
            (_, Some(share), _) => (Measure::Flops, share),
            (_, _, Some(cosine)) => (Measure::Cosine, cosine),
            (share, None, None) => (Measure::Bytes, share.unwrap_or_default()),
        };
        let allocation = match allocation {
            AllocationName::Uniform => Allocation::Uniform,
            AllocationName::Energy => Allocation::Energy,
            AllocationName::Marginal => Allocation::Marginal,
        };
        let method = match method {
            MethodName::SvdLlm => WeightMethod::SvdLlm,
            MethodName::TruncatedSvd => WeightMethod::TruncatedSvd,
        };
        let options = CompressOptions { model, out, measure, budget, calibration, allocation, method, force, seed };
        let manifest = compress::compress(&options, &mut |doing| tell(doing))?;
        let pairs = manifest.matrices.iter().filter(|matrix| matrix.rank.is_some()).count();
        print(&format!(
            "{}: {} bytes, {:.2} % of the original's {}; {pairs} of {} matrices as pairs{}\n",
            options.out.shown(),
            manifest.bytes,
            100.0 * manifest.bytes as f64 / manifest.source.bytes as f64,
            manifest.source.bytes,
            manifest.matrices.len(),
            manifest.calibration.as_ref().map_or_else(String::new, |calibration| format!(
                "; mean cosine {:.4} on a held-out fifth of the same text",
                calibration.held_out_mean_cosine
            ))
        ))?;
        for text in evaluate {
            let (folder, against) = (options.out.clone(), Some(options.model.clone()));
            let evaluation =
                compress::evaluate(&EvalOptions { folder, against, text: text.clone(), embeddings: None })?;
            let Some(found) = evaluation.against else { continue };
            print(&format!(
                "{}: mean cosine {:.4}, least {:.4}, of {} pieces of {} tokens\n",
                text.shown(),
                found.mean_cosine,
                found.least_cosine,
                found.texts,
                found.tokens
            ))?;
        }
        Ok(())
    }
}

impl Eval {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let Self { folder, against, text, json, embeddings } = self;
        warn_of(&folder);
        let evaluation = compress::evaluate(&EvalOptions { folder, against, text, embeddings })?;
        if json { print_json(&evaluation) } else { print(&evaluation.to_string()) }
    }
}

/// What a person should know of a model folder that can be used all the same.
pub(super) fn warn_of(model: &Path) {
    model::warnings(model).iter().for_each(|warning| tell(&format!("warning: {warning}")));
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::of(&error))?;
    print_exactly(&terminal::json(&(text + "\n")))
}
