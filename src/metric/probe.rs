//! An independent check of every product the metrics are read off.
//!
//! A parallel matrix product has been seen to return wrong entries (faer issue 273). So each product is multiplied by a few
//! random vectors and compared with the same product computed another way, by plain loops that call no library: a wrong entry
//! of size δ shifts the comparison by at least δ/2, whatever its place (Freivalds 1977).

use faer::{Mat, MatRef};
use rand::RngExt;

use super::column;
use crate::{linalg::Scalar, low_rank::LowRank, random::generator};

/// Random vectors per product. One catches any single wrong entry; several also those that cancel in one.
const VECTORS: u64 = 3;

/// A product that differs from its independent recomputation by more than rounding.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "the independent probe of {product} is off by {difference:e} in row {row}, where rounding explains {allowed:e}: \
     the product was computed wrongly; run it again with threads = 1"
)]
pub struct ProbeError {
    /// Which product: `A·V`, `A − L·R` or `(A − L·R)·V`.
    pub product: &'static str,
    pub row: usize,
    pub difference: f64,
    pub allowed: f64,
}

/// Random vectors and their images under A, by plain loops.
#[derive(Debug, Clone)]
pub(super) struct Probes {
    /// Of n entries.
    plain: Vec<Probe>,
    /// y of d entries, with z = V·y.
    through_values: Vec<(Vec<f64>, Probe)>,
}

#[derive(Debug, Clone)]
struct Probe {
    /// x.
    vector: Vec<f64>,
    /// What |x| is bounded by, entry by entry: |x|, or |V||y| where x = V·y.
    size: Vec<f64>,
    /// A·x.
    image: Vec<f64>,
    /// |A|·size: what the rounding of A·x is a fraction of.
    image_size: Vec<f64>,
}

impl Probe {
    fn new(matrix: MatRef<'_, f64>, vector: Vec<f64>, size: Vec<f64>) -> Self {
        let image = times(matrix, &vector, |entry| entry);
        let image_size = times(matrix, &size, f64::abs);
        Self { vector, size, image, image_size }
    }

    /// Compares `product`, which should be (A − L·R)·x, with A·x − L·(R·x).
    fn compare(
        &self,
        name: &'static str,
        product: &[f64],
        factors: &LowRank<f64>,
        terms: usize,
    ) -> Result<(), ProbeError> {
        let (left, right) = (factors.left.as_ref(), factors.right.as_ref());
        let approximated = times(left, &times(right, &self.vector, |entry| entry), |entry| entry);
        let approximated_size = times(left, &times(right, &self.size, f64::abs), f64::abs);
        self.compare_with(name, product, &approximated, &approximated_size, terms + 2 * factors.rank())
    }

    /// Compares `product` with A·x − `approximated`, whose terms sum up to `sizes`.
    fn compare_with(
        &self,
        name: &'static str,
        product: &[f64],
        approximated: &[f64],
        sizes: &[f64],
        terms: usize,
    ) -> Result<(), ProbeError> {
        for (row, &computed) in product.iter().enumerate() {
            let difference = (self.image[row] - approximated[row] - computed).abs();
            let allowed = rounding(terms, self.image_size[row] + sizes[row]);
            // Not the other way round: a NaN is a mismatch.
            if difference <= allowed {
                continue;
            }
            return Err(ProbeError { product: name, row, difference, allowed });
        }
        Ok(())
    }
}

impl Probes {
    /// Fixed vectors: the same matrix is always probed the same way.
    pub(super) fn new(matrix: MatRef<'_, f64>, values: MatRef<'_, f64>) -> Self {
        let plain = (0..VECTORS)
            .map(|seed| {
                let vector = random_vector(matrix.ncols(), seed);
                let size = vector.iter().map(|entry| entry.abs()).collect();
                Probe::new(matrix, vector, size)
            })
            .collect();
        let through_values = (0..VECTORS)
            .map(|seed| {
                let weights = random_vector(values.ncols(), VECTORS + seed);
                let sizes: Vec<f64> = weights.iter().map(|entry| entry.abs()).collect();
                let vector = times(values, &weights, |entry| entry);
                let probe = Probe::new(matrix, vector, times(values, &sizes, f64::abs));
                (weights, probe)
            })
            .collect();
        Self { plain, through_values }
    }

    /// Whether `output` is A·V.
    pub(super) fn check_exact_output(&self, output: MatRef<'_, f64>) -> Result<(), ProbeError> {
        let nothing = LowRank::new(Mat::zeros(output.nrows(), 0), Mat::zeros(0, self.columns()));
        self.against_values("A·V", output, &nothing)
    }

    /// Whether `residual` is A − L·R.
    pub(super) fn check_residual(&self, residual: MatRef<'_, f64>, factors: &LowRank<f64>) -> Result<(), ProbeError> {
        for probe in &self.plain {
            let product = times(residual, &probe.vector, |entry| entry);
            probe.compare("A − L·R", &product, factors, 2 * residual.ncols())?;
        }
        Ok(())
    }

    /// Whether `residual` is A·V − L·(R·V).
    pub(super) fn check_output(&self, residual: MatRef<'_, f64>, factors: &LowRank<f64>) -> Result<(), ProbeError> {
        self.against_values("(A − L·R)·V", residual, factors)
    }

    /// Whether `residual` is A·V − Â·V, Â being a matrix that is not factored.
    pub(super) fn check_output_of_dense(
        &self,
        residual: MatRef<'_, f64>,
        dense: MatRef<'_, f64>,
    ) -> Result<(), ProbeError> {
        for (weights, probe) in &self.through_values {
            let product = times(residual, weights, |entry| entry);
            let (kept, size) = (times(dense, &probe.vector, |entry| entry), times(dense, &probe.size, f64::abs));
            let terms = 2 * self.columns() + 2 * weights.len();
            probe.compare_with("(A − Â)·V", &product, &kept, &size, terms)?;
        }
        Ok(())
    }

    fn against_values(
        &self,
        name: &'static str,
        output: MatRef<'_, f64>,
        factors: &LowRank<f64>,
    ) -> Result<(), ProbeError> {
        for (weights, probe) in &self.through_values {
            let product = times(output, weights, |entry| entry);
            probe.compare(name, &product, factors, 2 * self.columns() + 2 * weights.len())?;
        }
        Ok(())
    }

    /// n.
    fn columns(&self) -> usize {
        self.plain.first().map_or(0, |probe| probe.vector.len())
    }
}

/// Entries of random sign between ½ and 3⁄2 in size: none hides a wrong entry, and no two cancel for sure.
pub(super) fn random_vector(length: usize, seed: u64) -> Vec<f64> {
    let mut rng = generator(seed);
    (0..length)
        .map(|_| {
            let uniform = rng.random_range(-1.0..1.0);
            uniform + 0.5f64.copysign(uniform)
        })
        .collect()
}

/// f(matrix)·vector, column by column, in plain loops.
pub(super) fn times(matrix: MatRef<'_, f64>, vector: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut product = vec![0.0; matrix.nrows()];
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || {
            for (j, &weight) in vector.iter().enumerate() {
                for (sum, &entry) in product.iter_mut().zip(column(matrix, j)) {
                    *sum += f(entry) * weight;
                }
            }
        },
    );
    product
}

/// What a sum of `terms` products of total size `size` may be off by: γ_terms, twice (Higham, *Accuracy and Stability*, 3.1),
/// and what underflows.
pub(super) fn rounding(terms: usize, size: f64) -> f64 {
    let terms = (terms + 8) as f64;
    2.0 * terms * (f64::UNIT_ROUNDOFF * size + f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use faer::Par;

    use super::*;
    use crate::{linalg::gaussian::gaussian, metric::matrix_error};

    fn setting() -> (Mat<f64>, Mat<f64>, LowRank<f64>) {
        let mut rng = generator(11);
        let factors = LowRank::new(gaussian(60, 5, &mut rng), gaussian(5, 45, &mut rng));
        (gaussian(60, 45, &mut rng), gaussian(45, 7, &mut rng), factors)
    }

    #[test]
    fn right_products_pass() {
        let (matrix, values, factors) = setting();
        let probes = Probes::new(matrix.as_ref(), values.as_ref());
        let residual = matrix_error::residual(matrix.as_ref(), &factors, Par::Seq);
        probes.check_residual(residual.as_ref(), &factors).unwrap();
        probes.check_exact_output((&matrix * &values).as_ref()).unwrap();
        probes.check_output((&residual * &values).as_ref(), &factors).unwrap();
    }

    #[test]
    fn one_wrong_entry_anywhere_is_caught_and_its_row_named() {
        let (matrix, values, factors) = setting();
        let probes = Probes::new(matrix.as_ref(), values.as_ref());
        let residual = matrix_error::residual(matrix.as_ref(), &factors, Par::Seq);
        let output = &matrix * &values;
        for (row, column) in [(0, 0), (59, 44), (31, 7)] {
            for wrong in [1e-10, 1.0, f64::NAN] {
                let mut residual = residual.clone();
                residual[(row, column)] += wrong;
                let error = probes.check_residual(residual.as_ref(), &factors).unwrap_err();
                assert_eq!((error.product, error.row), ("A − L·R", row));

                let mut output = output.clone();
                output[(row, column % 7)] += wrong;
                let error = probes.check_exact_output(output.as_ref()).unwrap_err();
                assert_eq!((error.product, error.row), ("A·V", row));

                let mut output = &residual * &values;
                output[(row, column % 7)] += wrong;
                let error = probes.check_output(output.as_ref(), &factors).unwrap_err();
                assert_eq!(error.row, row);
            }
        }
    }

    #[test]
    fn two_wrong_entries_that_cancel_in_a_row_are_caught() {
        let (matrix, values, factors) = setting();
        let probes = Probes::new(matrix.as_ref(), values.as_ref());
        let mut residual = matrix_error::residual(matrix.as_ref(), &factors, Par::Seq);
        residual[(20, 3)] += 0.01;
        residual[(20, 4)] -= 0.01;
        assert_eq!(probes.check_residual(residual.as_ref(), &factors).unwrap_err().row, 20);
    }
}
