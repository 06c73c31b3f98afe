//! exp and ln as plain arithmetic, so that loops of them vectorise, and give the same bits on every machine.
//!
//! The library functions are calls a compiler cannot look into: one entry at a time, 5 to 10 times slower, and different from
//! one C library to the next.

/// The exponential of numbers that are not positive: all a softmax needs.
pub trait Exponential {
    /// eˣ for x ≤ 0, within 2 units in the last place; 0 where the result would come within a factor 1e4 of the subnormal
    /// numbers, on which processors are slow; NaN for NaN.
    #[must_use]
    fn exp_of_nonpositive(self) -> Self;

    /// The same to the same accuracy with fused multiplications: half the instructions where the machine has them, a library
    /// call each where it has not. Other bits than [`Self::exp_of_nonpositive`]. For loops inside a `pulp` dispatch.
    #[must_use]
    fn fused_exp_of_nonpositive(self) -> Self;
}

/// 1/0!, 1/1!, … 1/15!.
const INVERSE_FACTORIALS: [f64; 16] = {
    let mut inverse = [1.0; 16];
    let (mut n, mut factorial) = (1, 1.0);
    while n < 16 {
        factorial *= n as f64;
        inverse[n] = 1.0 / factorial;
        n += 1;
    }
    inverse
};

/// eˣ = 2ᵏ·eʳ with k = round(x/ln 2), r = x − k·ln 2 in two parts (Cody & Waite 1980), and eʳ, |r| ≤ ln 2/2, by its
/// Taylor polynomial, whose remainder is below a unit roundoff. Four terms at a time (Estrin), so that a processor can
/// overlap them.
macro_rules! exponential {
    ($type:ty, terms: $terms:literal, mantissa: $mantissa:literal, bias: $bias:literal, round: $round:literal,
     ln2: $high:expr, $low:literal, least: $least:literal) => {
        impl Exponential for $type {
            #[inline(always)]
            fn exp_of_nonpositive(self) -> Self {
                // Adding 1.5·2^mantissa leaves the rounded integer in the low bits.
                let shifted = self * std::f64::consts::LOG2_E as $type + $round;
                let k = shifted - $round;
                let r = (self - k * $high) - k * $low;
                let (square, fourth) = (r * r, (r * r) * (r * r));
                let mut polynomial: $type = 0.0;
                let mut term = $terms;
                while term > 0 {
                    term -= 4;
                    let c = |offset: usize| INVERSE_FACTORIALS[term + offset] as $type;
                    polynomial = ((c(0) + c(1) * r) + (c(2) + c(3) * r) * square) + polynomial * fourth;
                }
                let power = <$type>::from_bits((shifted.to_bits() << $mantissa).wrapping_add($bias << $mantissa));
                if self < $least { 0.0 } else { polynomial * power }
            }

            #[inline(always)]
            fn fused_exp_of_nonpositive(self) -> Self {
                let shifted = self.mul_add(std::f64::consts::LOG2_E as $type, $round);
                let k = shifted - $round;
                let r = k.mul_add(-$low, k.mul_add(-$high, self));
                let (square, fourth) = (r * r, (r * r) * (r * r));
                let mut polynomial: $type = 0.0;
                let mut term = $terms;
                while term > 0 {
                    term -= 4;
                    let c = |offset: usize| INVERSE_FACTORIALS[term + offset] as $type;
                    let four = c(3).mul_add(r, c(2)).mul_add(square, c(1).mul_add(r, c(0)));
                    polynomial = polynomial.mul_add(fourth, four);
                }
                let power = <$type>::from_bits((shifted.to_bits() << $mantissa).wrapping_add($bias << $mantissa));
                if self < $least { 0.0 } else { polynomial * power }
            }
        }
    };
}
exponential!(f64, terms: 16, mantissa: 52, bias: 1023, round: 6_755_399_441_055_744.0,
    ln2: 0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10, least: -699.0);
exponential!(f32, terms: 8, mantissa: 23, bias: 127, round: 12_582_912.0,
    ln2: 355.0 / 512.0, -2.121_944_4e-4, least: -78.0);

/// ln x for a positive, finite and normal x, within 2 units in the last place.
///
/// ln x = e·ln 2 + 2 artanh s with x = 2ᵉ·m, m between √½ and √2, s = (m − 1)/(m + 1) and |s| < 0.172.
#[inline(always)]
#[must_use]
pub fn ln_of_positive(x: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    // Exponents counted from √½, lifted so that the difference stays positive.
    let lifted = (x.to_bits() + (1024 << 52)) - SQRT_HALF;
    let exponent = lifted >> 52;
    let m = f64::from_bits(x.to_bits() - (exponent << 52) + (1024 << 52));
    // The integer in the low bits of 2^52, less 2^52: a conversion that every vector unit has.
    let e = f64::from_bits(0x4330_0000_0000_0000 | exponent) - (4_503_599_627_370_496.0 + 1024.0);
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    // 1/3 + s²/5 + … + s²²/25, four terms at a time.
    let (fourth, eighth) = (square * square, (square * square) * (square * square));
    let mut series = 0.0;
    for first in [19.0, 11.0, 3.0] {
        let c = |term: f64| 1.0 / (first + 2.0 * term);
        series = ((c(0.0) + c(1.0) * square) + (c(2.0) + c(3.0) * square) * fourth) + series * eighth;
    }
    let twice = 2.0 * s;
    e * 0.693_147_180_369_123_8 + (twice + (twice * square * series + e * 1.908_214_929_270_587_7e-10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_two_units_in_the_last_place() {
        for i in 0..400_000 {
            let x = -f64::from(i) * 0.001_747;
            let expected = if x < -699.0 { 0.0 } else { x.exp() };
            for found in [x.exp_of_nonpositive(), x.fused_exp_of_nonpositive()] {
                assert!((found - expected).abs() <= 2.0 * f64::EPSILON * expected, "exp({x}) = {expected} was {found}");
            }

            let x = -(i as f32) * 0.000_199;
            let expected = if x < -78.0 { 0.0 } else { f64::from(x).exp() };
            for found in [x.exp_of_nonpositive(), x.fused_exp_of_nonpositive()] {
                let error = (f64::from(found) - expected).abs();
                assert!(error <= 2.0 * f64::from(f32::EPSILON) * expected, "exp({x}) = {expected} was {found}");
            }
        }
    }

    #[test]
    fn the_exponential_of_zero_is_one_of_minus_infinity_zero_and_of_nan_nan() {
        assert_eq!((0f64.exp_of_nonpositive(), 0f32.exp_of_nonpositive()), (1.0, 1.0));
        assert_eq!((-0f64).exp_of_nonpositive(), 1.0);
        for huge in [f64::NEG_INFINITY, f64::MIN, -1e5] {
            assert_eq!((huge.exp_of_nonpositive(), (huge as f32).exp_of_nonpositive()), (0.0, 0.0));
            assert_eq!((huge.fused_exp_of_nonpositive(), (huge as f32).fused_exp_of_nonpositive()), (0.0, 0.0));
        }
        assert!(f64::NAN.exp_of_nonpositive().is_nan() && f32::NAN.exp_of_nonpositive().is_nan());
    }

    #[test]
    fn the_logarithm_is_right_to_two_units_in_the_last_place() {
        let mut x = 1e-307;
        while x < 1e300 {
            let (found, expected) = (ln_of_positive(x), x.ln());
            assert!(
                (found - expected).abs() <= 2.0 * f64::EPSILON * expected.abs(),
                "ln({x:e}) = {expected} was {found}"
            );
            x *= 1.000_71;
        }
        for near_one in [1.0, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON, 0.999_9, 1.000_1] {
            let (found, expected) = (ln_of_positive(near_one), near_one.ln());
            assert!((found - expected).abs() <= 2.0 * f64::EPSILON * expected.abs(), "ln({near_one})");
        }
    }
}
