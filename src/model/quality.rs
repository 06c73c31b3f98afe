//! What a changed model is worth: how far its embeddings lie from the exact ones, and what it costs to hold and to run.

use faer::{Mat, MatRef};

use super::{Attention, Encoder, ModelError};

/// Embeddings of a changed model against those of the exact one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    pub texts: usize,
    /// Mean over the texts of the cosine between the exact and the changed embedding.
    pub mean_cosine: f64,
    /// The least of them.
    pub least_cosine: f64,
    /// Spearman's correlation of the similarities (cosines) of all pairs of texts, exact against changed; `None` where all
    /// similarities of a model are the same, which includes fewer than three texts.
    pub rank_correlation: Option<f64>,
    /// The share of texts whose changed embedding has no other text's exact embedding nearer than its own.
    pub self_retrieval: f64,
}

/// What a model takes for texts of a certain length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelCost {
    /// Numbers stored: matrices or pairs, biases, norms, embeddings.
    pub parameters: usize,
    /// Their bytes in f32.
    pub bytes: usize,
    /// Flops per token, attention included: of products and biases. The exponentials, the GELU and the norms, some 30
    /// operations a number, are not in it.
    pub flops_per_token: f64,
}

impl Quality {
    /// Compares embeddings, one column per text.
    ///
    /// # Errors
    /// There are no texts, the shapes differ, or an entry is not finite.
    pub fn measure(exact: MatRef<'_, f32>, changed: MatRef<'_, f32>) -> Result<Self, ModelError> {
        let refused = |problem: String| Err(ModelError::Request(problem));
        if exact.shape() != changed.shape() {
            let (exact, changed) = (exact.shape(), changed.shape());
            return refused(format!("embeddings of the shapes {exact:?} and {changed:?} cannot be compared"));
        }
        let texts = exact.ncols();
        if texts == 0 {
            return refused("there are no texts to compare embeddings of".to_owned());
        }
        for (model, embeddings) in [("exact", exact), ("changed", changed)] {
            if let Some((_, text)) = crate::linalg::first_non_finite(embeddings) {
                return refused(format!("the {model} embedding of text {text} is not finite"));
            }
        }
        let (exact, changed) = (normalized(exact), normalized(changed));
        // Exact × changed: the column of a text has its similarities with all exact embeddings.
        let across = exact.transpose() * &changed;
        let own = (0..texts).map(|text| across[(text, text)]);
        let retrieved = (0..texts).filter(|&text| {
            let nearest = across.col(text).iter().copied().fold(f64::NEG_INFINITY, f64::max);
            across[(text, text)] >= nearest
        });
        Ok(Self {
            texts,
            mean_cosine: own.clone().sum::<f64>() / texts as f64,
            least_cosine: own.fold(f64::INFINITY, f64::min),
            rank_correlation: spearman(&pairwise(&exact), &pairwise(&changed)),
            self_retrieval: retrieved.count() as f64 / texts as f64,
        })
    }
}

impl Encoder {
    /// What it takes to hold, and per token to run on texts of `tokens` tokens.
    #[must_use]
    pub fn cost(&self, tokens: usize) -> ModelCost {
        let weights = self.weights();
        let embeddings = &weights.embeddings;
        let norm = |norm: &super::LayerNorm| norm.scale.len() + norm.shift.len();
        let tables = [&embeddings.positions, &embeddings.types].map(|table| table.nrows() * table.ncols());
        let linears: usize = self.linears().map(|(_, linear)| linear.parameters()).sum();
        let norms: usize =
            weights.layers.iter().map(|layer| norm(&layer.attention_norm) + norm(&layer.output_norm)).sum();
        let parameters =
            embeddings.words.parameters() + tables.iter().sum::<usize>() + norm(&embeddings.norm) + linears + norms;
        // Of a pair of embeddings, one row times the right factor.
        let lookup = embeddings.words.rank().map_or(0, |rank| 2 * (rank * self.config().hidden_size) as u64);
        let per_token = lookup + self.linears().map(|(_, linear)| linear.flops()).sum::<u64>();
        let heads = self.config().num_attention_heads as u64;
        let of_layer = |attention: &Attention| heads * attention.flops(tokens, self.config().head_dim());
        let attention: u64 = self.attention().iter().map(of_layer).sum();
        let flops_per_token = per_token as f64 + attention as f64 / tokens.max(1) as f64;
        ModelCost { parameters, bytes: parameters * size_of::<f32>(), flops_per_token }
    }
}

/// Columns in f64, scaled to length 1 (0 stays 0).
fn normalized(embeddings: MatRef<'_, f32>) -> Mat<f64> {
    let mut normalized = crate::linalg::to_f64(embeddings);
    for text in 0..normalized.ncols() {
        let entries = normalized.col_as_slice_mut(text);
        let length = entries.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
        if length > 0.0 {
            entries.iter_mut().for_each(|entry| *entry /= length);
        }
    }
    normalized
}

/// The similarities of all pairs of different texts.
fn pairwise(normalized: &Mat<f64>) -> Vec<f64> {
    let similarities = normalized.transpose() * normalized;
    (0..normalized.ncols()).flat_map(|j| (0..j).map(move |i| (i, j))).map(|pair| similarities[pair]).collect()
}

/// Spearman's rank correlation: the correlation of the ranks, equal values sharing the mean of theirs. `None` where one side
/// has all its values equal (or has none).
#[must_use]
pub fn spearman(first: &[f64], second: &[f64]) -> Option<f64> {
    let centered = |values: &[f64]| -> Vec<f64> {
        let mean = (values.len() as f64 + 1.0) / 2.0;
        ranks(values).into_iter().map(|rank| rank - mean).collect()
    };
    let (first, second) = (centered(first), centered(second));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale = (dot(&first, &first) * dot(&second, &second)).sqrt();
    (scale > 0.0).then(|| dot(&first, &second) / scale)
}

/// From 1 on, in ascending order; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut next = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = next as f64 + (equal.len() as f64 + 1.0) / 2.0;
        equal.iter().for_each(|&place| ranks[place] = mean);
        next += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_by_hand_with_ties() {
        // Ranks 1, 2.5, 2.5, 4 and 2, 1, 3.5, 3.5, all less 2.5: products 0.75 + 0 + 0 + 1.5, squares 4.5 and 4.5.
        let found = spearman(&[10.0, 20.0, 20.0, 30.0], &[0.5, 0.1, 0.9, 0.9]).unwrap();
        assert!((found - 0.5).abs() < 1e-15, "{found}");
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[7.0, 8.0, 80.0]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 0.0, -1.0]), Some(-1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    #[test]
    fn quality_of_a_case_worked_by_hand() {
        // Three texts in the plane; the third has turned onto the second.
        let exact = Mat::from_fn(2, 3, |i, j| [[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]][j][i]);
        let changed = Mat::from_fn(2, 3, |i, j| [[3.0, 0.0], [0.0, 1.0], [0.0, 1.0]][j][i]);
        let quality = Quality::measure(exact.as_ref(), changed.as_ref()).unwrap();
        assert!((quality.mean_cosine - (2.0 + 0.5f64.sqrt()) / 3.0).abs() < 1e-12);
        assert!((quality.least_cosine - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(quality.self_retrieval, 2.0 / 3.0);
        // Similarities 0, √½, √½ against 0, 0, 1: ranks 1, 2.5, 2.5 and 1.5, 1.5, 3.
        assert!((quality.rank_correlation.unwrap() - 0.5).abs() < 1e-12, "{quality:?}");
        let same = Quality::measure(exact.as_ref(), exact.as_ref()).unwrap();
        assert_eq!((same.texts, same.self_retrieval, same.rank_correlation), (3, 1.0, Some(1.0)));
    }

    #[test]
    fn embeddings_that_cannot_be_compared_are_refused() {
        let refused = |exact: &Mat<f32>, changed: &Mat<f32>| {
            Quality::measure(exact.as_ref(), changed.as_ref()).expect_err("nonsense was measured").to_string()
        };
        let good = Mat::from_fn(2, 3, |i, j| (i + j) as f32);
        let mut bad = good.clone();
        bad[(1, 2)] = f32::NAN;
        assert_eq!(refused(&good, &bad), "the changed embedding of text 2 is not finite");
        assert_eq!(refused(&good, &Mat::zeros(2, 4)), "embeddings of the shapes (2, 3) and (2, 4) cannot be compared");
        assert_eq!(refused(&Mat::zeros(2, 0), &Mat::zeros(2, 0)), "there are no texts to compare embeddings of");
    }
}
