//! Q, K and V of chosen heads on a given text, written to a `.safetensors` file that says where they come from.

use crate::paths::Shown as _;
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use faer::Mat;

use super::{Config, Encoder, ModelError, Projections, TOKENIZER, Tokenizer};
use crate::tensor::{Checkpoint, NamedEntries, TEXT_HASH, file_hash, write_safetensors};

/// What to extract, from what, and where to.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// A folder with `config.json`, `tokenizer.json` and `model.safetensors`.
    pub model: PathBuf,
    /// A UTF-8 text; as much of it is used as fills `tokens`.
    pub text: PathBuf,
    /// All heads of all layers if empty.
    pub heads: Vec<HeadName>,
    /// Tokens of the sequence, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// The `.safetensors` file to write.
    pub out: PathBuf,
}

/// What [`extract`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    pub heads: usize,
    pub tokens: usize,
    pub head_dim: usize,
    /// Length of the file.
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub hash: String,
}

/// One head of one layer, both counted from 0; written `layer0.head3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeadName {
    pub layer: usize,
    pub head: usize,
}

impl fmt::Display for HeadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layer{}.head{}", self.layer, self.head)
    }
}

impl FromStr for HeadName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.strip_prefix("layer").and_then(|rest| rest.split_once(".head"));
        let parsed =
            numbers.and_then(|(layer, head)| Some(Self { layer: layer.parse().ok()?, head: head.parse().ok()? }));
        // Only the canonical spelling: it becomes the tensors' name.
        parsed
            .filter(|name| name.to_string() == text)
            .ok_or_else(|| format!("{text:?} is not a head; write layer0.head3 for the fourth head of the first layer"))
    }
}

/// Runs the model on the text and writes `layerL.headH.query`, `.key` and `.value` (tokens × head_dim, F32) of every head
/// asked for. The header's metadata tell the model, its licence, the hashes of weights, tokenizer and text, and the command.
///
/// # Errors
/// The model or the text cannot be read, the text is too short, the model has no such head or fewer positions, or the file
/// cannot be written.
pub fn extract(options: &ExtractOptions) -> Result<Extracted, ModelError> {
    let tokenizer = Tokenizer::read(&options.model)?;
    let encoder = Encoder::read(&options.model)?;
    check_request(options, &encoder)?;
    let (layers, per_layer) = (encoder.config().num_hidden_layers, encoder.config().num_attention_heads);
    let every = (0..layers).flat_map(|layer| (0..per_layer).map(move |head| HeadName { layer, head }));
    let heads = if options.heads.is_empty() { every.collect() } else { options.heads.clone() };
    let text =
        fs::read_to_string(&options.text).map_err(|source| ModelError::Io { path: options.text.clone(), source })?;
    let ids = first_tokens(&tokenizer, &text, options)?;

    let head_dim = encoder.config().head_dim();
    let mut tensors = Vec::with_capacity(3 * heads.len());
    encoder.forward(&ids, |layer, projections| {
        for name in heads.iter().filter(|name| name.layer == layer) {
            tensors.extend(head_tensors(*name, projections, head_dim));
        }
    })?;
    // As asked for, not as the layers came.
    let place = |tensor: &NamedEntries| heads.iter().position(|name| tensor.name.starts_with(&format!("{name}.")));
    tensors.sort_by_key(place);
    let command = command(options);
    write_safetensors(&options.out, &tensors, &metadata(&options.model, &options.text, options.tokens, command)?)?;

    let bytes =
        fs::metadata(&options.out).map_err(|source| ModelError::Io { path: options.out.clone(), source })?.len();
    let hash = hash(&options.out)?;
    Ok(Extracted { heads: heads.len(), tokens: options.tokens, head_dim, bytes, hash })
}

fn check_request(options: &ExtractOptions, encoder: &Encoder) -> Result<(), ModelError> {
    let config = encoder.config();
    let (layers, heads) = (config.num_hidden_layers, config.num_attention_heads);
    let request = |problem: String| Err(ModelError::Request(problem));
    check_tokens(options.tokens, config)?;
    for (number, name) in options.heads.iter().enumerate() {
        if name.layer >= layers || name.head >= heads {
            return request(format!(
                "{name} does not exist: the model has the layers 0 to {} with the heads 0 to {}",
                layers - 1,
                heads - 1
            ));
        }
        if options.heads[..number].contains(name) {
            return request(format!("{name} is asked for twice; name each head once"));
        }
    }
    Ok(())
}

/// Refuses sequences without a token of the text, or longer than the model takes.
pub(super) fn check_tokens(tokens: usize, config: &Config) -> Result<(), ModelError> {
    let positions = config.max_position_embeddings;
    if tokens < 3 || tokens > positions {
        let problem = format!("--tokens {tokens} is not between 3 and the {positions} this model has room for");
        return Err(ModelError::Request(problem));
    }
    Ok(())
}

fn first_tokens(tokenizer: &Tokenizer, text: &str, options: &ExtractOptions) -> Result<Vec<u32>, ModelError> {
    let ids = tokenizer.tokenize(text);
    let needed = options.tokens - 2;
    match ids.get(..needed) {
        Some(ids) => Ok(tokenizer.frame(ids)),
        None => Err(ModelError::Request(format!(
            "{}: the text has {} tokens, and --tokens {} takes {needed} of them besides [CLS] and [SEP]; give a longer text \
             or fewer tokens",
            options.text.shown(),
            ids.len(),
            options.tokens
        ))),
    }
}

fn head_tensors(name: HeadName, projections: &Projections, head_dim: usize) -> [NamedEntries; 3] {
    let Projections { query, key, value } = projections;
    [("query", query), ("key", key), ("value", value)].map(|(kind, projection): (&str, &Mat<f32>)| {
        // Columns are tokens: column after column is row after row of tokens × head_dim.
        let head = projection.subrows(name.head * head_dim, head_dim);
        let entries = head.col_iter().flat_map(|token| token.iter().copied()).collect();
        NamedEntries { name: format!("{name}.{kind}"), shape: vec![head.ncols(), head_dim], entries }
    })
}

fn command(options: &ExtractOptions) -> String {
    let ExtractOptions { model, text, heads, tokens, out } = options;
    let heads = match heads.iter().map(HeadName::to_string).collect::<Vec<_>>().join(",") {
        all if all.is_empty() => all,
        some => format!(" --heads {some}"),
    };
    format!(
        "factoreo extract --model {} --text {}{heads} --tokens {tokens} --out {}",
        model.shown(),
        text.shown(),
        out.shown()
    )
}

/// Where what is written comes from.
pub(super) fn metadata(
    model: &Path,
    text: &Path,
    tokens: usize,
    command: String,
) -> Result<[(&'static str, String); 8], ModelError> {
    let card = ModelCard::read(model);
    Ok([
        ("model", card.name),
        ("model_licence", card.licence),
        ("weights_blake3", weights_hash(model)?),
        ("tokenizer_blake3", hash(&model.join(TOKENIZER))?),
        ("text", text.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        (TEXT_HASH, hash(text)?),
        ("tokens", tokens.to_string()),
        ("command", command),
    ])
}

pub(super) fn hash(path: &Path) -> Result<String, ModelError> {
    Ok(file_hash(Path::new(""), &path.to_string_lossy())?)
}

/// Of one file its hash, of shards each with its name.
fn weights_hash(model: &Path) -> Result<String, ModelError> {
    let hashes = Checkpoint::open(model)?.hashes()?;
    let named =
        |(name, hash): (&String, &String)| if hashes.len() == 1 { hash.clone() } else { format!("{name} {hash}") };
    Ok(hashes.iter().map(named).collect::<Vec<_>>().join(", "))
}

/// What a model's `README.md`, if it has one, says of it.
struct ModelCard {
    name: String,
    licence: String,
}

impl ModelCard {
    fn read(model: &Path) -> Self {
        let card = fs::read_to_string(model.join("README.md")).unwrap_or_default();
        let after = |prefix: &str| {
            let value = card.lines().find_map(|line| line.strip_prefix(prefix)).map(str::trim);
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let folder = model.file_name().unwrap_or_default().to_string_lossy();
        Self {
            name: after("# ").unwrap_or_else(|| folder.into_owned()),
            licence: after("license:").unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}
