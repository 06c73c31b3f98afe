//! The forward pass of a BERT encoder (Devlin et al. 2019, "BERT"; Vaswani et al. 2017, "Attention is all you need").
//!
//! For every layer, with h the hidden vectors, one column per token:
//! Q, K, V = W h + b, split by rows into heads; P = softmax(QᵀK / √head_dim) per head; h ← norm(h + W V Pᵀ + b);
//! h ← norm(h + W gelu(W h + b) + b). About 24 · hidden² · tokens + 4 · hidden · tokens² flops a layer.
//!
//! Texts go through side by side in blocks, without padding: a product takes all the tokens of a block, attention each text
//! for itself. Blocks are independent, which is where the threads are, and cut by the lengths of the texts alone: threads do
//! not change a bit.

use std::path::Path;

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{
    Activation, Attention, Config, Map, ModelError, Weights,
    activation::{add_and_normalize, add_bias_and_activate, normalize},
    attention::Projected,
    blocks::{blocks, spans},
    weights::{Layer, LinearMap, Role},
};

/// Tokens whose inner vectors, the widest of all, wait in the second cache between the two products they are a part of.
const STRIP: usize = 128;

/// A BERT encoder ready to run.
#[derive(Debug, Clone)]
pub struct Encoder {
    config: Config,
    weights: Weights,
    /// One of every layer.
    attention: Vec<Attention>,
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
        let attention = vec![Attention::Exact; config.num_hidden_layers];
        Ok(Self { config, weights, attention })
    }

    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    #[must_use]
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    pub(super) fn weights_mut(&mut self) -> &mut Weights {
        &mut self.weights
    }

    /// How each layer attends.
    #[must_use]
    pub fn attention(&self) -> &[Attention] {
        &self.attention
    }

    /// Changes how one layer attends, counted from 0.
    ///
    /// # Errors
    /// There is no such layer.
    pub fn set_attention(&mut self, layer: usize, attention: Attention) -> Result<(), ModelError> {
        let layers = self.attention.len();
        let place = self.attention.get_mut(layer);
        *place.ok_or_else(|| {
            ModelError::Request(format!("there is no layer {layer}: the model has the layers 0 to {}", layers - 1))
        })? = attention;
        Ok(())
    }

    /// The last hidden vectors of one text, hidden_size × tokens, every token attending to every other. `inspect` sees each
    /// layer's number and projections as they are computed.
    ///
    /// # Errors
    /// As [`Self::forward_batch`].
    pub fn forward(&self, ids: &[u32], mut inspect: impl FnMut(usize, &Projections)) -> Result<Mat<f32>, ModelError> {
        self.check_ids(ids)?;
        self.run(&[ids], Watch::Projections(&mut inspect))
    }

    /// As [`Self::forward`]; `inspect` sees what goes into each linear map, inputs × tokens.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_seeing_inputs(
        &self,
        ids: &[u32],
        mut inspect: impl FnMut(LinearMap, &Mat<f32>),
    ) -> Result<Mat<f32>, ModelError> {
        self.check_ids(ids)?;
        self.run(&[ids], Watch::Inputs(&mut inspect))
    }

    /// The vectors of some texts before the first layer, side by side, hidden_size × tokens: for [`Self::through_layer`].
    ///
    /// # Errors
    /// As [`Self::forward_batch`].
    pub fn embedded(&self, texts: &[&[u32]]) -> Result<Mat<f32>, ModelError> {
        texts.iter().try_for_each(|ids| self.check_ids(ids))?;
        Ok(self.embed(texts))
    }

    /// Takes the vectors of the same texts through one layer, counted from 0; `inspect` sees what goes into each of its linear
    /// maps, inputs × tokens.
    ///
    /// # Errors
    /// A method of attention gave no answer.
    ///
    /// # Panics
    /// There is no such layer, or the vectors are not as many as the texts have tokens.
    pub fn through_layer(
        &self,
        layer: usize,
        hidden: &mut Mat<f32>,
        texts: &[&[u32]],
        mut inspect: impl FnMut(LinearMap, &Mat<f32>),
    ) -> Result<(), ModelError> {
        let mut space = Workspace::new(&self.config, hidden.ncols());
        self.run_layer(layer, hidden, &mut space, texts, &mut Watch::Inputs(&mut inspect))
    }

    /// The last hidden vectors of many texts, hidden_size × tokens each, in their order.
    ///
    /// # Errors
    /// A text has no ids or more than the model has positions for, or one that is not in its vocabulary; or a method of
    /// attention gave no answer.
    pub fn forward_batch<I: AsRef<[u32]> + Sync>(
        &self,
        texts: &[I],
        parallelism: Par,
    ) -> Result<Vec<Mat<f32>>, ModelError> {
        self.map_batch(texts, parallelism, |hidden| hidden.to_owned())
    }

    /// What `finish` makes of the last hidden vectors of each text, in their order.
    pub(super) fn map_batch<I: AsRef<[u32]> + Sync, R: Send>(
        &self,
        texts: &[I],
        parallelism: Par,
        finish: impl Fn(MatRef<'_, f32>) -> R + Sync,
    ) -> Result<Vec<R>, ModelError> {
        let texts: Vec<&[u32]> = texts.iter().map(AsRef::as_ref).collect();
        texts.iter().try_for_each(|ids| self.check_ids(ids))?;
        let block = |texts: &&[&[u32]]| -> Result<Vec<R>, ModelError> {
            let hidden = self.run(texts, Watch::Nothing)?;
            Ok(spans(texts).map(|(first, tokens)| finish(hidden.subcols(first, tokens))).collect())
        };
        let blocks = blocks(&texts);
        let finished: Result<Vec<_>, _> = match parallelism {
            Par::Rayon(threads) if threads.get() > 1 => blocks.par_iter().map(block).collect(),
            _ => blocks.iter().map(block).collect(),
        };
        Ok(finished?.into_iter().flatten().collect())
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

    /// The last hidden vectors of the texts of one block, side by side.
    fn run(&self, texts: &[&[u32]], mut watch: Watch<'_>) -> Result<Mat<f32>, ModelError> {
        let mut hidden = self.embed(texts);
        let mut space = Workspace::new(&self.config, hidden.ncols());
        for number in 0..self.weights.layers.len() {
            self.run_layer(number, &mut hidden, &mut space, texts, &mut watch)?;
        }
        Ok(hidden)
    }

    fn run_layer(
        &self,
        number: usize,
        hidden: &mut Mat<f32>,
        space: &mut Workspace,
        texts: &[&[u32]],
        watch: &mut Watch<'_>,
    ) -> Result<(), ModelError> {
        let epsilon = self.config.layer_norm_eps;
        let layer = &self.weights.layers[number];
        for role in [Role::Query, Role::Key, Role::Value] {
            watch.input(number, role, hidden);
        }
        space.project(layer, hidden.as_ref());
        if let Watch::Projections(inspect) = watch {
            inspect(number, &space.projections(layer));
        }
        space.attend(number, layer, &self.attention[number], &self.config, texts)?;
        let Workspace { context, update, scratch, .. } = space;
        watch.input(number, Role::AttentionOutput, context);
        layer.attention_output.weight.apply_into(context.as_ref(), update.as_mut(), scratch);
        let bias = &layer.attention_output.bias;
        add_and_normalize(hidden.as_mut(), update.as_mut(), bias, &layer.attention_norm, epsilon);
        watch.input(number, Role::Intermediate, hidden);
        if let Watch::Inputs(inspect) = watch {
            let inner = inner_vectors(layer, hidden.as_ref(), self.config.hidden_act);
            inspect(LinearMap { layer: number, role: Role::Output }, &inner);
        }
        space.feed_forward(layer, hidden.as_ref(), self.config.hidden_act);
        let bias = &layer.output.bias;
        add_and_normalize(hidden.as_mut(), space.update.as_mut(), bias, &layer.output_norm, epsilon);
        Ok(())
    }

    /// norm(word + position + type) for each id of each text; the type of all is 0, as each is one text.
    fn embed(&self, texts: &[&[u32]]) -> Mat<f32> {
        let embeddings = &self.weights.embeddings;
        let mut hidden = gather(&embeddings.words, &texts.concat());
        let kind = embeddings.types.col_as_slice(0);
        for (first, tokens) in spans(texts) {
            for position in 0..tokens {
                let entries = hidden.col_as_slice_mut(first + position).iter_mut();
                let place = embeddings.positions.col_as_slice(position);
                entries.zip(place).zip(kind).for_each(|((entry, place), kind)| *entry += place + kind);
            }
        }
        normalize(hidden.as_mut(), &embeddings.norm, self.config.layer_norm_eps);
        hidden
    }
}

/// What is looked at on the way.
enum Watch<'a> {
    Nothing,
    /// Each layer's.
    Projections(&'a mut dyn FnMut(usize, &Projections)),
    /// What goes into each linear map.
    Inputs(&'a mut dyn FnMut(LinearMap, &Mat<f32>)),
}

impl Watch<'_> {
    fn input(&mut self, layer: usize, role: Role, input: &Mat<f32>) {
        if let Self::Inputs(inspect) = self {
            inspect(LinearMap { layer, role }, input);
        }
    }
}

/// Where a block's intermediate results lie, one column per token; every layer finds it as the last one left it.
struct Workspace {
    /// Queries, keys, values, without their biases.
    projected: [Mat<f32>; 3],
    context: Mat<f32>,
    /// Of one strip.
    inner: Mat<f32>,
    update: Mat<f32>,
    /// What lies between the factors of a pair, or the logits of a head.
    scratch: Vec<f32>,
}

impl Workspace {
    fn new(config: &Config, tokens: usize) -> Self {
        let wide = || Mat::zeros(config.hidden_size, tokens);
        Self {
            projected: [wide(), wide(), wide()],
            context: wide(),
            inner: Mat::zeros(config.intermediate_size, tokens.min(STRIP)),
            update: wide(),
            scratch: Vec::new(),
        }
    }

    fn project(&mut self, layer: &Layer, hidden: MatRef<'_, f32>) {
        for (linear, projected) in [&layer.query, &layer.key, &layer.value].into_iter().zip(&mut self.projected) {
            linear.weight.apply_into(hidden, projected.as_mut(), &mut self.scratch);
        }
    }

    /// W gelu(W h + b), without the last bias, into `update`.
    fn feed_forward(&mut self, layer: &Layer, hidden: MatRef<'_, f32>, activation: Activation) {
        for first in (0..hidden.ncols()).step_by(STRIP) {
            let count = STRIP.min(hidden.ncols() - first);
            let mut inner = self.inner.subcols_mut(0, count);
            layer.intermediate.weight.apply_into(hidden.subcols(first, count), inner.as_mut(), &mut self.scratch);
            add_bias_and_activate(inner.as_mut(), &layer.intermediate.bias, activation);
            let update = self.update.subcols_mut(first, count);
            layer.output.weight.apply_into(inner.as_ref(), update, &mut self.scratch);
        }
    }

    fn projections(&self, layer: &Layer) -> Projections {
        let biased = |projected: &Mat<f32>, bias: &[f32]| {
            Mat::from_fn(projected.nrows(), projected.ncols(), |row, token| projected[(row, token)] + bias[row])
        };
        let [query, key, value] = &self.projected;
        Projections {
            query: biased(query, &layer.query.bias),
            key: biased(key, &layer.key.bias),
            value: biased(value, &layer.value.bias),
        }
    }

    fn attend(
        &mut self,
        number: usize,
        layer: &Layer,
        attention: &Attention,
        config: &Config,
        texts: &[&[u32]],
    ) -> Result<(), ModelError> {
        for (first, tokens) in spans(texts) {
            let projected = Projected {
                parts: self.projected.each_ref().map(|part| part.subcols(first, tokens)),
                biases: [&layer.query.bias, &layer.key.bias, &layer.value.bias],
                head_dim: config.head_dim(),
                layer: number,
            };
            projected.attend(attention, self.context.subcols_mut(first, tokens), &mut self.scratch)?;
        }
        Ok(())
    }
}

/// gelu(W h + b) of all tokens at once: for whoever wants to see it; the forward pass itself goes strip by strip.
fn inner_vectors(layer: &Layer, hidden: MatRef<'_, f32>, activation: Activation) -> Mat<f32> {
    let mut inner = Mat::zeros(layer.intermediate.weight.shape().0, hidden.ncols());
    layer.intermediate.weight.apply_into(hidden, inner.as_mut(), &mut Vec::new());
    add_bias_and_activate(inner.as_mut(), &layer.intermediate.bias, activation);
    inner
}

/// Columns of the word embeddings; of a pair, its left factor times columns of its right one.
fn gather(words: &Map, ids: &[u32]) -> Mat<f32> {
    let columns = |matrix: &Mat<f32>| {
        let mut chosen = Mat::zeros(matrix.nrows(), ids.len());
        for (token, &id) in ids.iter().enumerate() {
            chosen.col_as_slice_mut(token).copy_from_slice(matrix.col_as_slice(id as usize));
        }
        chosen
    };
    match words {
        Map::Dense(matrix) => columns(matrix),
        Map::Pair(pair) => {
            let mut gathered = Mat::zeros(pair.nrows(), ids.len());
            matmul(&mut gathered, Accum::Replace, &pair.left, columns(&pair.right), 1.0, Par::Seq);
            gathered
        }
    }
}
