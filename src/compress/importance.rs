//! How much the model's output minds an error in each of its matrices.
//!
//! Relative errors of two matrices do not compare: an error in the word embeddings goes through every layer, one in the last
//! layer through none. So each matrix alone is replaced by a pair, the others left as they are, and the damage to the sentence
//! embeddings of some calibration pieces, 1 − cosine, is divided by the squared relative error that the pair was predicted to
//! have. Damage is quadratic in a small error, so the quotient is a number of the matrix, and its product with the squared error
//! of any other rank a forecast of the damage at that rank: errors in one unit, which add up and can be traded.
//!
//! Cost: as many embeddings of the pieces as there are matrices. Breaks: where errors are so large that damage no longer grows
//! with their square, or where errors of several matrices strengthen one another.

use faer::{Mat, Par};

use super::{CompressError, check_interrupt, factors::Factors};
use crate::{
    low_rank::LowRank,
    model::{Encoder, Map, Quality},
};

/// Calibration pieces embedded for every matrix.
const PIECES: usize = 12;
/// Damages below this are rounding of f32: so much is the least that is believed.
const LEAST: f64 = 1e-9;

/// The damage per squared relative error of every matrix; `probes` are the ranks tried.
pub(super) fn importances(
    encoder: &mut Encoder,
    names: &[&str],
    factors: &[Factors],
    probes: &[usize],
    pieces: &[Vec<u32>],
) -> Result<Vec<f64>, CompressError> {
    let pieces = &pieces[..pieces.len().min(PIECES)];
    let exact = embed(encoder, pieces)?;
    let mut importances = Vec::with_capacity(names.len());
    for ((name, factors), &rank) in names.iter().zip(factors).zip(probes) {
        check_interrupt()?;
        let original = Map::Dense(encoder.dense(name)?);
        encoder.replace(name, Map::Pair(single(&factors.pair(rank)?)))?;
        let changed = embed(encoder, pieces);
        encoder.replace(name, original)?;
        let damage = 1.0 - Quality::measure(exact.as_ref(), changed?.as_ref())?.mean_cosine;
        let squared_error = factors.errors[rank].max(f64::MIN_POSITIVE);
        importances.push(damage.max(LEAST) / squared_error);
    }
    Ok(importances)
}

/// The sentence embeddings of some pieces, one column each.
pub(super) fn embed(encoder: &Encoder, pieces: &[Vec<u32>]) -> Result<Mat<f32>, CompressError> {
    Ok(encoder.embed_ids(pieces, Par::rayon(0))?)
}

/// A pair as the encoder computes with it.
pub(super) fn single(pair: &LowRank<f64>) -> LowRank<f32> {
    let round = |matrix: &Mat<f64>| crate::linalg::from_f64::<f32>(matrix.as_ref());
    LowRank::new(round(&pair.left), round(&pair.right))
}
