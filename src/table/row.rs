//! The rows of the tables: every column's name, unit and description, written once.

use polars::prelude::{DataFrame, Schema};
use serde::{Deserialize, Serialize};

use crate::method::Role;

use super::{
    TableError,
    column::{
        self, Column, Field, Meaning,
        Meaning::{Key, Label},
        Row, table,
    },
};

/// A quantity without a unit: a ratio, a count.
const ONE: Meaning = Meaning::Quantity("1");
const SECONDS: Meaning = Meaning::Quantity("s");
const BYTES: Meaning = Meaning::Quantity("B");
const FLOPS: Meaning = Meaning::Quantity("flop");
const NATS: Meaning = Meaning::Quantity("nat");

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Completed,
    Skipped,
    Failed,
}

impl Status {
    pub const ALL: [Self; 3] = [Self::Completed, Self::Skipped, Self::Failed];

    /// As the tables write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

table! {
    /// One matrix in one precision: what it is, and its spectrum in numbers (of a matrix that was formed). Table `matrices`.
    pub struct MatrixRow in "matrices" {
        /// The label of its table in the spec.
        pub problem: String => Key,
        /// The values of its swept parameters.
        pub problem_variant: String => Key,
        /// Arithmetic of the matrix: `f32` or `f64`.
        pub precision: String => Key,
        /// The registered kind: `qkv`, `spectrum` ….
        pub problem_kind: String => Label,
        /// All parameters as JSON.
        pub problem_parameters: String => Label,
        /// m.
        pub rows: u64 => ONE,
        /// n.
        pub columns: u64 => ONE,
        /// Singular values above max(m,n)·u·σ₁.
        pub numerical_rank: Option<u64> => ONE,
        /// ‖A‖_F²/‖A‖₂².
        pub stable_rank: Option<f64> => ONE,
        /// exp of the entropy of σ/Σσ (Roy & Vetterli 2007).
        pub effective_rank: Option<f64> => ONE,
        /// Least k with Σ_{j≤k}σ² ≥ 90 % of Σσ².
        pub rank_energy_90: Option<u64> => ONE,
        /// Least k with Σ_{j≤k}σ² ≥ 99 % of Σσ².
        pub rank_energy_99: Option<u64> => ONE,
        /// Least k with Σ_{j≤k}σ² ≥ 99.9 % of Σσ².
        pub rank_energy_999: Option<u64> => ONE,
        /// ‖A‖_F.
        pub frobenius_norm: Option<f64> => ONE,
        /// ‖A‖₂ = σ₁.
        pub spectral_norm: Option<f64> => ONE,
        /// Median seconds to form the matrix from Q and K; empty where nothing is formed.
        pub form_seconds: Option<f64> => SECONDS,
    }
}

table! {
    /// One singular value. Table `spectra`.
    pub struct SpectrumRow in "spectra" {
        /// The label of its table in the spec.
        pub problem: String => Key,
        /// The values of its swept parameters.
        pub problem_variant: String => Key,
        /// Arithmetic of the matrix: `f32` or `f64`.
        pub precision: String => Key,
        /// j, from 1.
        pub index: u64 => Key,
        /// σ_j of the matrix as rounded to its precision.
        pub singular_value: f64 => ONE,
        /// Share of Σσ² in the first j.
        pub cumulative_energy: f64 => ONE,
    }
}

table! {
    /// One cell. Table `runs`. Every metric is `None` where it has no meaning or the cell did not complete; never NaN.
    pub struct CellRow in "runs" {
        /// Hash of everything the cell depends on: 32 hex digits.
        pub cell: String => Key,
        /// The label of its problem in the spec.
        pub problem: String => Label,
        /// The values of the swept parameters of its problem.
        pub problem_variant: String => Label,
        /// Arithmetic of the method: `f32` or `f64`.
        pub precision: String => Label,
        /// The label of its table in the spec.
        pub method: String => Label,
        /// The values of the swept parameters of its method.
        pub method_variant: String => Label,
        /// The registered kind: `truncated_svd`, `nystromformer` ….
        pub method_kind: String => Label,
        /// What the method is there for: `baseline` (exact), `control` (no pair of factors) or `low_rank`; empty in results of a
        /// kind that is not known any more.
        pub role: Option<Role> => Label,
        /// All parameters of the method as JSON.
        pub method_parameters: String => Label,
        /// k, the rank asked for.
        pub target_rank: u64 => Label,
        /// How the spec asks for that rank where it does so by a share, `5 %`, `0.5 break-even`, `energy 0.99`; several joined by `, `.
        pub asked_rank: Option<String> => Label,
        /// Which independent draw, from 0.
        pub trial: u64 => Label,
        /// Decimal digits of a u64.
        pub seed: String => Label,
        /// How it ended: `completed`, `skipped` or `failed`.
        pub status: Status => Label,
        /// Why it was skipped or failed.
        pub reason: Option<String> => Label,
        /// Fallbacks taken, joined by `; `.
        pub notes: Option<String> => Label,
        /// Inner dimension of the pair; empty of what is none.
        pub rank: Option<u64> => ONE,
        /// ‖A−Â‖_F/‖A‖_F.
        pub relative_frobenius_error: Option<f64> => ONE,
        /// ‖A−Â‖₂/‖A‖₂.
        pub relative_spectral_error: Option<f64> => ONE,
        /// Eckart–Young: the least relative Frobenius error of any matrix of the target rank.
        pub optimal_frobenius_error: Option<f64> => ONE,
        /// Eckart–Young: the least relative spectral error of any matrix of the target rank, σ_{k+1}/σ₁.
        pub optimal_spectral_error: Option<f64> => ONE,
        /// relative_frobenius_error / optimal_frobenius_error, where the optimum is above the rounding level.
        pub suboptimality: Option<f64> => ONE,
        /// ‖(A−Â)V‖_F/‖AV‖_F.
        pub relative_output_error: Option<f64> => ONE,
        /// Rows the errors were measured on; empty where the whole matrix was.
        pub measured_rows: Option<u64> => Label,
        /// Lower end of the 95 % interval of the relative Frobenius error, where rows were sampled.
        pub frobenius_error_low: Option<f64> => ONE,
        /// Upper end of that interval.
        pub frobenius_error_high: Option<f64> => ONE,
        /// Lower end of the 95 % interval of the relative output error, where rows were sampled.
        pub output_error_low: Option<f64> => ONE,
        /// Upper end of that interval.
        pub output_error_high: Option<f64> => ONE,
        /// Attention only: mean over rows of |Σ_j P̂_ij − 1|.
        pub row_sum_deviation: Option<f64> => ONE,
        /// Attention only: Σ of |negative entries| / n, the negative mass of the mean row.
        pub negative_mass: Option<f64> => ONE,
        /// Attention only: mean over rows of KL(P_i ‖ P̂_i) after clamping P̂ to [1e-12, ∞) and renormalising, in nats.
        pub kl_divergence: Option<f64> => NATS,
        /// Attention only: share of rows whose largest entry is in the same column.
        pub top1_agreement: Option<f64> => ONE,
        /// Theoretical bound on the relative Frobenius error.
        pub error_bound: Option<f64> => ONE,
        /// relative_frobenius_error / error_bound.
        pub bound_tightness: Option<f64> => ONE,
        /// Where the bound stands.
        pub bound_source: Option<String> => Label,
        /// Numbers stored: r(m+n) of a pair.
        pub parameters: Option<u64> => ONE,
        /// Bytes stored.
        pub bytes: Option<u64> => BYTES,
        /// Forecast flops of the factorisation.
        pub factor_flops: Option<u64> => FLOPS,
        /// Flops to apply it to V.
        pub apply_flops: Option<u64> => FLOPS,
        /// Peak heap beside the input while factoring, in bytes. It counts what products pack for the vector unit at hand, so that it
        /// differs between processors and systems, by more than half in small cells.
        pub peak_bytes: Option<u64> => BYTES,
        /// Peak heap beside the input while factoring and then applying to V, in bytes.
        pub output_peak_bytes: Option<u64> => BYTES,
    }
}

table! {
    /// One timing. Table `samples`.
    pub struct SampleRow in "samples" {
        /// The cell that was timed.
        pub cell: String => Key,
        /// Which repeat, from 0.
        pub repeat: u64 => Key,
        /// Position of the cell in the shuffled order of that repeat.
        pub position: u64 => Label,
        /// Seconds to factor, the matrix being there.
        pub factor_seconds: f64 => SECONDS,
        /// Seconds to apply it to V.
        pub apply_seconds: f64 => SECONDS,
        /// Which of the `machines` of `provenance.json` it was timed on, from 1.
        pub machine: Option<u64> => Label,
    }
}

table! {
    /// One quantity of one group (problem, precision, method, rank) over its trials, instances kept apart. Table `summary`.
    pub struct SummaryRow in "summary" {
        /// The label of the problem in the spec.
        pub problem: String => Key,
        /// The values of the swept parameters of the problem; in rows over several matrices, which are replicates of each other
        /// (heads, tensors), without what tells those apart.
        pub problem_variant: String => Key,
        /// Matrices it summarises over: 1, or the replicates of one setting.
        pub matrices: u64 => Key,
        /// Arithmetic of the method: `f32` or `f64`.
        pub precision: String => Key,
        /// The label of the method in the spec.
        pub method: String => Key,
        /// The values of the swept parameters of the method.
        pub method_variant: String => Key,
        /// The registered kind of the method.
        pub method_kind: String => Key,
        /// What the method is there for: `baseline`, `control` or `low_rank`.
        pub role: Option<Role> => Label,
        /// k, the rank asked for.
        pub target_rank: u64 => Key,
        /// How the spec asks for that rank where it does so by a share.
        pub asked_rank: Option<String> => Label,
        /// A column name of `runs` or `samples`, `total_seconds` (form where the method needs the matrix + factor), or `output_seconds` (that + apply).
        pub quantity: String => Key,
        /// Unit of the quantity; `1` if it has none.
        pub unit: String => Label,
        /// Values summarised.
        pub count: u64 => ONE,
        /// Median.
        pub median: f64 => ONE,
        /// Arithmetic mean.
        pub mean: f64 => ONE,
        /// Lower quartile, interpolated linearly between order statistics.
        pub q25: f64 => ONE,
        /// Upper quartile, interpolated linearly between order statistics.
        pub q75: f64 => ONE,
        /// Least value.
        pub min: f64 => ONE,
        /// Greatest value.
        pub max: f64 => ONE,
        /// Non-parametric 95 % interval of the median (order statistics); `None` below 6 values.
        pub ci_low: Option<f64> => ONE,
        /// Upper end of that interval.
        pub ci_high: Option<f64> => ONE,
        /// Of times taken on several machines, the one it is of, from 1: they are not one sample. Empty where there is but one.
        pub machine: Option<u64> => Key,
    }
}
