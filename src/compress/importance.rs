//! How much the model's output minds an error in each of its matrices.
//!
//! Relative errors of two matrices do not compare: an error in the word embeddings goes through every layer, one in the last
//! layer through none. So each matrix alone is replaced by a pair, the others left as they are, and the damage to the sentence
//! embeddings of some calibration pieces, 1 − cosine, is divided by the squared relative error that the pair was predicted to
//! have. Damage is quadratic in a small error, so the quotient is a number of the matrix, and its product with the squared error
//! of another rank a forecast of the damage at that rank: errors in one unit, which add up and can be traded.
//!
//! They add up only while they are small, so the quotients are a beginning: `search.rs` scales those of whole layers, of whole
//! roles and of the embeddings as long as the model that comes of it is better. (The gain of making one matrix whole among all
//! the others' errors was tried instead, and was worse than no measurement: damage saturates, and the matrices that do most of it
//! seem to matter least.)
//!
//! Cost: as many embeddings of the pieces as there are matrices.

use faer::{Mat, Par};

use super::{CompressError, allocation::Choice, check_interrupt, factors::Factors, matrices::Matrix};
use crate::{
    low_rank::LowRank,
    model::{Encoder, Map, Quality},
};

/// Calibration pieces embedded every time.
const PIECES: usize = 24;
/// Damages below this are rounding of f32: so much is the least that is believed.
const LEAST: f64 = 1e-9;

/// What becomes of some pieces' sentence embeddings when matrices are replaced.
pub(super) struct Damage<'a> {
    original: &'a Encoder,
    pieces: &'a [Vec<u32>],
    exact: Mat<f32>,
}

impl<'a> Damage<'a> {
    /// On the first few of some pieces: enough to choose by.
    pub(super) fn sampled(original: &'a Encoder, pieces: &'a [Vec<u32>]) -> Result<Self, CompressError> {
        Self::whole(original, &pieces[..pieces.len().min(PIECES)])
    }

    /// On all of some pieces.
    pub(super) fn whole(original: &'a Encoder, pieces: &'a [Vec<u32>]) -> Result<Self, CompressError> {
        Ok(Self { original, pieces, exact: embed(original, pieces)? })
    }

    /// The damage of every matrix alone, per squared relative error, from a trial at the rank given for each.
    pub(super) fn importances(
        &self,
        matrices: &[Matrix],
        factors: &[Factors],
        probes: &[usize],
    ) -> Result<Vec<f64>, CompressError> {
        let mut changed = self.original.clone();
        let mut importances = Vec::with_capacity(matrices.len());
        for ((matrix, factors), &rank) in matrices.iter().zip(factors).zip(probes) {
            changed.replace(&matrix.name, rounded(&factors.pair(rank)?))?;
            let damage = 1.0 - self.cosine(&changed)?;
            changed.replace(&matrix.name, Map::Dense(self.original.dense(&matrix.name)?))?;
            importances.push(damage.max(LEAST) / factors.errors[rank].max(f64::MIN_POSITIVE));
        }
        Ok(importances)
    }

    /// Mean cosine with the original's embeddings.
    pub(super) fn cosine(&self, changed: &Encoder) -> Result<f64, CompressError> {
        check_interrupt()?;
        let changed = embed(changed, self.pieces)?;
        Ok(Quality::measure(self.exact.as_ref(), changed.as_ref())?.mean_cosine)
    }
}

/// The sentence embeddings of some pieces, one column each.
fn embed(encoder: &Encoder, pieces: &[Vec<u32>]) -> Result<Mat<f32>, CompressError> {
    Ok(encoder.embed_ids(pieces, Par::rayon(0))?)
}

/// The model with pairs in the place of its matrices.
pub(super) fn changed(
    original: &Encoder,
    matrices: &[Matrix],
    factors: &[Factors],
    choices: &[Choice],
) -> Result<Encoder, CompressError> {
    let mut changed = original.clone();
    for ((matrix, factors), &choice) in matrices.iter().zip(factors).zip(choices) {
        if let Choice::Rank(rank) = choice {
            changed.replace(&matrix.name, rounded(&factors.pair(rank)?))?;
        }
    }
    Ok(changed)
}

/// A pair as the encoder computes with it.
pub(super) fn rounded(pair: &LowRank<f64>) -> Map {
    Map::Pair(pair.round())
}
