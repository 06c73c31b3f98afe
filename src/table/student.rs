//! Quantiles of Student's t, for intervals of means.

use std::f64::consts::FRAC_PI_2;

/// The t for which |T| ≤ t with the given probability (0.95 for a 95 % interval), at so many degrees of freedom; infinite at 0.
///
/// By bisection of the finite series for whole degrees (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4), which is exact.
#[must_use]
pub fn student(probability: f64, degrees: usize) -> f64 {
    if degrees == 0 {
        return f64::INFINITY;
    }
    // In the angle atan(t/√n), which is bounded.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if within(middle, degrees) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.tan() * (degrees as f64).sqrt()
}

/// The probability that |T| ≤ √n·tan θ.
fn within(angle: f64, degrees: usize) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let is_odd = degrees % 2 == 1;
    // Terms are cosⁿ times (2·4…)/(3·5…) from the first power on, or times (1·3…)/(2·4…) from the zeroth.
    let mut term = if is_odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut power = usize::from(is_odd);
    while power + 2 <= degrees {
        sum += term;
        power += 2;
        term *= cosine * cosine * (power - 1) as f64 / power as f64;
    }
    if is_odd { (angle + sine * sum) / FRAC_PI_2 } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.t.ppf(1 - (1 - p) / 2, n)`.
    #[test]
    fn quantiles_are_those_of_scipy() {
        for (probability, degrees, expected) in [
            (0.95, 1, 12.706_204_736_174_7),
            (0.95, 2, 4.302_652_729_749_46),
            (0.95, 3, 3.182_446_305_283_71),
            (0.95, 10, 2.228_138_851_986_27),
            (0.95, 200, 1.971_896_223_633_49),
            (0.999, 5, 6.868_826_625_877_83),
            (0.999, 30, 3.645_958_635_040_53),
            (0.5, 7, 0.711_141_778_081_786),
        ] {
            let found = student(probability, degrees);
            assert!((found / expected - 1.0).abs() < 1e-9, "{probability} {degrees}: {found}");
        }
        assert!(student(0.95, 0).is_infinite());
    }
}
