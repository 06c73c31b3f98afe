//! What is left of a probability distribution in the rows of an approximated attention matrix.

use faer::MatRef;

use super::{Measures, column};
use crate::linalg::exponential::ln_of_positive;

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
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for j in 0..weights.ncols() {
                    let column = column(weights, j);
                    for (entropy, &weight) in summary.negative_entropy.iter_mut().zip(column) {
                        // Where the weight is 0 so is the product.
                        *entropy += weight * ln_of_positive(larger(weight, f64::MIN_POSITIVE));
                    }
                    for ((mass, largest), &weight) in summary.mass.iter_mut().zip(&mut summary.largest).zip(column) {
                        *mass += weight;
                        *largest = larger(weight, *largest);
                    }
                }
            },
        );
        summary
    }

    /// The four measures of P̂ = P − D against P.
    pub(super) fn measure(&self, measures: &mut Measures, weights: MatRef<'_, f64>, residual: MatRef<'_, f64>) {
        let rows = weights.nrows();
        if rows == 0 {
            return;
        }
        let (mut deviation, mut negative, mut divergence, mut agreeing) = (0.0, 0.0, 0.0, 0);
        for first in (0..rows).step_by(BLOCK) {
            let block = pulp::Arch::new().dispatch(
                #[inline(always)]
                || Block::new(weights, residual, first),
            );
            for (row, i) in (first..rows.min(first + BLOCK)).enumerate() {
                deviation += (block.sum[row] - 1.0).abs();
                negative += block.negative[row];
                // KL(P ‖ C/ΣC) = Σ P ln P − Σ P ln C + ΣP · ln ΣC; never negative (Gibbs), though its rounding may be.
                let normaliser = self.mass[i] * block.clamped_sum[row].ln();
                divergence += (self.negative_entropy[i] - block.cross_entropy[row] + normaliser).max(0.0);
                agreeing += usize::from(block.weight_there[row] >= self.largest[i] * (1.0 - TIE));
            }
        }
        let rows = rows as f64;
        measures.row_sum_deviation = Some(deviation / rows);
        measures.negative_mass = Some(negative / rows);
        measures.kl_divergence = Some(divergence / rows);
        measures.top1_agreement = Some(agreeing as f64 / rows);
    }
}

/// Rows taken together: one running value each, and no loop in which an entry waits for the one before.
const BLOCK: usize = 64;

/// What is summed along at most [`BLOCK`] rows of P̂.
struct Block {
    /// Σ_j P̂_ij.
    sum: [f64; BLOCK],
    /// Σ_j |min(P̂_ij, 0)|.
    negative: [f64; BLOCK],
    /// Σ_j C_ij, C being P̂ clamped.
    clamped_sum: [f64; BLOCK],
    /// Σ_j P_ij ln C_ij.
    cross_entropy: [f64; BLOCK],
    /// P at the column of the largest entry of P̂.
    weight_there: [f64; BLOCK],
}

impl Block {
    #[inline(always)]
    fn new(weights: MatRef<'_, f64>, residual: MatRef<'_, f64>, first: usize) -> Self {
        let (mut sum, mut negative, mut clamped_sum, mut cross_entropy) =
            ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
        let (mut largest, mut weight_there) = ([f64::NEG_INFINITY; BLOCK], [0.0; BLOCK]);
        for j in 0..weights.ncols() {
            // Copied into arrays of a fixed length, so that the compiler sees loops without bounds to check. The rows
            // beyond the last are computed with zeros, and not read.
            let (mut weight, mut approximated) = ([0.0; BLOCK], [0.0; BLOCK]);
            for ((weight, approximated), (&exact, &difference)) in weight
                .iter_mut()
                .zip(&mut approximated)
                .zip(column(weights, j)[first..].iter().zip(&column(residual, j)[first..]))
            {
                *weight = exact;
                *approximated = exact - difference;
            }
            for i in 0..BLOCK {
                sum[i] += approximated[i];
                negative[i] += larger(-approximated[i], 0.0);
                let clamped = larger(approximated[i], CLAMP);
                clamped_sum[i] += clamped;
                cross_entropy[i] += weight[i] * ln_of_positive(clamped);
            }
            for i in 0..BLOCK {
                let leads = approximated[i] > largest[i];
                largest[i] = if leads { approximated[i] } else { largest[i] };
                weight_there[i] = if leads { weight[i] } else { weight_there[i] };
            }
        }
        Self { sum, negative, clamped_sum, cross_entropy, weight_there }
    }
}

/// The larger of two numbers that are not NaN, in one instruction.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}
