//! One attention head.

use faer::{Mat, Par};

use super::{Scalar, from_f64, softmax::attention_matrix, to_f64};

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

impl<T: Scalar> Head<T> {
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
