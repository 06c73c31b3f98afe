//! From a budget to a rank for every matrix.

use faer::Par;

use super::{
    CompressError, CompressOptions, MatrixRecord, Measure, WeightMethod,
    allocation::{Allocation, Candidate, Choice, allocate, least_cost, total_cost},
    calibration::Pieces,
    check_interrupt,
    factors::{Factors, error_on, failed},
    importance::{Damage, changed, rounded},
    matrices::Matrix,
    refit::{Place, refit},
    words::Words,
};
use crate::{
    low_rank::LowRank,
    model::{Encoder, Grams, Role},
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

/// A model whose ranks are chosen.
pub(super) struct Fitted {
    pub(super) model: Encoder,
    /// The pairs that were fitted once more, by the numbers of their matrices.
    pub(super) pairs: Vec<(usize, LowRank<f64>)>,
}

/// Halvings of the budget in search of a cosine: to a thousandth.
const HALVINGS: usize = 10;
/// By how much importances of a group are raised or lowered, in turn.
const STEPS: [f64; 2] = [2.0, 1.5];

impl Search<'_> {
    /// The choices, and what share (or cosine) they come to.
    pub(super) fn choose(
        &self,
        encoder: Option<&Encoder>,
        pieces: Option<&Pieces>,
        say: &mut dyn FnMut(&str),
    ) -> Result<(Vec<Choice>, f64), CompressError> {
        match (self.options.measure, encoder, pieces) {
            (Measure::Cosine, Some(encoder), Some(pieces)) => self.least_bytes(encoder, pieces, say),
            (measure, ..) => {
                let choices = self.within(measure, self.options.budget, self.options.allocation)?;
                let reached = self.share(measure, &choices)?;
                Ok((choices, reached))
            }
        }
    }

    /// The smallest share of bytes that keeps the cosine that was asked for, by bisection; all the matrices whole if none does.
    fn least_bytes(
        &self,
        encoder: &Encoder,
        pieces: &Pieces,
        say: &mut dyn FnMut(&str),
    ) -> Result<(Vec<Choice>, f64), CompressError> {
        let damage = Damage::whole(encoder, &pieces.held_out)?;
        let (mut low, mut high) = (0.0, 1.0);
        let mut best = (vec![Choice::Dense; self.matrices.len()], 1.0);
        for _ in 0..HALVINGS {
            let share = f64::midpoint(low, high);
            let keeps = match self.within(Measure::Bytes, share, self.options.allocation) {
                Ok(choices) => {
                    let cosine = damage.cosine(&self.fitted(encoder, pieces, &choices, say)?.model)?;
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
        let Some(mut choices) = budget.checked_sub(fixed).and_then(|left| allocate(&candidates, left, by)) else {
            return Err(CompressError::Request(format!(
                "a share of {share:?} is less than what rank 1 everywhere takes; the least here is {:.4}",
                (self.least(measure)? * 1e4).ceil() / 1e4
            )));
        };
        // What is left whole has a shorter header than a pair: with what that saves, once more, while it fits.
        for _ in 0..HALVINGS {
            let spent = total_cost(&candidates, &choices);
            let fixed = self.spent(measure, &choices) - spent;
            let again = budget.checked_sub(fixed).and_then(|left| allocate(&candidates, left, by));
            match again.filter(|again| self.spent(measure, again) <= budget && total_cost(&candidates, again) > spent) {
                Some(again) => choices = again,
                None => break,
            }
        }
        Ok(choices)
    }

    /// The least share there is.
    fn least(&self, measure: Measure) -> Result<f64, CompressError> {
        let least = self.fixed(measure) + least_cost(&self.candidates(measure));
        Ok(least as f64 / self.whole(measure)? as f64)
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
        Ok(self.spent(measure, choices) as f64 / self.whole(measure)? as f64)
    }

    fn spent(&self, measure: Measure, choices: &[Choice]) -> u64 {
        match measure {
            Measure::Bytes | Measure::Cosine => self.bytes(choices),
            Measure::Flops => total_cost(&self.candidates(measure), choices),
        }
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

    /// Measures what an error in each matrix alone does, near the ranks of the uniform allocation; then scales what was found,
    /// group by group, as long as the model that comes of it has a better cosine.
    pub(super) fn learn_importances(
        &mut self,
        encoder: &Encoder,
        pieces: &Pieces,
        say: &mut dyn FnMut(&str),
    ) -> Result<(), CompressError> {
        let (measure, share) = match self.options.measure {
            // Where it will end is not known yet: in the middle of what is possible.
            Measure::Cosine => (Measure::Bytes, f64::midpoint(self.least(Measure::Bytes)?, 1.0)),
            measure => (measure, self.options.budget),
        };
        let damage = Damage::sampled(encoder, pieces.choosing())?;
        say("measuring what an error in each matrix does to the output");
        let uniform = self.within(measure, share, Allocation::Uniform)?;
        let probes: Vec<usize> =
            self.matrices.iter().zip(&uniform).map(|(matrix, &choice)| rank_of(matrix, choice)).collect();
        let mut importances = damage.importances(self.matrices, self.factors, &probes)?;
        let tried = |search: &mut Self, importances: &[f64]| -> Result<f64, CompressError> {
            search.importances = Some(importances.to_vec());
            let choices = search.within(measure, share, Allocation::Marginal)?;
            damage.cosine(&changed(encoder, search.matrices, search.factors, &choices)?)
        };
        say("measuring what they do together");
        let mut best = tried(self, &importances)?;
        for step in STEPS {
            for group in self.groups() {
                for factor in [step, 1.0 / step] {
                    let mut scaled = importances.clone();
                    group.iter().for_each(|&number| scaled[number] *= factor);
                    let cosine = tried(self, &scaled)?;
                    if cosine > best {
                        (best, importances) = (cosine, scaled);
                        break;
                    }
                }
            }
        }
        self.importances = Some(importances);
        Ok(())
    }

    /// What stands together: the embeddings (or all there is no linear map for), every layer, every role in all layers.
    fn groups(&self) -> Vec<Vec<usize>> {
        let of = |belongs: &dyn Fn(&Matrix) -> bool| -> Vec<usize> {
            (0..self.matrices.len()).filter(|&number| belongs(&self.matrices[number])).collect()
        };
        let layers = self.matrices.iter().filter_map(|matrix| matrix.map).map(|map| map.layer + 1).max().unwrap_or(0);
        let tables = of(&|matrix| matrix.map.is_none());
        let roles = Role::ALL.map(|role| of(&|matrix| matrix.map.is_some_and(|map| map.role == role)));
        let layers = (0..layers).map(|layer| of(&|matrix| matrix.map.is_some_and(|map| map.layer == layer)));
        [tables].into_iter().chain(roles).chain(layers).filter(|group| !group.is_empty()).collect()
    }

    /// The model with these choices, its pairs fitted to the whole calibration text where that says how.
    pub(super) fn fitted(
        &self,
        encoder: &Encoder,
        pieces: &Pieces,
        choices: &[Choice],
        say: &mut dyn FnMut(&str),
    ) -> Result<Fitted, CompressError> {
        let mut changed = changed(encoder, self.matrices, self.factors, choices)?;
        if self.options.method == WeightMethod::TruncatedSvd {
            return Ok(Fitted { model: changed, pairs: Vec::new() });
        }
        let mut fitted = Vec::new();
        let mut places = Vec::new();
        for (number, (matrix, &choice)) in self.matrices.iter().zip(choices).enumerate() {
            match (choice, matrix.map) {
                (Choice::Dense, _) => {}
                (Choice::Rank(rank), Some(map)) => {
                    places.push((number, Place { map, name: matrix.name.clone(), rank }))
                }
                (Choice::Rank(rank), None) => {
                    let words = Words::measure(encoder, &pieces.calibration)?;
                    let decomposed =
                        words.coordinates().decompose(matrix.read(self.checkpoint)?.as_ref(), Par::rayon(0));
                    let pair = decomposed.map_err(|source| failed(&matrix.name, source))?.pair(rank);
                    changed.replace(&matrix.name, rounded(&pair))?;
                    fitted.push((number, pair));
                }
            }
        }
        let (numbers, places): (Vec<usize>, Vec<Place>) = places.into_iter().unzip();
        let pairs = refit(encoder, &mut changed, &pieces.calibration, &places, say)?;
        fitted.extend(numbers.into_iter().zip(pairs));
        Ok(Fitted { model: changed, pairs: fitted })
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
            records.push(MatrixRecord {
                name: name.clone(),
                rows: *rows,
                columns: *columns,
                rank,
                parameters: numbers as u64,
                method: self.options.method,
                predicted_error,
                held_out_error,
                importance: self.importances.as_ref().map(|importances| importances[number]),
            });
        }
        Ok(records)
    }
}

/// The rank of a choice; of a matrix that is left whole, the largest that pays.
fn rank_of(matrix: &Matrix, choice: Choice) -> usize {
    match choice {
        Choice::Rank(rank) => rank,
        Choice::Dense => matrix.most(),
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
