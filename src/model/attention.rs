//! The attention of one layer: exact, or by any of the program's methods.

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use pulp::{Simd, WithSimd};

use super::{
    ModelError,
    activation::{entries, largest, sum},
    linear::matrix_in,
};
use crate::{
    approximant::Operator,
    linalg::{Head, exponential::Exponential, transposed},
    method::{Draw, MethodSpec},
    problem::{Outline, Problem, Structure, StructureKind},
    random::{generator, named_seed},
};

/// How the heads of a layer attend.
#[derive(Debug, Clone, Default)]
pub enum Attention {
    /// V softmax(KᵀQ/√head_dim), as the model was trained.
    #[default]
    Exact,
    /// What a method makes of the same matrix.
    Method {
        method: MethodSpec,
        /// k; of a text with fewer tokens, as many as it has.
        target_rank: usize,
        /// Of the draws of a random method: each head of each layer has its own, and keeps it from text to text.
        seed: u64,
    },
}

impl Attention {
    /// Flops on one text of `tokens` tokens, of one head: products alone, as elsewhere.
    pub(super) fn flops(&self, tokens: usize, head_dim: usize) -> u64 {
        let (n, d) = (tokens as u64, head_dim as u64);
        let Self::Method { method, target_rank, .. } = self else { return 4 * n * n * d };
        let (outline, rank) = (outline(tokens, head_dim), (*target_rank).min(tokens));
        let formation = if method.traits().needs_matrix { 2 * n * n * d } else { 0 };
        formation + method.forecast(outline, rank).flops + method.forecast_product(outline, rank)
    }
}

fn outline(tokens: usize, head_dim: usize) -> Outline {
    let structure = StructureKind::Attention { causal: false, head_dim };
    Outline { rows: tokens, columns: tokens, value_columns: head_dim, structure }
}

/// Queries, keys and values of one text in all heads of one layer, hidden × tokens, without their biases.
#[derive(Clone, Copy)]
pub(super) struct Projected<'a> {
    pub(super) parts: [MatRef<'a, f32>; 3],
    pub(super) biases: [&'a [f32]; 3],
    pub(super) head_dim: usize,
    pub(super) layer: usize,
}

impl Projected<'_> {
    /// Writes what every head gives, one under the other: hidden × tokens.
    pub(super) fn attend(
        &self,
        attention: &Attention,
        mut context: MatMut<'_, f32>,
        scratch: &mut Vec<f32>,
    ) -> Result<(), ModelError> {
        let heads = context.nrows() / self.head_dim;
        for head in 0..heads {
            let context = context.as_mut().subrows_mut(head * self.head_dim, self.head_dim);
            match attention {
                Attention::Exact => self.exact(head, context, scratch),
                Attention::Method { method, target_rank, seed } => {
                    self.by_method(head, method, *target_rank, *seed, context)?;
                }
            }
        }
        Ok(())
    }

    /// One part of one head with its bias, head_dim × tokens.
    fn part(&self, part: usize, head: usize) -> Mat<f32> {
        let first = head * self.head_dim;
        let (rows, bias) = (self.parts[part].subrows(first, self.head_dim), &self.biases[part][first..]);
        let mut owned = rows.to_owned();
        for column in 0..owned.ncols() {
            owned.col_as_slice_mut(column).iter_mut().zip(bias).for_each(|(entry, bias)| *entry += bias);
        }
        owned
    }

    fn exact(&self, head: usize, mut context: MatMut<'_, f32>, scratch: &mut Vec<f32>) {
        // Logits that wait in the second cache while they become weights.
        const WAITING: usize = 1 << 16;
        let [query, key, value] = [0, 1, 2].map(|part| self.part(part, head));
        let tokens = key.ncols();
        let scale = 1.0 / (self.head_dim as f32).sqrt();
        let together = (WAITING / tokens).clamp(16, tokens.max(16));
        let keys = transposed(key.as_ref());
        // Keys × queries: what one query attends to lies in one column.
        let mut weights = matrix_in(scratch, tokens, together.min(tokens));
        let mut sums = vec![0.0; together];
        for first in (0..tokens).step_by(together) {
            let count = together.min(tokens - first);
            let mut weights = weights.as_mut().subcols_mut(0, count);
            matmul(weights.as_mut(), Accum::Replace, &keys, query.subcols(first, count), scale, Par::Seq);
            pulp::Arch::new().dispatch(Exponentials { scores: weights.as_mut(), sums: &mut sums[..count] });
            let mut context = context.as_mut().subcols_mut(first, count);
            matmul(context.as_mut(), Accum::Replace, &value, weights.as_ref(), 1.0, Par::Seq);
            for (column, sum) in sums[..count].iter().enumerate() {
                let inverse = sum.recip() as f32;
                entries(&mut context, column).iter_mut().for_each(|entry| *entry *= inverse);
            }
        }
    }

    fn by_method(
        &self,
        head: usize,
        method: &MethodSpec,
        target_rank: usize,
        seed: u64,
        mut context: MatMut<'_, f32>,
    ) -> Result<(), ModelError> {
        let layer = self.layer;
        let problem =
            |problem: String| ModelError::Request(format!("layer {layer}, head {head}: {}: {problem}", method.kind()));
        let [queries, keys, values] = [0, 1, 2].map(|part| transposed(self.part(part, head).as_ref()));
        let tokens = keys.nrows();
        let target_rank = target_rank.min(tokens);
        if let Some(refusal) = method.refuses(outline(tokens, self.head_dim), target_rank) {
            return Err(problem(refusal));
        }
        let scale = 1.0 / (self.head_dim as f64).sqrt();
        let structure = Structure::Attention(Head { queries, keys, scale, causal: false });
        let matrix = Problem { formed: None, structure, values, prescribed_singular_values: None };
        let names = ["attention".to_owned(), format!("layer{layer}"), format!("head{head}")];
        let mut rng = generator(named_seed(seed, &[&names[0], &names[1], &names[2]]));
        let draw = Draw { target_rank, rng: &mut rng, parallelism: Par::Seq };
        let factors = method.factor(&matrix, draw).map_err(|error| problem(error.to_string()))?.factors;
        context.copy_from(factors.apply(matrix.values.as_ref(), Par::Seq).transpose());
        Ok(())
    }
}

/// Replaces every column of scores by the exponentials of the scores less the largest, and gives their sums.
struct Exponentials<'a> {
    scores: MatMut<'a, f32>,
    sums: &'a mut [f64],
}

impl WithSimd for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        for column in 0..self.scores.ncols() {
            let scores = entries(&mut self.scores, column);
            let largest = largest(scores);
            for score in &mut *scores {
                *score = (*score - largest).fused_exp_of_nonpositive();
            }
            self.sums[column] = sum(scores, |weight| weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_keeps_the_whole_matrix_costs_at_least_what_exact_attention_does() {
        let flops = |kind: &str| {
            let method = MethodSpec::from_parameters(kind, serde_json::Map::new()).unwrap().unwrap();
            Attention::Method { method, target_rank: 4, seed: 0 }.flops(64, 8)
        };
        let exact = Attention::Exact.flops(64, 8);
        assert_eq!(exact, 4 * 64 * 64 * 8);
        assert!(flops("dense") >= exact && flops("exact_attention") >= exact, "{} of {exact}", flops("dense"));
        // Four entries in each of 64 rows, times 8 columns.
        assert!(flops("top_k") < exact);
    }

    #[test]
    fn the_softmax_of_large_scores_does_not_overflow() {
        let mut scores = Mat::from_fn(3, 1, |i, _| [1e30, 1e30, -1e30][i]);
        let mut sums = [0.0];
        pulp::Arch::new().dispatch(Exponentials { scores: scores.as_mut(), sums: &mut sums });
        assert_eq!((scores[(0, 0)], scores[(1, 0)], scores[(2, 0)], sums[0]), (1.0, 1.0, 0.0, 2.0));
    }
}
