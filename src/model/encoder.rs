//! The forward pass of a BERT encoder (Devlin et al. 2019, "BERT"; Vaswani et al. 2017, "Attention is all you need").
//!
//! For every layer, with h the hidden vectors, one column per token:
//! Q, K, V = W h + b, split by rows into heads; P = softmax(QᵀK / √head_dim) per head; h ← norm(h + W V Pᵀ + b);
//! h ← norm(h + W gelu(W h + b) + b). About 24 · hidden² · tokens + 4 · hidden · tokens² flops a layer.

use std::path::Path;

use faer::{Accum, Mat, Par, linalg::matmul::matmul};

use super::{
    Config, ModelError, Weights,
    weights::{Embeddings, LayerNorm, Linear, LinearMap, Role},
};

/// A BERT encoder ready to run.
#[derive(Debug, Clone)]
pub struct Encoder {
    config: Config,
    weights: Weights,
}

/// Queries, keys and values of all the heads of one layer, hidden_size × tokens: head `h` has the rows
/// `h·head_dim .. (h+1)·head_dim`.
#[derive(Debug, Clone)]
pub struct Projections {
    pub query: Mat<f32>,
    pub key: Mat<f32>,
    pub value: Mat<f32>,
}

impl Encoder {
    /// Reads a model folder (`config.json`, `model.safetensors`).
    ///
    /// # Errors
    /// As [`Config::read`] and [`Weights::read`].
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let config = Config::read(folder)?;
        let weights = Weights::read(folder, &config)?;
        Ok(Self { config, weights })
    }

    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The last hidden vectors of one text, hidden_size × tokens, every token attending to every other. `inspect` sees each
    /// layer's number and projections as they are computed.
    ///
    /// # Errors
    /// There are no ids or more than the model has positions for, or one that is not in its vocabulary.
    pub fn forward(&self, ids: &[u32], inspect: impl FnMut(usize, &Projections)) -> Result<Mat<f32>, ModelError> {
        self.run(ids, inspect, |_, _| {})
    }

    /// As [`Self::forward`]; `inspect` sees what goes into each linear map, inputs × tokens.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_seeing_inputs(
        &self,
        ids: &[u32],
        inspect: impl FnMut(LinearMap, &Mat<f32>),
    ) -> Result<Mat<f32>, ModelError> {
        self.run(ids, |_, _| {}, inspect)
    }

    fn run(
        &self,
        ids: &[u32],
        mut inspect: impl FnMut(usize, &Projections),
        mut see_input: impl FnMut(LinearMap, &Mat<f32>),
    ) -> Result<Mat<f32>, ModelError> {
        self.check_ids(ids)?;
        let epsilon = self.config.layer_norm_eps;
        let mut hidden = embed(&self.weights.embeddings, ids, epsilon);
        for (number, layer) in self.weights.layers.iter().enumerate() {
            let mut see = |role, input: &Mat<f32>| see_input(LinearMap { layer: number, role }, input);
            for role in [Role::Query, Role::Key, Role::Value] {
                see(role, &hidden);
            }
            let projections = Projections {
                query: layer.query.apply(&hidden),
                key: layer.key.apply(&hidden),
                value: layer.value.apply(&hidden),
            };
            inspect(number, &projections);
            let context = attend(&projections, self.config.head_dim());
            see(Role::AttentionOutput, &context);
            let attended = layer.attention_output.apply(&context);
            hidden = add_and_normalize(&hidden, &attended, &layer.attention_norm, epsilon);
            see(Role::Intermediate, &hidden);
            let mut inner = layer.intermediate.apply(&hidden);
            for_each_entry(&mut inner, gelu);
            see(Role::Output, &inner);
            hidden = add_and_normalize(&hidden, &layer.output.apply(&inner), &layer.output_norm, epsilon);
        }
        Ok(hidden)
    }

    fn check_ids(&self, ids: &[u32]) -> Result<(), ModelError> {
        let Config { max_position_embeddings: positions, vocab_size, .. } = self.config;
        if ids.is_empty() || ids.len() > positions {
            let tokens = ids.len();
            return Err(ModelError::Request(format!("{tokens} tokens asked for; this model takes 1 to {positions}")));
        }
        match ids.iter().find(|&&id| id as usize >= vocab_size) {
            Some(id) => Err(ModelError::Request(format!(
                "token id {id} is beyond the vocabulary of {vocab_size}: the tokenizer is not this model's"
            ))),
            None => Ok(()),
        }
    }
}

impl Linear {
    /// W X + b, for the columns of X.
    fn apply(&self, input: &Mat<f32>) -> Mat<f32> {
        let mut output = Mat::from_fn(self.weight.nrows(), input.ncols(), |row, _| self.bias[row]);
        matmul(&mut output, Accum::Add, &self.weight, input, 1.0, Par::Seq);
        output
    }
}

/// norm(word + position + type) for each id; the type of all is 0, as there is one text.
fn embed(embeddings: &Embeddings, ids: &[u32], epsilon: f64) -> Mat<f32> {
    let Embeddings { words, positions, types, norm } = embeddings;
    let mut hidden = Mat::from_fn(words.width, ids.len(), |row, token| {
        words.entries[ids[token] as usize * words.width + row]
            + types.entries[row]
            + positions.entries[token * positions.width + row]
    });
    normalize(&mut hidden, norm, epsilon);
    hidden
}

/// V softmax(KᵀQ / √head_dim) of every head, one under the other: hidden_size × tokens.
fn attend(projections: &Projections, head_dim: usize) -> Mat<f32> {
    let Projections { query, key, value } = projections;
    let tokens = query.ncols();
    let scale = 1.0 / (head_dim as f32).sqrt();
    let mut context = Mat::zeros(query.nrows(), tokens);
    // Keys × queries: what one query attends to lies in one column.
    let mut weights = Mat::zeros(tokens, tokens);
    for first_row in (0..query.nrows()).step_by(head_dim) {
        let head = |projection: &Mat<f32>| projection.subrows(first_row, head_dim).to_owned();
        matmul(&mut weights, Accum::Replace, head(key).transpose(), head(query), scale, Par::Seq);
        for column in 0..tokens {
            softmax(weights.col_as_slice_mut(column));
        }
        matmul(context.subrows_mut(first_row, head_dim), Accum::Replace, head(value), &weights, 1.0, Par::Seq);
    }
    context
}

fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - largest).exp();
        sum += f64::from(*score);
    }
    for score in scores {
        *score = (f64::from(*score) / sum) as f32;
    }
}

fn add_and_normalize(hidden: &Mat<f32>, update: &Mat<f32>, norm: &LayerNorm, epsilon: f64) -> Mat<f32> {
    let mut sum = hidden + update;
    normalize(&mut sum, norm, epsilon);
    sum
}

/// Layer normalisation of every column (Ba, Kiros & Hinton 2016), its two sums in f64.
fn normalize(hidden: &mut Mat<f32>, norm: &LayerNorm, epsilon: f64) {
    let width = hidden.nrows() as f64;
    for column in 0..hidden.ncols() {
        let entries = hidden.col_as_slice_mut(column);
        let mean = entries.iter().copied().map(f64::from).sum::<f64>() / width;
        let variance = entries.iter().map(|&entry| (f64::from(entry) - mean).powi(2)).sum::<f64>() / width;
        let inverse_deviation = (variance + epsilon).sqrt().recip();
        for ((entry, scale), shift) in entries.iter_mut().zip(&norm.scale).zip(&norm.shift) {
            *entry = ((f64::from(*entry) - mean) * inverse_deviation) as f32 * scale + shift;
        }
    }
}

fn for_each_entry(matrix: &mut Mat<f32>, change: impl Fn(f32) -> f32) {
    for column in 0..matrix.ncols() {
        for entry in matrix.col_as_slice_mut(column) {
            *entry = change(*entry);
        }
    }
}

/// x Φ(x), with the normal distribution function itself and not its tanh approximation (Hendrycks & Gimpel 2016).
fn gelu(x: f32) -> f32 {
    let x = f64::from(x);
    (0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))) as f32
}

/// erf(x) to about 1e-15, by the series 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·5 … (2n+1)) (DLMF 7.6.2), whose terms all have the
/// sign of x.
fn erf(x: f64) -> f64 {
    // Beyond 6 it is ±1 to the last bit of f64.
    if x.abs() > 6.0 {
        return x.signum();
    }
    let mut term = x;
    let mut sum = x;
    let mut odd = 1.0;
    while term.abs() > sum.abs() * 1e-17 {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_agrees_with_its_published_values() {
        // DLMF table 7.14(i), and Abramowitz & Stegun 7.1 beyond it.
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (3.0, 0.999_977_909_503_001_4),
            (5.9, 1.0),
            (6.1, 1.0),
        ] {
            assert!((erf(x) - expected).abs() < 2e-15, "erf({x}) = {}", erf(x));
            assert!((erf(-x) + expected).abs() < 2e-15, "erf(-{x}) = {}", erf(-x));
        }
        assert!(erf(f64::NAN).is_nan());
    }

    #[test]
    fn softmax_of_large_scores_does_not_overflow() {
        let mut scores = [1e30, 1e30, -1e30];
        softmax(&mut scores);
        assert_eq!(scores, [0.5, 0.5, 0.0]);
    }
}
