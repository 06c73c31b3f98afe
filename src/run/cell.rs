//! From what was measured to a row.

use crate::{
    approximant::Approximant,
    linalg::Scalar,
    method::Bound,
    metric::{Cost, Measures, Spectrum},
    plan::{Block, Cell},
    spec::Experiment,
    table::{CellRow, MatrixRow, SpectrumRow, Status},
};

/// The row of a cell of which nothing is known yet but what the plan says.
pub fn planned(experiment: &Experiment, block: &Block, cell: &Cell) -> CellRow {
    let (problem, method) = (experiment.problem_of(block), experiment.method_of(cell));
    CellRow {
        cell: cell.id.clone(),
        problem: problem.family.clone(),
        problem_variant: problem.variant.clone(),
        precision: block.precision.name().to_owned(),
        method: method.family.clone(),
        method_variant: method.variant.clone(),
        method_kind: method.spec.kind().to_owned(),
        role: Some(method.spec.role()),
        method_parameters: serde_json::Value::Object(method.spec.parameters()).to_string(),
        target_rank: cell.target_rank as u64,
        asked_rank: cell.asked_rank.clone(),
        trial: cell.trial as u64,
        seed: cell.seed.to_string(),
        status: Status::Skipped,
        reason: cell.skip.clone(),
        notes: None,
        rank: None,
        relative_frobenius_error: None,
        relative_spectral_error: None,
        optimal_frobenius_error: None,
        optimal_spectral_error: None,
        suboptimality: None,
        relative_output_error: None,
        measured_rows: None,
        frobenius_error_low: None,
        frobenius_error_high: None,
        output_error_low: None,
        output_error_high: None,
        row_sum_deviation: None,
        negative_mass: None,
        kl_divergence: None,
        top1_agreement: None,
        error_bound: None,
        bound_tightness: None,
        bound_source: None,
        parameters: None,
        bytes: None,
        factor_flops: Some(cell.forecast.flops),
        apply_flops: None,
        peak_bytes: None,
        output_peak_bytes: None,
    }
}

/// The row of a cell that gave no trustworthy answer: without numbers, so that none of them is used by mistake.
pub fn failed(planned: CellRow, reason: String) -> CellRow {
    CellRow { status: Status::Failed, reason: Some(reason), ..planned }
}

/// Peaks of the heap beside the input, in bytes; `None` where the allocator does not count.
#[derive(Debug, Clone, Copy)]
pub struct Peak {
    pub factoring: Option<u64>,
    /// While factoring and then applying to V.
    pub output: Option<u64>,
}

/// The row of a cell whose factors passed every check.
pub fn completed<T: Scalar>(
    planned: CellRow,
    factors: &Approximant<T>,
    value_columns: usize,
    measures: Measures,
    peak: Peak,
) -> CellRow {
    let cost = Cost::of(factors, value_columns);
    CellRow {
        status: Status::Completed,
        reason: None,
        rank: factors.pair().map(|pair| pair.rank() as u64),
        relative_frobenius_error: measures.relative_frobenius_error,
        relative_spectral_error: measures.relative_spectral_error,
        optimal_frobenius_error: measures.optimal_frobenius_error,
        optimal_spectral_error: measures.optimal_spectral_error,
        suboptimality: measures.suboptimality,
        relative_output_error: measures.relative_output_error,
        measured_rows: measures.measured_rows.map(|rows| rows as u64),
        frobenius_error_low: measures.frobenius_interval.map(|(low, _)| low),
        frobenius_error_high: measures.frobenius_interval.map(|(_, high)| high),
        output_error_low: measures.output_interval.map(|(low, _)| low),
        output_error_high: measures.output_interval.map(|(_, high)| high),
        row_sum_deviation: measures.row_sum_deviation,
        negative_mass: measures.negative_mass,
        kl_divergence: measures.kl_divergence,
        top1_agreement: measures.top1_agreement,
        parameters: Some(cost.parameters),
        bytes: Some(cost.bytes),
        apply_flops: Some(cost.apply_flops),
        peak_bytes: peak.factoring,
        output_peak_bytes: peak.output,
        ..planned
    }
}

/// The row with a bound on its error, relative to ‖A‖_F = `norm`.
pub fn bounded(row: CellRow, bound: Option<Bound>, norm: f64) -> CellRow {
    let Some(bound) = bound else { return row };
    let relative = bound.frobenius / norm;
    if !relative.is_finite() {
        return row;
    }
    let tightness =
        row.relative_frobenius_error.map(|error| error / relative).filter(|tightness| tightness.is_finite());
    CellRow {
        error_bound: Some(relative),
        bound_tightness: tightness,
        bound_source: Some(bound.source.to_owned()),
        ..row
    }
}

/// A row under the names the spec gives its problem and method today: they are no part of what it is.
pub fn renamed(row: CellRow, experiment: &Experiment, block: &Block, cell: &Cell) -> CellRow {
    let (problem, method) = (experiment.problem_of(block), experiment.method_of(cell));
    CellRow {
        problem: problem.family.clone(),
        problem_variant: problem.variant.clone(),
        method: method.family.clone(),
        method_variant: method.variant.clone(),
        role: Some(method.spec.role()),
        asked_rank: cell.asked_rank.clone(),
        ..row
    }
}

/// The row of a matrix, but for the time to form it.
pub fn matrix(experiment: &Experiment, block: &Block, spectrum: Option<&Spectrum>) -> MatrixRow {
    let problem = experiment.problem_of(block);
    MatrixRow {
        problem: problem.family.clone(),
        problem_variant: problem.variant.clone(),
        precision: block.precision.name().to_owned(),
        problem_kind: problem.spec.kind().to_owned(),
        problem_parameters: serde_json::Value::Object(problem.spec.parameters()).to_string(),
        rows: block.outline.rows as u64,
        columns: block.outline.columns as u64,
        numerical_rank: spectrum.map(|spectrum| spectrum.numerical_rank() as u64),
        stable_rank: spectrum.map(|spectrum| spectrum.stable_rank()),
        effective_rank: spectrum.map(|spectrum| spectrum.effective_rank()),
        rank_energy_90: spectrum.map(|spectrum| spectrum.energy_rank(0.9) as u64),
        rank_energy_99: spectrum.map(|spectrum| spectrum.energy_rank(0.99) as u64),
        rank_energy_999: spectrum.map(|spectrum| spectrum.energy_rank(0.999) as u64),
        frobenius_norm: spectrum.map(|spectrum| spectrum.frobenius_norm()),
        spectral_norm: spectrum.map(|spectrum| spectrum.spectral_norm()),
        form_seconds: None,
    }
}

/// The rows of a matrix's singular values.
pub fn spectrum(matrix: &MatrixRow, spectrum: &Spectrum) -> Vec<SpectrumRow> {
    let energies = spectrum.cumulative_energy();
    let pairs = spectrum.singular_values().iter().zip(energies).enumerate();
    pairs
        .map(|(index, (&singular_value, cumulative_energy))| SpectrumRow {
            problem: matrix.problem.clone(),
            problem_variant: matrix.problem_variant.clone(),
            precision: matrix.precision.clone(),
            index: index as u64 + 1,
            singular_value,
            cumulative_energy,
        })
        .collect()
}
