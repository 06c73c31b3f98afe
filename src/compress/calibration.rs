//! What a calibration text says: which inputs the linear maps meet, and how much the model's output minds an error in each.
//!
//! The text is cut into pieces; one in five, drawn by the seed, is held out: errors on it are measured, never minimised. Of the
//! others, three are fitted to, and by the fourth ranks are chosen: on pieces that a pair was fitted to, it seems better than it
//! is. When they are chosen, all four are fitted to.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use faer::{Accum, Mat, Par, linalg::matmul::matmul};
use rand::seq::SliceRandom;

use super::{CompressError, check_interrupt, factors::FLOOR, read_text};
use crate::{
    linalg::{svd::SvdError, to_f64, whitening::Whitening},
    model::{Encoder, LinearMap, Role, Tokenizer},
    random::{generator, named_seed},
};

/// Tokens of a piece, `[CLS]` and `[SEP]` included.
const PIECE: usize = 64;
/// One piece in so many is held out, and another is chosen by.
const HELD_OUT: usize = 5;

/// A text, tokenized and cut.
pub(super) struct Pieces {
    pub(super) file: PathBuf,
    pub(super) hash: String,
    /// All that are not held out.
    pub(super) calibration: Vec<Vec<u32>>,
    pub(super) held_out: Vec<Vec<u32>>,
}

impl Pieces {
    pub(super) fn read(model: &Path, encoder: &Encoder, file: &Path, seed: u64) -> Result<Self, CompressError> {
        let tokenizer = Tokenizer::read(model)?;
        let text = read_text(file)?;
        let length = PIECE.min(encoder.config().max_position_embeddings);
        let ids = tokenizer.tokenize(&text);
        let mut pieces: Vec<Vec<u32>> =
            ids.chunks(length.saturating_sub(2).max(1)).map(|ids| tokenizer.frame(ids)).collect();
        if pieces.len() < HELD_OUT {
            return Err(CompressError::Request(format!(
                "{}: {} tokens are too few to calibrate on; give a text of at least {} (and better of some thousands)",
                file.display(),
                ids.len(),
                HELD_OUT * length
            )));
        }
        pieces.shuffle(&mut generator(named_seed(seed, &["compress", "held out"])));
        let calibration = pieces.split_off(pieces.len() / HELD_OUT);
        let hash = blake3::hash(text.as_bytes()).to_hex().to_string();
        Ok(Self { file: file.to_owned(), hash, calibration, held_out: pieces })
    }

    /// What ranks are chosen by.
    pub(super) fn choosing(&self) -> &[Vec<u32>] {
        &self.calibration[..self.held_out.len()]
    }

    /// What is fitted to until they are chosen.
    pub(super) fn fitting(&self) -> &[Vec<u32>] {
        &self.calibration[self.held_out.len()..]
    }
}

/// XXᵀ of the inputs of every linear map, in f64. Maps that share their inputs share it.
pub(super) struct Grams {
    by_map: HashMap<LinearMap, Mat<f64>>,
}

impl Grams {
    pub(super) fn measure(encoder: &Encoder, pieces: &[Vec<u32>]) -> Result<Self, CompressError> {
        let mut by_map: HashMap<LinearMap, Mat<f64>> = HashMap::new();
        for ids in pieces {
            check_interrupt()?;
            encoder.forward_seeing_inputs(ids, |map, input| {
                if own(map) == map {
                    let input = to_f64(input.as_ref());
                    let size = input.nrows();
                    let gram = by_map.entry(map).or_insert_with(|| Mat::zeros(size, size));
                    matmul(gram, Accum::Add, &input, input.transpose(), 1.0, Par::Seq);
                }
            })?;
        }
        Ok(Self { by_map })
    }

    /// XXᵀ of the inputs of one map.
    pub(super) fn of(&self, map: LinearMap) -> Option<&Mat<f64>> {
        self.by_map.get(&own(map))
    }

    /// Coordinates in which the inputs of one map are white.
    pub(super) fn whitening(&self, map: LinearMap) -> Option<Result<Whitening, SvdError>> {
        self.of(map).map(|gram| Whitening::of_gram(gram.as_ref(), FLOOR, Par::rayon(0)))
    }
}

/// Queries, keys and values are made of the same inputs.
fn own(map: LinearMap) -> LinearMap {
    match map.role {
        Role::Key | Role::Value => LinearMap { role: Role::Query, ..map },
        Role::Query | Role::AttentionOutput | Role::Intermediate | Role::Output => map,
    }
}
