//! The attention matrix of one head of a trained model: P = softmax(QKᵀ/√d) from Q, K, V in a file.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Head, Outline, Problem, ProblemError, Source, StructureKind, Tensor, TensorName,
    file::{self, Format},
};
use crate::{
    parameters::{Invalid, Parameters},
    random::Rng,
};

/// One attention head of a trained model, as queries, keys and values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Qkv {
    /// Path of the file, relative to the project: `.safetensors` with tensors `HEAD.query`, `HEAD.key` and `HEAD.value` of
    /// n×d each, or `.npy` of shape 3×n×d (queries, keys, values).
    pub file: String,
    /// Which head of a `.safetensors` file, for example `layer0.head3`; left out for `.npy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Whether token i attends to tokens 0..=i only.
    #[serde(default)]
    pub causal: bool,
    /// Divides the logits QKᵀ/√d: 1 is the model's own attention, below 1 it is sharper.
    #[serde(default = "default_temperature", skip_serializing_if = "is_default_temperature")]
    pub temperature: f64,
    /// Only the first so many tokens; all of them if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
}

fn default_temperature() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_default_temperature(temperature: &f64) -> bool {
    *temperature == default_temperature()
}

impl Qkv {
    /// Tokens used, of those there are.
    fn tokens(&self, available: usize) -> Result<usize, String> {
        match self.length {
            Some(length) if length > available => {
                Err(format!("length = {length} asks for more tokens than the {available} there are"))
            }
            Some(length) => Ok(length),
            None => Ok(available),
        }
    }
}

impl Parameters for Qkv {
    const KIND: &'static str = "qkv";
    const VERSION: u32 = 1;
    const REPLICATES: &'static [&'static str] = &["file", "head"];

    fn check(&self) -> Result<(), Invalid> {
        match (file::format("file", &self.file)?, &self.head) {
            (Format::SafeTensors, None) => {
                return Err(Invalid::new(
                    "head",
                    "must be given: a .safetensors file holds several heads",
                    "for example `head = \"layer0.head3\"`, or a list of heads",
                ));
            }
            (Format::Npy, Some(_)) => {
                let reason = "has no meaning: a .npy file of shape 3×n×d holds one head, without a name";
                return Err(Invalid::new("head", reason, "leave it out"));
            }
            _ => {}
        }
        super::check_temperature(self.temperature)?;
        if self.length == Some(0) {
            let instead = "for example `length = 256`, or leave it out for all tokens";
            return Err(Invalid::new("length", "must be at least 1", instead));
        }
        Ok(())
    }
}

impl Source for Qkv {
    fn tensors(&self) -> Vec<TensorName> {
        match &self.head {
            None => vec![TensorName { path: self.file.clone(), name: None }],
            Some(head) => ["query", "key", "value"]
                .map(|role| TensorName { path: self.file.clone(), name: Some(format!("{head}.{role}")) })
                .to_vec(),
        }
    }

    fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String> {
        let (available, head_dim, value_columns) = match tensors {
            [packed] => match packed[..] {
                [3, n, d] if n > 0 && d > 0 => (n, d, d),
                _ => return Err(format!("expected a shape of 3×n×d, found {}", file::shapes(tensors))),
            },
            [queries, keys, values] => match (&queries[..], &keys[..], &values[..]) {
                (&[n, d], &[key_tokens, key_dim], &[value_tokens, value_dim])
                    if key_tokens == n && value_tokens == n && key_dim == d && n > 0 && d > 0 && value_dim > 0 =>
                {
                    (n, d, value_dim)
                }
                _ => {
                    let found = file::shapes(tensors);
                    return Err(format!("expected query n×d, key n×d and value n×d′, found {found}"));
                }
            },
            _ => return Err(format!("expected one tensor of 3×n×d, or three, found {}", tensors.len())),
        };
        let length = self.tokens(available)?;
        let structure = StructureKind::Attention { causal: self.causal, head_dim };
        Ok(Outline { rows: length, columns: length, value_columns, structure })
    }

    fn build(&self, tensors: &[Tensor], _rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        let shapes: Vec<_> = tensors.iter().map(|tensor| tensor.shape.clone()).collect();
        let outline =
            self.outline(&shapes).map_err(|clause| ProblemError::Impossible(format!("{}: {clause}", self.file)))?;
        let names = self.tensors();
        let [queries, keys, values]: [Mat<f64>; 3] = match tensors {
            [packed] => file::three_matrices(&names[0], packed)?,
            _ => [
                file::matrix(&names[0], tensors.first())?,
                file::matrix(&names[1], tensors.get(1))?,
                file::matrix(&names[2], tensors.get(2))?,
            ],
        };
        let first = |matrix: Mat<f64>| matrix.subrows(0, outline.rows).to_owned();
        let scale = 1.0 / ((queries.ncols() as f64).sqrt() * self.temperature);
        let head = Head { queries: first(queries), keys: first(keys), scale, causal: self.causal };
        Ok(Problem::attention(head, first(values)))
    }
}
