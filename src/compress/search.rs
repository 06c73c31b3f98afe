//! From a budget to a rank for every matrix.

use super::{
    CompressError, CompressOptions, MatrixRecord, Measure, WeightMethod,
    allocation::{Allocation, Candidate, Choice, allocate, least_cost, total_cost},
    calibration::{Grams, Pieces},
    check_interrupt,
    factors::{Factors, error_on},
    importance::{PIECES, Trial},
    matrices::Matrix,
};
use crate::{
    model::Encoder,
    tensor::{Checkpoint, Stored, file_bytes, real_tensor},
};

/// Everything a choice is made from.
pub(super) struct Search<'a> {
    pub(super) options: &'a CompressOptions,
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) matrices: &'a [Matrix],
    pub(super) factors: &'a [Factors],
    /// Damage to the output per squared relative error of every matrix, where it was measured; else all are taken alike.
    pub(super) importances: Option<Vec<f64>>,
}

/// Halvings of the budget in search of a cosine: to a thousandth.
const HALVINGS: usize = 10;
/// Measurements of what errors do.
const ROUNDS: usize = 3;

impl Search<'_> {
    /// The choices, and what share (or cosine) they come to.
    pub(super) fn choose(
        &self,
        encoder: Option<&Encoder>,
        pieces: Option<&Pieces>,
    ) -> Result<(Vec<Choice>, f64), CompressError> {
        match (self.options.measure, encoder, pieces) {
            (Measure::Cosine, Some(encoder), Some(pieces)) => self.least_bytes(encoder, &pieces.held_out),
            (measure, ..) => {
                let choices = self.within(measure, self.options.budget, self.options.allocation)?;
                let reached = self.share(measure, &choices)?;
                Ok((choices, reached))
            }
        }
    }

    /// The smallest share of bytes that keeps the cosine that was asked for, by bisection; all the matrices whole if none does.
    fn least_bytes(&self, encoder: &Encoder, held_out: &[Vec<u32>]) -> Result<(Vec<Choice>, f64), CompressError> {
        let (mut low, mut high) = (0.0, 1.0);
        let mut best = (vec![Choice::Dense; self.matrices.len()], 1.0);
        for _ in 0..HALVINGS {
            let share = f64::midpoint(low, high);
            let keeps = match self.within(Measure::Bytes, share, self.options.allocation) {
                Ok(choices) => {
                    let cosine = self.cosine(encoder, held_out, &choices)?;
                    (cosine >= self.options.budget).then_some((choices, cosine))
                }
                // Too little for anything.
                Err(CompressError::Request(_)) => None,
                Err(error) => return Err(error),
            };
            match keeps {
                Some(found) => (high, best) = (share, found),
                None => low = share,
            }
        }
        Ok(best)
    }

    fn within(&self, measure: Measure, share: f64, by: Allocation) -> Result<Vec<Choice>, CompressError> {
        if share >= 1.0 {
            return Ok(vec![Choice::Dense; self.matrices.len()]);
        }
        let candidates = self.candidates(measure);
        let (fixed, whole) = (self.fixed(measure), self.whole(measure)?);
        let budget = (share * whole as f64) as u64;
        let found = budget.checked_sub(fixed).and_then(|left| allocate(&candidates, left, by));
        found.ok_or_else(|| {
            let least = (fixed + least_cost(&candidates)) as f64 / whole as f64;
            CompressError::Request(format!(
                "a share of {share} is less than what rank 1 everywhere takes; the least here is {:.4}",
                (least * 1e4).ceil() / 1e4
            ))
        })
    }

    /// What is spent whatever is chosen.
    fn fixed(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Flops => 0,
            Measure::Bytes | Measure::Cosine => {
                // The header of pairs of the largest ranks is the longest there is.
                let most: Vec<Choice> = self.matrices.iter().map(|matrix| Choice::Rank(matrix.most())).collect();
                let pairs = total_cost(&self.candidates(measure), &most);
                self.bytes(&most) - pairs
            }
        }
    }

    fn whole(&self, measure: Measure) -> Result<u64, CompressError> {
        match measure {
            Measure::Bytes | Measure::Cosine => Ok(self.checkpoint.bytes()?),
            Measure::Flops => Ok(self.candidates(measure).iter().map(|candidate| candidate.cost_dense).sum()),
        }
    }

    fn share(&self, measure: Measure, choices: &[Choice]) -> Result<f64, CompressError> {
        let spent = match measure {
            Measure::Bytes | Measure::Cosine => self.bytes(choices),
            Measure::Flops => total_cost(&self.candidates(measure), choices),
        };
        Ok(spent as f64 / self.whole(measure)? as f64)
    }

    /// Bytes of the file that holds these choices.
    pub(super) fn bytes(&self, choices: &[Choice]) -> u64 {
        file_bytes(&self.planned(choices), &metadata())
    }

    pub(super) fn planned(&self, choices: &[Choice]) -> Vec<Stored> {
        planned(self.checkpoint, self.matrices, choices)
    }

    fn candidates(&self, measure: Measure) -> Vec<Candidate> {
        let importance = |number: usize| self.importances.as_ref().map_or(1.0, |importances| importances[number]);
        let candidate = |(number, (matrix, factors)): (usize, (&Matrix, &Factors))| {
            let (rows, columns) = (matrix.rows as u64, matrix.columns as u64);
            // A token takes one row of the embeddings and no flops, or r numbers and 2r·width flops: no gain.
            let unit = match measure {
                Measure::Bytes | Measure::Cosine => matrix.width(),
                Measure::Flops if matrix.map.is_none() && self.has_maps() => 0,
                Measure::Flops => 2,
            };
            Candidate {
                errors: factors.errors.iter().map(|error| error * importance(number)).collect(),
                cost_per_rank: unit * (rows + columns),
                cost_dense: unit * rows * columns,
            }
        };
        self.matrices.iter().zip(self.factors).enumerate().map(candidate).collect()
    }

    /// Whether linear maps and tables can be told apart.
    fn has_maps(&self) -> bool {
        self.matrices.iter().any(|matrix| matrix.map.is_some())
    }

    /// Measures what an error in each matrix does where it is, moves the ranks by that, and does so again; the measurement that
    /// led to the best cosine on the pieces is kept.
    pub(super) fn learn_importances(
        &mut self,
        encoder: &Encoder,
        pieces: &Pieces,
        say: &mut dyn FnMut(&str),
    ) -> Result<(), CompressError> {
        let used = &pieces.calibration[..pieces.calibration.len().min(PIECES)];
        let share = if self.options.measure == Measure::Cosine { 0.5 } else { self.options.budget };
        let start = if self.options.measure == Measure::Cosine { Measure::Bytes } else { self.options.measure };
        let mut choices = self.within(start, share, Allocation::Uniform)?;
        let mut best: Option<(f64, Vec<f64>)> = None;
        for round in 0..=ROUNDS {
            let mut trial = Trial::new(encoder, self.matrices, self.factors, &choices)?;
            if round == ROUNDS {
                let cosine = trial.cosine(used)?;
                self.keep_best(cosine, &mut best);
                break;
            }
            say(&format!("measuring what an error in each matrix does to the output, {} of {ROUNDS}", round + 1));
            let (cosine, found) = trial.importances(&choices, used)?;
            self.keep_best(cosine, &mut best);
            // Half the way, on a logarithmic scale: a whole step may go beyond where the measurement holds.
            self.importances = Some(match &self.importances {
                None => found,
                Some(before) => before.iter().zip(&found).map(|(before, found)| (before * found).sqrt()).collect(),
            });
            choices = self.choose(Some(encoder), Some(pieces))?.0;
        }
        if let Some((_, importances)) = best {
            self.importances = Some(importances);
        }
        Ok(())
    }

    /// Remembers the importances whose choices came to this cosine, if it is the best; under a target cosine, always, as there
    /// the bytes differ.
    fn keep_best(&self, cosine: f64, best: &mut Option<(f64, Vec<f64>)>) {
        let better =
            best.as_ref().is_none_or(|(before, _)| cosine > *before || self.options.measure == Measure::Cosine);
        if let Some(importances) = self.importances.as_ref().filter(|_| better) {
            *best = Some((cosine, importances.clone()));
        }
    }

    /// Mean cosine between sentence embeddings of the model as it is and with these choices.
    pub(super) fn cosine(
        &self,
        encoder: &Encoder,
        pieces: &[Vec<u32>],
        choices: &[Choice],
    ) -> Result<f64, CompressError> {
        Trial::new(encoder, self.matrices, self.factors, choices)?.cosine(pieces)
    }

    /// What the manifest says of every matrix.
    pub(super) fn records(
        &self,
        choices: &[Choice],
        held_out: Option<&Grams>,
    ) -> Result<Vec<MatrixRecord>, CompressError> {
        let mut records = Vec::with_capacity(choices.len());
        for (number, ((matrix, factors), &choice)) in self.matrices.iter().zip(self.factors).zip(choices).enumerate() {
            check_interrupt()?;
            let Matrix { name, rows, columns, .. } = matrix;
            let gram = held_out.zip(matrix.map).and_then(|(grams, map)| grams.of(map));
            let (rank, predicted_error, held_out_error) = match choice {
                Choice::Dense => (None, 0.0, gram.map(|_| 0.0)),
                Choice::Rank(rank) => {
                    let error = match gram {
                        None => None,
                        Some(gram) => {
                            let dense = matrix.read(self.checkpoint)?;
                            Some(error_on(dense.as_ref(), &factors.pair(rank)?, gram.as_ref()))
                        }
                    };
                    (Some(rank), factors.predicted(rank), error)
                }
            };
            let numbers = rank.map_or(rows * columns, |rank| rank * (rows + columns));
            let method = match (matrix.map, self.options.method) {
                (Some(_), method) => method,
                (None, _) => WeightMethod::TruncatedSvd,
            };
            records.push(MatrixRecord {
                name: name.clone(),
                rows: *rows,
                columns: *columns,
                rank,
                parameters: numbers as u64,
                method,
                predicted_error,
                held_out_error,
                importance: self.importances.as_ref().map(|importances| importances[number]),
            });
        }
        Ok(records)
    }
}

/// The tensors of the new checkpoint, pairs in the places of their matrices.
pub(super) fn planned(checkpoint: &Checkpoint, matrices: &[Matrix], choices: &[Choice]) -> Vec<Stored> {
    let sides = |stored: &Stored| {
        let number = matrices.iter().position(|matrix| matrix.name == stored.name);
        match number.map(|number| (&matrices[number], choices[number])) {
            Some((matrix, Choice::Rank(rank))) => {
                let [left, right] = matrix.sides();
                vec![
                    real_tensor(left, &matrix.dtype, [matrix.rows, rank]),
                    real_tensor(right, &matrix.dtype, [rank, matrix.columns]),
                ]
            }
            _ => vec![stored.clone()],
        }
    };
    checkpoint.tensors().iter().flat_map(sides).collect()
}

/// What the header of the file says of it: `format`, which transformers asks for.
pub(super) fn metadata() -> [(&'static str, String); 1] {
    [("format", "pt".to_owned())]
}
