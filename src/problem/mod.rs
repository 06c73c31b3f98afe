//! What is approximated: one file per kind of matrix.

mod attention;
mod file;
mod gaussian;
mod kernel;
mod qkv;
mod spectrum;
mod tensor_file;
mod weight;

pub use attention::Attention;
pub use gaussian::Gaussian;
pub use kernel::Kernel;
pub use qkv::Qkv;
pub use spectrum::{Decay, Spectrum};
pub use tensor_file::TensorFile;
pub use weight::Weight;

use std::fmt;

use faer::{Mat, MatRef, Par};
use serde_json::{Map, Value};

pub use crate::linalg::Head;
use crate::{
    linalg::{Scalar, from_f64},
    parameters::{Invalid, Parameters, registry},
    random::Rng,
};

registry! {
    /// A kind of matrix with all its parameters: one point of the grid of a `[problem.…]` table.
    pub enum ProblemSpec {
        Spectrum(Spectrum),
        Attention(Attention),
        Qkv(Qkv),
        Kernel(Kernel),
        TensorFile(TensorFile),
        Weight(Weight),
        Gaussian(Gaussian),
    }
}

/// How a kind of matrix is made.
pub trait Source: Parameters {
    /// The tensors it reads, in the order in which [`Source::build`] takes them. Paths are as written in the spec.
    fn tensors(&self) -> Vec<TensorName> {
        Vec::new()
    }

    /// Two files that must not come from one text, each after the parameter that names it: what is judged on the second would
    /// be judged on what it was fitted to.
    fn held_out(&self) -> Option<[(&'static str, &str); 2]> {
        None
    }

    /// Shape and structure of the matrix, from the shapes of [`Source::tensors`] alone: what a plan knows.
    ///
    /// # Errors
    /// A clause saying which shape was expected.
    fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String>;

    /// The matrix (of attention: what it is formed from), in f64, from the contents of [`Source::tensors`] and a generator of its own.
    ///
    /// # Errors
    /// What is wrong with the tensors (shape, NaN or infinite entries, named).
    fn build(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError>;
}

/// Of a matrix whose columns are not written: as many as its rows.
fn square(written: &mut Map<String, Value>) {
    if let Some(rows) = written.get("rows").cloned() {
        written.entry("columns").or_insert(rows);
    }
}

/// What is known of a problem before it is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// m.
    pub rows: usize,
    /// n.
    pub columns: usize,
    /// d, the columns of V.
    pub value_columns: usize,
    pub structure: StructureKind,
}

/// [`Structure`] without its matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StructureKind {
    General,
    PositiveSemidefinite,
    Attention { causal: bool, head_dim: usize },
    Weight { calibrated: bool },
}

/// A tensor to be read: a file, and a name in it (`None` for `.npy`, which holds one).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TensorName {
    pub path: String,
    pub name: Option<String>,
}

impl fmt::Display for TensorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} in {}", name, self.path),
            None => write!(f, "{}", self.path),
        }
    }
}

/// A tensor that was read: row-major entries in f64.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub entries: Vec<f64>,
}

impl Tensor {
    /// Refuses entries that are NaN or infinite, by the first of them.
    ///
    /// # Errors
    /// [`ProblemError::NotFinite`], of the tensor of this name.
    pub fn refuse_not_finite(&self, name: &TensorName) -> Result<(), ProblemError> {
        let Some(at) = self.entries.iter().position(|entry| !entry.is_finite()) else { return Ok(()) };
        let mut index = vec![0; self.shape.len()];
        let mut left = at;
        for (place, side) in index.iter_mut().zip(&self.shape).rev() {
            *place = left % side;
            left /= side;
        }
        Err(ProblemError::NotFinite { tensor: name.to_string(), index, value: self.entries[at] })
    }
}

/// Why a matrix could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProblemError {
    #[error("{tensor}: expected {expected}, found shape {found:?}")]
    Shape { tensor: String, expected: String, found: Vec<usize> },
    #[error("{tensor}: entry {index:?} is {value}, not a finite number")]
    NotFinite { tensor: String, index: Vec<usize>, value: f64 },
    #[error("{0}")]
    Impossible(String),
}

/// A matrix to approximate, with what is known of it.
#[derive(Debug, Clone)]
pub struct Problem<T> {
    /// A, m×n; `None` of attention that stays unformed.
    pub formed: Option<Mat<T>>,
    /// What else is known, which some methods need.
    pub structure: Structure<T>,
    /// V, n×d: what the approximation is applied to (the value vectors of an attention head; a Gaussian block elsewhere).
    pub values: Mat<T>,
    /// The singular values A was built from, descending, where they were prescribed (A itself is rounded).
    pub prescribed_singular_values: Option<Vec<f64>>,
}

/// What is known of a matrix beyond its entries.
#[derive(Debug, Clone)]
pub enum Structure<T> {
    General,
    /// Symmetric positive semi-definite, up to rounding.
    PositiveSemidefinite,
    /// `softmax(scale · Q Kᵀ)` by rows, masked above the diagonal if causal.
    Attention(Head<T>),
    /// The weights of a linear map.
    Weight {
        /// XXᵀ of its inputs X on a calibration text, n×n; always in f64, as its condition is the square of theirs.
        gram: Option<Mat<f64>>,
    },
}

impl ProblemSpec {
    /// The kind's own description, whatever it is.
    fn source(&self) -> &dyn DynSource {
        match self {
            Self::Spectrum(kind) => kind,
            Self::Attention(kind) => kind,
            Self::Qkv(kind) => kind,
            Self::Kernel(kind) => kind,
            Self::TensorFile(kind) => kind,
            Self::Weight(kind) => kind,
            Self::Gaussian(kind) => kind,
        }
    }

    /// See [`Source::tensors`].
    #[must_use]
    pub fn tensors(&self) -> Vec<TensorName> {
        self.source().tensors()
    }

    /// See [`Source::held_out`].
    #[must_use]
    pub fn held_out(&self) -> Option<[(&'static str, &str); 2]> {
        self.source().held_out()
    }

    /// See [`Source::outline`].
    ///
    /// # Errors
    /// A clause saying which shape was expected.
    pub fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String> {
        self.source().outline(tensors)
    }

    /// See [`Source::build`]; attention is formed.
    ///
    /// # Errors
    /// What is wrong with the tensors.
    pub fn build(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        self.source().build(tensors, rng).map(Problem::form)
    }

    /// See [`Source::build`]; attention stays unformed.
    ///
    /// # Errors
    /// What is wrong with the tensors.
    pub fn build_unformed(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        self.source().build(tensors, rng)
    }
}

/// [`Source`] without the parts that forbid `dyn`.
trait DynSource {
    fn check(&self) -> Result<(), Invalid>;
    fn tensors(&self) -> Vec<TensorName>;
    fn held_out(&self) -> Option<[(&'static str, &str); 2]>;
    fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String>;
    fn build(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError>;
}

impl<S: Source> DynSource for S {
    fn check(&self) -> Result<(), Invalid> {
        Parameters::check(self)
    }
    fn tensors(&self) -> Vec<TensorName> {
        Source::tensors(self)
    }
    fn held_out(&self) -> Option<[(&'static str, &str); 2]> {
        Source::held_out(self)
    }
    fn outline(&self, tensors: &[Vec<usize>]) -> Result<Outline, String> {
        Source::outline(self, tensors)
    }
    fn build(&self, tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        Source::build(self, tensors, rng)
    }
}

impl Problem<f64> {
    /// The attention of one head over its value vectors, unformed.
    fn attention(head: Head<f64>, values: Mat<f64>) -> Self {
        Self { formed: None, structure: Structure::Attention(head), values, prescribed_singular_values: None }
    }

    /// The same problem in the precision of `T`. An attention matrix is formed again from the rounded Q and K, as a program
    /// computing in `T` would form it.
    #[must_use]
    pub fn round<T: Scalar>(&self) -> Problem<T> {
        let structure = match &self.structure {
            Structure::General => Structure::General,
            Structure::PositiveSemidefinite => Structure::PositiveSemidefinite,
            Structure::Attention(head) => Structure::Attention(head.round()),
            Structure::Weight { gram } => Structure::Weight { gram: gram.clone() },
        };
        let rounded = |matrix: &Mat<f64>| match &structure {
            Structure::Attention(head) => head.form(Par::Seq),
            _ => from_f64(matrix.as_ref()),
        };
        Problem {
            formed: self.formed.as_ref().map(rounded),
            structure,
            values: from_f64(self.values.as_ref()),
            prescribed_singular_values: self.prescribed_singular_values.clone(),
        }
    }
}

impl<T: Scalar> Problem<T> {
    /// A, m×n.
    ///
    /// # Panics
    /// If it was left unformed: those who read it form it first.
    #[must_use]
    pub fn matrix(&self) -> MatRef<'_, T> {
        self.formed.as_ref().expect("who reads the matrix has formed it").as_ref()
    }

    /// The same problem with its matrix formed; on one thread, so that its bits do not depend on how many the run is given.
    #[must_use]
    pub fn form(self) -> Self {
        let formed = match (self.formed, &self.structure) {
            (None, Structure::Attention(head)) => Some(head.form(Par::Seq)),
            (formed, _) => formed,
        };
        Self { formed, ..self }
    }
}

/// d, the columns of V where the problem brings none of its own.
const VALUE_COLUMNS: usize = 64;

/// No side of a matrix we make is longer: its entries could not be counted, let alone stored.
const LARGEST_SIDE: usize = 10_000_000;

/// Refuses a side of 0, and one so long that its square overflows.
fn check_side(parameter: &'static str, side: usize, example: usize) -> Result<(), Invalid> {
    if (1..=LARGEST_SIDE).contains(&side) {
        return Ok(());
    }
    let reason = format!("must lie between 1 and {LARGEST_SIDE}");
    Err(Invalid::new(parameter, reason, format!("for example `{parameter} = {example}`")))
}

/// Refuses a temperature that is not positive, or beyond all use.
fn check_temperature(temperature: f64) -> Result<(), Invalid> {
    if (1e-6..=1e6).contains(&temperature) {
        return Ok(());
    }
    Err(Invalid::new("temperature", "must be positive, from 1e-6 to 1e6", "for example `temperature = 1.0`"))
}
