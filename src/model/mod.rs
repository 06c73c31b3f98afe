//! A BERT encoder (Devlin et al. 2019) read from a model folder: to take real Q, K and V from, and to run with any matrix
//! factored and any attention approximated.
//!
//! Text → [`Tokenizer`] → token ids → [`Encoder`], which owns [`Weights`] that were read and checked beforehand → Q, K and V
//! of every layer → [`extract`], which writes the chosen heads to a file; or, with [`extract_activations`], what goes into every
//! linear map. Or [`Encoder::replace`] puts a pair in the place of a matrix, [`Encoder::set_attention`] a method in the place of
//! exact attention, and then [`Encoder::embed_ids`] gives the sentence [embeddings](embedding) that [`Quality`] compares with
//! those of the model as it was. All in f32, and no bit depends on the number of threads.

mod activation;
mod activations;
mod attention;
mod blocks;
mod config;
pub mod embedding;
mod encoder;
mod extract;
mod grams;
mod linear;
mod matrices;
mod names;
mod quality;
mod tokenizer;
mod weights;

use crate::paths::Shown as _;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

pub use activations::{ActivationOptions, ExtractedActivations, extract_activations};
pub use attention::Attention;
pub use config::{Activation, Config};
pub use encoder::{Encoder, Projections};
pub use extract::{ExtractOptions, Extracted, HeadName, extract};
pub use grams::Grams;
pub use linear::{Linear, Map};
pub use matrices::Matrix;
pub use names::{plain as plain_name, warnings};
pub use quality::{ModelCost, Quality, spearman};
pub use tokenizer::Tokenizer;
pub use weights::{Embeddings, Layer, LayerNorm, LinearMap, Role, WORDS, Weights};

use crate::tensor::{INDEX, SINGLE_FILE as WEIGHTS, TensorError};

/// The files of a model folder, in the order in which they are read.
const FILES: [&str; 3] = [CONFIG, TOKENIZER, WEIGHTS];
const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

/// Why a model could not be read or run; says what was looked for and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(
        "{}: {lack}; a model folder holds config.json, tokenizer.json and model.safetensors",
        folder.shown()
    )]
    Incomplete { folder: PathBuf, lack: String },
    #[error("{}: {source}", path.shown())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {problem}; give the folder of a BERT model as published", path.shown())]
    NotUnderstood { path: PathBuf, problem: String },
    #[error("{}: not the weights that config.json describes: {problems}", path.shown())]
    WrongWeights { path: PathBuf, problems: String },
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error("{0}")]
    Request(String),
}

/// Says which of the three files a folder lacks, if any, before the first is read.
fn check_folder(folder: &Path) -> Result<(), ModelError> {
    let incomplete = |lack| Err(ModelError::Incomplete { folder: folder.to_owned(), lack });
    if !folder.is_dir() {
        return incomplete("no such folder".to_owned());
    }
    let sharded = folder.join(INDEX).is_file();
    let there = |file: &str| folder.join(file).is_file() || (file == WEIGHTS && sharded);
    let missing: Vec<&str> = FILES.into_iter().filter(|file| !there(file)).collect();
    if !missing.is_empty() {
        return incomplete(format!("the folder lacks {}", missing.join(", ")));
    }
    Ok(())
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ModelError> {
    let text = fs::read_to_string(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })?;
    serde_json::from_str(&text)
        .map_err(|error| ModelError::NotUnderstood { path: path.to_owned(), problem: error.to_string() })
}
