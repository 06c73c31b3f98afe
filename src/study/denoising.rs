//! Denoising by truncation: a matrix of rank r plus noise, its truncated SVD against the rank. The error to the truth falls up
//! to the rank at which the next singular triplet carries more noise than signal, and rises again (Gavish & Donoho 2014).
//!
//! The truth is an attention matrix of few kinds of token: softmax(QKᵀ) whose n queries are drawn from r prototypes has r
//! distinct rows, so its rank is at most r. `matrix = "gaussian"` is the case where the truth is of full rank: no rank is too
//! many there, and truncation only hurts. Noise is relative: its Frobenius norm is `noise` times that of the truth.
//!
//! Cost: one SVD. Breaks: components below the threshold (4/√3)·√n·σ are drowned, so the best rank is below the true one as noise grows.

use faer::Mat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bench, Measurement, Study, StudyError, StudyTraits,
    numerics::{check_count, check_noise, place_of_least},
    truncation::{Truncations, curve, truncations},
};
use crate::{
    linalg::{gaussian::gaussian, softmax::attention_matrix},
    parameters::{Belongs, Invalid, Parameters},
    random::Rng,
};

/// Truncated SVD of a noisy matrix against the matrix before noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Denoising {
    /// n, tokens of the attention matrix.
    pub length: usize,
    /// r, kinds of queries, hence the rank of the attention matrix. Of no meaning for `gaussian`, which is of full rank.
    #[serde(default = "eight")]
    pub true_rank: usize,
    /// ‖noise‖_F over ‖truth‖_F.
    pub noise: f64,
    /// Which truth is hidden under the noise.
    #[serde(default = "attention")]
    pub matrix: Truth,
}

/// Which matrix is to be found under noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// Softmax attention of `true_rank` kinds of queries.
    Attention,
    /// Gaussian entries: of full rank.
    Gaussian,
}

fn eight() -> usize {
    8
}

fn attention() -> Truth {
    Truth::Attention
}

/// d of the attention head; logits have this standard deviation.
const HEAD_DIM: usize = 32;
const SHARPNESS: f64 = 3.0;

impl Parameters for Denoising {
    const KIND: &'static str = "denoising";
    const VERSION: u32 = 1;
    const BELONGS: &'static [Belongs] = &[Belongs::to("true_rank", "matrix", &["attention"])];

    fn check(&self) -> Result<(), Invalid> {
        check_count("length", self.length, 2, 4096, 200)?;
        check_count("true_rank", self.true_rank, 1, self.length, 8)?;
        check_noise(self.noise)
    }
}

impl Denoising {
    fn truth(&self, rng: &mut Rng) -> Mat<f64> {
        let n = self.length;
        match self.matrix {
            Truth::Gaussian => gaussian(n, n, rng),
            Truth::Attention => {
                let prototypes = gaussian::<f64>(self.true_rank, HEAD_DIM, rng);
                let keys = gaussian::<f64>(n, HEAD_DIM, rng);
                let queries = Mat::from_fn(n, HEAD_DIM, |i, j| prototypes[(i % self.true_rank, j)]);
                let scale = SHARPNESS / (HEAD_DIM as f64).sqrt();
                attention_matrix(queries.as_ref(), keys.as_ref(), scale, false, faer::Par::Seq)
            }
        }
    }

    fn rank_of_truth(&self) -> usize {
        match self.matrix {
            Truth::Attention => self.true_rank,
            Truth::Gaussian => self.length,
        }
    }
}

impl Study for Denoising {
    fn traits(&self) -> StudyTraits {
        StudyTraits { random: true, timed: false }
    }

    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        let n = self.length;
        let truth = self.truth(bench.rng);
        let Truncations { errors, chosen, chosen_error } = truncations(truth.as_ref(), self.noise, bench)?;
        let mut found = curve(&errors);
        let full = errors[n - 1];
        found.push(Measurement::new("", None, "true_rank", self.rank_of_truth() as f64));
        found.push(Measurement::new("", None, "best_rank", place_of_least(&errors) as f64));
        found.push(Measurement::new("", None, "gavish_donoho_rank", chosen as f64));
        found.push(Measurement::new("", None, "gavish_donoho_error", chosen_error));
        found.push(Measurement::new("", None, "unconstrained_error", full));
        found.push(Measurement::new("", None, "error_at_true_rank", errors[self.rank_of_truth() - 1]));
        found.push(Measurement::new("", None, "error_ratio_at_half_rank", errors[(n / 2).max(1) - 1] / full));
        Ok(found)
    }
}
