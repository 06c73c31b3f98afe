//! A·(Aᵀ·X) for a few columns X, in one reading of A: what a step of Lanczos and a projection onto a basis both are.
//!
//! Two products would read A twice, and reading is what they wait for. Here a few columns of A are multiplied with X and then,
//! while they lie in the nearest cache, with the coefficients just found.

use std::marker::PhantomData;

use faer::{MatMut, MatRef, Par};
use pulp::{Simd, WithSimd};

use super::Scalar;

/// Columns of A taken together, and columns of X: 3 × 4 running sums and the vectors they are made of fill 16 registers.
const GROUP: usize = 3;
const COLUMNS: usize = 4;
/// Groups taken together: their columns wait in the second cache while the rows of X, and then of the result, pass by in
/// pieces that fit into the first.
const PANEL: usize = 4;
/// Vectors of a column in a piece.
const PIECE: usize = 128;
/// Numbers in the widest vector register.
const MOST_LANES: usize = 16;

/// `target` ← `target` + `scale`·A·(Aᵀ·`block`), m×b, for A m×n and `block` m×b. 4mnb flops.
///
/// The bits of the result do not depend on the number of threads.
///
/// # Panics
/// If the shapes do not fit, or the columns of A are not contiguous.
pub fn add_normal_product<T: Scalar>(
    mut target: MatMut<'_, T>,
    scale: T,
    matrix: MatRef<'_, T>,
    block: MatRef<'_, T>,
    parallelism: Par,
) {
    let (m, n, b) = (matrix.nrows(), matrix.ncols(), block.ncols());
    assert!(block.nrows() == m && target.nrows() == m && target.ncols() == b, "the shapes do not fit");
    if m * n * b == 0 {
        return;
    }
    assert!(matrix.row_stride() == 1, "the columns of A are not contiguous");
    // Cut by the work, not by the threads, so that the same terms are added in the same order on every machine.
    const FLOPS_OF_A_PART: usize = 8_000_000;
    let parts = (4 * m * n * b / FLOPS_OF_A_PART).clamp(1, 16);
    let threads = match parallelism {
        Par::Rayon(threads) if parts > 1 => threads.get(),
        _ => 1,
    };
    let parts = (0..parts).map(|part| (part * n / parts, (part + 1) * n / parts)).collect::<Vec<_>>();
    let packing = Packing { lanes: pulp::Arch::new().dispatch(LanesOf::<T>(PhantomData)), rows: m };
    let input = packing.pack(block);
    for sum in sums_of_parts(matrix, &input, packing, &parts, threads) {
        packing.add_unpacked(target.as_mut(), scale, &sum);
    }
}

/// Where the entries of X and of the result lie: by groups of COLUMNS; in each, a vector of every column, then the next
/// vectors. One stream.
#[derive(Clone, Copy)]
struct Packing {
    lanes: usize,
    rows: usize,
}

impl Packing {
    /// Of a group of columns.
    fn length(self) -> usize {
        self.rows.next_multiple_of(self.lanes) * COLUMNS
    }

    /// Where the vectors of column `j` start, and how far one is from the next.
    fn start_and_step(self, j: usize) -> (usize, usize) {
        ((j / COLUMNS) * self.length() + (j % COLUMNS) * self.lanes, COLUMNS * self.lanes)
    }

    fn pack<T: Scalar>(self, block: MatRef<'_, T>) -> Vec<T> {
        let mut packed = vec![T::of(0.0); block.ncols().div_ceil(COLUMNS) * self.length()];
        for (j, column) in block.col_iter().enumerate() {
            let (start, step) = self.start_and_step(j);
            for from in (0..self.rows).step_by(self.lanes) {
                let size = self.lanes.min(self.rows - from);
                let place = &mut packed[start + from / self.lanes * step..][..size];
                place.iter_mut().zip(column.subrows(from, size).iter()).for_each(|(place, &entry)| *place = entry);
            }
        }
        packed
    }

    /// `target` += `scale`·(what is packed).
    fn add_unpacked<T: Scalar>(self, target: MatMut<'_, T>, scale: T, packed: &[T]) {
        for (j, mut column) in target.col_iter_mut().enumerate() {
            let (start, step) = self.start_and_step(j);
            for from in (0..self.rows).step_by(self.lanes) {
                let size = self.lanes.min(self.rows - from);
                let sums = &packed[start + from / self.lanes * step..][..size];
                let entries = column.as_mut().subrows_mut(from, size);
                entries.iter_mut().zip(sums).for_each(|(entry, &sum)| *entry += scale * sum);
            }
        }
    }
}

struct LanesOf<T>(PhantomData<T>);

impl<T: Scalar> WithSimd for LanesOf<T> {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        size_of::<T::Vector<S>>() / size_of::<T>()
    }
}

/// The packed product with the columns of A in each part (first, end), in order.
fn sums_of_parts<T: Scalar>(
    matrix: MatRef<'_, T>,
    input: &[T],
    packing: Packing,
    parts: &[(usize, usize)],
    threads: usize,
) -> Vec<Vec<T>> {
    if threads > 1 && parts.len() > 1 {
        let (first, second) = parts.split_at(parts.len() * (threads / 2) / threads);
        let (mut sums, more) = rayon::join(
            || sums_of_parts(matrix, input, packing, first, threads / 2),
            || sums_of_parts(matrix, input, packing, second, threads - threads / 2),
        );
        sums.extend(more);
        return sums;
    }
    let part = |&(from, end): &(usize, usize)| {
        pulp::Arch::new().dispatch(Part { matrix: matrix.subcols(from, end - from), input, length: packing.length() })
    };
    parts.iter().map(part).collect()
}

struct Part<'a, T: Scalar> {
    matrix: MatRef<'a, T>,
    input: &'a [T],
    /// Of a group of columns in `input`.
    length: usize,
}

impl<T: Scalar> WithSimd for Part<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<T> {
        let Self { matrix, input, length } = self;
        let mut output = vec![T::of(0.0); input.len()];
        let column = |j: usize| matrix.col(j).try_as_col_major().map_or(&[][..], |column| column.as_slice());
        let columns: Vec<&[T]> = (0..matrix.ncols()).map(column).collect();
        let (grouped, single) = columns.as_chunks::<GROUP>();
        let (single, _) = single.as_chunks::<1>();
        for panel in grouped.chunks(PANEL) {
            for (input, output) in input.chunks(length).zip(output.chunks_mut(length)) {
                add_panel::<T, S, GROUP>(simd, panel, input, output);
            }
        }
        for (input, output) in input.chunks(length).zip(output.chunks_mut(length)) {
            add_panel::<T, S, 1>(simd, single, input, output);
        }
        output
    }
}

/// `output` += P·(Pᵀ·`input`) for the columns P of at most [`PANEL`] groups.
#[inline(always)]
fn add_panel<T: Scalar, S: Simd, const G: usize>(simd: S, groups: &[[&[T]; G]], input: &[T], output: &mut [T]) {
    let (input, _) = T::vectors::<S>(input).0.as_chunks::<COLUMNS>();
    let (output, _) = T::vectors_mut::<S>(output).0.as_chunks_mut::<COLUMNS>();
    let whole = groups.first().map_or(0, |columns| T::vectors::<S>(columns[0]).0.len());
    let pieces = || (0..whole).step_by(PIECE).map(|from| (from, (from + PIECE).min(whole)));

    let mut sums = [[[T::splat(simd, T::of(0.0)); G]; COLUMNS]; PANEL];
    for (from, end) in pieces() {
        for (sums, group) in sums.iter_mut().zip(groups) {
            multiply::<T, S, G>(simd, vectors::<T, S, G>(group, from, end), &input[from..end], sums);
        }
    }
    for (sums, group) in sums.iter_mut().zip(groups) {
        let rests = group.map(|column| rest::<T, S>(column));
        multiply::<T, S, G>(simd, rests.each_ref().map(std::slice::from_ref), &input[whole..], sums);
    }

    // Loops, not `map`: its closure would be compiled without the vector unit.
    let mut factors = sums;
    for factor in factors.iter_mut().flatten().flatten() {
        *factor = T::splat(simd, T::total(simd, *factor));
    }
    for (from, end) in pieces() {
        for (factors, group) in factors.iter().zip(groups) {
            add::<T, S, G>(simd, vectors::<T, S, G>(group, from, end), factors, &mut output[from..end]);
        }
    }
    for (factors, group) in factors.iter().zip(groups) {
        let rests = group.map(|column| rest::<T, S>(column));
        add::<T, S, G>(simd, rests.each_ref().map(std::slice::from_ref), factors, &mut output[whole..]);
    }
}

#[inline(always)]
fn vectors<'a, T: Scalar, S: Simd, const G: usize>(
    group: &[&'a [T]; G],
    from: usize,
    end: usize,
) -> [&'a [T::Vector<S>]; G] {
    group.map(|column| &T::vectors::<S>(column).0[from..end])
}

/// The entries of a column that fill no vector, padded with zeros.
#[inline(always)]
fn rest<T: Scalar, S: Simd>(column: &[T]) -> T::Vector<S> {
    let (_, rest) = T::vectors::<S>(column);
    let mut padded = [T::of(0.0); MOST_LANES];
    padded[..rest.len()].copy_from_slice(rest);
    T::vectors::<S>(&padded).0[0]
}

/// `sums` += the inner products of `columns` with `input`, not yet added up over the lanes.
#[inline(always)]
fn multiply<T: Scalar, S: Simd, const G: usize>(
    simd: S,
    columns: [&[T::Vector<S>]; G],
    input: &[[T::Vector<S>; COLUMNS]],
    sums: &mut [[T::Vector<S>; G]; COLUMNS],
) {
    // The columns of the group stay in registers and those of X pass by: the other way round, a sum would not find room.
    let mut held = *sums;
    let mut vectors = [T::splat(simd, T::of(0.0)); G];
    for (at, input) in input.iter().enumerate() {
        for (vector, column) in vectors.iter_mut().zip(columns) {
            *vector = column[at];
        }
        for (sums, &input) in held.iter_mut().zip(input) {
            for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                *sum = T::mul_add(simd, vector, input, *sum);
            }
        }
    }
    *sums = held;
}

/// `output` += `columns` · `factors`.
#[inline(always)]
fn add<T: Scalar, S: Simd, const G: usize>(
    simd: S,
    columns: [&[T::Vector<S>]; G],
    factors: &[[T::Vector<S>; G]; COLUMNS],
    output: &mut [[T::Vector<S>; COLUMNS]],
) {
    let factors = *factors;
    let mut vectors = [T::splat(simd, T::of(0.0)); G];
    for (at, output) in output.iter_mut().enumerate() {
        for (vector, column) in vectors.iter_mut().zip(columns) {
            *vector = column[at];
        }
        for (factors, output) in factors.iter().zip(output) {
            for (&factor, &vector) in factors.iter().zip(&vectors) {
                *output = T::mul_add(simd, vector, factor, *output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    #[test]
    fn it_is_the_product_of_plain_loops_for_every_remainder() {
        fn check<T: Scalar>(m: usize, n: usize, b: usize) {
            let mut rng = generator(7);
            let (a, x) = (gaussian::<T>(m, n, &mut rng), gaussian::<T>(m, b, &mut rng));
            let mut found = x.clone();
            add_normal_product(found.as_mut(), T::of(-0.5), a.as_ref(), x.as_ref(), Par::Seq);
            let of = |a: &Mat<T>, i: usize, j: usize| a[(i, j)].to_f64();
            let inner = Mat::from_fn(n, b, |j, c| (0..m).map(|i| of(&a, i, j) * of(&x, i, c)).sum::<f64>());
            for i in 0..m {
                for c in 0..b {
                    let terms = || (0..n).map(|j| of(&a, i, j) * inner[(j, c)]);
                    let expected = of(&x, i, c) - 0.5 * terms().sum::<f64>();
                    let size = 1.0 + (m as f64).sqrt() * terms().map(f64::abs).sum::<f64>();
                    let error = (of(&found, i, c) - expected).abs() / size;
                    assert!(error < 8.0 * T::UNIT_ROUNDOFF, "{m}×{n}, {b} columns: {error:e} at ({i}, {c})");
                }
            }
        }
        for (m, n) in [(1, 1), (3, 2), (4, 3), (17, 4), (64, 5), (33, 31), (0, 3), (3, 0)] {
            for b in [0, 1, 3, 4, 5, 8, 9] {
                check::<f32>(m, n, b);
                check::<f64>(m, n, b);
            }
        }
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let mut rng = generator(8);
        let (a, x) = (gaussian::<f64>(700, 900, &mut rng), gaussian::<f64>(700, 8, &mut rng));
        let found = [Par::Seq, Par::rayon(2), Par::rayon(3)].map(|parallelism| {
            let mut target = Mat::zeros(700, 8);
            add_normal_product(target.as_mut(), 1.0, a.as_ref(), x.as_ref(), parallelism);
            target
        });
        assert!(found[0] == found[1] && found[0] == found[2]);
    }
}
