//! The weights of a BERT encoder, read from `model.safetensors` and checked against `config.json` before any is used.

use std::path::Path;

use faer::{Mat, MatRef};
use serde::Deserialize;

use super::{CONFIG, ModelError, WEIGHTS, check_folder, read_json};
use crate::tensor::SafetensorsFile;

/// The sizes of a BERT encoder, by the names `config.json` gives them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    pub hidden_size: usize,
    pub num_attention_heads: usize,
    pub num_hidden_layers: usize,
    pub intermediate_size: usize,
    pub max_position_embeddings: usize,
    pub type_vocab_size: usize,
    pub vocab_size: usize,
    pub layer_norm_eps: f64,
    model_type: String,
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".to_owned()
}

/// x ↦ W x + b.
#[derive(Debug, Clone)]
pub struct Linear {
    /// W, outputs × inputs.
    pub weight: Mat<f32>,
    /// b.
    pub bias: Vec<f32>,
}

/// x ↦ γ ∘ (x − mean) / √(variance + ε) + β.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    /// γ.
    pub scale: Vec<f32>,
    /// β.
    pub shift: Vec<f32>,
}

/// One vector of `width` entries for each of a set of numbers (words, positions, token types), one after the other.
#[derive(Debug, Clone)]
pub struct Table {
    pub width: usize,
    pub entries: Vec<f32>,
}

/// What a token is before the first layer: norm(word + position + type).
#[derive(Debug, Clone)]
pub struct Embeddings {
    pub words: Table,
    pub positions: Table,
    pub types: Table,
    pub norm: LayerNorm,
}

/// One layer: self-attention, then two linear maps with a GELU between them, each followed by a sum and a norm.
#[derive(Debug, Clone)]
pub struct Layer {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub attention_output: Linear,
    pub attention_norm: LayerNorm,
    pub intermediate: Linear,
    pub output: Linear,
    pub output_norm: LayerNorm,
}

/// One of the linear maps of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinearMap {
    pub layer: usize,
    pub role: Role,
}

/// What a linear map of a layer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Query,
    Key,
    Value,
    AttentionOutput,
    Intermediate,
    Output,
}

impl Role {
    pub const ALL: [Self; 6] =
        [Self::Query, Self::Key, Self::Value, Self::AttentionOutput, Self::Intermediate, Self::Output];

    /// What published checkpoints call it within its layer.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "attention.self.query",
            Self::Key => "attention.self.key",
            Self::Value => "attention.self.value",
            Self::AttentionOutput => "attention.output.dense",
            Self::Intermediate => "intermediate.dense",
            Self::Output => "output.dense",
        }
    }
}

impl LinearMap {
    /// Those of a model, layer by layer, in the order in which they are applied.
    #[must_use]
    pub fn of_model(config: &Config) -> Vec<Self> {
        let of_layer = |layer| Role::ALL.into_iter().map(move |role| Self { layer, role });
        (0..config.num_hidden_layers).flat_map(of_layer).collect()
    }

    /// What published checkpoints call it, without `.weight`.
    #[must_use]
    pub fn name(self) -> String {
        format!("encoder.layer.{}.{}", self.layer, self.role.name())
    }

    /// The length of what goes in.
    #[must_use]
    pub fn inputs(self, config: &Config) -> usize {
        match self.role {
            Role::Output => config.intermediate_size,
            _ => config.hidden_size,
        }
    }
}

/// All the weights a forward pass needs (not the pooler, which comes after it).
#[derive(Debug, Clone)]
pub struct Weights {
    pub embeddings: Embeddings,
    pub layers: Vec<Layer>,
}

impl Config {
    /// Reads `config.json` of a model folder.
    ///
    /// # Errors
    /// A file of the folder is missing, or the model is not a BERT encoder as computed here.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        check_folder(folder)?;
        let path = folder.join(CONFIG);
        let config: Self = read_json(&path)?;
        match config.problem() {
            Some(problem) => Err(ModelError::NotUnderstood { path, problem }),
            None => Ok(config),
        }
    }

    /// The width of one head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    fn problem(&self) -> Option<String> {
        for (key, found, known) in [
            ("model_type", &self.model_type, "bert"),
            ("hidden_act", &self.hidden_act, "gelu"),
            ("position_embedding_type", &self.position_embedding_type, "absolute"),
        ] {
            if found != known {
                return Some(format!("{key} is {found:?}, and only {known:?} is computed"));
            }
        }
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("num_hidden_layers", self.num_hidden_layers),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
            ("vocab_size", self.vocab_size),
        ];
        if let Some((key, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Some(format!("{key} is 0"));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let Self { hidden_size, num_attention_heads, .. } = self;
            return Some(format!(
                "hidden_size {hidden_size} is not a multiple of num_attention_heads {num_attention_heads}"
            ));
        }
        None
    }
}

impl Weights {
    /// Reads the weights of a model folder, in f32.
    ///
    /// # Errors
    /// A tensor is missing or has another shape than `config` gives it; all are compared before the first is read.
    pub fn read(folder: &Path, config: &Config) -> Result<Self, ModelError> {
        let path = folder.join(WEIGHTS);
        let file = SafetensorsFile::open(&path, &path.display().to_string())?;
        check_shapes(&file, config, &path)?;
        let hidden = config.hidden_size;
        let linear = |name: String| -> Result<Linear, ModelError> {
            let (shape, entries) = read(&file, &format!("{name}.weight"))?;
            let weight = MatRef::from_row_major_slice(&entries, shape[0], shape[1]).to_owned();
            Ok(Linear { weight, bias: read(&file, &format!("{name}.bias"))?.1 })
        };
        let norm = |name: String| -> Result<LayerNorm, ModelError> {
            let scale = read(&file, &format!("{name}.weight"))?.1;
            Ok(LayerNorm { scale, shift: read(&file, &format!("{name}.bias"))?.1 })
        };
        let table = |name: &str| -> Result<Table, ModelError> {
            Ok(Table { width: hidden, entries: read(&file, &format!("embeddings.{name}_embeddings.weight"))?.1 })
        };
        let embeddings = Embeddings {
            words: table("word")?,
            positions: table("position")?,
            types: table("token_type")?,
            norm: norm("embeddings.LayerNorm".to_owned())?,
        };
        let layers = (0..config.num_hidden_layers).map(|layer| {
            let within = |part: &str| format!("encoder.layer.{layer}.{part}");
            Ok(Layer {
                query: linear(within("attention.self.query"))?,
                key: linear(within("attention.self.key"))?,
                value: linear(within("attention.self.value"))?,
                attention_output: linear(within("attention.output.dense"))?,
                attention_norm: norm(within("attention.output.LayerNorm"))?,
                intermediate: linear(within("intermediate.dense"))?,
                output: linear(within("output.dense"))?,
                output_norm: norm(within("output.LayerNorm"))?,
            })
        });
        Ok(Self { embeddings, layers: layers.collect::<Result<_, ModelError>>()? })
    }
}

fn read(file: &SafetensorsFile, name: &str) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
    // F32 and the half precisions are exact in f32; F64 weights are rounded.
    Ok(file.read(name, |entry| entry as f32)?)
}

/// Every tensor the model needs, with the shape `config` gives it; lazily, as a hostile config may name 2⁶³ layers.
fn expected_shapes(config: &Config) -> impl Iterator<Item = (String, Vec<usize>)> {
    let &Config { hidden_size: hidden, intermediate_size: intermediate, .. } = config;
    let embeddings = [
        ("embeddings.word_embeddings.weight", vec![config.vocab_size, hidden]),
        ("embeddings.position_embeddings.weight", vec![config.max_position_embeddings, hidden]),
        ("embeddings.token_type_embeddings.weight", vec![config.type_vocab_size, hidden]),
        ("embeddings.LayerNorm.weight", vec![hidden]),
        ("embeddings.LayerNorm.bias", vec![hidden]),
    ];
    let layers = (0..config.num_hidden_layers).flat_map(move |layer| {
        let linear = [
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", intermediate, hidden),
            ("output.dense", hidden, intermediate),
        ];
        let norms = ["attention.output.LayerNorm", "output.LayerNorm"];
        let linear = linear.into_iter().flat_map(|(part, outputs, inputs)| {
            [(part, "weight", vec![outputs, inputs]), (part, "bias", vec![outputs])]
        });
        let norms =
            norms.into_iter().flat_map(move |part| [(part, "weight", vec![hidden]), (part, "bias", vec![hidden])]);
        linear.chain(norms).map(move |(part, kind, shape)| (format!("encoder.layer.{layer}.{part}.{kind}"), shape))
    });
    embeddings.into_iter().map(|(name, shape)| (name.to_owned(), shape)).chain(layers)
}

fn check_shapes(file: &SafetensorsFile, config: &Config, path: &Path) -> Result<(), ModelError> {
    const LISTED: usize = 4;
    let mut problems = expected_shapes(config).filter_map(|(name, expected)| match file.shape(&name) {
        Ok(found) if found == expected => None,
        Ok(found) => Some(format!("{name} has the shape {found:?}, expected {expected:?}")),
        Err(_) if !file.has(&name) => Some(format!("{name} {expected:?} is not there")),
        Err(error) => Some(error.to_string()),
    });
    let listed: Vec<String> = problems.by_ref().take(LISTED).collect();
    if listed.is_empty() {
        return Ok(());
    }
    let more = if problems.next().is_some() { "; and more" } else { "" };
    Err(ModelError::WrongWeights { path: path.to_owned(), problems: listed.join("; ") + more })
}
