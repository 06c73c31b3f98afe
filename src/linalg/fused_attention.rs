//! Exact softmax attention that never holds the n×n matrix: tiles of keys pass by while each query keeps its largest logit, the
//! sum of its exponentials and its weighted values so far (Milakov & Gimelshein 2018, "Online normalizer calculation for
//! softmax"; Rabe & Staats 2021, "Self-attention does not need O(n²) memory"; Dao et al. 2022, FlashAttention, Algorithm 1).

use std::any::{Any, TypeId};

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use pulp::{Simd, WithSimd};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{Scalar, softmax::column_of, to_f64, transposed};

/// Queries and keys of one tile: its scores and the values it weighs stay in the second cache.
const QUERIES: usize = 192;
const KEYS: usize = 256;

/// softmax(`scale`·QKᵀ)·V by rows, m×e from Q m×d, K n×d and V n×e; if `causal`, query i sees keys 0..=i.
///
/// 2mn(d + e) flops (half of them if causal); memory beside the result: K once more (where logits are in f64, Q and K in it too),
/// and a tile a thread. The bits do not depend on the number of threads. A logit x rounded to f32 is wrong by up to x·2⁻²⁴, and
/// so is the weight it gives: where logits may be larger than 32, they are computed and compared in f64, and only what is left
/// below the largest is rounded.
///
/// # Panics
/// If the shapes do not fit, or there is no key.
#[must_use]
pub fn fused_attention<T: Scalar>(
    queries: MatRef<'_, T>,
    keys: MatRef<'_, T>,
    values: MatRef<'_, T>,
    scale: f64,
    causal: bool,
    parallelism: Par,
) -> Mat<T> {
    assert!(queries.ncols() == keys.ncols() && keys.nrows() == values.nrows(), "the shapes do not fit");
    assert!(keys.nrows() > 0 || queries.nrows() == 0, "a query needs a key to attend to");
    if T::UNIT_ROUNDOFF > f64::EPSILON && scale.abs() * longest_row(queries) * longest_row(keys) > NARROW {
        let (queries, keys) = (to_f64(queries), to_f64(keys));
        attend_by_bands::<T, f64>(queries.as_ref(), keys.as_ref(), values, scale, causal, parallelism)
    } else {
        attend_by_bands::<T, T>(queries, keys, values, T::of(scale), causal, parallelism)
    }
}

/// By Cauchy and Schwarz no logit is larger than the longest query times the longest key. Up to this, rounding to f32 costs less
/// than 1e-6 of the result.
const NARROW: f64 = 32.0;

/// The largest Euclidean norm of a row.
fn longest_row<T: Scalar>(matrix: MatRef<'_, T>) -> f64 {
    let mut squared = vec![0.0; matrix.nrows()];
    for j in 0..matrix.ncols() {
        for (i, squared) in squared.iter_mut().enumerate() {
            *squared += matrix[(i, j)].to_f64().powi(2);
        }
    }
    squared.into_iter().fold(0.0, f64::max).sqrt()
}

/// The attention of T with logits in L: T itself, or f64.
fn attend_by_bands<T: Scalar, L: Scalar>(
    queries: MatRef<'_, L>,
    keys: MatRef<'_, L>,
    values: MatRef<'_, T>,
    scale: L,
    causal: bool,
    parallelism: Par,
) -> Mat<T> {
    // An owned transpose: every tile then reads whole columns.
    let keys = transposed(keys);
    let mut output = Mat::zeros(queries.nrows(), values.ncols());
    let height = band_height(queries.nrows());
    let attend = |(band, output): (usize, MatMut<'_, T>)| {
        let first = band * height;
        let queries = queries.subrows(first, output.nrows());
        attend(queries, keys.as_ref(), values, scale, causal.then_some(first), output);
    };
    if matches!(parallelism, Par::Seq) || queries.nrows() <= height {
        for band in 0..queries.nrows().div_ceil(height) {
            let first = band * height;
            attend((band, output.subrows_mut(first, height.min(queries.nrows() - first))));
        }
    } else {
        output.par_row_chunks_mut(height).enumerate().for_each(attend);
    }
    output
}

/// At most [`QUERIES`] queries a band, in bands of which there are a multiple of four, so that two or four threads end at about the
/// same time. It depends on the number of queries alone: threads must not change a bit.
fn band_height(queries: usize) -> usize {
    let bands = queries.div_ceil(QUERIES).next_multiple_of(4).max(4);
    queries.div_ceil(bands).next_multiple_of(16).clamp(16, QUERIES)
}

/// The queries of one band; `first` is the number of the first of them where a causal mask applies.
fn attend<T: Scalar, L: Scalar>(
    queries: MatRef<'_, L>,
    keys: MatRef<'_, L>,
    values: MatRef<'_, T>,
    scale: L,
    first: Option<usize>,
    mut output: MatMut<'_, T>,
) {
    let rows = queries.nrows();
    let seen = first.map_or(keys.ncols(), |first| keys.ncols().min(first + rows));
    let mut scores = Mat::<L>::zeros(rows, KEYS.min(seen));
    // What of the scores is left below the largest, where it has to be rounded; else it takes their place.
    let mut narrowed = Mat::<T>::zeros(rows, if is_same::<T, L>() { 0 } else { scores.ncols() });
    let mut sums = Sums::new();
    // Owned, so that its columns are contiguous whatever the output is a part of.
    let mut weighted = Mat::<T>::zeros(rows, output.ncols());
    for from in (0..seen).step_by(KEYS) {
        let count = KEYS.min(seen - from);
        let mut tile = scores.subcols_mut(0, count);
        matmul(tile.as_mut(), Accum::Replace, queries, keys.subcols(from, count), scale, Par::Seq);
        if let Some(first) = first {
            hide(tile.as_mut(), first, from);
        }
        let (scores, narrowed) = (&mut scores, &mut narrowed);
        pulp::Arch::new().dispatch(TakeIn { sums: &mut sums, count, scores, narrowed, weighted: weighted.as_mut() });
        let exponentials = as_same(scores).unwrap_or(narrowed).subcols(0, count);
        matmul(weighted.as_mut(), Accum::Add, exponentials, values.subrows(from, count), T::one(), Par::Seq);
    }
    for j in 0..output.ncols() {
        for i in 0..rows {
            output[(i, j)] = T::of(weighted[(i, j)].to_f64() / sums.sum[i]);
        }
    }
}

fn is_same<T: 'static, L: 'static>() -> bool {
    TypeId::of::<T>() == TypeId::of::<L>()
}

/// A matrix of L as one of T, if they are the same.
fn as_same<T: 'static, L: 'static>(matrix: &mut Mat<L>) -> Option<&mut Mat<T>> {
    (matrix as &mut dyn Any).downcast_mut()
}

/// −∞ where key `first_key` + j lies after query `first_query` + i.
fn hide<T: Scalar>(mut tile: MatMut<'_, T>, first_query: usize, first_key: usize) {
    let rows = tile.nrows();
    for j in 0..tile.ncols() {
        let seeing = (first_key + j).saturating_sub(first_query).min(rows);
        column_of(&mut tile, j)[..seeing].fill(T::of(f64::NEG_INFINITY));
    }
}

/// [`Sums::take_in`] on the machine's vector unit. Not a closure: that may be compiled apart, without the unit, and then every
/// fused multiplication is a call.
struct TakeIn<'a, T, L> {
    sums: &'a mut Sums<L>,
    /// Columns of the tile.
    count: usize,
    scores: &'a mut Mat<L>,
    narrowed: &'a mut Mat<T>,
    weighted: MatMut<'a, T>,
}

impl<T: Scalar, L: Scalar> WithSimd for TakeIn<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { sums, count, scores, narrowed, weighted } = self;
        let shrink = sums.raise(scores.subcols_mut(0, count));
        if let Some(tile) = as_same::<T, L>(scores) {
            let largest = sums.largest.map(|largest| T::of(largest.to_f64()));
            sums.take_in(tile.subcols_mut(0, count), &largest, &shrink, weighted);
        } else {
            let mut tile = narrowed.subcols_mut(0, count);
            let mut wide = scores.subcols_mut(0, count);
            for j in 0..count {
                let wide = &*column_of(&mut wide, j);
                for ((narrow, &wide), &largest) in column_of(&mut tile, j).iter_mut().zip(wide).zip(&sums.largest) {
                    *narrow = T::of((wide - largest).to_f64());
                }
            }
            sums.take_in(tile, &[T::zero(); QUERIES], &shrink, weighted);
        }
    }
}

/// What every query of a band keeps while the keys pass by.
struct Sums<L> {
    largest: [L; QUERIES],
    /// Of the exponentials of logits less `largest`; in f64, so that rounding does not grow with the number of keys.
    sum: [f64; QUERIES],
}

impl<L: Scalar> Sums<L> {
    fn new() -> Self {
        Self { largest: [L::of(f64::NEG_INFINITY); QUERIES], sum: [0.0; QUERIES] }
    }

    /// The largest logits with those of a tile among them; returns by how much what was summed so far shrinks.
    #[inline(always)]
    fn raise(&mut self, mut tile: MatMut<'_, L>) -> [L; QUERIES] {
        let mut largest = self.largest;
        for j in 0..tile.ncols() {
            for (largest, &logit) in largest.iter_mut().zip(&*column_of(&mut tile, j)) {
                *largest = if logit > *largest { logit } else { *largest };
            }
        }
        let mut shrink = [L::one(); QUERIES];
        for ((shrink, &new), &old) in shrink.iter_mut().zip(&largest).zip(&self.largest) {
            // The first tile has nothing to bring along: exp(−∞) is 0.
            *shrink = (old - new).fused_exp_of_nonpositive();
        }
        self.largest = largest;
        shrink
    }

    /// Turns a tile of logits into exponentials of what they lie below `top`, and brings the sums and the weighted values so far to
    /// the same largest logit.
    #[inline(always)]
    fn take_in<T: Scalar>(
        &mut self,
        mut tile: MatMut<'_, T>,
        top: &[T; QUERIES],
        shrink: &[L; QUERIES],
        mut weighted: MatMut<'_, T>,
    ) {
        let mut sum = [T::zero(); QUERIES];
        for j in 0..tile.ncols() {
            for ((logit, &top), sum) in column_of(&mut tile, j).iter_mut().zip(top).zip(&mut sum) {
                *logit = (*logit - top).fused_exp_of_nonpositive();
                *sum += *logit;
            }
        }
        let narrow = shrink.map(|shrink| T::of(shrink.to_f64()));
        for j in 0..weighted.ncols() {
            for (entry, &shrink) in column_of(&mut weighted, j).iter_mut().zip(&narrow) {
                *entry *= shrink;
            }
        }
        for i in 0..tile.nrows() {
            self.sum[i] = self.sum[i] * shrink[i].to_f64() + sum[i].to_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{linalg::gaussian::gaussian, random::generator};

    /// ‖computed − exact‖_F/‖exact‖_F against the definition, entry by entry, in f64.
    fn error<T: Scalar>(q: &Mat<T>, k: &Mat<T>, v: &Mat<T>, scale: f64, causal: bool, parallelism: Par) -> f64 {
        let computed = fused_attention(q.as_ref(), k.as_ref(), v.as_ref(), scale, causal, parallelism);
        let (mut difference, mut size) = (0.0f64, 0.0f64);
        for i in 0..q.nrows() {
            let visible = if causal { k.nrows().min(i + 1) } else { k.nrows() };
            let dot = |j: usize| (0..q.ncols()).map(|l| q[(i, l)].to_f64() * k[(j, l)].to_f64()).sum::<f64>();
            let logits: Vec<f64> = (0..visible).map(|j| scale * dot(j)).collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
            for c in 0..v.ncols() {
                let weighted = logits.iter().enumerate().map(|(j, x)| (x - largest).exp() * v[(j, c)].to_f64());
                let exact = weighted.sum::<f64>() / sum;
                difference += (computed[(i, c)].to_f64() - exact).powi(2);
                size += exact * exact;
            }
        }
        (difference / size.max(f64::MIN_POSITIVE)).sqrt()
    }

    fn check<T: Scalar>(rounding: f64) {
        let mut rng = generator(21);
        for (m, n, d, e) in [(1, 1, 1, 1), (130, 257, 8, 5), (200, 520, 64, 16), (5, 300, 16, 3), (257, 64, 4, 4)] {
            let mut draw = |rows, columns| gaussian::<T>(rows, columns, &mut rng);
            let (q, k, v) = (draw(m, d), draw(n, d), draw(n, e));
            let largest = (q.as_ref() * k.transpose()).norm_max().to_f64();
            let still_narrow = 0.999 * NARROW / (longest_row(q.as_ref()) * longest_row(k.as_ref()));
            for (name, scale) in [
                ("random", 1.0 / (d as f64).sqrt()),
                ("as sharp as is not widened", still_narrow),
                ("sharp", 80.0 / largest),
                ("constant", 0.0),
            ] {
                for causal in [false, true] {
                    for parallelism in [Par::Seq, Par::rayon(2)] {
                        let error = error(&q, &k, &v, scale, causal, parallelism);
                        assert!(error <= rounding, "{m}×{n}, d = {d}, {name}, causal: {causal}: {error:.1e}");
                    }
                }
            }
        }
    }

    #[test]
    fn it_is_the_definition_on_random_sharp_masked_and_constant_logits() {
        check::<f32>(1e-6);
        check::<f64>(1e-14);
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let mut rng = generator(22);
        let mut draw = |rows, columns| gaussian::<f32>(rows, columns, &mut rng);
        let (q, k, v) = (draw(500, 32), draw(600, 32), draw(600, 16));
        let run = |par| fused_attention(q.as_ref(), k.as_ref(), v.as_ref(), 0.2, true, par);
        assert!(run(Par::Seq) == run(Par::rayon(2)));
    }
}
