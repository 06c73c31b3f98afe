//! How much memory a cell will need, before any of it is allocated.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::{linalg::Precision, method::Forecast, problem::Outline};

/// Bytes at the peak of one cell: where the matrix is formed, the matrix as it is built (f64) and as the method sees it, the tensors it is made from, the
/// reference singular value decomposition, the dense product that errors are measured on, and the method's own work;
/// where it is not, what takes its place.
#[must_use]
pub fn memory_needed(outline: Outline, formed: bool, precision: Precision, forecast: Forecast) -> u64 {
    let (m, n, d) = (outline.rows as u64, outline.columns as u64, outline.value_columns as u64);
    let width = precision.bytes() as u64;
    let matrix = m.saturating_mul(n);
    // V, and queries and keys of about its size where there are any.
    let tensors = m.saturating_add(n).saturating_mul(2).saturating_mul(d);
    let work = forecast.entries.saturating_mul(width);
    if !formed {
        // Tensors twice (as built, as the method sees them) and once more in the reference; what the method returns, widened;
        // on two threads a block of exact rows with three like it.
        let rows = n.saturating_mul(ROWS_AT_ONCE);
        return tensors.saturating_mul(16 + width).saturating_add(work.saturating_mul(3)).saturating_add(8 * rows);
    }
    // A copy to work on, and both sides of the thin factorisation.
    let reference = matrix.saturating_add(m.saturating_add(n).saturating_mul(m.min(n)));
    let built = matrix.saturating_add(tensors).saturating_mul(8 + width);
    let measured = reference.max(matrix.saturating_mul(2)).saturating_mul(8);
    built.saturating_add(measured).saturating_add(work)
}

/// Rows of n numbers that are held while the errors of unformed attention are measured.
const ROWS_AT_ONCE: u64 = 2 * 4 * 64;

/// Bytes that can be allocated now without swapping, as far as the system tells; otherwise as if there were no limit.
#[must_use]
pub fn available_memory() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let of_machine =
        System::new_with_specifics(memory).ok().map(|system| system.available_memory()).filter(|&bytes| bytes > 0);
    // A container may have less than the machine.
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let of_container = number("/sys/fs/cgroup/memory.max")
        .map(|limit| limit.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    of_machine.into_iter().chain(of_container).min().unwrap_or(u64::MAX)
}

/// Bytes for a reader: `1.5 GB`, in powers of 1000.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "shown to two or three digits")]
pub fn in_words(bytes: u64) -> String {
    let units = [(1_000_000_000_000_u64, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")];
    match units.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::StructureKind;

    #[test]
    fn memory_covers_the_matrices_that_must_exist_at_once() {
        let square = |n: usize| Outline { rows: n, columns: n, value_columns: 32, structure: StructureKind::General };
        let forecast = Forecast { flops: 0, entries: 1000 };
        let n: u64 = 4096;
        // Built in f64, rounded to f32, U, V and a copy to destroy: five matrices of which one is in f32.
        let least = n * n * (8 * 4 + 4) + 4 * 1000;
        let needed = memory_needed(square(4096), true, Precision::F32, forecast);
        assert!(needed >= least && needed < 2 * least, "{needed} against {least}");
        assert!(memory_needed(square(4096), true, Precision::F64, forecast) > needed);
    }

    #[test]
    fn a_matrix_beyond_the_address_space_does_not_wrap_around() {
        let side = usize::MAX / 2;
        let outline = Outline { rows: side, columns: side, value_columns: side, structure: StructureKind::General };
        assert_eq!(memory_needed(outline, true, Precision::F64, Forecast { flops: 0, entries: u64::MAX }), u64::MAX);
    }

    #[test]
    fn bytes_are_written_in_the_largest_fitting_unit() {
        assert_eq!(
            [in_words(999), in_words(1000), in_words(1_550_000), in_words(u64::MAX)].join(" "),
            "999 B 1.0 kB 1.6 MB 18446744.1 TB"
        );
    }
}
