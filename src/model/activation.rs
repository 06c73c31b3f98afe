//! What stands between two maps and the layer norm, each with the addition of the bias before it: one pass over what a product has just written.
//!
//! Sums run in as many lanes as the widest vector unit has, always: what a lane adds, and so every bit, is the same on every
//! machine.

use faer::MatMut;
use pulp::{Simd, WithSimd};

use super::{Activation, LayerNorm};
use crate::linalg::exponential::Exponential;

/// Running sums side by side.
const LANES: usize = 32;

/// Where Φ is 0 or 1 to within f32.
const FAR: f32 = 5.4;

/// (Φ(x) − ½)/x = P(x²)/Q(x²) on |x| ≤ [`FAR`], lowest power first: a least-squares fit whose weights were moved towards the
/// largest errors (Lawson 1961), wrong by 1.8e-8 at most, and by 1.8e-7 with the rounding of f32.
const NUMERATOR: [f32; 6] = [3.989_421_8e-1, 3.426_097_6e-2, 4.707_237e-3, 1.736_631_7e-4, 6.448_198e-6, 2.282_448e-8];
const DENOMINATOR: [f32; 6] = [1.0, 2.525_447_2e-1, 2.889_252_7e-2, 1.911_406_6e-3, 7.553_201e-5, 1.206_802_6e-6];

/// Φ(x), the normal distribution function, within 2e-7.
#[inline(always)]
fn normal_distribution(x: f32) -> f32 {
    let square = x * x;
    let [p0, p1, p2, p3, p4, p5] = NUMERATOR;
    let [q0, q1, q2, q3, q4, q5] = DENOMINATOR;
    let fourth = square * square;
    // In pairs (Estrin), so that a processor can overlap them.
    let high = |c4: f32, c5: f32| c5.mul_add(square, c4);
    let of = |c0: f32, c1: f32, c2: f32, c3: f32, high: f32| {
        high.mul_add(fourth, c3.mul_add(square, c2)).mul_add(fourth, c1.mul_add(square, c0))
    };
    let numerator = of(p0, p1, p2, p3, high(p4, p5));
    let denominator = of(q0, q1, q2, q3, high(q4, q5));
    let near = (x * numerator / denominator) + 0.5;
    let below = if x < -FAR { 0.0 } else { near };
    if x > FAR { 1.0 } else { below }
}

/// Every column plus `bias`, then `activation` of every entry.
pub(super) fn add_bias_and_activate(matrix: MatMut<'_, f32>, bias: &[f32], activation: Activation) {
    let arch = pulp::Arch::new();
    match activation {
        Activation::Gelu => arch.dispatch(Activate { matrix, bias, of: gelu }),
        Activation::TanhGelu => arch.dispatch(Activate { matrix, bias, of: tanh_gelu }),
        Activation::Relu => arch.dispatch(Activate { matrix, bias, of: relu }),
    }
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    x * normal_distribution(x)
}

/// NaN stays NaN.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

/// ½x(1 + tanh u) = x/(1 + e^-2u) with u = √(2/π)(x + 0.044715x³).
#[inline(always)]
fn tanh_gelu(x: f32) -> f32 {
    const ROOT: f32 = 0.797_884_6;
    let u = ROOT * (0.044_715 * x * x).mul_add(x, x);
    let exponential = (-2.0 * u.abs()).fused_exp_of_nonpositive();
    let share = if u < 0.0 { exponential } else { 1.0 } / (1.0 + exponential);
    // Of a number whose cube is none, the share is 0 or 1 all the same.
    if x == 0.0 { x } else { x * share }
}

struct Activate<'a, F> {
    matrix: MatMut<'a, f32>,
    bias: &'a [f32],
    of: F,
}

impl<F: Fn(f32) -> f32> WithSimd for Activate<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        for column in 0..self.matrix.ncols() {
            for (entry, bias) in entries(&mut self.matrix, column).iter_mut().zip(self.bias) {
                *entry = (self.of)(*entry + bias);
            }
        }
    }
}

/// norm(`hidden` + `update` + `bias`) of every column, into `hidden` (layer normalisation, Ba, Kiros & Hinton 2016).
pub(super) fn add_and_normalize(
    hidden: MatMut<'_, f32>,
    update: MatMut<'_, f32>,
    bias: &[f32],
    norm: &LayerNorm,
    epsilon: f64,
) {
    pulp::Arch::new().dispatch(Normalize { hidden, update: Some((update, bias)), norm, epsilon });
}

/// norm of every column.
pub(super) fn normalize(hidden: MatMut<'_, f32>, norm: &LayerNorm, epsilon: f64) {
    pulp::Arch::new().dispatch(Normalize { hidden, update: None, norm, epsilon });
}

struct Normalize<'a> {
    hidden: MatMut<'a, f32>,
    update: Option<(MatMut<'a, f32>, &'a [f32])>,
    norm: &'a LayerNorm,
    epsilon: f64,
}

impl WithSimd for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _simd: S) {
        let width = self.hidden.nrows() as f64;
        for column in 0..self.hidden.ncols() {
            let hidden = entries(&mut self.hidden, column);
            if let Some((update, bias)) = &mut self.update {
                for ((entry, update), bias) in hidden.iter_mut().zip(entries(update, column)).zip(*bias) {
                    *entry += *update + bias;
                }
            }
            let mean = (sum(hidden, |entry| entry) / width) as f32;
            let variance = sum(hidden, |entry| (entry - mean) * (entry - mean)) / width;
            let inverse_deviation = (variance + self.epsilon).sqrt().recip() as f32;
            for ((entry, scale), shift) in hidden.iter_mut().zip(&self.norm.scale).zip(&self.norm.shift) {
                *entry = ((*entry - mean) * inverse_deviation).mul_add(*scale, *shift);
            }
        }
    }
}

/// Σ `term`(x), in f32 within a lane and in f64 over the lanes.
#[inline(always)]
pub(super) fn sum(entries: &[f32], term: impl Fn(f32) -> f32) -> f64 {
    let (chunks, rest) = entries.as_chunks::<LANES>();
    let mut lanes = [0.0f32; LANES];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &entry)| *lane += term(entry));
    }
    let rest = rest.iter().map(|&entry| f64::from(term(entry))).sum::<f64>();
    lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>() + rest
}

/// The largest entry; −∞ of none.
#[inline(always)]
pub(super) fn largest(entries: &[f32]) -> f32 {
    let (chunks, rest) = entries.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, &entry) in lanes.iter_mut().zip(chunk) {
            *lane = if entry > *lane { entry } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// The entries of column `column`, which lie side by side.
#[inline(always)]
pub(super) fn entries<'a>(matrix: &'a mut MatMut<'_, f32>, column: usize) -> &'a mut [f32] {
    matrix
        .as_mut()
        .col_mut(column)
        .try_as_col_major_mut()
        .expect("callers pass blocks of owned matrices, whose columns are contiguous")
        .as_slice_mut()
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    /// erf(x) to about 1e-15, by the series 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·5 … (2n+1)) (DLMF 7.6.2), whose terms all have
    /// the sign of x.
    fn erf(x: f64) -> f64 {
        // Beyond 6 it is ±1 to the last bit of f64.
        if x.abs() > 6.0 {
            return x.signum();
        }
        let (mut term, mut sum, mut odd) = (x, x, 1.0);
        while term.abs() > sum.abs() * 1e-17 {
            odd += 2.0;
            term *= 2.0 * x * x / odd;
            sum += term;
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
    }

    #[test]
    fn the_exact_erf_agrees_with_its_published_values() {
        // DLMF table 7.14(i), and Abramowitz & Stegun 7.1 beyond it.
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (3.0, 0.999_977_909_503_001_4),
            (5.9, 1.0),
            (6.1, 1.0),
        ] {
            assert!((erf(x) - expected).abs() < 2e-15, "erf({x}) = {}", erf(x));
            assert!((erf(-x) + expected).abs() < 2e-15, "erf(-{x}) = {}", erf(-x));
        }
    }

    #[test]
    fn the_gelu_is_that_of_the_exact_erf_to_single_precision() {
        let exact = |x: f32| 0.5 * (1.0 + erf(f64::from(x) * std::f64::consts::FRAC_1_SQRT_2));
        let mut matrix = Mat::from_fn(1024, 30, |i, j| ((i * 30 + j) as f32 - 15_360.0) / 1_500.0);
        let inputs = matrix.clone();
        add_bias_and_activate(matrix.as_mut(), &vec![0.25; 1024], Activation::Gelu);
        for j in 0..30 {
            for i in 0..1024 {
                let x = inputs[(i, j)] + 0.25;
                let found = f64::from(normal_distribution(x));
                assert!((found - exact(x)).abs() < 2e-7, "Φ({x}) = {} was {found}", exact(x));
                let (found, expected) = (f64::from(matrix[(i, j)]), f64::from(x) * exact(x));
                assert!((found - expected).abs() <= 2.5e-7 * f64::from(x).abs(), "gelu({x}) = {expected} was {found}");
            }
        }
    }

    #[test]
    fn the_gelu_of_what_is_far_out_is_itself_or_nothing_and_of_nan_nan() {
        let mut matrix = Mat::from_fn(5, 1, |i, _| [1e30, -1e30, 7.0, -7.0, f32::NAN][i]);
        add_bias_and_activate(matrix.as_mut(), &[0.0; 5], Activation::Gelu);
        assert_eq!((0..4).map(|i| matrix[(i, 0)]).collect::<Vec<_>>(), [1e30, 0.0, 7.0, 0.0]);
        assert!(matrix[(4, 0)].is_nan());
    }

    #[test]
    fn the_other_functions_are_their_definitions() {
        let tanh = |x: f64| 0.5 * x * (1.0 + (std::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
        for (activation, exact) in
            [(Activation::TanhGelu, &tanh as &dyn Fn(f64) -> f64), (Activation::Relu, &|x| x.max(0.0))]
        {
            let mut matrix = Mat::from_fn(1001, 1, |i, _| (i as f32 - 500.0) / 50.0);
            let inputs = matrix.clone();
            add_bias_and_activate(matrix.as_mut(), &[0.125; 1001], activation);
            for i in 0..1001 {
                let x = f64::from(inputs[(i, 0)] + 0.125);
                let (found, expected) = (f64::from(matrix[(i, 0)]), exact(x));
                assert!((found - expected).abs() <= 1e-6 * x.abs(), "{activation:?}({x}) = {expected} was {found}");
            }
            let mut far = Mat::from_fn(3, 1, |i, _| [1e30, -1e30, f32::NAN][i]);
            add_bias_and_activate(far.as_mut(), &[0.0; 3], activation);
            assert_eq!((far[(0, 0)], far[(1, 0)]), (1e30, 0.0), "{activation:?}");
            assert!(far[(2, 0)].is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn the_norm_is_its_definition_in_f64() {
        for width in [1, 31, 32, 77, 384] {
            let value = |i: usize, j: usize| ((i * 7 + j * 13) % 17) as f32 - 3.0;
            let mut hidden = Mat::from_fn(width, 3, value);
            let mut update = Mat::from_fn(width, 3, |i, j| value(j, i) * 0.5);
            let bias: Vec<f32> = (0..width).map(|i| 0.1 * i as f32).collect();
            let norm = LayerNorm {
                scale: (0..width).map(|i| 1.0 + 0.01 * i as f32).collect(),
                shift: (0..width).map(|i| 0.02 * i as f32).collect(),
            };
            let sums = Mat::from_fn(width, 3, |i, j| f64::from(hidden[(i, j)] + (update[(i, j)] + bias[i])));
            add_and_normalize(hidden.as_mut(), update.as_mut(), &bias, &norm, 1e-3);
            for j in 0..3 {
                let mean = sums.col(j).iter().sum::<f64>() / width as f64;
                let variance = sums.col(j).iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
                for i in 0..width {
                    let unit = (sums[(i, j)] - mean) / (variance + 1e-3).sqrt();
                    let expected = unit * f64::from(norm.scale[i]) + f64::from(norm.shift[i]);
                    let found = f64::from(hidden[(i, j)]);
                    assert!((found - expected).abs() < 1e-5, "{width}, ({i}, {j}): {expected} was {found}");
                }
            }
        }
    }
}
