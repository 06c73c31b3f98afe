//! Centres of clusters of rows (Lloyd 1982).

use faer::{Mat, MatRef, Par};

use super::unformed::scores;
use crate::linalg::Scalar;

/// Rounds of assigning rows and moving centres. What is left to gain after so many does not pay for another.
pub const ITERATIONS: usize = 8;

/// Lloyd's iteration from given centres, k×d: every row joins the nearest centre, every centre moves to the mean of its rows.
/// A centre that no row joins stays where it is. 2nkd flops a round.
pub fn k_means<T: Scalar>(rows: MatRef<'_, T>, mut centres: Mat<T>, parallelism: Par) -> Mat<T> {
    let mut assigned = Vec::new();
    for _ in 0..ITERATIONS {
        let nearest = nearest(rows, centres.as_ref(), parallelism);
        if nearest == assigned {
            break;
        }
        assigned = nearest;
        let mut counts = vec![0_usize; centres.nrows()];
        assigned.iter().for_each(|&centre| counts[centre] += 1);
        for l in 0..rows.ncols() {
            let mut sums = vec![0.0; centres.nrows()];
            for (i, &centre) in assigned.iter().enumerate() {
                sums[centre] += rows[(i, l)].to_f64();
            }
            for (centre, (sum, &count)) in sums.iter().zip(&counts).enumerate().filter(|(_, (_, count))| **count > 0) {
                centres[(centre, l)] = T::of(sum / count as f64);
            }
        }
    }
    centres
}

/// The nearest centre of every row: the least ‖c‖² − 2·x·c, the first of equals.
fn nearest<T: Scalar>(rows: MatRef<'_, T>, centres: MatRef<'_, T>, parallelism: Par) -> Vec<usize> {
    let products = scores(rows, centres, -2.0, parallelism);
    let mut nearest = vec![0; rows.nrows()];
    let mut least = vec![f64::INFINITY; rows.nrows()];
    for centre in 0..centres.nrows() {
        let squared: f64 = (0..centres.ncols()).map(|l| centres[(centre, l)].to_f64().powi(2)).sum();
        for (i, (least, nearest)) in least.iter_mut().zip(&mut nearest).enumerate() {
            let distance = squared + products[(i, centre)].to_f64();
            if distance < *least {
                (*least, *nearest) = (distance, centre);
            }
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clouds_are_told_apart_from_a_bad_start() {
        // Alternating rows near 0 and near 10: the segment means both lie near 5.
        let rows = Mat::<f64>::from_fn(40, 2, |i, l| 10.0 * (i % 2) as f64 + 0.01 * ((i * 7 + l * 3) % 5) as f64);
        let start = Mat::from_fn(2, 2, |centre, _| 4.9 + 0.2 * centre as f64);
        let centres = k_means(rows.as_ref(), start, Par::Seq);
        assert!(centres[(0, 0)] < 0.05 && centres[(1, 0)] > 9.99, "{centres:?}");
    }

    #[test]
    fn a_centre_without_rows_stays() {
        let rows = Mat::<f64>::zeros(5, 1);
        let centres = k_means(rows.as_ref(), Mat::from_fn(2, 1, |centre, _| centre as f64), Par::Seq);
        assert_eq!((centres[(0, 0)], centres[(1, 0)]), (0.0, 1.0));
    }
}
