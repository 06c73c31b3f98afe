//! Known failures, provoked on purpose, each with its cure on the same input: the relative error of both, and their ratio.
//!
//! What fails is written here and nowhere else: the program's own methods are the cures. A variant that breaks down and gives no
//! answer (a factorisation that stops, an entry that is not a number) counts with the error of the zero matrix, 1, and says so.

mod attention;
mod kernel;
mod matrix;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bench, Measurement, Study, StudyError, StudyTraits};
use crate::{
    linalg::Scalar,
    method::{Approximation, Draw, MethodSpec},
    parameters::Parameters,
    problem::Problem,
};

/// A known failure beside its cure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Which failure is provoked.
    pub which: Which,
}

/// The failures of the atlas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Randomized SVD without powers on a flat spectrum, beside the optimum: there is nothing to find, and no cure.
    FlatSpectrum,
    /// Randomized SVD without powers where a signal stands on a flat tail, beside the same with powers.
    FlatTail,
    /// Powers of AAᵀ without a new basis after each, beside powers with one.
    NaivePowering,
    /// Gaussian Nyström without a shift, beside the shifted one.
    UnshiftedNystrom,
    /// Nyströmformer with the exact pseudoinverse of an ill-conditioned core, beside one with a cut-off.
    ExactPseudoinverse,
    /// FAVOR+ on queries and keys of large norm, beside top-k rows with as many stored numbers.
    LargeNorms,
    /// Pivots taken greedily where there are outliers, beside randomly pivoted Cholesky.
    GreedyPivots,
    /// SVD-LLM by Cholesky of a singular XXᵀ, beside an eigendecomposition with a floor.
    SingularGram,
    /// faer's SVD of entries near 1e-300, beside the same after scaling by a power of two.
    UnscaledSvd,
}

impl Which {
    /// As a spec writes it.
    #[must_use]
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

impl Parameters for Failure {
    const KIND: &'static str = "failure";
    const VERSION: u32 = 1;
}

/// Relative errors of a failing variant (`None`: it gave no answer) and of its cure.
struct Provoked {
    bad: Option<f64>,
    cure: f64,
}

/// The error of the zero matrix, which stands for no answer.
const NO_ANSWER: f64 = 1.0;

impl Study for Failure {
    fn traits(&self) -> StudyTraits {
        StudyTraits { random: true, timed: false }
    }

    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        let provoked = match self.which {
            Which::FlatSpectrum => matrix::flat_spectrum(bench),
            Which::FlatTail => matrix::flat_tail(bench),
            Which::NaivePowering => matrix::naive_powering(bench),
            Which::UnscaledSvd => matrix::unscaled_svd(bench),
            Which::UnshiftedNystrom => kernel::unshifted_nystrom(bench),
            Which::GreedyPivots => kernel::greedy_pivots(bench),
            Which::SingularGram => kernel::singular_gram(bench),
            Which::ExactPseudoinverse => attention::exact_pseudoinverse(bench),
            Which::LargeNorms => attention::large_norms(bench),
        }?;
        let answer = provoked.bad.filter(|error| error.is_finite());
        let bad = answer.unwrap_or(NO_ANSWER);
        // An error below rounding level is rounding.
        let ratio = bad / provoked.cure.max(f64::EPSILON);
        Ok(vec![
            Measurement::new("bad", None, "error", bad),
            Measurement::new("cure", None, "error", provoked.cure),
            Measurement::new("", None, "ratio", ratio),
            Measurement::new("", None, "no_answer", f64::from(u8::from(answer.is_none()))),
        ])
    }
}

/// One of the program's own methods, with parameters as a spec would give them.
pub(super) fn method(kind: &str, parameters: serde_json::Value) -> Result<MethodSpec, StudyError> {
    let map = parameters.as_object().cloned().unwrap_or_default();
    match MethodSpec::from_parameters(kind, map) {
        Some(Ok(method)) => Ok(method),
        Some(Err(error)) => Err(StudyError::Numerical(format!("{kind}: {error}"))),
        None => Err(StudyError::Numerical(format!("no method is called {kind}"))),
    }
}

/// One draw of a method on a problem.
pub(super) fn approximate<T: Scalar>(
    method: &MethodSpec,
    problem: &Problem<T>,
    target_rank: usize,
    bench: &mut Bench<'_>,
) -> Result<Approximation<T>, StudyError> {
    let draw = Draw { target_rank, rng: bench.rng, parallelism: bench.parallelism };
    Ok(method.factor(problem, draw)?)
}
