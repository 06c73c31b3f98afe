//! What is left of a probability distribution in the rows of an approximated attention matrix.

use faer::MatRef;

use super::{Measures, column};

/// Approximated probabilities are clamped to at least this before the divergence is taken.
const CLAMP: f64 = 1e-12;

/// How close to the largest entry of its row an entry counts as largest too: equal tokens have equal weights up to rounding.
const TIE: f64 = 1e-6;

/// What the rows of the exact P say, once per matrix.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// Σ_j P_ij ln P_ij, in nats.
    negative_entropy: Vec<f64>,
    /// Σ_j P_ij: 1 up to rounding.
    mass: Vec<f64>,
    /// max_j P_ij.
    largest: Vec<f64>,
}

impl Rows {
    pub(super) fn new(weights: MatRef<'_, f64>) -> Self {
        let rows = weights.nrows();
        let mut summary =
            Self { negative_entropy: vec![0.0; rows], mass: vec![0.0; rows], largest: vec![f64::NEG_INFINITY; rows] };
        for j in 0..weights.ncols() {
            for (i, &weight) in column(weights, j).iter().enumerate() {
                summary.negative_entropy[i] += if weight > 0.0 { weight * weight.ln() } else { 0.0 };
                summary.mass[i] += weight;
                summary.largest[i] = summary.largest[i].max(weight);
            }
        }
        summary
    }

    /// The four measures of P̂ = P − D against P.
    pub(super) fn measure(&self, measures: &mut Measures, weights: MatRef<'_, f64>, residual: MatRef<'_, f64>) {
        let (rows, columns) = weights.shape();
        if rows == 0 || columns == 0 {
            return;
        }
        let mut sum = vec![0.0; rows];
        let mut negative = vec![0.0; rows];
        let mut clamped_sum = vec![0.0; rows];
        let mut cross_entropy = vec![0.0; rows];
        let mut largest = vec![f64::NEG_INFINITY; rows];
        let mut weight_there = vec![0.0; rows];
        // Down the columns, where entries are contiguous.
        for j in 0..columns {
            let (weights, residual) = (column(weights, j), column(residual, j));
            for i in 0..rows {
                let weight = weights[i];
                let approximated = weight - residual[i];
                sum[i] += approximated;
                negative[i] -= approximated.min(0.0);
                let clamped = approximated.max(CLAMP);
                clamped_sum[i] += clamped;
                if weight > 0.0 {
                    cross_entropy[i] += weight * clamped.ln();
                }
                if approximated > largest[i] {
                    largest[i] = approximated;
                    weight_there[i] = weight;
                }
            }
        }
        let mean = |of_row: &dyn Fn(usize) -> f64| (0..rows).map(of_row).sum::<f64>() / rows as f64;
        measures.row_sum_deviation = Some(mean(&|i| (sum[i] - 1.0).abs()));
        measures.negative_mass = Some(mean(&|i| negative[i]));
        // KL(P ‖ C/ΣC) = Σ P ln P − Σ P ln C + ΣP · ln ΣC; a divergence is never negative (Gibbs), its rounding may be.
        measures.kl_divergence = Some(mean(&|i| {
            (self.negative_entropy[i] - cross_entropy[i] + self.mass[i] * clamped_sum[i].ln()).max(0.0)
        }));
        measures.top1_agreement =
            Some(mean(&|i| f64::from(u8::from(weight_there[i] >= self.largest[i] * (1.0 - TIE)))));
    }
}
