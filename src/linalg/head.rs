//! One attention head.

use faer::{Mat, MatRef, Par};

use super::{Precision, Scalar, from_f64, softmax::attention_matrix, to_f64};

/// One attention head: queries m×d, keys n×d. Its matrix is P = softmax(scale·QKᵀ) by rows.
#[derive(Debug, Clone)]
pub struct Head<T> {
    pub queries: Mat<T>,
    pub keys: Mat<T>,
    /// What multiplies QKᵀ: 1/√d, over the temperature.
    pub scale: f64,
    /// Whether query i sees keys 0..=i only.
    pub causal: bool,
}

/// A query and a key whose score is beyond the largest number of the precision: their attention has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the logits overflow: the score of query {query} and key {key} is beyond the largest {precision} number")]
pub struct LogitsOverflow {
    pub query: usize,
    pub key: usize,
    pub precision: &'static str,
}

impl<T: Scalar> Head<T> {
    /// Whether every score, and every partial sum on the way to it, is a number of `T`. O((m + n)d) flops unless Q and K are
    /// so large that some might not be.
    ///
    /// # Errors
    /// The first query and key, by queries, whose score is not.
    pub fn refuse_overflow(&self) -> Result<(), LogitsOverflow> {
        let largest = match T::PRECISION {
            Precision::F32 => f64::from(f32::MAX),
            Precision::F64 => f64::MAX,
        };
        let room = largest.ln() - self.scale.max(1.0).ln();
        let (queries, keys) = (self.queries.as_ref(), self.keys.as_ref());
        let most = |rows: MatRef<'_, T>| {
            rows.col_iter()
                .flat_map(|column| column.iter())
                .fold(0.0, |most: f64, entry| most.max(entry.to_f64().abs()))
        };
        // In logarithms: the product itself may not be a number.
        let bound = most(queries).ln() + most(keys).ln() + (self.keys.ncols() as f64).ln();
        if bound < room {
            return Ok(());
        }
        let exceeds = |query: usize, key: usize| {
            let terms = (0..keys.ncols()).map(|l| {
                let (q, k) = (queries[(query, l)].to_f64().abs(), keys[(key, l)].to_f64().abs());
                (q.ln() + k.ln() - room).exp()
            });
            terms.sum::<f64>() > 1.0
        };
        for query in 0..queries.nrows() {
            if let Some(key) = (0..keys.nrows()).find(|&key| exceeds(query, key)) {
                return Err(LogitsOverflow { query, key, precision: T::PRECISION.name() });
            }
        }
        Ok(())
    }

    /// P, m×n.
    #[must_use]
    pub fn form(&self, parallelism: Par) -> Mat<T> {
        attention_matrix(self.queries.as_ref(), self.keys.as_ref(), self.scale, self.causal, parallelism)
    }

    /// The head in f64.
    #[must_use]
    pub fn to_f64(&self) -> Head<f64> {
        let (queries, keys) = (to_f64(self.queries.as_ref()), to_f64(self.keys.as_ref()));
        Head { queries, keys, scale: self.scale, causal: self.causal }
    }
}

impl Head<f64> {
    /// The head with Q and K rounded to `T`.
    #[must_use]
    pub fn round<T: Scalar>(&self) -> Head<T> {
        let (queries, keys) = (from_f64(self.queries.as_ref()), from_f64(self.keys.as_ref()));
        Head { queries, keys, scale: self.scale, causal: self.causal }
    }
}
