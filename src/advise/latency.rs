//! Up to which rank y = U(Vx) takes less than y = Wx on this machine, where the intervals of the times tell.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use serde::Serialize;

use crate::{
    linalg::gaussian::gaussian,
    low_rank::LowRank,
    metric::break_even_rank,
    random::{generator, named_seed},
    run::latency::{Time, times},
};

/// Columns of x: one token as in generation, a sentence, a batch of them.
const BATCHES: [usize; 3] = [1, 16, 128];
/// Ranks measured, as shares of the break-even rank in storage.
const SHARES: [f64; 7] = [0.125, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5];

/// Times for x of so many columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Batch {
    pub batch: usize,
    /// Of y = Wx.
    pub dense: Time,
    /// Of pairs, by rank, ascending.
    pub pairs: Vec<TimedRank>,
    /// The largest measured rank up to which every pair is faster; null if the smallest is not, or that cannot be told.
    pub faster_up_to: Option<usize>,
    /// The smallest measured rank from which on every pair is slower; null if the largest is not, or that cannot be told.
    pub slower_from: Option<usize>,
}

/// The time of y = U(Vx) at one rank. It depends on the rank alone, so U and V are random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimedRank {
    pub rank: usize,
    #[serde(flatten)]
    pub time: Time,
}

impl Batch {
    fn new(batch: usize, dense: Time, pairs: Vec<TimedRank>) -> Self {
        let is_faster = |pair: &&TimedRank| pair.time.is_less_than(&dense) == Some(true);
        let is_slower = |pair: &&TimedRank| pair.time.is_less_than(&dense) == Some(false);
        let faster_up_to = pairs.iter().take_while(is_faster).last().map(|pair| pair.rank);
        let slower_from = pairs.iter().rev().take_while(is_slower).last().map(|pair| pair.rank);
        Self { batch, dense, pairs, faster_up_to, slower_from }
    }

    /// Whether a pair of a measured rank is faster than the matrix; `None` if that cannot be told.
    #[must_use]
    pub fn is_faster_at(&self, rank: usize) -> Option<bool> {
        self.pairs.iter().find(|pair| pair.rank == rank)?.time.is_less_than(&self.dense)
    }
}

/// At ranks around break-even in storage, and at the rank that is asked about; `None` if the user stopped it.
pub(super) fn measure(matrix: MatRef<'_, f32>, asked: usize) -> Option<Vec<Batch>> {
    let (rows, columns) = matrix.shape();
    let mut rng = generator(named_seed(0, &["advise", "latency"]));
    let even = break_even_rank(rows, columns);
    let mut ranks = SHARES.map(|share| ((share * even as f64).round() as usize).clamp(1, rows.min(columns))).to_vec();
    ranks.push(asked.clamp(1, rows.min(columns)));
    ranks.sort_unstable();
    ranks.dedup();
    let pair = |rank: usize, rng: &mut _| LowRank::new(gaussian(rows, rank, rng), gaussian(rank, columns, rng));
    let pairs: Vec<LowRank<f32>> = ranks.iter().map(|&rank| pair(rank, &mut rng)).collect();
    BATCHES
        .iter()
        .map(|&batch| {
            let input: Mat<f32> = gaussian(columns, batch, &mut rng);
            let mut output = Mat::zeros(rows, batch);
            let dense: Box<dyn FnMut() + '_> =
                Box::new(|| matmul(&mut output, Accum::Replace, matrix, &input, 1.0, Par::Seq));
            let factored = pairs.iter().zip(&ranks).map(|(pair, &rank)| -> Box<dyn FnMut() + '_> {
                let (mut inner, mut output) = (Mat::zeros(rank, batch), Mat::zeros(rows, batch));
                let input = &input;
                Box::new(move || {
                    matmul(&mut inner, Accum::Replace, &pair.right, input, 1.0, Par::Seq);
                    matmul(&mut output, Accum::Replace, &pair.left, &inner, 1.0, Par::Seq);
                })
            });
            let mut pieces: Vec<_> = [dense].into_iter().chain(factored).collect();
            let times = times(&mut pieces)?;
            drop(pieces);
            let pairs = ranks.iter().zip(&times[1..]).map(|(&rank, &time)| TimedRank { rank, time }).collect();
            Some(Batch::new(batch, times[0], pairs))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lucky_run_at_a_high_rank_makes_no_pair_faster() {
        let around = |seconds: f64| Time { seconds, low: 0.9 * seconds, high: 1.1 * seconds };
        let batch = |times: &[(usize, f64)]| {
            let pairs = times.iter().map(|&(rank, seconds)| TimedRank { rank, time: around(seconds) }).collect();
            Batch::new(1, around(3.0), pairs)
        };
        let told = |batch: &Batch| (batch.faster_up_to, batch.slower_from);
        assert_eq!(told(&batch(&[(10, 1.0), (20, 2.0), (40, 4.0)])), (Some(20), Some(40)));
        // The largest is fast again: neither is it slower from some rank on, nor are all up to it faster.
        let lucky = batch(&[(10, 1.0), (20, 4.0), (40, 2.0)]);
        assert_eq!(
            (told(&lucky), lucky.is_faster_at(40), lucky.is_faster_at(20)),
            ((Some(10), None), Some(true), Some(false))
        );
        let close = batch(&[(10, 2.9), (20, 3.0), (40, 3.1)]);
        assert_eq!((told(&close), close.is_faster_at(10)), ((None, None), None));
    }

    #[test]
    fn every_batch_is_measured_against_the_same_ranks() {
        let matrix = gaussian::<f32>(40, 60, &mut generator(1));
        let batches = measure(matrix.as_ref(), 7).unwrap();
        assert_eq!(batches.iter().map(|batch| batch.batch).collect::<Vec<_>>(), BATCHES);
        for batch in batches {
            assert_eq!(batch.pairs.iter().map(|pair| pair.rank).collect::<Vec<_>>(), [3, 6, 7, 12, 18, 24, 30, 36]);
            assert!(batch.dense.low > 0.0 && batch.pairs.iter().all(|pair| pair.time.low <= pair.time.high));
        }
    }
}
