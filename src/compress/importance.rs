//! How much the model's output minds an error in each of its matrices.
//!
//! Relative errors of two matrices do not compare: an error in the word embeddings goes through every layer, one in the last
//! layer through none. So the model is taken with all its matrices as they would be, and one of them at a time is made whole
//! again: by what the sentence embeddings of some calibration pieces gain, in cosine, divided by the squared relative error that
//! the pair was predicted to have. The quotient times the squared error of another rank forecasts the damage at that rank: errors
//! in one unit, which add up and can be traded. It is the slope of the damage where it is needed, between matrices whose errors
//! strengthen one another, so it is measured again where the ranks it led to are.
//!
//! Cost: as many embeddings of the pieces as there are matrices, every time. Breaks: where ranks go so far from those of the
//! measurement that damage is no longer near its tangent; therefore the rounds, of which the best is kept.

use faer::{Mat, Par};

use super::{CompressError, allocation::Choice, check_interrupt, factors::Factors, matrices::Matrix};
use crate::{
    low_rank::LowRank,
    model::{Encoder, Map, Quality},
};

/// Calibration pieces embedded for every matrix.
pub(super) const PIECES: usize = 24;
/// Gains below this are rounding of f32: so much is the least that is believed.
const LEAST: f64 = 1e-7;

/// A model as some choices make it, beside the original.
pub(super) struct Trial<'a> {
    pub(super) exact: &'a Encoder,
    pub(super) matrices: &'a [Matrix],
    pub(super) factors: &'a [Factors],
    changed: Encoder,
}

impl<'a> Trial<'a> {
    pub(super) fn new(
        exact: &'a Encoder,
        matrices: &'a [Matrix],
        factors: &'a [Factors],
        choices: &[Choice],
    ) -> Result<Self, CompressError> {
        let mut trial = Self { exact, matrices, factors, changed: exact.clone() };
        for (number, &choice) in choices.iter().enumerate() {
            if choice != Choice::Dense {
                trial.put(number, choice)?;
            }
        }
        Ok(trial)
    }

    /// Mean cosine of the sentence embeddings with those of the original.
    pub(super) fn cosine(&self, pieces: &[Vec<u32>]) -> Result<f64, CompressError> {
        self.cosine_with(&embed(self.exact, pieces)?, pieces)
    }

    /// That cosine, and the damage per squared relative error of every matrix.
    pub(super) fn importances(
        &mut self,
        choices: &[Choice],
        pieces: &[Vec<u32>],
    ) -> Result<(f64, Vec<f64>), CompressError> {
        let exact = embed(self.exact, pieces)?;
        let cosine = self.cosine_with(&exact, pieces)?;
        let mut importances = Vec::with_capacity(choices.len());
        for (number, &choice) in choices.iter().enumerate() {
            check_interrupt()?;
            // What is whole is tried at the largest rank that pays.
            let (other, rank) = match choice {
                Choice::Rank(rank) => (Choice::Dense, rank),
                Choice::Dense => (Choice::Rank(self.matrices[number].most()), self.matrices[number].most()),
            };
            self.put(number, other)?;
            let gain = (self.cosine_with(&exact, pieces)? - cosine) * if choice == Choice::Dense { -1.0 } else { 1.0 };
            self.put(number, choice)?;
            importances.push(gain.max(LEAST) / self.factors[number].errors[rank].max(f64::MIN_POSITIVE));
        }
        Ok((cosine, importances))
    }

    fn cosine_with(&self, exact: &Mat<f32>, pieces: &[Vec<u32>]) -> Result<f64, CompressError> {
        let changed = embed(&self.changed, pieces)?;
        Ok(Quality::measure(exact.as_ref(), changed.as_ref())?.mean_cosine)
    }

    fn put(&mut self, number: usize, choice: Choice) -> Result<(), CompressError> {
        check_interrupt()?;
        let name = &self.matrices[number].name;
        let map = match choice {
            Choice::Dense => Map::Dense(self.exact.dense(name)?),
            Choice::Rank(rank) => Map::Pair(single(&self.factors[number].pair(rank)?)),
        };
        Ok(self.changed.replace(name, map)?)
    }
}

/// The sentence embeddings of some pieces, one column each.
fn embed(encoder: &Encoder, pieces: &[Vec<u32>]) -> Result<Mat<f32>, CompressError> {
    Ok(encoder.embed_ids(pieces, Par::rayon(0))?)
}

/// A pair as the encoder computes with it.
fn single(pair: &LowRank<f64>) -> LowRank<f32> {
    let round = |matrix: &Mat<f64>| crate::linalg::from_f64::<f32>(matrix.as_ref());
    LowRank::new(round(&pair.left), round(&pair.right))
}
