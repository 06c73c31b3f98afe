//! Magnitudes, and scaling by powers of two.
//!
//! faer's SVD squares entries without scaling: near 1e300 it does not converge, near 1e-300 it returns a wrong answer
//! without an error. Every factorisation of the program therefore works on a matrix whose largest entry is moderate, and
//! puts the power of two back afterwards. Scaling by a power of two is exact (subnormals, scaled up, included).

use faer::{Mat, MatRef};

use super::{Scalar, first_non_finite};

/// A matrix holds an entry that is NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry ({row}, {column}) is not a finite number")]
pub struct NotFinite {
    pub row: usize,
    pub column: usize,
}

/// max |a_ij|, in one pass; 0 for an empty matrix.
///
/// # Errors
/// The first entry, column by column, that is not finite.
pub fn magnitude<T: Scalar>(matrix: MatRef<'_, T>) -> Result<f64, NotFinite> {
    // The inner loop has no branch: x·0 is NaN exactly where x is not finite, and a NaN stays in the sum.
    let contiguous = if matrix.row_stride() == 1 { matrix } else { matrix.transpose() };
    let mut largest = T::of(0.0);
    let mut poison = T::of(0.0);
    for j in 0..contiguous.ncols() {
        let column = contiguous.col(j);
        if let Some(column) = column.try_as_col_major() {
            let (column_largest, column_poison) = pulp::Arch::new().dispatch(
                #[inline(always)]
                || slice_magnitude(column.as_slice()),
            );
            largest = if column_largest > largest { column_largest } else { largest };
            poison += column_poison;
        } else {
            for &entry in column.iter() {
                let size = absolute(entry);
                largest = if size > largest { size } else { largest };
                poison += entry * T::of(0.0);
            }
        }
    }
    if Scalar::is_finite(poison) {
        return Ok(largest.to_f64());
    }
    let (row, column) = first_non_finite(matrix).unwrap_or((0, 0));
    Err(NotFinite { row, column })
}

#[inline(always)]
fn slice_magnitude<T: Scalar>(entries: &[T]) -> (T, T) {
    const LANES: usize = 16;
    let mut largest = [T::of(0.0); LANES];
    let mut poison = [T::of(0.0); LANES];
    let mut chunks = entries.chunks_exact(LANES);
    for chunk in &mut chunks {
        for lane in 0..LANES {
            let size = absolute(chunk[lane]);
            largest[lane] = if size > largest[lane] { size } else { largest[lane] };
            poison[lane] += chunk[lane] * T::of(0.0);
        }
    }
    for (lane, &entry) in chunks.remainder().iter().enumerate() {
        let size = absolute(entry);
        largest[lane] = if size > largest[lane] { size } else { largest[lane] };
        poison[lane] += entry * T::of(0.0);
    }
    let mut most = T::of(0.0);
    let mut sum = T::of(0.0);
    for lane in 0..LANES {
        most = if largest[lane] > most { largest[lane] } else { most };
        sum += poison[lane];
    }
    (most, sum)
}

#[inline(always)]
fn absolute<T: Scalar>(value: T) -> T {
    if value < T::of(0.0) { -value } else { value }
}

/// The exponent e for which 2^-e · `magnitude` lies in [1, 2), or `None` if the magnitude is moderate (or zero) as it is:
/// squares and sums of squares of entries neither overflow nor lose digits.
#[must_use]
pub fn excess_exponent<T: Scalar>(magnitude: f64) -> Option<i32> {
    let exponent = exponent(magnitude)?;
    let moderate = if T::PRECISION == super::Precision::F64 { 250 } else { 30 };
    (exponent.abs() > moderate).then_some(exponent)
}

/// ⌊log₂ x⌋ of a positive number, subnormals included; `None` for zero.
fn exponent(value: f64) -> Option<i32> {
    if value <= 0.0 || !value.is_finite() {
        return None;
    }
    let biased = ((value.to_bits() >> 52) & 0x7ff) as i32;
    if biased > 0 {
        return Some(biased - 1023);
    }
    // Subnormal: lift it by 2^64 first, exactly.
    exponent(value * 2f64.powi(64)).map(|lifted| lifted - 64)
}

/// `matrix` · 2^`exponent`, in two steps where one factor would leave the range of f64.
#[must_use]
pub fn scaled<T: Scalar>(matrix: MatRef<'_, T>, exponent: i32) -> Mat<T> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| T::of(times_power_of_two(matrix[(i, j)].to_f64(), exponent)))
}

/// `value` · 2^`exponent`, rounded once if the result is subnormal.
#[must_use]
pub fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    value * 2f64.powi(half) * 2f64.powi(exponent - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_magnitude_is_the_largest_absolute_entry() {
        let matrix = Mat::from_fn(37, 5, |i, j| if (i, j) == (33, 4) { -7.5 } else { (i as f64 - 18.0) / 18.0 });
        assert_eq!(magnitude(matrix.as_ref()), Ok(7.5));
        assert_eq!(magnitude(matrix.transpose()), Ok(7.5));
        assert_eq!(magnitude(Mat::<f32>::zeros(0, 3).as_ref()), Ok(0.0));
    }

    #[test]
    fn an_entry_that_is_not_finite_is_named() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let matrix = Mat::from_fn(40, 3, |i, j| if (i, j) == (35, 1) { bad } else { 1.0 });
            assert_eq!(magnitude(matrix.as_ref()), Err(NotFinite { row: 35, column: 1 }));
            assert_eq!(magnitude(matrix.transpose()), Err(NotFinite { row: 1, column: 35 }));
        }
    }

    #[test]
    fn powers_of_two_scale_exactly_over_the_whole_range() {
        for value in [1e300, 3e-308, 5e-324, 1.0, f64::MAX] {
            let exponent = exponent(value).unwrap();
            let unit = times_power_of_two(value, -exponent);
            assert!((1.0..2.0).contains(&unit), "{value} → {unit}");
            assert_eq!(times_power_of_two(unit, exponent), value);
        }
    }
}
