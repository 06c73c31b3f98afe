//! In what coordinates errors of the word embeddings are alike.
//!
//! Nothing goes through the word embeddings; texts take rows of them, and a row e goes into the norm of e + position + type,
//! x ↦ γ ∘ (x − mean)/σ + β. An error δ of e comes out as γ ∘ (δ − mean)/σ, to first order and but for its part along x. So the
//! expected squared error behind the norm, Σ f_w ‖γ ∘ (δ_w − mean)‖²/σ_w² over words of frequency f_w, is that of D·W·S with
//! D = diag(√f_w/σ_w) and S·Sᵀ = (I − 11ᵀ/n)·diag(γ²)·(I − 11ᵀ/n), and the best pair a truncated SVD in these coordinates. Weights
//! by frequency: Chen, Si, Li, Chelba & Hsieh 2018, "GroupReduce".
//!
//! Frequencies are those of the calibration text; words that it lacks share the mass that Good's estimate (1953, "The population
//! frequencies of species and the estimation of population parameters") has for them, the share of its words that occur once.
//!
//! Breaks: a text of another kind has other frequent words.

use faer::{Mat, Par};

use super::{CompressError, factors::failed};
use crate::{
    linalg::{
        weighted_svd::Coordinates,
        whitening::{FLOOR, Whitening},
    },
    model::{Embeddings, Encoder},
};

/// D and S.
pub(super) struct Words {
    rows: Vec<f64>,
    columns: Whitening,
}

impl Words {
    pub(super) fn measure(encoder: &Encoder, pieces: &[Vec<u32>]) -> Result<Self, CompressError> {
        let embeddings = &encoder.weights().embeddings;
        let words = embeddings.words.to_dense();
        let frequencies = frequencies(pieces, words.ncols());
        let length = pieces.iter().map(Vec::len).max().unwrap_or(1);
        let added = mean_addition(embeddings, length);
        let rows = words.col_iter().zip(frequencies).map(|(word, frequency)| {
            let entries: Vec<f64> = word.iter().zip(&added).map(|(&entry, added)| f64::from(entry) + added).collect();
            let mean = entries.iter().sum::<f64>() / entries.len() as f64;
            let variance = entries.iter().map(|entry| (entry - mean).powi(2)).sum::<f64>() / entries.len() as f64;
            (frequency / (variance + encoder.config().layer_norm_eps)).sqrt()
        });
        let gram = norm_gram(&embeddings.norm.scale);
        let columns = Whitening::of_gram(gram.as_ref(), FLOOR, Par::rayon(0))
            .map_err(|source| failed("the norm of the embeddings", source))?;
        Ok(Self { rows: rows.collect(), columns })
    }

    pub(super) fn coordinates(&self) -> Coordinates<'_> {
        Coordinates { rows: Some(&self.rows), columns: Some(&self.columns) }
    }
}

/// Of every word, seen or not; they sum to 1.
fn frequencies(pieces: &[Vec<u32>], vocabulary: usize) -> Vec<f64> {
    let mut counts = vec![0_usize; vocabulary];
    pieces.iter().flatten().for_each(|&id| counts[id as usize] += 1);
    let total = counts.iter().sum::<usize>() as f64;
    let having = |wanted: usize| counts.iter().filter(|&&count| count == wanted).count() as f64;
    let (unseen, once) = (having(0), having(1));
    // No word that never came weighs more than one that came once, and none weighs nothing: a row of weight 0 could not be
    // divided out again.
    let new = (once.max(1.0) / (total + 1.0)).min(unseen / (unseen + total));
    let weight = |&count: &usize| match count {
        0 => new / unseen,
        count => (1.0 - new) * count as f64 / total,
    };
    counts.iter().map(weight).collect()
}

/// What is added to a word on the average: its type and its position, of the first `length` ones.
fn mean_addition(embeddings: &Embeddings, length: usize) -> Vec<f64> {
    let length = length.min(embeddings.positions.ncols());
    let position = |row: usize| {
        (0..length).map(|position| f64::from(embeddings.positions[(row, position)])).sum::<f64>() / length as f64
    };
    (0..embeddings.positions.nrows()).map(|row| position(row) + f64::from(embeddings.types[(row, 0)])).collect()
}

/// (I − 11ᵀ/n)·diag(γ²)·(I − 11ᵀ/n).
fn norm_gram(scale: &[f32]) -> Mat<f64> {
    let n = scale.len() as f64;
    let squares: Vec<f64> = scale.iter().map(|&scale| f64::from(scale).powi(2)).collect();
    let mean = squares.iter().sum::<f64>() / n;
    Mat::from_fn(scale.len(), scale.len(), |i, j| {
        let own = if i == j { squares[i] } else { 0.0 };
        own - (squares[i] + squares[j] - mean) / n
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use faer::MatRef;

    use super::*;

    fn tiny() -> Encoder {
        Encoder::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert"))).unwrap()
    }

    #[test]
    fn frequencies_sum_to_one_and_what_is_new_has_the_share_of_what_came_once() {
        // Of ten words, three came once.
        let found = frequencies(&[vec![0, 0, 0, 1, 1, 2], vec![0, 0, 3, 4]], 40);
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((found[5..].iter().sum::<f64>() - 3.0 / 11.0).abs() < 1e-12 && found[5] == found[39]);
        assert!((found[0] / found[2] - 5.0).abs() < 1e-12 && found[2] > found[5]);
        // A text without repetition knows nothing of frequencies; words that all came leave none unseen; nor has no text any.
        for (pieces, vocabulary) in [(vec![vec![0, 1, 2]], 8), (vec![vec![0, 1]], 2), (vec![], 4)] {
            let found = frequencies(&pieces, vocabulary);
            assert!(found.iter().all(|&frequency| (frequency - 1.0 / vocabulary as f64).abs() < 1e-12), "{found:?}");
        }
    }

    /// The mean squared error behind the norm, over the words of some pieces.
    fn error(encoder: &Encoder, pieces: &[Vec<u32>], pair: &crate::low_rank::LowRank<f64>) -> f64 {
        let embeddings = &encoder.weights().embeddings;
        let (words, added) = (embeddings.words.to_dense(), mean_addition(embeddings, 8));
        let normed = |word: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let entries: Vec<f64> = added.iter().enumerate().map(|(row, added)| word(row) + added).collect();
            let mean = entries.iter().sum::<f64>() / entries.len() as f64;
            let variance = entries.iter().map(|entry| (entry - mean).powi(2)).sum::<f64>() / entries.len() as f64;
            let scale = &embeddings.norm.scale;
            entries
                .iter()
                .zip(scale)
                .map(|(entry, &scale)| f64::from(scale) * (entry - mean) / variance.sqrt())
                .collect()
        };
        let dense = pair.to_dense(Par::Seq);
        let of_word = |&id: &u32| -> f64 {
            let exact = normed(&|row| f64::from(words[(row, id as usize)]));
            let changed = normed(&|row| dense[(id as usize, row)]);
            exact.iter().zip(changed).map(|(exact, changed)| (exact - changed).powi(2)).sum()
        };
        pieces.iter().flatten().map(of_word).sum()
    }

    #[test]
    fn the_error_behind_the_norm_is_less_than_that_of_the_plain_pair_at_every_rank() {
        let encoder = tiny();
        // A few words make most of the text.
        let pieces: Vec<Vec<u32>> =
            (0..40).map(|piece: u32| (0..8).map(|at| (piece * at * at) % 23).collect()).collect();
        let words = Words::measure(&encoder, &pieces).unwrap();
        let dense = crate::linalg::to_f64(encoder.weights().embeddings.words.to_dense().transpose());
        let matrix: MatRef<'_, f64> = dense.as_ref();
        let (weighted, plain) = (
            words.coordinates().decompose(matrix, Par::rayon(0)).unwrap(),
            Coordinates::default().decompose(matrix, Par::rayon(0)).unwrap(),
        );
        for rank in [2, 5, 8, 12] {
            let [weighted, plain] = [&weighted, &plain].map(|found| error(&encoder, &pieces, &found.pair(rank)));
            assert!(weighted < plain, "rank {rank}: {weighted} against {plain}");
        }
    }
}
