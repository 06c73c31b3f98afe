//! Claims of a spec, and the verdicts the tables give on them.
//!
//! A claim compares one quantity of the tables, or the ratio of two, with a threshold, at every place where the quantity was
//! measured. Its verdict is computed from the intervals of the numbers: one that straddles the threshold decides nothing.

mod condition;
mod number;
mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use condition::{Clause, Condition, Extent};
pub use verdict::{Judgement, Place, Ruling, Verdict, judge, judge_all, overall};

use crate::parameters::Invalid;

/// The claims of the assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Low-rank factors cut the floating-point work.
    Compute,
    /// They store fewer parameters.
    Parameters,
    /// Cost stops growing without control with the length.
    Scalability,
    /// Computation is faster, above all on long sequences.
    Speed,
    /// They make compressed or efficient Transformers possible.
    LightModels,
    /// They regularise against overfitting.
    Regularization,
}

impl Topic {
    pub const ALL: [Self; 6] =
        [Self::Compute, Self::Parameters, Self::Scalability, Self::Speed, Self::LightModels, Self::Regularization];

    /// As a spec writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Parameters => "parameters",
            Self::Scalability => "scalability",
            Self::Speed => "speed",
            Self::LightModels => "light_models",
            Self::Regularization => "regularization",
        }
    }
}

/// One `[claim.LABEL]` table of a spec: what is claimed of which rows, and what would refute it.
///
/// A key that is left out selects nothing: rows of every value count, and the claim must hold at each of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Which claim of the assignment it is evidence on.
    pub topic: Topic,
    /// What is claimed, in English, on one line.
    pub en: String,
    /// What is claimed, in Spanish, on one line.
    pub es: String,
    /// Its own row in the answer, beside that of its topic, in English: `as a correction of 3-bit weights`.
    #[serde(default)]
    pub beside_en: Option<String>,
    /// The same in Spanish.
    #[serde(default)]
    pub beside_es: Option<String>,
    /// Whether its numbers come from a trained model.
    #[serde(default)]
    pub real_model: bool,
    /// A quantity of the table `summary`, of `measurements` (with `study`), or of `matrices`: `output_seconds`, `parameters` …;
    /// or `total_flops`, which is `factor_flops` and `apply_flops` together.
    pub quantity: String,
    /// Only rows of this `[problem.LABEL]`.
    pub problem: Option<String>,
    /// Only rows of this variant, as the tables write it: `length=512`.
    pub problem_variant: Option<String>,
    /// Only rows of this precision.
    pub precision: Option<String>,
    /// Only rows of this `[method.LABEL]`.
    pub method: Option<String>,
    /// Only rows of this variant of the method.
    pub method_variant: Option<String>,
    /// Only rows of this rank.
    pub target_rank: Option<u64>,
    /// Only measurements of this `[study.LABEL]`.
    pub study: Option<String>,
    /// Only measurements of this variant of the study.
    pub study_variant: Option<String>,
    /// Only measurements of this series.
    pub series: Option<String>,
    /// Only measurements at this place of the horizontal axis.
    pub x: Option<f64>,
    /// Divide by another quantity of the same rows (or of those that the other `over_` keys name).
    pub over_quantity: Option<String>,
    /// Divide by the same quantity of this method.
    pub over_method: Option<String>,
    /// Divide by the same quantity at this rank.
    pub over_target_rank: Option<u64>,
    /// Divide by the same quantity of this series.
    pub over_series: Option<String>,
    /// Divide by the same quantity at this place of the horizontal axis.
    pub over_x: Option<f64>,
    /// What the condition is looked for along first: a swept parameter of the problem, the study or the method (`length`),
    /// `target_rank`, or `x`. If it does not tell where the claim holds, every other parameter is tried.
    pub along: Option<String>,
    /// Compare not the quantity but the exponent with which it grows along `along`.
    #[serde(default)]
    pub exponent: bool,
    /// It is claimed to be below this.
    pub below: Option<f64>,
    /// It is claimed to be above this.
    pub above: Option<f64>,
    /// The claim counts only where this quantity of the same rows …
    pub provided: Option<String>,
    /// … is below this, or
    pub provided_below: Option<f64>,
    /// … is above this.
    pub provided_above: Option<f64>,
}

/// A side of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    pub value: f64,
    /// Below it is where the claim wants the quantity; else above.
    pub below: bool,
}

impl Threshold {
    fn of(below: Option<f64>, above: Option<f64>) -> Option<Self> {
        match (below, above) {
            (Some(value), None) => Some(Self { value, below: true }),
            (None, Some(value)) => Some(Self { value, below: false }),
            _ => None,
        }
    }
}

impl Claim {
    /// What the quantity is compared with.
    #[must_use]
    pub fn threshold(&self) -> Option<Threshold> {
        Threshold::of(self.below, self.above)
    }

    /// The quantity that must be on its side too, and the side.
    #[must_use]
    pub fn proviso(&self) -> Option<(&str, Threshold)> {
        self.provided.as_deref().zip(Threshold::of(self.provided_below, self.provided_above))
    }

    /// Whether it divides.
    #[must_use]
    pub fn is_ratio(&self) -> bool {
        self.over_quantity.is_some()
            || self.over_method.is_some()
            || self.over_target_rank.is_some()
            || self.over_series.is_some()
            || self.over_x.is_some()
    }

    /// Refuses what has the right types but no meaning.
    ///
    /// # Errors
    /// The first key found impossible.
    pub fn check(&self) -> Result<(), Invalid> {
        let finite = |value: Option<f64>| value.is_none_or(f64::is_finite);
        if self.threshold().is_none() || !finite(self.below) || !finite(self.above) {
            return Err(Invalid::new("quantity", "needs one threshold", "for example `below = 1.0`, or `above = 0.9`"));
        }
        if self.provided.is_some() != (self.provided_below.is_some() != self.provided_above.is_some()) {
            let instead = "for example `provided = \"relative_output_error\"` and `provided_below = 0.1`";
            return Err(Invalid::new("provided", "needs one threshold of its own", instead));
        }
        if self.beside_en.is_some() != self.beside_es.is_some() {
            let instead = "give both `beside_en` and `beside_es`, or none";
            return Err(Invalid::new("beside_en", "is said in one language alone", instead));
        }
        if self.exponent && self.along.is_none() {
            return Err(Invalid::new("exponent", "needs `along`", "for example `along = \"length\"`"));
        }
        let identifier =
            |name: &&String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for (key, name) in [
            ("quantity", Some(&self.quantity)),
            ("over_quantity", self.over_quantity.as_ref()),
            ("provided", self.provided.as_ref()),
            ("along", self.along.as_ref()),
        ] {
            if name.is_some_and(|name| !identifier(&name)) {
                let instead = "write a name of columns.csv, for example `output_seconds`";
                return Err(Invalid::new(key, "is not the name of a column", instead));
            }
        }
        let of_studies = [&self.study, &self.study_variant, &self.series, &self.over_series];
        let of_matrices = [
            &self.problem,
            &self.problem_variant,
            &self.precision,
            &self.method,
            &self.method_variant,
            &self.over_method,
        ];
        if of_studies.iter().any(|key| key.is_some()) && of_matrices.iter().any(|key| key.is_some()) {
            let instead = "name a study, or a problem and a method";
            return Err(Invalid::new("study", "and keys of matrices select different tables", instead));
        }
        Ok(())
    }
}
