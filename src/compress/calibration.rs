//! What a calibration text says: which inputs the linear maps meet, and how much the model's output minds an error in each.
//!
//! The text is cut into pieces; one in five, drawn by the seed, is held out: errors on it are measured, never minimised. Of the
//! others, three are fitted to, and by the fourth ranks are chosen: on pieces that a pair was fitted to, it seems better than it
//! is. When they are chosen, all four are fitted to.

use crate::paths::Shown as _;
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;

use super::{CompressError, check_interrupt, read_text};
use crate::{
    model::{Encoder, Grams, Tokenizer},
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
                file.shown(),
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

/// XXᵀ of the inputs of every linear map on these pieces.
pub(super) fn grams(encoder: &Encoder, pieces: &[Vec<u32>]) -> Result<Grams, CompressError> {
    let mut grams = Grams::default();
    for ids in pieces {
        check_interrupt()?;
        grams.add(encoder, ids)?;
    }
    Ok(grams)
}
