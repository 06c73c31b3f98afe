//! How a matrix is approximated: one file per method, each opening with its formula, its cost and when it breaks.

mod asvd;
mod batch;
mod block_krylov;
mod calibrated;
mod coreset;
mod cur;
mod dense;
mod exact_attention;
mod generalized_nystrom;
mod interpolative_decomposition;
mod k_means;
mod linformer;
mod nystrom;
mod nystromformer;
mod performer;
mod randomized_svd;
mod skyformer;
mod sliding_window;
mod svd_llm;
mod top_k;
mod truncated_svd;
mod unformed;
pub mod words;

use faer::Par;
use serde::{Deserialize, Serialize};

use crate::{
    approximant::{self, Approximant, Operator},
    linalg::{
        Scalar, in_pool,
        scale::{NotFinite, excess_exponent, magnitude, scaled},
        svd::{Svd, SvdError},
    },
    low_rank::LowRank,
    parameters::registry,
    problem::{Outline, Problem, Structure},
    random::Rng,
};

/// The registry, and each method behind its trait.
macro_rules! methods {
    ($($module:ident::$kind:ident),* $(,)?) => {
        registry! {
            /// A method with all its parameters: one point of the grid of a `[method.…]` table.
            pub enum MethodSpec { $($kind($module::$kind)),* }
        }

        impl MethodSpec {
            fn method<T: Scalar>(&self) -> &dyn Method<T> {
                match self { $(Self::$kind(method) => method),* }
            }
        }
    };
}

methods! {
    truncated_svd::TruncatedSvd,
    randomized_svd::RandomizedSvd,
    block_krylov::BlockKrylov,
    generalized_nystrom::GeneralizedNystrom,
    cur::Cur,
    interpolative_decomposition::InterpolativeDecomposition,
    nystrom::Nystrom,
    nystromformer::Nystromformer,
    linformer::Linformer,
    performer::Performer,
    coreset::Coreset,
    skyformer::Skyformer,
    exact_attention::ExactAttention,
    top_k::TopK,
    sliding_window::SlidingWindow,
    svd_llm::SvdLlm,
    asvd::Asvd,
    dense::Dense,
}

/// What a method is there for in a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What is replaced: the exact computation, without an approximation.
    Baseline,
    /// An approximation that is no pair of factors: what low rank has to beat.
    Control,
    /// A pair of factors.
    LowRank,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Control, Self::LowRank];

    /// As the tables write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Control => "control",
            Self::LowRank => "low_rank",
        }
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
    pub factors: Approximant<T>,
    /// What the method had to do beyond its plain course (fallbacks taken, pivots exhausted), for the row's `notes`.
    pub notes: Vec<String>,
}

/// Why a method gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MethodError {
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    #[error(transparent)]
    Svd(#[from] SvdError),
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forecast {
    pub flops: u64,
    /// Peak of the working memory beside the input, in numbers (not bytes).
    pub entries: u64,
}

/// What is known of a method without running it.
pub trait Facts {
    fn traits(&self) -> Traits;

    /// What it is there for; a pair of factors unless it says otherwise.
    fn role(&self) -> Role {
        Role::LowRank
    }

    /// The ranks it is run at, of those asked for.
    fn target_ranks(&self, outline: Outline, asked: &[usize]) -> Vec<usize> {
        let _ = outline;
        asked.to_vec()
    }

    /// Why it cannot be applied to such a problem, as a clause for the skipped row; `None` if it can.
    fn refuses(&self, outline: Outline, target_rank: usize) -> Option<String> {
        let _ = (outline, target_rank);
        None
    }

    /// Flops and working memory of one factorisation.
    fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast;

    /// Flops of the product of its approximation with an n×`value_columns` block; of a pair of factors unless it says otherwise.
    fn forecast_product(&self, outline: Outline, target_rank: usize) -> u64 {
        let (m, n, k) = (outline.rows as u64, outline.columns as u64, target_rank as u64);
        2 * (m + n) * k * outline.value_columns as u64
    }

    /// A bound on its error from the exact singular values, where theory has one.
    fn bound(&self, singular_values: &[f64], target_rank: usize) -> Option<Bound> {
        let _ = (singular_values, target_rank);
        None
    }
}

/// A method in the precision of `T`.
pub trait Method<T: Scalar>: Facts {
    /// Approximates `problem.matrix` (or, unformed, the attention of `problem.structure`), whose entries are finite and of
    /// moderate size: [`MethodSpec::factor`] saw to that.
    ///
    /// # Errors
    /// A numerical failure, after every recorded fallback.
    fn factor(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError>;
}

impl MethodSpec {
    /// See [`Facts::traits`].
    #[must_use]
    pub fn traits(&self) -> Traits {
        self.method::<f64>().traits()
    }

    /// See [`Facts::role`].
    #[must_use]
    pub fn role(&self) -> Role {
        self.method::<f64>().role()
    }

    /// The role of a kind, for results that do not tell it; `None` if there is no such kind. A kind with a parameter that has
    /// no default cannot be made from its name: it is a pair of factors, as [`Facts::role`] has it unless told otherwise.
    pub(crate) fn role_of_kind(kind: &str) -> Option<Role> {
        let made = Self::from_parameters(kind, serde_json::Map::new())?;
        Some(made.map_or(Role::LowRank, |method| method.role()))
    }

    /// See [`Facts::target_ranks`].
    #[must_use]
    pub fn target_ranks(&self, outline: Outline, asked: &[usize]) -> Vec<usize> {
        self.method::<f64>().target_ranks(outline, asked)
    }

    /// See [`Facts::refuses`].
    #[must_use]
    pub fn refuses(&self, outline: Outline, target_rank: usize) -> Option<String> {
        self.method::<f64>().refuses(outline, target_rank)
    }

    /// See [`Facts::forecast`].
    #[must_use]
    pub fn forecast(&self, outline: Outline, target_rank: usize) -> Forecast {
        self.method::<f64>().forecast(outline, target_rank)
    }

    /// See [`Facts::forecast_product`].
    #[must_use]
    pub fn forecast_product(&self, outline: Outline, target_rank: usize) -> u64 {
        self.method::<f64>().forecast_product(outline, target_rank)
    }

    /// See [`Facts::bound`].
    #[must_use]
    pub fn bound(&self, singular_values: &[f64], target_rank: usize) -> Option<Bound> {
        self.method::<f64>().bound(singular_values, target_rank)
    }

    /// Approximates a problem by a pair of factors. The clock of the runner is around this call and nothing else, so it
    /// holds the check of finiteness and the scaling as well as the method itself; and the
    /// formation of attention that was left unformed, where the method reads the matrix.
    ///
    /// # Errors
    /// Non-finite input, named; or a numerical failure after every recorded fallback. Never NaN in the factors.
    pub fn factor<T: Scalar>(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        in_pool(draw.parallelism, || self.factor_here(problem, draw))
    }

    fn factor_here<T: Scalar>(&self, problem: &Problem<T>, draw: Draw<'_>) -> Result<Approximation<T>, MethodError> {
        let method = self.method::<T>();
        let approximation = if method.traits().needs_matrix {
            match &problem.formed {
                Some(_) => factor_scaled(method, problem, draw)?,
                None => factor_scaled(method, &problem.clone().form(), draw)?,
            }
        } else {
            if let Structure::Attention(head) = &problem.structure {
                magnitude(head.queries.as_ref())?;
                magnitude(head.keys.as_ref())?;
            }
            method.factor(problem, draw)?
        };
        if approximation.factors.is_finite() {
            Ok(approximation)
        } else {
            Err(MethodError::Numerical("the factors hold an entry that is not a finite number".into()))
        }
    }
}

/// Applies a method that reads the matrix to the matrix at a moderate scale.
fn factor_scaled<T: Scalar>(
    method: &dyn Method<T>,
    problem: &Problem<T>,
    draw: Draw<'_>,
) -> Result<Approximation<T>, MethodError> {
    let Some(exponent) = excess_exponent::<T>(magnitude(problem.matrix())?) else {
        return method.factor(problem, draw);
    };
    let moderate = Problem { formed: Some(scaled(problem.matrix(), -exponent)), ..problem.clone() };
    let approximation = method.factor(&moderate, draw)?;
    Ok(match approximation.factors {
        Approximant::Pair(pair) => Approximation { factors: pair.scaled(exponent).into(), ..approximation },
        Approximant::Dense(approximant::Dense(matrix)) => {
            let matrix = approximant::Dense(scaled(matrix.as_ref(), exponent));
            Approximation { factors: Approximant::Dense(matrix), ..approximation }
        }
        _ => approximation,
    })
}

/// The leading `rank` columns of U·Σ and rows of Vᵀ as a pair.
fn pair_of<T: Scalar>(svd: &Svd<T>, rank: usize) -> Approximation<T> {
    let rank = rank.min(svd.left.ncols());
    let left = faer::Mat::from_fn(svd.left.nrows(), rank, |i, j| svd.left[(i, j)] * T::of(svd.singular_values[j]));
    Approximation {
        factors: LowRank::new(left, svd.right.subcols(0, rank).transpose().to_owned()).into(),
        notes: svd.fallback.map(str::to_owned).into_iter().collect(),
    }
}

/// (Σ_{j>k} σ_j²)^½, summed from the small end.
fn tail(singular_values: &[f64], k: usize) -> f64 {
    singular_values.iter().skip(k).rev().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_role_without_being_told_its_parameters() {
        let of =
            |role| MethodSpec::KINDS.iter().filter(move |kind| MethodSpec::role_of_kind(kind) == Some(role)).count();
        assert_eq!(Role::ALL.map(of).iter().sum::<usize>(), MethodSpec::KINDS.len());
        assert_eq!(MethodSpec::role_of_kind("dense"), Some(Role::Baseline));
        assert_eq!(MethodSpec::role_of_kind("top_k"), Some(Role::Control));
        assert_eq!(MethodSpec::role_of_kind("cur"), Some(Role::LowRank));
        assert_eq!(MethodSpec::role_of_kind("no such kind"), None);
    }
}
