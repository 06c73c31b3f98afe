//! How well, and at what cost: one file per family of metrics. Everything accumulates in f64.
//!
//! [`Reference`] holds what is computed once per matrix: its singular values, A·V, the probes. [`Reference::measure`] then
//! measures one pair of factors against it.

mod by_rows;
mod cost;
mod matrix_error;
mod output_error;
mod probe;
mod row_sample;
mod spectrum;
mod stochasticity;
mod threshold;

pub use by_rows::RowReference;
pub use cost::{Cost, break_even_rank};
pub use matrix_error::{BetterThanOptimal, better_than_optimal};
pub use probe::ProbeError;
pub use spectrum::Spectrum;
pub use threshold::gavish_donoho_rank;

use faer::{Mat, MatRef, Par};

use crate::{
    approximant::{Approximant, Dense},
    linalg::{
        LogitsOverflow, Scalar,
        norms::frobenius,
        scale::{NotFinite, excess_exponent, magnitude, scaled, times_power_of_two},
        svd::{self, SvdError},
        to_f64,
    },
    low_rank::LowRank,
    problem::{Problem, Structure},
};

/// What the approximations of a problem are measured against: its matrix, its rows, or both.
#[derive(Debug, Clone)]
pub struct Yardstick {
    /// Where the matrix is formed: pairs of factors are measured against all of it.
    matrix: Option<Reference>,
    /// Where the problem is attention: what is no pair, and everything if the matrix is not formed, is measured by rows.
    rows: Option<RowReference>,
}

impl Yardstick {
    /// Of a problem; errors of attention that is not formed are measured on at most `budget` rows, drawn by `seed`.
    ///
    /// # Errors
    /// See [`Reference::new`] and [`RowReference::new`].
    pub fn new<T: Scalar>(
        problem: &Problem<T>,
        budget: usize,
        seed: u64,
        parallelism: Par,
    ) -> Result<Self, ReferenceError> {
        if let Structure::Attention(head) = &problem.structure {
            head.refuse_overflow()?;
        }
        let matrix = problem.formed.is_some().then(|| Reference::new(problem, parallelism)).transpose()?;
        let budget = if matrix.is_some() { usize::MAX } else { budget };
        let rows = match &problem.structure {
            Structure::Attention(head) => Some(RowReference::new(head, &problem.values, budget, seed)?),
            Structure::General | Structure::PositiveSemidefinite | Structure::Weight { .. } => None,
        };
        Ok(Self { matrix, rows })
    }

    /// The singular values and what follows from them, where the matrix is formed.
    #[must_use]
    pub fn spectrum(&self) -> Option<&Spectrum> {
        self.matrix.as_ref().map(Reference::spectrum)
    }

    /// The same of the matrix as it is measured: times a power of two that makes its entries moderate. Bounds are computed of
    /// these, as their squares do not overflow.
    #[must_use]
    pub fn moderate_spectrum(&self) -> Option<&Spectrum> {
        self.matrix.as_ref().map(|matrix| &matrix.moderate)
    }

    /// Measures an approximation meant to have rank `target_rank`.
    ///
    /// # Errors
    /// See [`Reference::measure`] and [`RowReference::measure`].
    pub fn measure<T: Scalar>(
        &self,
        approximant: &Approximant<T>,
        target_rank: usize,
        parallelism: Par,
    ) -> Result<Measures, MeasureError> {
        match (&self.matrix, &self.rows, approximant) {
            (Some(matrix), _, Approximant::Pair(pair)) => matrix.measure(pair, target_rank, parallelism),
            (Some(matrix), _, Approximant::Dense(dense)) => matrix.measure_dense(dense, parallelism),
            (_, Some(rows), approximant) => rows.measure(approximant, parallelism),
            (_, None, _) => Err(MeasureError::NoRows),
        }
    }
}

/// A formed matrix with everything its approximations are measured against.
#[derive(Debug, Clone)]
pub struct Reference {
    /// A·2^-`exponent`, m×n, widened from the precision of the problem: nothing that is read off it overflows.
    matrix: Mat<f64>,
    exponent: i32,
    /// Of A.
    spectrum: Spectrum,
    /// Of A·2^-`exponent`: what errors are relative to.
    moderate: Spectrum,
    output: output_error::Output,
    rows: Option<stochasticity::Rows>,
    probes: probe::Probes,
}

/// Why a matrix cannot be a reference.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ReferenceError {
    #[error(transparent)]
    Svd(#[from] SvdError),
    #[error("V: {0}")]
    Values(NotFinite),
    #[error("A·V: {0}")]
    Output(NotFinite),
    #[error("the norm of the matrix is beyond the largest number, {largest:e}", largest = f64::MAX)]
    Norm,
    #[error(transparent)]
    Logits(#[from] LogitsOverflow),
    #[error(transparent)]
    Probe(#[from] ProbeError),
}

/// Why a pair of factors has no measures; each of them fails the cell.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MeasureError {
    #[error("the factors multiply to {found_rows}×{found_columns}, and the matrix is {rows}×{columns}")]
    Shape { rows: usize, columns: usize, found_rows: usize, found_columns: usize },
    #[error("the left factor: {0}")]
    Left(NotFinite),
    #[error("the right factor: {0}")]
    Right(NotFinite),
    #[error("the residual: {0}")]
    Residual(NotFinite),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("what is no pair of factors is measured on the rows of attention only")]
    NoRows,
    #[error(transparent)]
    BetterThanOptimal(#[from] BetterThanOptimal),
}

/// How well one pair of factors approximates a matrix. `None` where a metric has no meaning; never NaN.
///
/// Definitions stand with the columns of the same names in [`crate::table::CellRow`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measures {
    pub relative_frobenius_error: Option<f64>,
    pub relative_spectral_error: Option<f64>,
    pub optimal_frobenius_error: Option<f64>,
    pub optimal_spectral_error: Option<f64>,
    pub suboptimality: Option<f64>,
    pub relative_output_error: Option<f64>,
    pub row_sum_deviation: Option<f64>,
    pub negative_mass: Option<f64>,
    pub kl_divergence: Option<f64>,
    pub top1_agreement: Option<f64>,
    /// Rows the errors were measured on; `None` where the whole matrix was.
    pub measured_rows: Option<usize>,
    /// 95 % interval of the relative Frobenius error, where rows were sampled.
    pub frobenius_interval: Option<(f64, f64)>,
    /// 95 % interval of the relative output error, where rows were sampled.
    pub output_interval: Option<(f64, f64)>,
}

impl Reference {
    /// One full SVD (values only), A·V, and the probes' products by plain loops.
    ///
    /// # Errors
    /// An entry of A or V that is not finite, named; an SVD that does not converge; a product that fails its probe.
    pub fn new<T: Scalar>(problem: &Problem<T>, parallelism: Par) -> Result<Self, ReferenceError> {
        let matrix = to_f64(problem.matrix());
        let values = to_f64(problem.values.as_ref());
        // Only ratios are measured with V, so its power of two is left out.
        let largest_value = magnitude(values.as_ref()).map_err(ReferenceError::Values)?;
        let values = excess_exponent::<f64>(largest_value).map_or(values.clone(), |e| scaled(values.as_ref(), -e));
        let exponent = excess_exponent::<f64>(magnitude(matrix.as_ref()).map_err(SvdError::from)?).unwrap_or(0);
        let matrix = if exponent == 0 { matrix } else { scaled(matrix.as_ref(), -exponent) };
        let singular_values = svd::singular_values(matrix.as_ref(), parallelism)?;
        let spectrum_of = |values| Spectrum::new(values, matrix.nrows(), matrix.ncols(), T::PRECISION);
        let spectrum = spectrum_of(singular_values.iter().map(|&value| times_power_of_two(value, exponent)).collect());
        if !spectrum.frobenius_norm().is_finite() {
            return Err(ReferenceError::Norm);
        }
        let moderate = spectrum_of(singular_values);
        let probes = probe::Probes::new(matrix.as_ref(), values.as_ref());
        let output = output_error::Output::new(matrix.as_ref(), values, parallelism);
        magnitude(output.exact()).map_err(ReferenceError::Output)?;
        probes.check_exact_output(output.exact())?;
        let rows = match problem.structure {
            Structure::Attention(_) => Some(stochasticity::Rows::new(matrix.as_ref())),
            Structure::General | Structure::PositiveSemidefinite | Structure::Weight { .. } => None,
        };
        Ok(Self { matrix, exponent, spectrum, moderate, output, rows, probes })
    }

    /// The singular values and what follows from them.
    #[must_use]
    pub fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }

    /// Measures an approximation meant to have rank `target_rank`.
    ///
    /// The residual A − L·R is formed once, in f64, and verified by an independent probe before anything is read off it.
    ///
    /// # Errors
    /// Factors of another shape or not finite; a product that fails its probe, or an error below the Eckart–Young optimum:
    /// both are mistakes of the harness, not of the method.
    pub fn measure<T: Scalar>(
        &self,
        approximation: &LowRank<T>,
        target_rank: usize,
        parallelism: Par,
    ) -> Result<Measures, MeasureError> {
        let (rows, columns) = self.matrix.shape();
        let (found_rows, found_columns) = (approximation.nrows(), approximation.ncols());
        if (found_rows, found_columns) != (rows, columns) {
            return Err(MeasureError::Shape { rows, columns, found_rows, found_columns });
        }
        let factors = approximation.to_f64();
        let factors = if self.exponent == 0 { factors } else { factors.scaled(-self.exponent) };
        magnitude(factors.left.as_ref()).map_err(MeasureError::Left)?;
        magnitude(factors.right.as_ref()).map_err(MeasureError::Right)?;

        let residual = matrix_error::residual(self.matrix.as_ref(), &factors, parallelism);
        let error = frobenius(residual.as_ref());
        if !error.is_finite() {
            magnitude(residual.as_ref()).map_err(MeasureError::Residual)?;
        }
        self.probes.check_residual(residual.as_ref(), &factors)?;
        let output_residual = self.output.residual(&factors, parallelism);
        self.probes.check_output(output_residual.as_ref(), &factors)?;

        let mut measures = Measures::default();
        matrix_error::measure(&mut measures, &self.moderate, residual.as_ref(), error, target_rank);
        better_than_optimal(&self.moderate, &measures, target_rank.max(factors.rank()))?;
        measures.relative_output_error = self.output.relative_error(output_residual.as_ref());
        if let Some(rows) = &self.rows {
            rows.measure(&mut measures, self.matrix.as_ref(), residual.as_ref());
        }
        Ok(measures)
    }

    /// Measures a matrix that is kept as it is. Its errors are those of its bits and of its product; an optimum it has none.
    ///
    /// # Errors
    /// Another shape, or entries that are not finite; a product off by more than rounding.
    fn measure_dense<T: Scalar>(&self, dense: &Dense<T>, parallelism: Par) -> Result<Measures, MeasureError> {
        let (rows, columns) = self.matrix.shape();
        let (found_rows, found_columns) = dense.0.shape();
        if (found_rows, found_columns) != (rows, columns) {
            return Err(MeasureError::Shape { rows, columns, found_rows, found_columns });
        }
        let kept = scaled(to_f64(dense.0.as_ref()).as_ref(), -self.exponent);
        let residual = &self.matrix - &kept;
        magnitude(residual.as_ref()).map_err(MeasureError::Residual)?;
        let relative = |error: f64, norm: f64| (norm > 0.0).then(|| error / norm);
        let output_residual = self.output.residual_of_dense(&kept, parallelism);
        self.probes.check_output_of_dense(output_residual.as_ref(), kept.as_ref())?;
        Ok(Measures {
            relative_frobenius_error: relative(frobenius(residual.as_ref()), self.moderate.frobenius_norm()),
            relative_output_error: self.output.relative_error(output_residual.as_ref()),
            ..Measures::default()
        })
    }
}

/// The entries of column `j`, which lie side by side.
#[inline(always)]
fn column<'a>(matrix: MatRef<'a, f64>, j: usize) -> &'a [f64] {
    matrix
        .col(j)
        .try_as_col_major()
        .expect("the matrices of a reference and its residuals are owned, so their columns are contiguous")
        .as_slice()
}
