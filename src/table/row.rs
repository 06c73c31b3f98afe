//! The rows of the tables.

use serde::{Deserialize, Serialize};

/// How a cell ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Completed,
    Skipped,
    Failed,
}

/// One matrix in one precision: what it is, and its spectrum in numbers. Table `matrices`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// Key: the label of its table in the spec.
    pub problem: String,
    /// Key: the values of its swept parameters.
    pub problem_variant: String,
    /// Key: `f32` or `f64`.
    pub precision: String,
    /// The registered kind: `qkv`, `spectrum` ….
    pub problem_kind: String,
    /// All parameters as JSON.
    pub problem_parameters: String,
    /// m.
    pub rows: u64,
    /// n.
    pub columns: u64,
    /// Singular values above max(m,n)·u·σ₁.
    pub numerical_rank: u64,
    /// ‖A‖_F²/‖A‖₂².
    pub stable_rank: f64,
    /// exp of the entropy of σ/Σσ (Roy & Vetterli 2007).
    pub effective_rank: f64,
    /// Least k with Σ_{j≤k}σ² ≥ 90 % of Σσ².
    pub rank_energy_90: u64,
    pub rank_energy_99: u64,
    pub rank_energy_999: u64,
    pub frobenius_norm: f64,
    pub spectral_norm: f64,
    /// Median seconds to form the matrix from Q and K, with the interval of the median; `None` where nothing is formed.
    pub form_seconds: Option<f64>,
}

/// One singular value. Table `spectra`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpectrumRow {
    pub problem: String,
    pub problem_variant: String,
    pub precision: String,
    /// j, from 1.
    pub index: u64,
    pub singular_value: f64,
    /// Share of Σσ² in the first j.
    pub cumulative_energy: f64,
}

/// One cell. Table `runs`. Every metric is `None` where it has no meaning or the cell did not complete; never NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellRow {
    pub cell: String,
    pub problem: String,
    pub problem_variant: String,
    pub precision: String,
    /// The label of its table in the spec.
    pub method: String,
    pub method_variant: String,
    pub method_kind: String,
    pub method_parameters: String,
    pub target_rank: u64,
    pub trial: u64,
    /// Decimal digits of a u64.
    pub seed: String,
    pub status: Status,
    /// Why it was skipped or failed.
    pub reason: Option<String>,
    /// Fallbacks taken, joined by `; `.
    pub notes: Option<String>,
    /// Inner dimension of the pair.
    pub rank: Option<u64>,
    pub relative_frobenius_error: Option<f64>,
    pub relative_spectral_error: Option<f64>,
    /// Eckart–Young: the least relative Frobenius error of any matrix of the target rank.
    pub optimal_frobenius_error: Option<f64>,
    pub optimal_spectral_error: Option<f64>,
    /// relative_frobenius_error / optimal_frobenius_error, where the optimum is above the rounding level.
    pub suboptimality: Option<f64>,
    /// ‖(A−Â)V‖_F/‖AV‖_F.
    pub relative_output_error: Option<f64>,
    /// Attention only: mean over rows of |Σ_j P̂_ij − 1|.
    pub row_sum_deviation: Option<f64>,
    /// Attention only: Σ of |negative entries| / n, the negative mass of the mean row.
    pub negative_mass: Option<f64>,
    /// Attention only: mean over rows of KL(P_i ‖ P̂_i) after clamping P̂ to [1e-12, ∞) and renormalising, in nats.
    pub kl_divergence: Option<f64>,
    /// Attention only: share of rows whose largest entry is in the same column.
    pub top1_agreement: Option<f64>,
    /// Theoretical bound on the relative Frobenius error.
    pub error_bound: Option<f64>,
    /// relative_frobenius_error / error_bound.
    pub bound_tightness: Option<f64>,
    pub bound_source: Option<String>,
    /// Numbers in the pair: r(m+n).
    pub parameters: Option<u64>,
    /// Bytes of the pair.
    pub bytes: Option<u64>,
    /// Forecast flops of the factorisation.
    pub factor_flops: Option<u64>,
    /// Flops to apply the pair to V.
    pub apply_flops: Option<u64>,
    /// Peak heap beside the input while factoring, in bytes.
    pub peak_bytes: Option<u64>,
}

/// One timing. Table `samples`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    pub cell: String,
    /// Which repeat, from 0.
    pub repeat: u64,
    /// Position of the cell in the shuffled order of that repeat.
    pub position: u64,
    /// Seconds to factor, the matrix being there.
    pub factor_seconds: f64,
    /// Seconds to apply the pair to V.
    pub apply_seconds: f64,
}

/// One quantity of one group (problem, precision, method, rank) over its trials, instances kept apart. Table `summary`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    pub problem: String,
    /// Empty in the rows that summarise over all variants of the problem's family.
    pub problem_variant: String,
    pub precision: String,
    pub method: String,
    pub method_variant: String,
    pub method_kind: String,
    pub target_rank: u64,
    /// A column name of `runs` or `samples`, or `total_seconds` (form where the method needs the matrix + factor).
    pub quantity: String,
    pub unit: String,
    /// Values summarised.
    pub count: u64,
    pub median: f64,
    pub mean: f64,
    pub q25: f64,
    pub q75: f64,
    pub min: f64,
    pub max: f64,
    /// Non-parametric 95 % interval of the median (order statistics); `None` below 6 values.
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
}

/// Everything a report is made of: the contents of `results/NAME/`.
#[derive(Debug, Clone)]
pub struct Results {
    pub name: String,
    pub matrices: Vec<MatrixRow>,
    pub spectra: Vec<SpectrumRow>,
    pub cells: Vec<CellRow>,
    pub samples: Vec<SampleRow>,
    pub summary: Vec<SummaryRow>,
    /// `provenance.json`, as written by the run.
    pub provenance: serde_json::Value,
    /// The spec's text.
    pub spec: String,
}
