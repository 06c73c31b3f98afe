//! Denoising the attention of a trained model: P = softmax(QKᵀ/√d) of one head plus noise, its truncated SVD against the rank.
//!
//! Where [`super::Denoising`] knows the rank of its truth, this does not: singular values of real attention decay without an end.
//! What is asked is whether truncation at a rank that is read off the noisy matrix alone (Gavish & Donoho 2014) brings it nearer
//! to the truth, at which noise, and in which head.
//!
//! Cost: one SVD. Breaks: in a head whose spectrum is flat (each token attends to its neighbour), no rank is too many until the
//! noise is as large as the entries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bench, Measurement, Study, StudyError, StudyTraits,
    numerics::{check_noise, place_of_least},
    truncation::{Truncations, curve, truncations},
};
use crate::{
    parameters::{Invalid, Parameters},
    problem::{ProblemSpec, Qkv},
};

/// Truncated SVD of a noisy attention matrix of a trained model against the matrix before noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DenoisedHead {
    /// Path of the file, relative to the project: `.safetensors` with tensors `HEAD.query`, `HEAD.key` and `HEAD.value` of
    /// n×d each, or `.npy` of shape 3×n×d (queries, keys, values).
    pub file: String,
    /// Which head of a `.safetensors` file, for example `layer0.head3`; left out for `.npy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Only the first so many tokens; all of them if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// ‖noise‖_F over ‖P‖_F.
    pub noise: f64,
}

impl DenoisedHead {
    fn attention(&self) -> Qkv {
        let Self { file, head, length, .. } = self.clone();
        Qkv { file, head, length, causal: false, temperature: 1.0 }
    }
}

impl Parameters for DenoisedHead {
    const KIND: &'static str = "denoised_head";
    const VERSION: u32 = 1;
    const REPLICATES: &'static [&'static str] = &["file", "head"];

    fn check(&self) -> Result<(), Invalid> {
        self.attention().check()?;
        check_noise(self.noise)
    }
}

impl Study for DenoisedHead {
    fn traits(&self) -> StudyTraits {
        StudyTraits { random: true, timed: false }
    }

    fn problem(&self) -> Option<ProblemSpec> {
        Some(ProblemSpec::Qkv(self.attention()))
    }

    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        let problem = bench.problem.ok_or_else(|| StudyError::Numerical("no head was read".to_owned()))?;
        let truth = problem.matrix().to_owned();
        let Truncations { errors, chosen, chosen_error } = truncations(truth.as_ref(), self.noise, bench)?;
        let best = place_of_least(&errors);
        let full = errors[errors.len() - 1];
        let mut found = curve(&errors);
        found.push(Measurement::new("", None, "best_rank", best as f64));
        found.push(Measurement::new("", None, "least_error", errors[best - 1]));
        found.push(Measurement::new("", None, "gavish_donoho_rank", chosen as f64));
        found.push(Measurement::new("", None, "gavish_donoho_error", chosen_error));
        found.push(Measurement::new("", None, "unconstrained_error", full));
        Ok(found)
    }
}
