//! A model with its matrices as pairs of factors, under a budget, written so that others can load it.
//!
//! Every matrix is read and factored once (`factors`), by what a calibration text sends through it (`calibration`) or looks up in
//! it (`words`); ranks are chosen for all of them together (`allocation`), by what the model's output minds (`importance`); the
//! pairs are fitted to what they meet now (`refit`); then the new checkpoint is written tensor by tensor into a folder that
//! appears whole or not at all (`folder`), with a `manifest`.
//!
//! One matrix at a time is in memory, in f64, with its factors (about four times itself); beside it, where a text calibrates, the
//! encoder in f32.

pub mod allocation;
mod calibration;
mod eval;
mod factors;
mod folder;
mod importance;
mod manifest;
mod matrices;
mod refit;
mod search;
mod words;

use crate::paths::Shown as _;
use std::{
    io,
    path::{Path, PathBuf},
};

use faer::Par;
use serde::{Deserialize, Serialize};

pub use eval::{EvalOptions, Evaluation, check_text, evaluate};
pub use manifest::{Budget, Calibration, Manifest, MatrixRecord, Source};

use crate::{
    linalg::{svd::SvdError, weighted_svd::Coordinates},
    model::ModelError,
    run::interrupt,
    tensor::{Checkpoint, Stored, StreamWriter, TensorError},
};
use allocation::{Allocation, Choice};
use calibration::Pieces;
use factors::Factors;
use folder::Unfinished;
use importance::Damage;
use matrices::{Matrix, find};
use words::Words;

/// The file that says what was done.
pub const MANIFEST: &str = "manifest.json";

/// What to compress, how far and how.
#[derive(Debug, Clone)]
pub struct CompressOptions {
    /// A model folder.
    pub model: PathBuf,
    /// The folder to write.
    pub out: PathBuf,
    pub measure: Measure,
    /// A share between 0 and 1, or a cosine.
    pub budget: f64,
    /// A UTF-8 text.
    pub calibration: Option<PathBuf>,
    pub allocation: Allocation,
    pub method: WeightMethod,
    /// Replace a folder that an earlier run wrote.
    pub force: bool,
    pub seed: u64,
}

/// What a budget is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Bytes,
    Flops,
    /// No share: the mean cosine to keep, with as few bytes as that takes.
    Cosine,
}

/// How a matrix is factored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightMethod {
    SvdLlm,
    TruncatedSvd,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{matrix}: {source}")]
    Svd { matrix: String, source: SvdError },
    #[error("{}: {source}", path.shown())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: cannot be written: {source}", path.shown())]
    Write { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Request(String),
    #[error("interrupted; nothing was written")]
    Interrupted,
}

/// Compresses a model. `say` is told what is being done.
///
/// # Errors
/// The options, the model, the text or the place cannot be used; then nothing is left behind.
pub fn compress(options: &CompressOptions, say: &mut dyn FnMut(&str)) -> Result<Manifest, CompressError> {
    interrupt::listen();
    check(options)?;
    let checkpoint = Checkpoint::open(&options.model)?;
    let (matrices, encoder) = find(options, &checkpoint)?;
    let unfinished = Unfinished::beside(&options.out, &options.model, options.force)?;
    let scratch = tempfile::Builder::new()
        .prefix("factors-")
        .tempdir_in(unfinished.path())
        .map_err(|source| CompressError::Write { path: options.out.clone(), source })?;

    let pieces = match (&options.calibration, &encoder) {
        (Some(text), Some(encoder)) => Some(Pieces::read(&options.model, encoder, text, options.seed)?),
        _ => None,
    };
    let grams = match (&pieces, &encoder) {
        (Some(pieces), Some(encoder)) => {
            let (used, kept) = (pieces.fitting().len(), pieces.held_out.len());
            say(&format!("running {used} pieces of the calibration text, and {kept} that are held out"));
            Some([calibration::grams(encoder, pieces.fitting())?, calibration::grams(encoder, &pieces.held_out)?])
        }
        _ => None,
    };
    let words = match (&encoder, &pieces, options.method) {
        (Some(encoder), Some(pieces), WeightMethod::SvdLlm) => Some(Words::measure(encoder, pieces.fitting())?),
        _ => None,
    };
    let mut factors = Vec::with_capacity(matrices.len());
    for (number, matrix) in matrices.iter().enumerate() {
        check_interrupt()?;
        say(&format!("factoring {} of {}: {}", number + 1, matrices.len(), matrix.name));
        let whitening = match (options.method, &grams, matrix.map) {
            (WeightMethod::SvdLlm, Some([calibration, _]), Some(map)) => calibration
                .whitening(map, Par::rayon(0))
                .transpose()
                .map_err(|source| factors::failed(&matrix.name, source))?,
            _ => None,
        };
        let coordinates = match (&words, matrix.map) {
            (Some(words), None) => words.coordinates(),
            _ => Coordinates { rows: None, columns: whitening.as_ref() },
        };
        let place = factors::place(scratch.path(), number);
        let dense = matrix.read(&checkpoint)?;
        factors.push(Factors::compute(&matrix.name, dense.as_ref(), coordinates, matrix.most(), place)?);
    }

    let mut search =
        search::Search { options, checkpoint: &checkpoint, matrices: &matrices, factors: &factors, importances: None };
    if let (Some(encoder), Some(pieces), Allocation::Marginal) = (&encoder, &pieces, options.allocation) {
        search.learn_importances(encoder, pieces, say)?;
    }
    say("choosing ranks");
    let (choices, reached) = search.choose(encoder.as_ref(), pieces.as_ref(), say)?;
    let (held_out_cosine, fitted) = match (&encoder, &pieces) {
        (Some(encoder), Some(pieces)) => {
            let search::Fitted { model, pairs } = search.fitted(encoder, pieces, &choices, say)?;
            (Some(Damage::whole(encoder, &pieces.held_out)?.cosine(&model)?), pairs)
        }
        _ => (None, Vec::new()),
    };
    let importances = search.importances;
    for (number, pair) in fitted {
        factors[number].replace(&pair)?;
    }
    let search =
        search::Search { options, checkpoint: &checkpoint, matrices: &matrices, factors: &factors, importances };
    say("writing");
    write_weights(&checkpoint, &matrices, &factors, &choices, unfinished.path())?;
    let records = search.records(&choices, grams.as_ref().map(|[_, held_out]| held_out))?;
    let manifest = Manifest {
        program: concat!("factoreo ", env!("CARGO_PKG_VERSION")).to_owned(),
        source: source(&options.model, &checkpoint)?,
        calibration: pieces.as_ref().map(|pieces| Calibration {
            file: pieces.file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            blake3: pieces.hash.clone(),
            tokens: pieces.calibration.iter().map(Vec::len).sum(),
            held_out_tokens: pieces.held_out.iter().map(Vec::len).sum(),
            held_out_mean_cosine: held_out_cosine.unwrap_or(f64::NAN),
        }),
        budget: Budget { measure: options.measure, asked: options.budget, reached },
        allocation: options.allocation,
        method: options.method,
        seed: options.seed,
        bytes: search.bytes(&choices),
        parameters: parameters(&search.planned(&choices)),
        matrices: records,
    };
    folder::copy_companions(&options.model, unfinished.path())?;
    manifest.write(unfinished.path())?;
    scratch.close().map_err(|source| CompressError::Write { path: options.out.clone(), source })?;
    check_interrupt()?;
    unfinished.finish()?;
    Ok(manifest)
}

fn check(options: &CompressOptions) -> Result<(), CompressError> {
    let refuse = |problem: String| Err(CompressError::Request(problem));
    let CompressOptions { measure, budget, calibration, method, .. } = options;
    if !(*budget > 0.0 && *budget <= 1.0) {
        let flag = match measure {
            Measure::Bytes => "--budget",
            Measure::Flops => "--flops",
            Measure::Cosine => "--cosine",
        };
        return refuse(format!("{flag} {budget} is not between 0 and 1; 0.6, for example, is"));
    }
    if calibration.is_none() && *method == WeightMethod::SvdLlm {
        return refuse(
            "svd_llm needs a text to calibrate on: give one with --calibration FILE, or --method truncated_svd"
                .to_owned(),
        );
    }
    if calibration.is_none() && *measure == Measure::Cosine {
        return refuse("a cosine is measured on a text: give one with --calibration FILE".to_owned());
    }
    Ok(())
}

/// Streams the new checkpoint: pairs from the disk, everything else byte for byte.
fn write_weights(
    checkpoint: &Checkpoint,
    matrices: &[Matrix],
    factors: &[Factors],
    choices: &[Choice],
    folder: &Path,
) -> Result<(), CompressError> {
    let chosen = |name: &str| {
        let number = matrices.iter().position(|matrix| matrix.name == name)?;
        match choices[number] {
            Choice::Rank(rank) => Some((number, rank)),
            Choice::Dense => None,
        }
    };
    let planned = search::planned(checkpoint, matrices, choices);
    let mut writer = StreamWriter::create(&folder.join(crate::tensor::SINGLE_FILE), planned, &search::metadata())?;
    for stored in checkpoint.tensors() {
        check_interrupt()?;
        match chosen(&stored.name) {
            None => writer.copy(checkpoint, &stored.name)?,
            Some((number, rank)) => {
                let pair = factors[number].pair(rank)?;
                let [left, right] = matrices[number].sides();
                for (name, factor) in [(left, &pair.left), (right, &pair.right)] {
                    writer.write(&name, factor.row_iter().flat_map(|row| row.iter().copied()))?;
                }
            }
        }
    }
    Ok(writer.finish()?)
}

fn source(model: &Path, checkpoint: &Checkpoint) -> Result<Source, CompressError> {
    let real = model.canonicalize().map_err(|source| CompressError::Read { path: model.to_owned(), source })?;
    Ok(Source {
        folder: real.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        blake3: checkpoint.hashes()?,
        bytes: checkpoint.bytes()?,
        parameters: parameters(checkpoint.tensors()),
    })
}

/// A text of the user's.
fn read_text(path: &Path) -> Result<String, CompressError> {
    std::fs::read_to_string(path).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => {
            CompressError::Request(format!("{}: not UTF-8; save the text in UTF-8", path.shown()))
        }
        io::ErrorKind::NotFound => CompressError::Request(format!("{}: no such file; check the path", path.shown())),
        _ => CompressError::Read { path: path.to_owned(), source },
    })
}

/// Numbers stored.
fn parameters(tensors: &[Stored]) -> u64 {
    tensors.iter().map(|tensor| tensor.shape.iter().product::<u64>()).sum()
}

/// An error once the user has asked for a stop.
fn check_interrupt() -> Result<(), CompressError> {
    if interrupt::requested() { Err(CompressError::Interrupted) } else { Ok(()) }
}
