//! A matrix of prescribed singular values: A = U Σ Vᵀ with Haar-random U and V.
//!
//! The values are of a formula, a list, or those of a real matrix (`as_in`): between random vectors, what remains of a real
//! matrix is its spectrum, so that a method's error on both tells what the vectors do.

use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    DynSource, Outline, Problem, ProblemError, Qkv, Source, Structure, StructureKind, Tensor, TensorFile, TensorName,
    VALUE_COLUMNS, square,
};
use crate::{
    linalg::{
        gaussian::{gaussian, haar},
        svd::singular_values,
    },
    parameters::{Belongs, Invalid, Parameters},
    random::Rng,
};

/// A matrix with Haar-random singular vectors and singular values of a chosen decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spectrum {
    /// m, the rows of the matrix; with `as_in` decay those of the real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// n, the columns of the matrix; as many as rows if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<usize>,
    /// How the singular values fall.
    #[serde(default)]
    pub decay: Decay,
    /// `power` decay: σ_j = j^(−exponent).
    #[serde(default = "default_exponent")]
    pub exponent: f64,
    /// `exponential` decay: σ_j = exp(−rate·(j−1)).
    #[serde(default = "default_rate")]
    pub rate: f64,
    /// `step` decay: how many leading singular values are 1.
    #[serde(default = "default_step_rank")]
    pub step_rank: usize,
    /// `step` decay: all singular values after the step.
    #[serde(default = "default_step_drop")]
    pub step_drop: f64,
    /// `spiked` decay: how many singular values stand out of the bulk.
    #[serde(default = "default_spikes")]
    pub spikes: usize,
    /// `spiked` decay: the largest spike over the top of the bulk, which is 1.
    #[serde(default = "default_spike_ratio")]
    pub spike_ratio: f64,
    /// `listed` decay: the singular values, descending; those not listed are 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub singular_values: Vec<f64>,
    /// `as_in` decay: the file of the real matrix, `.npy` or `.safetensors`, relative to the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `as_in` decay: the name of the matrix in a `.safetensors` file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
    /// `as_in` decay: the head of a `.safetensors` file whose attention matrix softmax(QKᵀ/√d) it is, instead of `tensor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

/// How singular values fall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// σ_j = j^(−exponent).
    #[default]
    Power,
    /// σ_j = exp(−rate·(j−1)).
    Exponential,
    /// 1 for the first `step_rank`, then `step_drop`.
    Step,
    /// `spikes` values falling geometrically from `spike_ratio` towards 1, over a bulk falling linearly from 1 to 0.
    Spiked,
    /// All 1.
    Flat,
    /// As listed in `singular_values`.
    Listed,
    /// Those of a real matrix: `file`, and `tensor` or `head`.
    AsIn,
}

fn default_exponent() -> f64 {
    1.0
}
fn default_rate() -> f64 {
    0.1
}
fn default_step_rank() -> usize {
    10
}
fn default_step_drop() -> f64 {
    1e-3
}
fn default_spikes() -> usize {
    10
}
fn default_spike_ratio() -> f64 {
    10.0
}

impl Spectrum {
    /// min(m, n) of what the spec writes.
    fn size(&self) -> usize {
        self.rows().min(self.columns())
    }

    fn rows(&self) -> usize {
        self.rows.unwrap_or(0)
    }

    fn columns(&self) -> usize {
        self.columns.unwrap_or(self.rows())
    }

    /// The matrix in a file whose singular values are taken.
    fn real(&self) -> Option<Box<dyn DynSource>> {
        let file = self.file.clone().filter(|_| self.decay == Decay::AsIn)?;
        Some(match self.head.clone() {
            Some(head) => Box::new(Qkv { file, head: Some(head), causal: false, temperature: 1.0, length: None }),
            None => Box::new(TensorFile { file, tensor: self.tensor.clone() }),
        })
    }

    /// All `size` singular values of a formula or a list, descending.
    fn values(&self, size: usize) -> Vec<f64> {
        let value = |j: usize| match self.decay {
            Decay::Power => ((j + 1) as f64).powf(-self.exponent),
            Decay::Exponential => (-self.rate * j as f64).exp(),
            Decay::Step if j < self.step_rank => 1.0,
            Decay::Step => self.step_drop,
            Decay::Spiked if j < self.spikes => self.spike_ratio.powf((self.spikes - j) as f64 / self.spikes as f64),
            Decay::Spiked => (size - j) as f64 / (size - self.spikes) as f64,
            Decay::Flat => 1.0,
            Decay::Listed | Decay::AsIn => self.singular_values.get(j).copied().unwrap_or(0.0),
        };
        (0..size).map(value).collect()
    }

    /// Refuses a real matrix that is not named, or named twice.
    fn check_real(&self) -> Result<(), Invalid> {
        if self.tensor.is_some() && self.head.is_some() {
            let instead = "keep one of the two: they are two matrices";
            return Err(Invalid::new("head", "cannot be given beside `tensor`", instead));
        }
        let holds_several = self.file.as_ref().is_some_and(|file| file.ends_with(".safetensors"));
        if holds_several && self.tensor.is_none() && self.head.is_none() {
            let instead = "for example `head = \"layer0.head2\"`, or the name of a matrix as `tensor`";
            return Err(Invalid::new("file", "holds several matrices: one of them must be named", instead));
        }
        match self.real() {
            Some(real) => real.check(),
            None => Err(Invalid::new(
                "file",
                "must be given when decay is \"as_in\"",
                "for example `file = \"experiments/data/minilm-heads.safetensors\"`, with `head = \"layer0.head2\"`",
            )),
        }
    }

    fn check_list(&self) -> Result<(), Invalid> {
        let refuse = |reason: String| {
            Err(Invalid::new(
                "singular_values",
                reason,
                "a descending list, for example `singular_values = [1.0, 0.5, 0.1]`",
            ))
        };
        let list = &self.singular_values;
        if list.is_empty() {
            return refuse("must be given when decay is \"listed\"".into());
        }
        if list.len() > self.size() {
            return refuse(format!("has {} values, but min(rows, columns) is {}", list.len(), self.size()));
        }
        if let Some(value) = list.iter().find(|value| !value.is_finite() || **value < 0.0) {
            return refuse(format!("holds {value}, and singular values are finite and not negative"));
        }
        if let Some(pair) = list.windows(2).find(|pair| pair[0] < pair[1]) {
            return refuse(format!("must descend, but {} stands before {}", pair[0], pair[1]));
        }
        Ok(())
    }
}

impl Parameters for Spectrum {
    const KIND: &'static str = "spectrum";
    const VERSION: u32 = 1;
    const BELONGS: &'static [Belongs] = &[
        Belongs::unless("rows", "decay", "as_in"),
        Belongs::unless("columns", "decay", "as_in"),
        Belongs::to("exponent", "decay", &["power"]),
        Belongs::to("rate", "decay", &["exponential"]),
        Belongs::to("step_rank", "decay", &["step"]),
        Belongs::to("step_drop", "decay", &["step"]),
        Belongs::to("spikes", "decay", &["spiked"]),
        Belongs::to("spike_ratio", "decay", &["spiked"]),
        Belongs::to("singular_values", "decay", &["listed"]),
        Belongs::to("file", "decay", &["as_in"]),
        Belongs::to("tensor", "decay", &["as_in"]),
        Belongs::to("head", "decay", &["as_in"]),
    ];
    const REPLICATES: &'static [&'static str] = &["file", "tensor", "head"];

    fn complete(written: &mut Map<String, Value>) {
        square(written);
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.decay == Decay::AsIn {
            return self.check_real();
        }
        if self.rows.is_none() {
            return Err(Invalid::new("rows", "must be given", "for example `rows = 512`"));
        }
        for (name, side) in [("rows", self.rows()), ("columns", self.columns())] {
            super::check_side(name, side, 512)?;
        }
        let up_to_size = |name: &'static str, count: usize| {
            if (1..=self.size()).contains(&count) {
                return Ok(());
            }
            let reason = format!("must lie between 1 and min(rows, columns) = {}", self.size());
            Err(Invalid::new(name, reason, format!("for example `{name} = {}`", self.size().min(10))))
        };
        match self.decay {
            Decay::Power if !(self.exponent.is_finite() && self.exponent >= 0.0) => {
                Err(Invalid::new("exponent", "must be finite and not negative", "for example `exponent = 1.0`"))
            }
            Decay::Exponential if !(self.rate.is_finite() && self.rate >= 0.0) => {
                Err(Invalid::new("rate", "must be finite and not negative", "for example `rate = 0.1`"))
            }
            Decay::Step if !(0.0..=1.0).contains(&self.step_drop) => {
                Err(Invalid::new("step_drop", "must lie between 0 and 1", "for example `step_drop = 1e-3`"))
            }
            Decay::Spiked if !(self.spike_ratio.is_finite() && self.spike_ratio >= 1.0) => {
                Err(Invalid::new("spike_ratio", "must be finite and at least 1", "for example `spike_ratio = 10.0`"))
            }
            Decay::Step => up_to_size("step_rank", self.step_rank),
            Decay::Spiked => up_to_size("spikes", self.spikes),
            Decay::Listed => self.check_list(),
            Decay::Power | Decay::Exponential | Decay::Flat | Decay::AsIn => Ok(()),
        }
    }
}

impl Source for Spectrum {
    fn tensors(&self) -> Vec<TensorName> {
        self.real().map_or_else(Vec::new, |real| real.tensors())
    }

    fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String> {
        let (rows, columns) = match self.real() {
            Some(real) => real.outline(tensors).map(|outline| (outline.rows, outline.columns))?,
            None => (self.rows(), self.columns()),
        };
        Ok(Outline { rows, columns, value_columns: VALUE_COLUMNS, structure: StructureKind::General })
    }

    fn build(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        let (rows, columns, singular_values) = match self.real() {
            Some(real) => {
                let real = real.build(tensors, rng)?.form();
                let values = singular_values(real.matrix(), Par::Seq);
                let values = values.map_err(|error| ProblemError::Impossible(error.to_string()))?;
                (real.matrix().nrows(), real.matrix().ncols(), values)
            }
            None => (self.rows(), self.columns(), self.values(self.size())),
        };
        let mut left = haar(rows, singular_values.len(), rng);
        let right = haar(columns, singular_values.len(), rng);
        let values = gaussian(columns, VALUE_COLUMNS, rng);
        for (mut column, &value) in left.col_iter_mut().zip(&singular_values) {
            column *= faer::Scale(value);
        }
        let mut matrix = Mat::zeros(rows, columns);
        matmul(&mut matrix, Accum::Replace, &left, right.transpose(), 1.0, Par::Seq);
        Ok(Problem {
            formed: Some(matrix),
            structure: Structure::General,
            values,
            prescribed_singular_values: Some(singular_values),
        })
    }
}
