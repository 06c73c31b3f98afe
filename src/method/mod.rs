//! How a matrix is approximated: one file per method, each opening with its formula, its cost and when it breaks.

mod truncated_svd;

use faer::Par;

use crate::{
    linalg::Scalar,
    low_rank::LowRank,
    parameters::{Parameters, registry},
    problem::{Outline, Problem},
    random::Rng,
};

registry! {
    /// A method with all its parameters: one point of the grid of a `[method.…]` table.
    pub enum MethodSpec {
        TruncatedSvd(truncated_svd::TruncatedSvd),
    }
}

/// What is true of a method whatever it is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Its answer depends on a draw: it is run once per trial. A deterministic method is run once.
    pub random: bool,
    /// The first j columns and rows of its rank-k factors are its rank-j answer: one factorisation serves a rank sweep.
    pub nested: bool,
    /// It reads the formed matrix, so on attention the time to form P is part of its time.
    pub needs_matrix: bool,
}

/// One draw of a method: everything but the matrix.
pub struct Draw<'a> {
    /// k, 1 ≤ k ≤ min(m, n).
    pub target_rank: usize,
    pub rng: &'a mut Rng,
    pub parallelism: Par,
}

/// What a method returns.
#[derive(Debug, Clone)]
pub struct Approximation<T> {
    pub factors: LowRank<T>,
    /// What the method had to do beyond its plain course (fallbacks taken, pivots exhausted), for the row's `notes`.
    pub notes: Vec<String>,
}

/// Why a method gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MethodError {
    #[error("entry ({0}, {1}) is not a finite number")]
    NotFinite(usize, usize),
    #[error("{0}")]
    Numerical(String),
}

/// A bound from the literature on the error of a method.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Absolute bound on ‖A − Â‖_F (or on its expectation).
    pub frobenius: f64,
    /// Where it stands: "HMT 2011, Theorem 10.5".
    pub source: &'static str,
}

/// Predicted work of one factorisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    pub flops: u64,
    /// Peak of the working memory beside the input, in numbers (not bytes).
    pub entries: u64,
}

/// A method in the precision of `T`.
pub trait Method<T: Scalar>: Facts {
    /// Approximates `problem.matrix` (or, unformed, the attention of `problem.structure`).
    ///
    /// # Errors
    /// Non-finite input, named; or a numerical failure after every recorded fallback.
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError>;
}

/// What is known of a method without running it.
pub trait Facts: Parameters {
    fn traits(&self) -> Traits;

    /// Why it cannot be applied to such a problem, as a clause for the skipped row; `None` if it can.
    fn refuses(&self, outline: Outline, target_rank: usize) -> Option<String>;

    /// Flops and working memory on an m×n problem.
    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast;

    /// A bound on its error from the exact singular values, where theory has one.
    fn bound(&self, singular_values: &[f64], target_rank: usize) -> Option<Bound> {
        let _ = (singular_values, target_rank);
        None
    }
}
