//! What the singular values of a matrix say: ranks, energy, and the least error of every rank.

use crate::linalg::Precision;

/// The singular values of one m×n matrix.
#[derive(Debug, Clone)]
pub struct Spectrum {
    /// Descending, min(m, n) of them.
    singular_values: Vec<f64>,
    /// max(m, n).
    longest_side: usize,
    /// The precision the matrix was given in.
    precision: Precision,
    /// (Σ_{j>k} σ_j²)^½ for k = 0 … min(m, n).
    tails: Vec<f64>,
}

impl Spectrum {
    /// `singular_values` descending and finite.
    #[must_use]
    pub fn new(singular_values: Vec<f64>, rows: usize, columns: usize, precision: Precision) -> Self {
        let largest = singular_values.first().copied().unwrap_or(0.0);
        let mut tails = vec![0.0; singular_values.len() + 1];
        // From the smallest up, so that none is lost in the sum of the larger; in units of σ₁, so that no square overflows.
        let mut squares = 0.0;
        for (k, value) in singular_values.iter().enumerate().rev() {
            let share = if largest > 0.0 { value / largest } else { 0.0 };
            squares += share * share;
            tails[k] = largest * f64::sqrt(squares);
        }
        Self { singular_values, longest_side: rows.max(columns), precision, tails }
    }

    /// σ₁ ≥ σ₂ ≥ … ≥ σ_min(m,n).
    #[must_use]
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// ‖A‖_F.
    #[must_use]
    pub fn frobenius_norm(&self) -> f64 {
        self.tails[0]
    }

    /// ‖A‖₂ = σ₁.
    #[must_use]
    pub fn spectral_norm(&self) -> f64 {
        self.optimal_spectral_error(0)
    }

    /// The least ‖A − X‖_F over all X of rank k: (Σ_{j>k} σ_j²)^½ (Eckart & Young 1936).
    #[must_use]
    pub fn optimal_frobenius_error(&self, rank: usize) -> f64 {
        self.tails.get(rank).copied().unwrap_or(0.0)
    }

    /// The least ‖A − X‖₂ over all X of rank k: σ_{k+1} (Mirsky 1960).
    #[must_use]
    pub fn optimal_spectral_error(&self, rank: usize) -> f64 {
        self.singular_values.get(rank).copied().unwrap_or(0.0)
    }

    /// How many singular values lie above max(m, n)·u·σ₁, u being the unit roundoff of the precision the matrix was given in.
    #[must_use]
    pub fn numerical_rank(&self) -> usize {
        let u = match self.precision {
            Precision::F32 => f64::from(f32::EPSILON) / 2.0,
            Precision::F64 => f64::EPSILON / 2.0,
        };
        let threshold = self.longest_side as f64 * u * self.spectral_norm();
        self.singular_values.iter().take_while(|&&value| value > threshold).count()
    }

    /// ‖A‖_F²/‖A‖₂², between 1 and the rank; 0 for the zero matrix.
    #[must_use]
    pub fn stable_rank(&self) -> f64 {
        if self.spectral_norm() == 0.0 { 0.0 } else { (self.frobenius_norm() / self.spectral_norm()).powi(2) }
    }

    /// exp of the entropy of σ/Σσ (Roy & Vetterli 2007), between 1 and the rank; 0 for the zero matrix.
    #[must_use]
    pub fn effective_rank(&self) -> f64 {
        let largest = self.spectral_norm();
        if largest == 0.0 {
            return 0.0;
        }
        let sum: f64 = self.singular_values.iter().rev().map(|value| value / largest).sum();
        let entropy: f64 = self
            .singular_values
            .iter()
            .rev()
            .map(|value| value / largest / sum)
            .filter(|&share| share > 0.0)
            .map(|share| -share * share.ln())
            .sum();
        entropy.exp()
    }

    /// The least k with Σ_{j≤k} σ_j² ≥ `share` · Σσ², for a share in (0, 1]; 0 for the zero matrix.
    #[must_use]
    pub fn energy_rank(&self, share: f64) -> usize {
        // A few roundings are forgiven: nine of ten equal values do hold 90 %.
        let wanted = share * (1.0 - 1e-14);
        (0..=self.singular_values.len())
            .find(|&rank| self.energy_of_first(rank) >= wanted)
            .unwrap_or(self.singular_values.len())
    }

    /// The least k with a relative Frobenius error of at most `tolerance`; 0 for the zero matrix.
    #[must_use]
    pub fn rank_within(&self, tolerance: f64) -> usize {
        self.tails.partition_point(|&tail| tail > tolerance * self.frobenius_norm())
    }

    /// Share of Σσ² in the first 1, 2, … min(m, n) singular values. All 1 for the zero matrix.
    #[must_use]
    pub fn cumulative_energy(&self) -> Vec<f64> {
        (1..=self.singular_values.len()).map(|rank| self.energy_of_first(rank)).collect()
    }

    fn energy_of_first(&self, rank: usize) -> f64 {
        if self.frobenius_norm() == 0.0 {
            return 1.0;
        }
        1.0 - (self.optimal_frobenius_error(rank) / self.frobenius_norm()).powi(2)
    }

    /// max(m, n).
    pub(super) fn longest_side(&self) -> usize {
        self.longest_side
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spectrum(values: &[f64]) -> Spectrum {
        Spectrum::new(values.to_vec(), 100, values.len(), Precision::F64)
    }

    #[test]
    fn ranks_of_a_flat_spectrum_are_its_length() {
        let flat = spectrum(&[2.0; 10]);
        assert_eq!(flat.numerical_rank(), 10);
        assert!((flat.stable_rank() - 10.0).abs() < 1e-14);
        assert!((flat.effective_rank() - 10.0).abs() < 1e-13);
        assert_eq!([0.9, 0.99, 0.999].map(|share| flat.energy_rank(share)), [9, 10, 10]);
    }

    #[test]
    fn ranks_of_one_value_are_one_and_of_zero_nothing() {
        let one = spectrum(&[3.0, 0.0, 0.0]);
        assert_eq!((one.numerical_rank(), one.stable_rank(), one.effective_rank()), (1, 1.0, 1.0));
        assert_eq!(one.energy_rank(0.999), 1);
        assert_eq!(one.cumulative_energy(), [1.0, 1.0, 1.0]);
        let zero = spectrum(&[0.0, 0.0]);
        assert_eq!((zero.numerical_rank(), zero.stable_rank(), zero.effective_rank()), (0, 0.0, 0.0));
        assert_eq!(zero.energy_rank(0.9), 0);
        assert_eq!(spectrum(&[]).frobenius_norm(), 0.0);
    }

    #[test]
    fn the_effective_rank_of_two_values_is_the_exponential_of_their_entropy() {
        // p = (3/4, 1/4): exp(H) = 4/3^{3/4}.
        assert!((spectrum(&[3.0, 1.0]).effective_rank() - 4.0 / 3f64.powf(0.75)).abs() < 1e-14);
    }

    #[test]
    fn tails_keep_small_values_beside_large_ones_and_neither_overflow_nor_vanish() {
        let graded = spectrum(&[1.0, 3e-9, 4e-9]);
        assert!((graded.optimal_frobenius_error(1) / 5e-9 - 1.0).abs() < 1e-15);
        assert_eq!(graded.optimal_frobenius_error(3), 0.0);
        assert_eq!((graded.optimal_spectral_error(0), graded.optimal_spectral_error(3)), (1.0, 0.0));
        for scale in [1e300, 1e-300] {
            assert!((spectrum(&[4.0 * scale, 3.0 * scale]).frobenius_norm() / scale / 5.0 - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn the_numerical_rank_knows_in_which_precision_the_matrix_was_given() {
        let values = vec![1.0, 1e-3, 1e-8, 1e-16];
        assert_eq!(Spectrum::new(values.clone(), 100, 4, Precision::F64).numerical_rank(), 3);
        assert_eq!(Spectrum::new(values, 100, 4, Precision::F32).numerical_rank(), 2);
    }
}
