//! `extract`: queries, keys and values, or activations, of a BERT model on a text.

use factoreo::paths::Shown as _;
use std::path::PathBuf;

use clap::Args;
use factoreo::model::{self, ActivationOptions, ExtractOptions, HeadName};

use super::{Failure, print};

#[derive(Debug, Args)]
pub(super) struct Extract {
    /// Folder with config.json, tokenizer.json and model.safetensors
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Text to read, in UTF-8
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Heads to take, such as layer0.head3,layer5.head1; all of them if left out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    heads: Vec<HeadName>,
    /// Instead of heads: the inputs of every linear map on the whole text, in sequences of --tokens
    #[arg(long, conflicts_with = "heads")]
    activations: bool,
    /// With --activations: the first so many sequences of the text; all of them if left out
    #[arg(long, value_name = "N", requires = "activations")]
    sequences: Option<usize>,
    /// Tokens of the text to use, or of a sequence at most, [CLS] and [SEP] included
    #[arg(long, value_name = "N", default_value_t = 512)]
    tokens: usize,
    /// The .safetensors file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn extract(what: Extract) -> Result<(), Failure> {
    let Extract { model, text, heads, activations, sequences, tokens, out } = what;
    super::models::warn_of(&model);
    if activations {
        return extract_activations(&ActivationOptions { model, text, tokens, sequences, out });
    }
    let options = ExtractOptions { model, text, heads, tokens, out };
    let extracted = model::extract(&options).map_err(|error| Failure::Input(format!("error: {error}")))?;
    print(&format!(
        "{}: {} heads of {} tokens in {} dimensions, {} bytes, BLAKE3 {}\n",
        options.out.shown(),
        extracted.heads,
        extracted.tokens,
        extracted.head_dim,
        extracted.bytes,
        extracted.hash
    ))
}

fn extract_activations(options: &ActivationOptions) -> Result<(), Failure> {
    let extracted = model::extract_activations(options).map_err(|error| Failure::Input(format!("error: {error}")))?;
    print(&format!(
        "{}: inputs of {} linear maps on {} tokens in {} sequences, {} bytes, BLAKE3 {}\n",
        options.out.shown(),
        extracted.maps,
        extracted.tokens,
        extracted.sequences,
        extracted.bytes,
        extracted.hash
    ))
}
