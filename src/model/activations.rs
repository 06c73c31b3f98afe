//! What goes into every linear map of a model on a whole text, written to a `.safetensors` file that says where it comes from.

use crate::paths::Shown as _;
use std::{fs, path::PathBuf};

use super::{
    Encoder, LinearMap, ModelError, Tokenizer,
    extract::{hash, metadata},
};
use crate::tensor::PlacedWriter;

/// What to run, on what, and where to write it.
#[derive(Debug, Clone)]
pub struct ActivationOptions {
    /// A folder with `config.json`, `tokenizer.json` and `model.safetensors`.
    pub model: PathBuf,
    /// A UTF-8 text, cut into sequences.
    pub text: PathBuf,
    /// Tokens of a sequence at most, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// The first so many sequences; all of them if `None`.
    pub sequences: Option<usize>,
    /// The `.safetensors` file to write.
    pub out: PathBuf,
}

/// What [`extract_activations`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedActivations {
    /// Linear maps.
    pub maps: usize,
    pub sequences: usize,
    /// Of all sequences.
    pub tokens: usize,
    /// Length of the file.
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub hash: String,
}

/// Runs the model on the text, sequence after sequence, and writes the inputs of every linear map, `NAME.input` (tokens × inputs,
/// F32) for the weights `NAME.weight`; the sequences lie one after the other. The header's metadata are those of
/// [`super::extract()`].
///
/// Nothing is kept but one sequence: every block of rows goes to its place in the file.
///
/// # Errors
/// The model or the text cannot be read, the text is empty, the model has fewer positions, or the file cannot be written.
pub fn extract_activations(options: &ActivationOptions) -> Result<ExtractedActivations, ModelError> {
    let ActivationOptions { model, text, tokens, sequences, out } = options;
    let tokenizer = Tokenizer::read(model)?;
    let encoder = Encoder::read(model)?;
    let config = encoder.config();
    super::extract::check_tokens(*tokens, config)?;
    if *sequences == Some(0) {
        return Err(ModelError::Request(
            "--sequences 0 leaves nothing to run; ask for at least 1, or leave it out".into(),
        ));
    }
    let source = fs::read_to_string(text).map_err(|source| ModelError::Io { path: text.clone(), source })?;
    let ids = tokenizer.tokenize(&source);
    let framed: Vec<Vec<u32>> =
        ids.chunks(tokens - 2).take(sequences.unwrap_or(usize::MAX)).map(|ids| tokenizer.frame(ids)).collect();
    let all: usize = framed.iter().map(Vec::len).sum();
    if all == 0 {
        return Err(ModelError::Request(format!("{}: the text has no tokens; give one that has", text.shown())));
    }

    let maps = LinearMap::of_model(config);
    let matrices: Vec<(String, [usize; 2])> =
        maps.iter().map(|map| (format!("{}.input", map.name()), [all, map.inputs(config)])).collect();
    let count = sequences.map_or_else(String::new, |count| format!(" --sequences {count}"));
    let command = format!(
        "factoreo extract --activations --model {} --text {} --tokens {tokens}{count} --out {}",
        model.shown(),
        text.shown(),
        out.shown()
    );
    let mut writer = PlacedWriter::create(out, &matrices, &metadata(model, text, *tokens, command)?)?;
    let mut first = 0;
    let mut entries = Vec::new();
    for ids in &framed {
        let mut written = Ok(());
        encoder.forward_seeing_inputs(ids, |map, input| {
            if written.is_ok() {
                // Columns are tokens: column after column is row after row of tokens × inputs.
                entries.clear();
                entries.extend(input.col_iter().flat_map(|token| token.iter().copied()));
                let place = maps.iter().position(|known| *known == map);
                written = place.map_or(Ok(()), |place| writer.write_rows(place, first, &entries));
            }
        })?;
        written?;
        first += ids.len();
    }
    writer.finish()?;

    let bytes = fs::metadata(out).map_err(|source| ModelError::Io { path: out.clone(), source })?.len();
    Ok(ExtractedActivations { maps: maps.len(), sequences: framed.len(), tokens: all, bytes, hash: hash(out)? })
}
