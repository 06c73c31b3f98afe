//! Errors of attention that is never formed: exact rows, a block at a time; above a budget, a random sample of them.
//!
//! Memory is O(n·(d + r)) and a block of rows a thread. The products are sequential ones of owned matrices (parallel ones of
//! faer have given wrong entries), and what an approximant gives for V is checked by plain loops against its own rows.

use faer::{Mat, Par};
use rand::seq::index;
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

use super::{
    MeasureError, Measures, ReferenceError,
    probe::{ProbeError, random_vector, rounding, times},
    row_sample::root_ratio,
    stochasticity::Rows,
};
use crate::{
    approximant::{Approximant, Operator},
    linalg::{Head, Scalar, from_f64, scale::magnitude, softmax::attention_rows, to_f64, transposed},
    random::generator,
};

/// Rows formed at once.
const BLOCK: usize = 64;

/// Attention of one head, row by row.
#[derive(Debug, Clone)]
pub struct RowReference {
    /// Keys are kept transposed.
    head: Head<f64>,
    /// V, n×d.
    values: Mat<f64>,
    /// The rows that are measured, ascending.
    rows: Vec<usize>,
    /// V·y and |V|·|y| of a random y.
    probe: Probe,
}

#[derive(Debug, Clone)]
struct Probe {
    /// y.
    weights: Vec<f64>,
    image: Vec<f64>,
    size: Vec<f64>,
}

/// What one block of rows adds.
struct Sums {
    /// Of every row: ‖P_i − P̂_i‖², ‖P_i‖², ‖(PV)_i − (P̂V)_i‖², ‖(PV)_i‖².
    squares: [Vec<f64>; 4],
    /// Means over the block.
    stochasticity: Measures,
}

impl RowReference {
    /// Of the attention of a head over its values; if it has more than `budget` rows, of so many drawn evenly.
    ///
    /// # Errors
    /// An entry of V that is not finite, named.
    pub fn new<T: Scalar>(head: &Head<T>, values: &Mat<T>, budget: usize, seed: u64) -> Result<Self, ReferenceError> {
        let values = to_f64(values.as_ref());
        magnitude(values.as_ref()).map_err(ReferenceError::Values)?;
        let all = head.queries.nrows();
        let mut rows = if all <= budget {
            (0..all).collect()
        } else {
            index::sample(&mut generator(seed), all, budget.max(1)).into_vec()
        };
        rows.sort_unstable();
        let head = head.to_f64();
        let head = Head { keys: transposed(head.keys.as_ref()), ..head };
        let weights = random_vector(values.ncols(), 0);
        let sizes: Vec<f64> = weights.iter().map(|entry| entry.abs()).collect();
        let probe = Probe {
            image: times(values.as_ref(), &weights, |entry| entry),
            size: times(values.as_ref(), &sizes, f64::abs),
            weights,
        };
        Ok(Self { head, values, rows, probe })
    }

    /// Measures what stands in for P.
    ///
    /// # Errors
    /// Another shape, numbers that are not finite, or an application that is not the product of its own rows with V.
    pub fn measure<T: Scalar>(&self, approximant: &Approximant<T>, parallelism: Par) -> Result<Measures, MeasureError> {
        let (rows, columns) = (self.head.queries.nrows(), self.values.nrows());
        let (found_rows, found_columns) = approximant.shape();
        if (found_rows, found_columns) != (rows, columns) {
            return Err(MeasureError::Shape { rows, columns, found_rows, found_columns });
        }
        let applied = to_f64(approximant.apply(from_f64::<T>(self.values.as_ref()).as_ref(), parallelism).as_ref());
        magnitude(applied.as_ref()).map_err(MeasureError::Residual)?;
        let widened = approximant.to_f64();
        let sizes = widened.magnitudes(&self.rows, &self.probe.size);
        let blocks: Vec<(&[usize], &[f64])> = self.rows.chunks(BLOCK).zip(sizes.chunks(BLOCK)).collect();
        let sums = blocks.par_iter().map(|(rows, sizes)| self.block::<T>(&widened, &applied, rows, sizes));
        Ok(self.total(&sums.collect::<Result<Vec<_>, _>>()?))
    }

    /// One block of rows.
    fn block<T: Scalar>(
        &self,
        approximant: &Approximant<f64>,
        applied: &Mat<f64>,
        rows: &[usize],
        sizes: &[f64],
    ) -> Result<Sums, ProbeError> {
        let Head { queries, keys, scale, causal } = &self.head;
        let exact = attention_rows(queries.as_ref(), keys.as_ref(), *scale, *causal, rows);
        let approximated = approximant.rows(rows);
        self.check::<T>(&approximated, applied, rows, sizes)?;
        let residual = &exact - &approximated;
        let output = &exact * &self.values;
        let mut squares: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0.0; rows.len()]);
        for (matrix, sums) in [(&residual, 0), (&exact, 1), (&output, 3)] {
            for column in matrix.col_iter() {
                squares[sums].iter_mut().zip(column.iter()).for_each(|(sum, entry)| *sum += entry * entry);
            }
        }
        for (place, &row) in rows.iter().enumerate() {
            let differences = (0..output.ncols()).map(|l| output[(place, l)] - applied[(row, l)]);
            squares[2][place] = differences.map(|difference| difference * difference).sum();
        }
        let mut stochasticity = Measures::default();
        Rows::new(exact.as_ref()).measure(&mut stochasticity, exact.as_ref(), residual.as_ref());
        Ok(Sums { squares, stochasticity })
    }

    /// Whether applying to V gave what the approximant's own rows give, by plain loops.
    fn check<T: Scalar>(
        &self,
        approximated: &Mat<f64>,
        applied: &Mat<f64>,
        rows: &[usize],
        sizes: &[f64],
    ) -> Result<(), ProbeError> {
        let expected = times(approximated.as_ref(), &self.probe.image, |entry| entry);
        let terms = approximated.ncols() + 2 * self.probe.weights.len();
        for (place, &row) in rows.iter().enumerate() {
            let found: f64 = self.probe.weights.iter().enumerate().map(|(l, weight)| applied[(row, l)] * weight).sum();
            let difference = (expected[place] - found).abs();
            let allowed = rounding(terms, sizes[place]) * (T::UNIT_ROUNDOFF / f64::UNIT_ROUNDOFF);
            // Not the other way round: a NaN is a mismatch.
            if difference <= allowed {
                continue;
            }
            return Err(ProbeError { product: "P̂·V", row, difference, allowed });
        }
        Ok(())
    }

    fn total(&self, sums: &[Sums]) -> Measures {
        let all = |which: usize| sums.iter().flat_map(|sums| sums.squares[which].iter().copied()).collect::<Vec<f64>>();
        let population = self.head.queries.nrows();
        let matrix = root_ratio(&all(0), &all(1), population);
        let output = root_ratio(&all(2), &all(3), population);
        let mean = |of: fn(&Measures) -> Option<f64>| {
            let weighted = |sums: &Sums| Some(of(&sums.stochasticity)? * sums.squares[0].len() as f64);
            let total: Option<f64> = sums.iter().map(weighted).sum();
            total.map(|total| total / self.rows.len() as f64)
        };
        Measures {
            relative_frobenius_error: matrix.map(|estimate| estimate.value),
            frobenius_interval: matrix.and_then(|estimate| estimate.interval),
            relative_output_error: output.map(|estimate| estimate.value),
            output_interval: output.and_then(|estimate| estimate.interval),
            measured_rows: Some(self.rows.len()),
            row_sum_deviation: mean(|measures| measures.row_sum_deviation),
            negative_mass: mean(|measures| measures.negative_mass),
            kl_divergence: mean(|measures| measures.kl_divergence),
            top1_agreement: mean(|measures| measures.top1_agreement),
            ..Measures::default()
        }
    }
}
