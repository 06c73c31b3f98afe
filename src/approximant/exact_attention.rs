//! The baseline: exact attention, streamed.

use faer::{Mat, MatRef, Par};

use super::Operator;
use crate::linalg::{
    Head, Scalar, fingerprint, fused_attention::fused_attention, scale::magnitude, softmax::attention_rows, transposed,
};

/// softmax(scale·QKᵀ), applied without ever being formed.
#[derive(Debug, Clone)]
pub struct ExactAttention<T>(pub Head<T>);

impl<T: Scalar> Operator<T> for ExactAttention<T> {
    fn shape(&self) -> (usize, usize) {
        (self.0.queries.nrows(), self.0.keys.nrows())
    }
    fn apply(&self, values: MatRef<'_, T>, parallelism: Par) -> Mat<T> {
        let Head { queries, keys, scale, causal } = &self.0;
        fused_attention(queries.as_ref(), keys.as_ref(), values, *scale, *causal, parallelism)
    }
    fn rows(&self, which: &[usize]) -> Mat<T> {
        let Head { queries, keys, scale, causal } = &self.0;
        attention_rows(queries.as_ref(), transposed(keys.as_ref()).as_ref(), *scale, *causal, which)
    }
    fn magnitudes(&self, which: &[usize], sizes: &[f64]) -> Vec<f64> {
        // Weights sum to one.
        vec![sizes.iter().copied().fold(0.0, f64::max); which.len()]
    }
    fn parameters(&self) -> usize {
        let Head { queries, keys, .. } = &self.0;
        queries.nrows() * queries.ncols() + keys.nrows() * keys.ncols()
    }
    fn bytes(&self) -> usize {
        Operator::parameters(self) * size_of::<T>()
    }
    fn apply_flops(&self, columns: usize) -> u64 {
        let (m, n) = self.shape();
        // QKᵀ and P·V; half of it where half of the matrix is masked.
        let dense = 2 * (m as u64) * (n as u64) * (self.0.queries.ncols() + columns) as u64;
        if self.0.causal { dense / 2 } else { dense }
    }
    fn is_finite(&self) -> bool {
        [&self.0.queries, &self.0.keys].iter().all(|side| magnitude(side.as_ref()).is_ok())
    }
    fn fingerprint(&self) -> u64 {
        fingerprint(&[self.0.queries.as_ref(), self.0.keys.as_ref()], &[])
    }
}
