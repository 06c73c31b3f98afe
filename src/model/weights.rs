//! The weights of a BERT encoder, read from `model.safetensors` and checked against `config.json` before any is used.
//!
//! In the place of a matrix `….weight` (outputs × inputs) the file may have a pair, `….weight.left` (outputs × r) and
//! `….weight.right` (r × inputs), whose product it stands for: so compressed checkpoints are written.

use std::path::Path;

use faer::{Mat, MatRef};

use super::{Config, Linear, Map, ModelError, matrices::by_columns, names::Names};
use crate::{low_rank::LowRank, tensor::Checkpoint};

/// x ↦ γ ∘ (x − mean) / √(variance + ε) + β.
#[derive(Debug, Clone)]
pub struct LayerNorm {
    /// γ.
    pub scale: Vec<f32>,
    /// β.
    pub shift: Vec<f32>,
}

/// What a token is before the first layer: norm(word + position + type).
#[derive(Debug, Clone)]
pub struct Embeddings {
    /// Width × words, one column per word: the transpose of the tensor.
    pub words: Map,
    /// Width × positions.
    pub positions: Mat<f32>,
    /// Width × types.
    pub types: Mat<f32>,
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

/// The tensor of the word embeddings.
pub const WORDS: &str = "embeddings.word_embeddings.weight";

/// The linear maps of a layer in the order of [`Layer::linears`], as their tensors are called.
pub(super) const LINEARS: [&str; 6] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
];

pub(super) fn layer_part(layer: usize, part: &str) -> String {
    format!("encoder.layer.{layer}.{part}")
}

impl Layer {
    /// Its linear maps with their names within the layer.
    pub(super) fn linears(&self) -> [(&'static str, &Linear); 6] {
        let Self { query, key, value, attention_output, intermediate, output, .. } = self;
        let maps = [query, key, value, attention_output, intermediate, output];
        std::array::from_fn(|part| (LINEARS[part], maps[part]))
    }

    pub(super) fn linears_mut(&mut self) -> [(&'static str, &mut Linear); 6] {
        let Self { query, key, value, attention_output, intermediate, output, .. } = self;
        let mut names = LINEARS.into_iter();
        [query, key, value, attention_output, intermediate, output]
            .map(|linear| (names.next().unwrap_or_default(), linear))
    }
}

impl Weights {
    /// Reads the weights of a model folder, in f32.
    ///
    /// # Errors
    /// A tensor is missing, has another shape than `config` gives it, or is there twice, whole and as a pair (all are
    /// compared before the first is read); or an entry is not a finite number.
    pub fn read(folder: &Path, config: &Config) -> Result<Self, ModelError> {
        let file = Checkpoint::open(folder)?;
        let path = file.path().to_owned();
        let names = Names::of(&file);
        check_shapes(&file, names, config, &path)?;
        let reader = Reader { file, names, path: &path };
        let layers = (0..config.num_hidden_layers).map(|layer| {
            let norm = |part: &str| reader.norm(&layer_part(layer, part));
            let linear = |part: &str| reader.linear(&layer_part(layer, part));
            let [query, key, value, attention_output, intermediate, output] = LINEARS.map(linear);
            Ok(Layer {
                query: query?,
                key: key?,
                value: value?,
                attention_output: attention_output?,
                attention_norm: norm("attention.output.LayerNorm")?,
                intermediate: intermediate?,
                output: output?,
                output_norm: norm("output.LayerNorm")?,
            })
        });
        let by_column = |name| Ok::<_, ModelError>(reader.matrix(name)?.transpose().to_owned());
        Ok(Self {
            embeddings: Embeddings {
                words: by_columns(&reader.map(WORDS)?),
                positions: by_column("embeddings.position_embeddings.weight")?,
                types: by_column("embeddings.token_type_embeddings.weight")?,
                norm: reader.norm("embeddings.LayerNorm")?,
            },
            layers: layers.collect::<Result<_, ModelError>>()?,
        })
    }
}

/// A file whose shapes were compared.
struct Reader<'a> {
    file: Checkpoint,
    names: Names,
    path: &'a Path,
}

impl Reader<'_> {
    fn linear(&self, name: &str) -> Result<Linear, ModelError> {
        Ok(Linear { weight: self.map(&format!("{name}.weight"))?, bias: self.entries(&format!("{name}.bias"))?.1 })
    }

    fn norm(&self, name: &str) -> Result<LayerNorm, ModelError> {
        let (scale, shift) = (self.entries(&format!("{name}.weight"))?.1, self.entries(&format!("{name}.bias"))?.1);
        Ok(LayerNorm { scale, shift })
    }

    fn map(&self, name: &str) -> Result<Map, ModelError> {
        if self.file.has(&self.names.stored(name)) {
            return Ok(Map::Dense(self.matrix(name)?));
        }
        let [left, right] = sides(name);
        Ok(Map::Pair(LowRank::new(self.matrix(&left)?, self.matrix(&right)?)))
    }

    fn matrix(&self, name: &str) -> Result<Mat<f32>, ModelError> {
        let (shape, entries) = self.entries(name)?;
        Ok(MatRef::from_row_major_slice(&entries, shape[0], shape[1]).to_owned())
    }

    fn entries(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>), ModelError> {
        // F32 and the half precisions are exact in f32; F64 weights are rounded.
        let name = &self.names.stored(name);
        let (shape, entries) = self.file.read_as(name, |entry| entry as f32)?;
        match entries.iter().position(|entry| !entry.is_finite()) {
            None => Ok((shape, entries)),
            Some(place) => {
                let columns = if shape.len() == 2 { shape[1] } else { 1 };
                let index = if shape.len() == 2 { vec![place / columns, place % columns] } else { vec![place] };
                let value = entries[place];
                let problems = format!("entry {index:?} of {name} is {value}, not a finite number");
                Err(ModelError::WrongWeights { path: self.path.to_owned(), problems })
            }
        }
    }
}

/// The tensors of the pair that may stand in the place of a matrix.
fn sides(name: &str) -> [String; 2] {
    [format!("{name}.left"), format!("{name}.right")]
}

/// A tensor the model needs, with the shape `config` gives it.
enum Expected {
    /// May be a pair instead.
    Matrix(String, [usize; 2]),
    Whole(String, Vec<usize>),
}

/// Every tensor the model needs; lazily, as a hostile config may name 2⁶³ layers.
fn expected(config: &Config) -> impl Iterator<Item = Expected> {
    let &Config { hidden_size: hidden, intermediate_size: intermediate, .. } = config;
    let whole = |name: &str, shape| Expected::Whole(name.to_owned(), shape);
    let embeddings = [
        Expected::Matrix(WORDS.to_owned(), [config.vocab_size, hidden]),
        whole("embeddings.position_embeddings.weight", vec![config.max_position_embeddings, hidden]),
        whole("embeddings.token_type_embeddings.weight", vec![config.type_vocab_size, hidden]),
        whole("embeddings.LayerNorm.weight", vec![hidden]),
        whole("embeddings.LayerNorm.bias", vec![hidden]),
    ];
    let layers = (0..config.num_hidden_layers).flat_map(move |layer| {
        let linears = LINEARS.into_iter().flat_map(move |part| {
            let (outputs, inputs) = match part {
                "intermediate.dense" => (intermediate, hidden),
                "output.dense" => (hidden, intermediate),
                _ => (hidden, hidden),
            };
            let name = layer_part(layer, part);
            [
                Expected::Matrix(format!("{name}.weight"), [outputs, inputs]),
                Expected::Whole(format!("{name}.bias"), vec![outputs]),
            ]
        });
        let norms = ["attention.output.LayerNorm", "output.LayerNorm"].into_iter().flat_map(move |part| {
            let name = layer_part(layer, part);
            ["weight", "bias"].map(|kind| Expected::Whole(format!("{name}.{kind}"), vec![hidden]))
        });
        linears.chain(norms)
    });
    embeddings.into_iter().chain(layers)
}

impl Expected {
    /// What is wrong with it in a file, if anything.
    fn problem(&self, file: &Checkpoint, names: Names) -> Option<String> {
        let (Self::Matrix(name, _) | Self::Whole(name, _)) = self;
        let name = &names.stored(name);
        match self {
            Self::Matrix(_, shape) => pair_problem(file, name, *shape)
                .unwrap_or_else(|| shape_problem(file, name, |found| found == shape, &format!("{shape:?}"))),
            Self::Whole(_, shape) => {
                shape_problem(file, name, |found| found == shape.as_slice(), &format!("{shape:?}"))
            }
        }
    }
}

/// `None` if there is no part of a pair; else what is wrong with the pair, if anything.
fn pair_problem(file: &Checkpoint, name: &str, [rows, columns]: [usize; 2]) -> Option<Option<String>> {
    let [left, right] = sides(name);
    let problem = match (file.has(&left), file.has(&right)) {
        (false, false) => return None,
        _ if file.has(name) => {
            Some(format!("{name} is there both whole and as a pair (.left, .right): keep one of them"))
        }
        (true, false) => Some(format!("{left} is there without {right}")),
        (false, true) => Some(format!("{right} is there without {left}")),
        (true, true) => {
            let sided = |side: &str, fits: &dyn Fn(&[usize]) -> bool, expected: String| {
                shape_problem(file, side, fits, &expected)
            };
            let rank = |side: &str, axis: usize| file.shape(side).ok().and_then(|shape| shape.get(axis).copied());
            sided(&left, &|found| matches!(found, [found, _] if *found == rows), format!("[{rows}, r]"))
                .or_else(|| {
                    sided(&right, &|found| matches!(found, [_, found] if *found == columns), format!("[r, {columns}]"))
                })
                .or_else(|| {
                    let (inner, outer) = (rank(&left, 1)?, rank(&right, 0)?);
                    (inner != outer)
                        .then(|| format!("{left} has {inner} columns and {right} {outer} rows: they make no product"))
                })
        }
    };
    Some(problem)
}

fn shape_problem(file: &Checkpoint, name: &str, fits: impl Fn(&[usize]) -> bool, expected: &str) -> Option<String> {
    match file.shape(name) {
        Ok(found) if fits(&found) => None,
        Ok(found) => Some(format!("{name} has the shape {found:?}, expected {expected}")),
        Err(_) if !file.has(name) => Some(format!("{name} {expected} is not there")),
        Err(error) => Some(error.to_string()),
    }
}

fn check_shapes(file: &Checkpoint, names: Names, config: &Config, path: &Path) -> Result<(), ModelError> {
    const LISTED: usize = 4;
    let mut problems = expected(config).filter_map(|tensor| tensor.problem(file, names));
    let listed: Vec<String> = problems.by_ref().take(LISTED).collect();
    if listed.is_empty() {
        return Ok(());
    }
    let more = if problems.next().is_some() { "; and more" } else { "" };
    Err(ModelError::WrongWeights { path: path.to_owned(), problems: listed.join("; ") + more })
}
