//! Published figures, measured again: for each row the paper's value, ours, and how far they may be apart.
//!
//! A row is a series with the quantities `paper`, `ours` and `tolerance` (the greatest |ours − paper| that passes). Where the
//! set-up has to differ, the rows' note in the report says so, and further quantities measure what the difference does.

mod arithmetic;
mod attention;
mod sketches;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bench, Measurement, Study, StudyError, StudyTraits};
use crate::parameters::Parameters;

/// A published figure beside ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reproduction {
    /// Which published figure is measured again.
    pub figure: Published,
}

/// The published figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Published {
    /// Parameters of ALBERT's embeddings, factored and not (Lan et al. 2020).
    AlbertEmbeddings,
    /// Trainable parameters of LoRA on GPT-3's query and value weights (Hu et al. 2022, Table 4).
    LoraGpt3,
    /// Break-even ranks mn/(m+n) of common shapes.
    BreakEven,
    /// Growth of time and memory with length, Nyströmformer against exact attention (Xiong et al. 2021, Table 1).
    NystromformerScaling,
    /// Error of FAVOR+ on Gaussian queries and keys (performer-pytorch, issue 69).
    FavorError,
    /// Block Krylov against a Lanczos SVD (Musco & Musco 2015, README of bksvd).
    Bksvd,
    /// Adaptive sketch of a matrix with a geometric spectrum (MATLAB, documentation of svdsketch).
    Randsvd,
    /// Attention alone loses rank doubly exponentially with depth (Dong et al. 2021).
    RankCollapse,
}

impl Parameters for Reproduction {
    const KIND: &'static str = "reproduction";
    const VERSION: u32 = 1;

    fn version(&self) -> u32 {
        // The Lanczos SVD it compares with has changed.
        Self::VERSION + u32::from(self.figure == Published::Bksvd)
    }
}

impl Study for Reproduction {
    fn traits(&self) -> StudyTraits {
        let arithmetic =
            matches!(self.figure, Published::AlbertEmbeddings | Published::LoraGpt3 | Published::BreakEven);
        let timed = matches!(self.figure, Published::NystromformerScaling | Published::Bksvd);
        StudyTraits { random: !arithmetic, timed }
    }

    fn measure(&self, bench: &mut Bench<'_>) -> Result<Vec<Measurement>, StudyError> {
        match self.figure {
            Published::AlbertEmbeddings => Ok(arithmetic::albert_embeddings()),
            Published::LoraGpt3 => Ok(arithmetic::lora_gpt3()),
            Published::BreakEven => Ok(arithmetic::break_even()),
            Published::NystromformerScaling => attention::nystromformer_scaling(bench),
            Published::FavorError => attention::favor_error(bench),
            Published::RankCollapse => attention::rank_collapse(bench),
            Published::Bksvd => sketches::bksvd(bench),
            Published::Randsvd => sketches::randsvd(bench),
        }
    }
}

/// One row of the table of reproductions.
fn row(series: &str, paper: f64, ours: f64, tolerance: f64) -> [Measurement; 3] {
    [("paper", paper), ("ours", ours), ("tolerance", tolerance)]
        .map(|(quantity, value)| Measurement::new(series, None, quantity, value))
}
