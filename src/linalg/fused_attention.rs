//! Exact softmax attention that never holds the n×n matrix: tiles of keys pass by while each query keeps its largest logit, the
//! sum of its exponentials and its weighted values so far (Milakov & Gimelshein 2018, "Online normalizer calculation for
//! softmax"; Rabe & Staats 2021, "Self-attention does not need O(n²) memory"; Dao et al. 2022, FlashAttention, Algorithm 1).

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};
use pulp::{Simd, WithSimd};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};

use super::{Scalar, softmax::column_of, transposed};

/// Queries and keys of one tile: its scores and the values it weighs stay in the second cache.
const QUERIES: usize = 192;
const KEYS: usize = 256;

/// softmax(`scale`·QKᵀ)·V by rows, m×e from Q m×d, K n×d and V n×e; if `causal`, query i sees keys 0..=i.
///
/// 2mn(d + e) flops (half of them if causal); memory beside the result: K once more, and a tile a thread. The bits do not
/// depend on the number of threads.
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
    // An owned transpose: every tile then reads whole columns.
    let keys = transposed(keys);
    let mut output = Mat::zeros(queries.nrows(), values.ncols());
    let height = band_height(queries.nrows());
    let attend = |(band, output): (usize, MatMut<'_, T>)| {
        let first = band * height;
        let queries = queries.subrows(first, output.nrows());
        attend(queries, keys.as_ref(), values, T::of(scale), causal.then_some(first), output);
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
fn attend<T: Scalar>(
    queries: MatRef<'_, T>,
    keys: MatRef<'_, T>,
    values: MatRef<'_, T>,
    scale: T,
    first: Option<usize>,
    mut output: MatMut<'_, T>,
) {
    let rows = queries.nrows();
    let seen = first.map_or(keys.ncols(), |first| keys.ncols().min(first + rows));
    let mut scores = Mat::<T>::zeros(rows, KEYS.min(seen));
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
        pulp::Arch::new().dispatch(TakeIn { sums: &mut sums, tile: tile.as_mut(), weighted: weighted.as_mut() });
        matmul(weighted.as_mut(), Accum::Add, tile.as_ref(), values.subrows(from, count), T::one(), Par::Seq);
    }
    for j in 0..output.ncols() {
        for i in 0..rows {
            output[(i, j)] = T::of(weighted[(i, j)].to_f64() / sums.sum[i]);
        }
    }
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
struct TakeIn<'a, T> {
    sums: &'a mut Sums<T>,
    tile: MatMut<'a, T>,
    weighted: MatMut<'a, T>,
}

impl<T: Scalar> WithSimd for TakeIn<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        self.sums.take_in(self.tile, self.weighted);
    }
}

/// What every query of a band keeps while the keys pass by.
struct Sums<T> {
    largest: [T; QUERIES],
    /// Of the exponentials of logits less `largest`; in f64, so that rounding does not grow with the number of keys.
    sum: [f64; QUERIES],
}

impl<T: Scalar> Sums<T> {
    fn new() -> Self {
        Self { largest: [T::of(f64::NEG_INFINITY); QUERIES], sum: [0.0; QUERIES] }
    }

    /// Turns a tile of logits into exponentials, and brings the sums and the weighted values so far to the same largest logit.
    #[inline(always)]
    fn take_in(&mut self, mut tile: MatMut<'_, T>, mut weighted: MatMut<'_, T>) {
        let mut largest = self.largest;
        for j in 0..tile.ncols() {
            for (largest, &logit) in largest.iter_mut().zip(&*column_of(&mut tile, j)) {
                *largest = if logit > *largest { logit } else { *largest };
            }
        }
        let mut shrink = [T::one(); QUERIES];
        for ((shrink, &new), &old) in shrink.iter_mut().zip(&largest).zip(&self.largest) {
            // The first tile has nothing to bring along: exp(−∞) is 0.
            *shrink = (old - new).fused_exp_of_nonpositive();
        }
        let mut sum = [T::zero(); QUERIES];
        for j in 0..tile.ncols() {
            for ((logit, &largest), sum) in column_of(&mut tile, j).iter_mut().zip(&largest).zip(&mut sum) {
                *logit = (*logit - largest).fused_exp_of_nonpositive();
                *sum += *logit;
            }
        }
        for j in 0..weighted.ncols() {
            for (entry, &shrink) in column_of(&mut weighted, j).iter_mut().zip(&shrink) {
                *entry *= shrink;
            }
        }
        for i in 0..tile.nrows() {
            self.sum[i] = self.sum[i] * shrink[i].to_f64() + sum[i].to_f64();
        }
        self.largest = largest;
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

    /// A logit of size x is known up to x·u, and so is the weight it gives.
    fn check<T: Scalar>(rounding: f64) {
        let mut rng = generator(21);
        for (m, n, d, e) in [(1, 1, 1, 1), (130, 257, 8, 5), (200, 520, 64, 16), (5, 300, 16, 3), (257, 64, 4, 4)] {
            let mut draw = |rows, columns| gaussian::<T>(rows, columns, &mut rng);
            let (q, k, v) = (draw(m, d), draw(n, d), draw(n, e));
            let largest = (q.as_ref() * k.transpose()).norm_max().to_f64();
            let sharp_rounding = rounding.max(80.0 * T::UNIT_ROUNDOFF);
            for (name, scale, rounding) in [
                ("random", 1.0 / (d as f64).sqrt(), rounding),
                ("sharp", 80.0 / largest, sharp_rounding),
                ("constant", 0.0, rounding),
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
