//! From which rank on y = U(Vx) takes longer than y = Wx on this machine.

use faer::{Accum, Mat, MatRef, Par, linalg::matmul::matmul};
use serde::Serialize;

use crate::{
    linalg::gaussian::gaussian,
    low_rank::LowRank,
    metric::break_even_rank,
    random::{generator, named_seed},
    run::latency::medians,
};

/// Columns of x: one token as in generation, a sentence, a batch of them.
const BATCHES: [usize; 3] = [1, 16, 128];
/// Ranks measured, as shares of the break-even rank in storage.
const SHARES: [f64; 7] = [0.125, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5];

/// Times for x of so many columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Batch {
    pub batch: usize,
    /// Median time of y = Wx.
    pub dense_seconds: f64,
    pub pairs: Vec<TimedRank>,
    /// The rank from which the pair takes longer, between two measured ones by straight lines; 0 if it does from the first on,
    /// null if it never does.
    pub break_even_rank: Option<usize>,
}

/// The median time of y = U(Vx) at one rank. It depends on the rank alone, so U and V are random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimedRank {
    pub rank: usize,
    pub seconds: f64,
}

/// `None` if the user stopped it.
pub(super) fn measure(matrix: MatRef<'_, f32>) -> Option<Vec<Batch>> {
    let (rows, columns) = matrix.shape();
    let mut rng = generator(named_seed(0, &["advise", "latency"]));
    let even = break_even_rank(rows, columns);
    let mut ranks = SHARES.map(|share| ((share * even as f64).round() as usize).clamp(1, rows.min(columns))).to_vec();
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
            let medians = medians(&mut pieces)?;
            drop(pieces);
            let pairs: Vec<TimedRank> =
                ranks.iter().zip(&medians[1..]).map(|(&rank, &seconds)| TimedRank { rank, seconds }).collect();
            Some(Batch { batch, dense_seconds: medians[0], break_even_rank: crossing(medians[0], &pairs), pairs })
        })
        .collect()
}

/// Where the pairs' times come to that of the matrix and stay above it.
fn crossing(dense: f64, pairs: &[TimedRank]) -> Option<usize> {
    let fast = pairs.iter().rposition(|pair| pair.seconds <= dense);
    let Some(fast) = fast else { return Some(0) };
    let (below, above) = (pairs[fast], pairs.get(fast + 1)?);
    let share = (dense - below.seconds) / (above.seconds - below.seconds);
    Some(below.rank + (share * (above.rank - below.rank) as f64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crossing_lies_between_the_last_faster_rank_and_the_next() {
        let pairs = [(10, 1.0), (20, 2.0), (40, 4.0)].map(|(rank, seconds)| TimedRank { rank, seconds });
        assert_eq!(crossing(3.0, &pairs), Some(30));
        assert_eq!(crossing(0.5, &pairs), Some(0));
        assert_eq!(crossing(4.0, &pairs), None);
        // A dip below after a rise above: the last crossing counts.
        let dip = [(10, 3.0), (20, 1.0), (40, 3.0)].map(|(rank, seconds)| TimedRank { rank, seconds });
        assert_eq!(crossing(2.0, &dip), Some(30));
    }

    #[test]
    fn every_batch_is_measured_against_the_same_ranks() {
        let matrix = gaussian::<f32>(40, 60, &mut generator(1));
        let batches = measure(matrix.as_ref()).unwrap();
        assert_eq!(batches.iter().map(|batch| batch.batch).collect::<Vec<_>>(), BATCHES);
        for batch in batches {
            assert_eq!(batch.pairs.iter().map(|pair| pair.rank).collect::<Vec<_>>(), [3, 6, 12, 18, 24, 30, 36]);
            assert!(batch.dense_seconds > 0.0 && batch.pairs.iter().all(|pair| pair.seconds > 0.0));
        }
    }
}
