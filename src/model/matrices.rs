//! The matrices of a model that may be factored, by the names of their tensors: those of every linear map, and the word
//! embeddings.

use faer::Mat;

use super::{
    Encoder, Linear, Map, ModelError,
    names::plain,
    weights::{WORDS, layer_part},
};
use crate::{
    linalg::{first_non_finite, transposed},
    low_rank::LowRank,
};

/// A matrix that may be factored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    /// As its tensor is called, `.weight` at the end; a pair is stored under this name with `.left` and `.right` after it.
    pub name: String,
    /// Outputs; of the word embeddings, words.
    pub rows: usize,
    /// Inputs; of the word embeddings, the width of the model.
    pub columns: usize,
    /// The rank of the pair that it is; `None` if it is whole.
    pub rank: Option<usize>,
    /// Numbers stored.
    pub parameters: usize,
}

impl Encoder {
    /// The word embeddings, then the matrices of every layer's linear maps in the order in which they are applied.
    #[must_use]
    pub fn matrices(&self) -> Vec<Matrix> {
        let words = {
            // Stored one column per word.
            let (columns, rows) = self.weights().embeddings.words.shape();
            described(WORDS.to_owned(), &self.weights().embeddings.words, (rows, columns))
        };
        let linear = |(name, linear): (String, &Linear)| described(name, &linear.weight, linear.weight.shape());
        [words].into_iter().chain(self.linears().map(linear)).collect()
    }

    /// The linear maps of every layer, under the full names of their matrices.
    pub fn linears(&self) -> impl Iterator<Item = (String, &Linear)> {
        let layers = self.weights().layers.iter().enumerate();
        layers.flat_map(|(number, layer)| layer.linears().map(|(part, linear)| (weight_of(number, part), linear)))
    }

    /// One of [`Self::matrices`], by that name or by the one its checkpoint has, rows × columns, multiplied out where it is a
    /// pair.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn dense(&self, name: &str) -> Result<Mat<f32>, ModelError> {
        let name = plain(name);
        if name == WORDS {
            return Ok(transposed(self.weights().embeddings.words.to_dense().as_ref()));
        }
        let linear = self.linears().find(|(found, _)| found == name);
        linear.map(|(_, linear)| linear.weight.to_dense()).ok_or_else(|| unknown(name))
    }

    /// Puts a pair, or a whole matrix, in the place of one of [`Self::matrices`].
    ///
    /// # Errors
    /// There is none of that name, the shapes differ, or an entry is not finite.
    pub fn replace(&mut self, name: &str, map: Map) -> Result<(), ModelError> {
        let name = plain(name);
        let problem = |problem: String| Err(ModelError::Request(format!("{name}: {problem}")));
        let Some(Matrix { rows, columns, .. }) = self.matrices().into_iter().find(|matrix| matrix.name == name) else {
            return Err(unknown(name));
        };
        if map.shape() != (rows, columns) {
            let (found_rows, found_columns) = map.shape();
            return problem(format!("a matrix of {found_rows}×{found_columns} cannot replace one of {rows}×{columns}"));
        }
        let parts = match &map {
            Map::Dense(matrix) => vec![matrix.as_ref()],
            Map::Pair(pair) => vec![pair.left.as_ref(), pair.right.as_ref()],
        };
        if let Some((row, column)) = parts.into_iter().find_map(first_non_finite) {
            return problem(format!("its replacement has an entry [{row}, {column}] that is not a finite number"));
        }
        let weights = self.weights_mut();
        if name == WORDS {
            weights.embeddings.words = by_columns(&map);
            return Ok(());
        }
        for (number, layer) in weights.layers.iter_mut().enumerate() {
            for (part, linear) in layer.linears_mut() {
                if weight_of(number, part) == name {
                    linear.weight = map;
                    return Ok(());
                }
            }
        }
        Err(unknown(name))
    }
}

/// The transpose: of word embeddings as stored in files, one column per word.
pub(super) fn by_columns(map: &Map) -> Map {
    match map {
        Map::Dense(matrix) => Map::Dense(transposed(matrix.as_ref())),
        Map::Pair(LowRank { left, right }) => {
            Map::Pair(LowRank::new(transposed(right.as_ref()), transposed(left.as_ref())))
        }
    }
}

fn weight_of(layer: usize, part: &str) -> String {
    layer_part(layer, part) + ".weight"
}

fn described(name: String, map: &Map, (rows, columns): (usize, usize)) -> Matrix {
    Matrix { name, rows, columns, rank: map.rank(), parameters: map.parameters() }
}

fn unknown(name: &str) -> ModelError {
    ModelError::Request(format!(
        "{name:?} is no matrix of this model; they are {WORDS} and {}, and so on",
        weight_of(0, super::weights::LINEARS[0])
    ))
}
