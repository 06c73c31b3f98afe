//! `config.json`: which BERT encoder a model folder holds.

use std::path::Path;

use serde::Deserialize;

use super::{CONFIG, ModelError, check_folder, read_json};

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
    /// What stands between the two maps of the feed-forward part.
    pub hidden_act: Activation,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

/// The function between the two maps of the feed-forward part, by the names that published configurations use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// x Φ(x) with the normal distribution function (Hendrycks & Gimpel 2016).
    #[serde(alias = "gelu_python")]
    Gelu,
    /// Its approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh", alias = "gelu_fast")]
    TanhGelu,
    /// max(x, 0).
    Relu,
}

fn absolute() -> String {
    "absolute".to_owned()
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

    /// What it asks for that is not computed here.
    fn problem(&self) -> Option<String> {
        for (key, found, known) in [
            ("model_type", &self.model_type, "bert"),
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
