//! The two precisions of the program, and conversions between them.

use faer::{Mat, MatRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// In which arithmetic a method computes. Metrics always accumulate in f64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    F32,
    F64,
}

impl Precision {
    /// As it is written in specs and tables: `f32`, `f64`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Bytes of one number.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// A real number a method can compute with: `f32` or `f64`.
pub trait Scalar:
    faer::traits::RealField + super::exponential::Exponential + super::Lanes + Copy + Send + Sync + 'static
{
    const PRECISION: Precision;
    /// u, the unit roundoff: half the distance from 1 to the next number.
    const UNIT_ROUNDOFF: f64;

    fn of(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn exp(self) -> Self;
    fn sqrt(self) -> Self;
    fn is_finite(self) -> bool;
}

macro_rules! scalar {
    ($type:ty, $precision:ident) => {
        impl Scalar for $type {
            const PRECISION: Precision = Precision::$precision;
            const UNIT_ROUNDOFF: f64 = <$type>::EPSILON as f64 / 2.0;

            // Inlined by order: without it, they are calls from every other codegen unit, one per entry.
            #[inline(always)]
            #[allow(clippy::cast_possible_truncation, reason = "rounding to the target precision is what it is for")]
            fn of(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                self.exp()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
        }
    };
}
scalar!(f32, F32);
scalar!(f64, F64);

/// Every entry widened (or copied) to f64.
#[must_use]
pub fn to_f64<T: Scalar>(matrix: MatRef<'_, T>) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)].to_f64())
}

/// Every entry rounded to `T`.
#[must_use]
pub fn from_f64<T: Scalar>(matrix: MatRef<'_, f64>) -> Mat<T> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| T::of(matrix[(i, j)]))
}

/// The transpose, as an owned matrix: tile by tile, so that neither side is walked across the cache.
#[must_use]
pub fn transposed<T: Scalar>(matrix: MatRef<'_, T>) -> Mat<T> {
    // One cache line of f32: each is read once, down its column. (Reading across columns a power of two apart, a tile would
    // throw out its own lines.)
    const TILE: usize = 16;
    let (rows, columns) = matrix.shape();
    let mut transposed = Mat::zeros(columns, rows);
    for first_row in (0..rows).step_by(TILE) {
        let last_row = rows.min(first_row + TILE);
        for first_column in (0..columns).step_by(TILE) {
            for j in first_column..columns.min(first_column + TILE) {
                let column = matrix.col(j).subrows(first_row, last_row - first_row);
                let places = transposed.row_mut(j).subcols_mut(first_row, last_row - first_row);
                places.iter_mut().zip(column.iter()).for_each(|(place, &entry)| *place = entry);
            }
        }
    }
    transposed
}

/// Row and column of the first entry (column by column) that is NaN or infinite.
#[must_use]
pub fn first_non_finite<T: Scalar>(matrix: MatRef<'_, T>) -> Option<(usize, usize)> {
    for (j, column) in matrix.col_iter().enumerate() {
        // A column at a time without looking where: x·0 is NaN exactly where x is not finite.
        let poison = column.iter().fold(T::zero(), |sum, &entry| sum + entry * T::zero());
        if poison.to_f64().is_nan() {
            return column.iter().position(|&entry| !Scalar::is_finite(entry)).map(|i| (i, j));
        }
    }
    None
}
