//! One matrix looked at closely: what factoring it would save, what it would cost, and whether to do it.

mod latency;
mod recommendation;
mod words;

use crate::paths::Shown as _;
use std::path::{Path, PathBuf};

use faer::{Mat, MatRef, Par};
use serde::Serialize;

pub use latency::{Batch, TimedRank};
pub use recommendation::Recommendation;

use crate::{
    linalg::{Precision, from_f64, svd::SvdError, tall::singular_values_by_basis},
    metric::{Spectrum, break_even_rank, gavish_donoho_rank},
    problem::{ProblemError, ProblemSpec, Qkv, TensorFile},
    random::{generator, named_seed},
    tensor::{self, TensorError},
};

/// What to look at.
#[derive(Debug, Clone)]
pub struct AdviseOptions {
    /// A `.npy` or `.safetensors` file.
    pub file: PathBuf,
    pub subject: Subject,
    /// The relative Frobenius error that is allowed, between 0 and 1.
    pub tolerance: f64,
}

/// Which matrix of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A tensor of two dimensions, by its name (`None` for `.npy`).
    Tensor(Option<String>),
    /// The attention matrix of a head, by its name (`None` for `.npy`).
    Head(Option<String>),
}

/// All that is said of one matrix. The fields, in this order and under these names, are the keys of `--json`; times are in
/// seconds, and what does not exist is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    pub file: String,
    /// The tensor or head; empty for `.npy`.
    pub name: String,
    /// `tensor` or `attention`.
    pub kind: &'static str,
    pub rows: usize,
    pub columns: usize,
    pub parameters: usize,
    pub spectrum: SpectrumSummary,
    pub ranks: Ranks,
    pub tolerance: Tolerance,
    pub break_even: BreakEven,
    pub recommendation: Recommendation,
}

/// The singular values in brief.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpectrumSummary {
    pub largest: f64,
    pub median: f64,
    pub smallest: f64,
    pub frobenius_norm: f64,
    /// σ_j/σ₁ at j = 1, ⌈1 %⌉, ⌈5 %⌉, ⌈10 %⌉, ⌈25 %⌉, ⌈50 %⌉, ⌈75 %⌉ and 100 % of min(m, n).
    pub decay: Vec<DecayPoint>,
}

/// One singular value against the largest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecayPoint {
    pub index: usize,
    pub share_of_largest: f64,
}

/// What different people mean by the rank of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ranks {
    /// Singular values above max(m, n)·u·σ₁, u of single precision.
    pub numerical: usize,
    pub stable: f64,
    pub effective: f64,
    pub energy_90: usize,
    pub energy_99: usize,
    pub energy_99_9: usize,
    /// Singular values that stand out of white noise of unknown size.
    pub gavish_donoho: usize,
}

/// The least rank that meets the tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tolerance {
    /// The relative Frobenius error that was allowed.
    pub asked: f64,
    pub rank: usize,
    /// The relative Frobenius error at that rank, the least there is.
    pub error: f64,
    /// Numbers the pair stores.
    pub parameters: usize,
}

/// From which rank on a pair is no gain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakEven {
    /// mn/(m+n), rounded down: the largest rank at which the pair stores no more than the matrix.
    pub storage: usize,
    /// y = Wx against y = U(Vx), measured here, in f32 on one thread.
    pub time: Vec<Batch>,
}

/// Why there is no advice.
#[derive(Debug, thiserror::Error)]
pub enum AdviseError {
    #[error(transparent)]
    Tensor(#[from] TensorError),
    #[error(transparent)]
    Problem(#[from] ProblemError),
    #[error("{0}")]
    Request(String),
    #[error("{matrix}: {source}")]
    Svd { matrix: String, source: SvdError },
    #[error("interrupted")]
    Interrupted,
}

/// Looks at one matrix of a file.
///
/// # Errors
/// The file cannot be read, holds no such matrix, or one with an entry that is not finite; or the user stopped it.
pub fn advise(options: &AdviseOptions) -> Result<Advice, AdviseError> {
    if !(options.tolerance > 0.0 && options.tolerance < 1.0) {
        let problem = format!("--tolerance {} is not between 0 and 1; 0.01 allows an error of 1 %", options.tolerance);
        return Err(AdviseError::Request(problem));
    }
    let (matrix, name) = read(options)?;
    let parallelism = Par::rayon(0);
    let values = singular_values_by_basis(matrix.as_ref(), parallelism)
        .map_err(|source| AdviseError::Svd { matrix: options.file.shown(), source })?;
    about(options, name, matrix.as_ref(), values)
}

/// The matrix, and what it is called.
fn read(options: &AdviseOptions) -> Result<(Mat<f64>, String), AdviseError> {
    let file = options.file.to_string_lossy().into_owned();
    let (spec, name) = match &options.subject {
        Subject::Tensor(name) => {
            (ProblemSpec::TensorFile(TensorFile { file: file.clone(), tensor: name.clone() }), name)
        }
        Subject::Head(name) => {
            let head = Qkv { file: file.clone(), head: name.clone(), causal: false, temperature: 1.0, length: None };
            (ProblemSpec::Qkv(head), name)
        }
    };
    let root = Path::new("");
    let names = spec.tensors();
    // The shapes first: an answer to a wrong question costs no reading.
    let shapes = names.iter().map(|name| tensor::shape(root, name)).collect::<Result<Vec<_>, _>>()?;
    spec.outline(&shapes).map_err(|clause| ProblemError::Impossible(format!("{}: {clause}", names[0])))?;
    let tensors = names.iter().map(|name| tensor::read(root, name)).collect::<Result<Vec<_>, _>>()?;
    let problem = spec.build(&tensors, &mut generator(named_seed(0, &["advise"])))?;
    let matrix = problem.matrix().to_owned();
    Ok((matrix, name.clone().unwrap_or_default()))
}

fn about(
    options: &AdviseOptions,
    name: String,
    matrix: MatRef<'_, f64>,
    values: Vec<f64>,
) -> Result<Advice, AdviseError> {
    let (rows, columns) = matrix.shape();
    let above_noise = gavish_donoho_rank(&values, rows, columns);
    let spectrum = Spectrum::new(values, rows, columns, Precision::F32);
    // Of a matrix of low rank the median is rounding, and so is much that stands out of it.
    let gavish_donoho = above_noise.min(spectrum.numerical_rank());
    let rank = spectrum.rank_within(options.tolerance);
    let norm = spectrum.frobenius_norm();
    let error = if norm > 0.0 { spectrum.optimal_frobenius_error(rank) / norm } else { 0.0 };
    let single = from_f64::<f32>(matrix);
    let time = latency::measure(single.as_ref(), rank).ok_or(AdviseError::Interrupted)?;
    let kind = match options.subject {
        Subject::Tensor(_) => "tensor",
        Subject::Head(_) => "attention",
    };
    let tolerance = Tolerance { asked: options.tolerance, rank, error, parameters: rank * (rows + columns) };
    let break_even = BreakEven { storage: break_even_rank(rows, columns), time };
    let ranks = Ranks {
        numerical: spectrum.numerical_rank(),
        stable: spectrum.stable_rank(),
        effective: spectrum.effective_rank(),
        energy_90: spectrum.energy_rank(0.9),
        energy_99: spectrum.energy_rank(0.99),
        energy_99_9: spectrum.energy_rank(0.999),
        gavish_donoho,
    };
    let facts = recommendation::Facts {
        rows,
        columns,
        attention: kind == "attention",
        spectrum: &spectrum,
        gavish_donoho,
        tolerance,
        break_even: &break_even,
    };
    let recommendation = recommendation::recommend(&facts);
    Ok(Advice {
        file: options.file.shown(),
        name,
        kind,
        rows,
        columns,
        parameters: rows * columns,
        spectrum: summary(&spectrum),
        ranks,
        tolerance,
        break_even,
        recommendation,
    })
}

fn summary(spectrum: &Spectrum) -> SpectrumSummary {
    let values = spectrum.singular_values();
    let count = values.len();
    let largest = values[0];
    let mut indices: Vec<usize> = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0]
        .map(|share| ((share * count as f64).ceil() as usize).max(1))
        .into();
    indices.dedup();
    let share = |index: usize| if largest > 0.0 { values[index - 1] / largest } else { 0.0 };
    SpectrumSummary {
        largest,
        median: f64::midpoint(values[(count - 1) / 2], values[count / 2]),
        smallest: values[count - 1],
        frobenius_norm: spectrum.frobenius_norm(),
        decay: indices.into_iter().map(|index| DecayPoint { index, share_of_largest: share(index) }).collect(),
    }
}
