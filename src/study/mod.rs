//! What is measured that is no matrix under a method at a rank: one file per kind of study.
//!
//! A study is an experiment of its own (a regression, a provoked failure, a published figure). One cell of it is one point of
//! its grid and one draw, and gives many measurements: rows of (series, x, quantity, value). Pure numerics: what only the runner
//! has (a clock, a count of the heap) comes in as [`Instruments`].

mod denoised_head;
mod denoising;
mod failure;
mod light_model;
mod model_storage;
mod numerics;
mod reduced_rank_regression;
mod reproduction;
mod truncation;

pub use denoised_head::DenoisedHead;
pub use denoising::Denoising;
pub use failure::{Failure, Which};
pub use light_model::LightModel;
pub use model_storage::ModelStorage;
pub use numerics::gavish_donoho_threshold;
pub use reduced_rank_regression::{ReducedRankRegression, fit as fit_reduced_rank};
pub use reproduction::{Published, Reproduction};

use std::{collections::HashMap, sync::OnceLock};

use faer::Par;

use crate::{
    linalg::{scale::NotFinite, svd::SvdError, whitening::Whitening},
    method::MethodError,
    model::{Encoder, Grams, LinearMap, ModelError, Tokenizer, embedding},
    parameters::{Parameters, registry},
    problem::{Problem, ProblemSpec},
    random::Rng,
};

registry! {
    /// A kind of study with all its parameters: one point of the grid of a `[study.…]` table.
    pub enum StudySpec {
        ReducedRankRegression(ReducedRankRegression),
        Denoising(Denoising),
        DenoisedHead(DenoisedHead),
        Failure(Failure),
        Reproduction(Reproduction),
        LightModel(LightModel),
        ModelStorage(ModelStorage),
    }
}

/// What is true of a study at one point of its grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StudyTraits {
    /// Its measurements depend on a draw: it is run once per trial. A deterministic study is run once.
    pub random: bool,
    /// It reads the clock, so nothing may run beside it.
    pub timed: bool,
}

/// One number a study found.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Whose number it is: the name of a method, of a variant. Empty where the study has only one.
    pub series: String,
    /// Where on the horizontal axis, where there is one.
    pub x: Option<f64>,
    pub quantity: &'static str,
    /// `1` if it has none.
    pub unit: &'static str,
    pub value: f64,
}

impl Measurement {
    /// A number without a unit.
    pub fn new(series: &str, x: impl Into<Option<f64>>, quantity: &'static str, value: f64) -> Self {
        Self { series: series.to_owned(), x: x.into(), quantity, unit: "1", value }
    }

    /// The same in a unit.
    #[must_use]
    pub fn in_unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }
}

/// What only the runner has.
pub trait Instruments {
    /// Seconds that one run of `work` takes.
    fn seconds(&self, work: &mut dyn FnMut()) -> f64;

    /// Most heap that `work` had at once beyond what was there before, in bytes; `None` where nobody counts.
    fn peak_bytes(&self, work: &mut dyn FnMut()) -> Option<u64>;
}

/// Everything a study works with but its parameters.
pub struct Bench<'a> {
    pub rng: &'a mut Rng,
    pub parallelism: Par,
    pub instruments: &'a dyn Instruments,
    /// What [`Study::model`] asked for.
    pub model: Option<&'a ModelInput>,
    /// What [`Study::problem`] asked for, formed.
    pub problem: Option<&'a Problem<f64>>,
}

/// A model and texts that a study reads; paths as in the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// With config.json, tokenizer.json and model.safetensors.
    pub folder: String,
    /// In the order in which the study knows them.
    pub texts: Vec<String>,
}

impl ModelFiles {
    /// Every file, by its path.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let folder = self.folder.trim_end_matches('/');
        let of_model = ["config.json", "tokenizer.json", "model.safetensors"].map(|file| format!("{folder}/{file}"));
        of_model.into_iter().chain(self.texts.iter().cloned()).collect()
    }
}

/// What was read of [`ModelFiles`].
pub struct ModelInput {
    pub encoder: Encoder,
    pub tokenizer: Tokenizer,
    pub texts: Vec<String>,
    /// Of the second text, once a study has asked: every cell with the same calibration has the same.
    whitenings: OnceLock<Result<Whitenings, StudyError>>,
}

/// Coordinates in which the inputs of each linear map are white.
pub type Whitenings = HashMap<LinearMap, Whitening>;

/// With fewer texts, retrieval says nothing.
const TEXTS: usize = 40;
/// Tokens of a chunk of the text that is calibrated on.
const CALIBRATION_TOKENS: usize = 64;

impl ModelInput {
    #[must_use]
    pub fn new(encoder: Encoder, tokenizer: Tokenizer, texts: Vec<String>) -> Self {
        Self { encoder, tokenizer, texts, whitenings: OnceLock::new() }
    }

    /// One of the texts in chunks of so many tokens.
    fn chunks(&self, text: usize, tokens: usize) -> Result<Vec<Vec<u32>>, StudyError> {
        let text = self.texts.get(text).ok_or_else(|| StudyError::Numerical("a text was not read".to_owned()))?;
        Ok(embedding::chunks(&self.tokenizer, text, tokens)?)
    }

    /// The chunks of the text that is embedded, enough of them to judge by.
    fn embedded(&self, tokens: usize) -> Result<Vec<Vec<u32>>, StudyError> {
        let texts = self.chunks(0, tokens)?;
        if texts.len() >= TEXTS {
            return Ok(texts);
        }
        Err(StudyError::Numerical(format!(
            "the text makes {} chunks of {tokens} tokens, fewer than {TEXTS}: lower chunk_tokens",
            texts.len()
        )))
    }

    /// What goes into each linear map of the exact model on the second text, in coordinates.
    fn whitenings(&self, parallelism: Par) -> Result<&Whitenings, StudyError> {
        let measured = self.whitenings.get_or_init(|| {
            let mut grams = Grams::default();
            for ids in self.chunks(1, CALIBRATION_TOKENS)? {
                grams.add(&self.encoder, &ids)?;
            }
            let maps = LinearMap::of_model(self.encoder.config()).into_iter();
            let of_map = |map| Some((map, grams.whitening(map, parallelism)?));
            maps.filter_map(of_map).map(|(map, whitening)| Ok((map, whitening?))).collect()
        });
        measured.as_ref().map_err(Clone::clone)
    }
}

/// Why a study gave no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StudyError {
    #[error(transparent)]
    Svd(#[from] SvdError),
    #[error(transparent)]
    Method(#[from] MethodError),
    #[error(transparent)]
    Entry(#[from] NotFinite),
    #[error("{0}")]
    Input(String),
    #[error("{quantity} of {series} is {value}, not a finite number")]
    Measurement { quantity: &'static str, series: String, value: f64 },
    #[error("{0}")]
    Numerical(String),
}

impl From<ModelError> for StudyError {
    fn from(error: ModelError) -> Self {
        Self::Input(error.to_string())
    }
}

/// An experiment whose unit is not a matrix under a method.
pub trait Study: Parameters {
    fn traits(&self) -> StudyTraits;

    /// The model it reads, if it reads one.
    fn model(&self) -> Option<ModelFiles> {
        None
    }

    /// The matrix it reads from a file, if it reads one; nothing of it is drawn.
    fn problem(&self) -> Option<ProblemSpec> {
        None
    }

    /// Every number of one draw.
    ///
    /// # Errors
    /// A numerical failure.
    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError>;
}

impl StudySpec {
    fn study(&self) -> &dyn DynStudy {
        match self {
            Self::ReducedRankRegression(study) => study,
            Self::Denoising(study) => study,
            Self::DenoisedHead(study) => study,
            Self::Failure(study) => study,
            Self::Reproduction(study) => study,
            Self::LightModel(study) => study,
            Self::ModelStorage(study) => study,
        }
    }

    /// See [`Study::traits`].
    #[must_use]
    pub fn traits(&self) -> StudyTraits {
        self.study().traits()
    }

    /// See [`Study::model`].
    #[must_use]
    pub fn model(&self) -> Option<ModelFiles> {
        self.study().model()
    }

    /// See [`Study::problem`].
    #[must_use]
    pub fn problem(&self) -> Option<ProblemSpec> {
        self.study().problem()
    }

    /// See [`Study::measure`]; every value is finite.
    ///
    /// # Errors
    /// A numerical failure, or a measurement that is not a finite number.
    pub fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        let measurements = self.study().measure(bench)?;
        let finite = |number: &f64| number.is_finite();
        match measurements.iter().find(|one| !one.value.is_finite() || !one.x.as_ref().is_none_or(finite)) {
            Some(one) => Err(StudyError::Measurement {
                quantity: one.quantity,
                series: if one.series.is_empty() { "the study".to_owned() } else { one.series.clone() },
                value: one.value,
            }),
            None => Ok(measurements),
        }
    }
}

/// [`Study`] without the parts that forbid `dyn`.
trait DynStudy {
    fn traits(&self) -> StudyTraits;
    fn model(&self) -> Option<ModelFiles>;
    fn problem(&self) -> Option<ProblemSpec>;
    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError>;
}

impl<S: Study> DynStudy for S {
    fn traits(&self) -> StudyTraits {
        Study::traits(self)
    }
    fn model(&self) -> Option<ModelFiles> {
        Study::model(self)
    }
    fn problem(&self) -> Option<ProblemSpec> {
        Study::problem(self)
    }
    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        Study::measure(self, bench)
    }
}
