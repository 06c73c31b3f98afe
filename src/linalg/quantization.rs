//! Matrices in fewer bits: what comes back of the numbers, and the bytes they take.
//!
//! `float16` rounds each number (IEEE 754 binary16). `int8` is symmetric by rows: of a row with greatest magnitude s·127 it keeps
//! round(x/s) in 8 bits, and s in 32. `int4` and `int3` are asymmetric in groups of consecutive numbers of a row: of a group from
//! low to high they keep round((x − low)/s), s = (high − low)/(2^b − 1), in b bits, and s and low in 16 each, as the formats
//! Q4_1 of llama.cpp and AWQ (Lin and others 2024) do. Nothing is learnt from data.

use faer::{Mat, MatRef};
use half::f16;

/// What the numbers of a matrix are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFormat {
    Float32,
    Float16,
    /// Symmetric, one scale a row.
    Int8,
    /// Asymmetric, in groups of so many numbers of a row.
    Int4 {
        group: usize,
    },
    /// As `Int4`.
    Int3 {
        group: usize,
    },
}

/// A matrix as it comes back.
#[derive(Debug, Clone)]
pub struct Stored {
    pub matrix: Mat<f64>,
    /// Scales and lowest values among them; groups begin at whole bytes.
    pub bytes: usize,
}

impl NumberFormat {
    /// Stores a matrix of finite entries. Entries beyond ±65504, which `float16` has not, become that.
    #[must_use]
    pub fn store(self, matrix: MatRef<'_, f64>) -> Stored {
        let (m, n) = matrix.shape();
        let bytes = m * self.bytes_of_row(n);
        let matrix = match self {
            Self::Float32 => Mat::from_fn(m, n, |i, j| f64::from(matrix[(i, j)] as f32)),
            Self::Float16 => Mat::from_fn(m, n, |i, j| in_half(matrix[(i, j)])),
            Self::Int8 => by_rows(matrix, n, in_eight_bits),
            Self::Int4 { group } => by_rows(matrix, group, |group| in_bits(group, 4)),
            Self::Int3 { group } => by_rows(matrix, group, |group| in_bits(group, 3)),
        };
        Stored { matrix, bytes }
    }

    fn bytes_of_row(self, n: usize) -> usize {
        let in_groups = |group: usize, bits: usize| {
            let whole = (n / group) * ((group * bits).div_ceil(8) + 4);
            let rest = n % group;
            whole + if rest > 0 { (rest * bits).div_ceil(8) + 4 } else { 0 }
        };
        match self {
            Self::Float32 => 4 * n,
            Self::Float16 => 2 * n,
            Self::Int8 => n + 4,
            Self::Int4 { group } => in_groups(group, 4),
            Self::Int3 { group } => in_groups(group, 3),
        }
    }
}

fn by_rows(matrix: MatRef<'_, f64>, group: usize, store: impl Fn(&mut [f64])) -> Mat<f64> {
    let mut stored = matrix.to_owned();
    let mut row = vec![0.0; matrix.ncols()];
    for i in 0..matrix.nrows() {
        row.iter_mut().enumerate().for_each(|(j, entry)| *entry = matrix[(i, j)]);
        row.chunks_mut(group.max(1)).for_each(&store);
        row.iter().enumerate().for_each(|(j, &entry)| stored[(i, j)] = entry);
    }
    stored
}

fn in_half(number: f64) -> f64 {
    let most = f16::MAX.to_f64();
    f16::from_f64(number.clamp(-most, most)).to_f64()
}

fn in_eight_bits(row: &mut [f64]) {
    let largest = row.iter().fold(0.0, |largest: f64, entry| largest.max(entry.abs()));
    let scale = f64::from((largest / 127.0) as f32);
    if scale > 0.0 {
        row.iter_mut().for_each(|entry| *entry = (*entry / scale).round().clamp(-127.0, 127.0) * scale);
    } else {
        row.fill(0.0);
    }
}

fn in_bits(group: &mut [f64], bits: u32) {
    let last = f64::from((1_u32 << bits) - 1);
    let low = group.iter().copied().fold(f64::INFINITY, f64::min);
    let high = group.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, scale) = (in_half(low), in_half((high - low) / last));
    // A scale below the least binary16 is none: the group is one number.
    let code = |entry: f64| if scale > 0.0 { ((entry - low) / scale).round().clamp(0.0, last) } else { 0.0 };
    group.iter_mut().for_each(|entry| *entry = low + scale * code(*entry));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    const GROUP: usize = 32;
    const ALL: [NumberFormat; 5] = [
        NumberFormat::Float32,
        NumberFormat::Float16,
        NumberFormat::Int8,
        NumberFormat::Int4 { group: GROUP },
        NumberFormat::Int3 { group: GROUP },
    ];

    #[test]
    fn bytes_are_those_of_codes_scales_and_lowest_values() {
        // 2 rows of 70 numbers: two groups of 32 and one of 6.
        let matrix = Mat::<f64>::zeros(2, 70);
        let bytes = ALL.map(|format| format.store(matrix.as_ref()).bytes);
        assert_eq!(bytes, [2 * 280, 2 * 140, 2 * 74, 2 * (20 + 20 + 7), 2 * (16 + 16 + 7)]);
    }

    #[test]
    fn no_number_is_further_off_than_half_a_step() {
        let matrix = gaussian::<f64>(20, 100, &mut generator(3));
        for format in ALL {
            let stored = format.store(matrix.as_ref()).matrix;
            for i in 0..20 {
                for j in 0..100 {
                    let row = || (0..100).map(|j| matrix[(i, j)]);
                    let largest = row().fold(0.0, |a: f64, b| a.max(b.abs()));
                    let begin = j / GROUP * GROUP;
                    let group = || row().skip(begin).take(GROUP);
                    let range = group().fold(f64::MIN, f64::max) - group().fold(f64::MAX, f64::min);
                    // Low and scale are themselves rounded to 11 bits, which moves the ends of a group.
                    let step = match format {
                        NumberFormat::Float32 => matrix[(i, j)].abs() * 2f64.powi(-23),
                        NumberFormat::Float16 => matrix[(i, j)].abs() * 2f64.powi(-10) + 2f64.powi(-24),
                        NumberFormat::Int8 => largest / 127.0 * 1.0001,
                        NumberFormat::Int4 { .. } => range / 15.0 + 4.0 * largest * 2f64.powi(-10),
                        NumberFormat::Int3 { .. } => range / 7.0 + 4.0 * largest * 2f64.powi(-10),
                    };
                    let off = (stored[(i, j)] - matrix[(i, j)]).abs();
                    assert!(off <= step / 2.0, "{format:?} [{i}, {j}]: {off} of {step}");
                }
            }
        }
    }

    #[test]
    fn what_was_stored_comes_back_the_same_when_it_is_stored_again() {
        let matrix = gaussian::<f64>(8, 64, &mut generator(4));
        for format in [NumberFormat::Float32, NumberFormat::Float16, NumberFormat::Int8] {
            let once = format.store(matrix.as_ref()).matrix;
            let twice = format.store(once.as_ref()).matrix;
            assert!((once - twice).norm_max() <= 1e-7, "{format:?}");
        }
    }

    #[test]
    fn rows_of_nothing_of_one_number_and_beyond_half_precision_stay_finite() {
        let rows = [[0.0; 40], [1.5; 40], [1e30; 40], [1e-30; 40]];
        let matrix = Mat::from_fn(4, 40, |i, j| rows[i][j] * if i == 2 && j == 7 { -1.0 } else { 1.0 });
        for format in ALL {
            let stored = format.store(matrix.as_ref()).matrix;
            assert!(stored.col_iter().all(|column| column.iter().all(|entry| entry.is_finite())), "{format:?}");
            assert_eq!(stored.row(0).iter().copied().fold(0.0, f64::max), 0.0);
            assert!((stored[(1, 3)] - 1.5).abs() < 1e-6, "{format:?}: {}", stored[(1, 3)]);
        }
    }
}
