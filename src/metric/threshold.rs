//! How many singular values stand out of noise.

/// How many singular values of an m×n matrix lie above ω(β)·median(σ), β = min(m, n)/max(m, n): the hard threshold that is
/// best for a matrix of low rank in white noise of unknown size, ω(β) ≈ 0.56β³ − 0.95β² + 1.82β + 1.43 (2.86 for a square one).
/// 0 for what is nothing but noise. Gavish & Donoho 2014, "The optimal hard threshold for singular values is 4/√3", IEEE
/// Transactions on Information Theory 60, eq. 5.
///
/// `singular_values` descending, min(m, n) of them. Where half of them are 0, all that are not stand out.
#[must_use]
pub fn gavish_donoho_rank(singular_values: &[f64], rows: usize, columns: usize) -> usize {
    let count = singular_values.len();
    if count == 0 {
        return 0;
    }
    let beta = rows.min(columns) as f64 / rows.max(columns) as f64;
    let omega = ((0.56 * beta - 0.95) * beta + 1.82) * beta + 1.43;
    let median = f64::midpoint(singular_values[(count - 1) / 2], singular_values[count / 2]);
    singular_values.partition_point(|&value| value > omega * median)
}

#[cfg(test)]
mod tests {
    use faer::{Mat, Par};

    use super::*;
    use crate::{linalg::gaussian::gaussian, linalg::svd::singular_values, random::generator};

    #[test]
    fn the_coefficient_of_a_square_matrix_is_the_published_one() {
        // 2.858 in the paper's abstract, 2.86 by its cubic.
        assert_eq!(gavish_donoho_rank(&[2.87, 1.0, 1.0], 3, 3), 1);
        assert_eq!(gavish_donoho_rank(&[2.85, 1.0, 1.0], 3, 3), 0);
        // The median of an even number lies between the middle two.
        assert_eq!(gavish_donoho_rank(&[5.0, 3.0, 1.0, 1.0], 4, 4), 0);
        assert_eq!(gavish_donoho_rank(&[6.0, 3.0, 1.0, 1.0], 4, 4), 1);
        assert_eq!((gavish_donoho_rank(&[], 0, 4), gavish_donoho_rank(&[2.0, 0.0, 0.0], 3, 3)), (0, 1));
    }

    #[test]
    fn noise_has_none_and_a_signal_in_noise_has_its_rank() {
        for (rows, columns) in [(200, 200), (400, 100), (60, 300)] {
            let noise = gaussian::<f64>(rows, columns, &mut generator(1));
            let values = singular_values(noise.as_ref(), Par::Seq).unwrap();
            assert_eq!(gavish_donoho_rank(&values, rows, columns), 0, "{rows}×{columns}");
            let (left, right) =
                (gaussian::<f64>(rows, 5, &mut generator(2)), gaussian::<f64>(5, columns, &mut generator(3)));
            let signal: Mat<f64> = &left * &right * 3.0 + &noise;
            let values = singular_values(signal.as_ref(), Par::Seq).unwrap();
            assert_eq!(gavish_donoho_rank(&values, rows, columns), 5, "{rows}×{columns}");
        }
    }
}
