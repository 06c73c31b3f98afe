//! Whether two computations gave the very same numbers.

use faer::MatRef;

use super::Scalar;

/// A hash of the exact bits of some matrices and indices.
#[must_use]
pub fn fingerprint<T: Scalar>(matrices: &[MatRef<'_, T>], indices: &[u32]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    // Hashed a matrix at a time: many small pieces would take the hash several times as long.
    let mut bytes = Vec::new();
    for matrix in matrices {
        bytes.clear();
        for column in matrix.col_iter() {
            bytes.extend(column.iter().flat_map(|&entry| entry.to_f64().to_bits().to_le_bytes()));
        }
        hasher.update(&bytes);
    }
    bytes.clear();
    bytes.extend(indices.iter().flat_map(|index| index.to_le_bytes()));
    hasher.update(&bytes);
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first)
}
