//! The non-parametric interval of a median, from order statistics alone.
//!
//! For n independent values of any continuous distribution, the number of values below the median is binomial(n, ½), so
//! [x₍ⱼ₎, x₍ₙ₊₁₋ⱼ₎] covers the median with probability 1 − 2·P(B ≤ j − 1) (David & Nagaraja, Order Statistics, 2003, §7.1).

/// Which order statistics (from 1) bound the median with at least 95 % confidence: the largest j with P(B ≤ j − 1) ≤ 2.5 %,
/// and n + 1 − j.
///
/// `None` below 6 values: even the whole range of 5 covers the median only 93.75 % of the time.
#[must_use]
pub fn median_interval(count: usize) -> Option<(usize, usize)> {
    const TAIL: f64 = 0.025;
    // Terms C(n, i)/2ⁿ by their logarithms: 2⁻ⁿ alone underflows from n = 1075 on.
    let n = count as f64;
    let mut log_term = -n * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut order = 0;
    for i in 0..count / 2 {
        below += log_term.exp();
        if below > TAIL {
            break;
        }
        order = i + 1;
        log_term += ((n - i as f64) / (i as f64 + 1.0)).ln();
    }
    (order > 0).then(|| (order, count + 1 - order))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(B ≤ k), B binomial(n, ½), in exact integers.
    fn lower_tail(n: u32, k: u32) -> f64 {
        let mut choose: u128 = 1;
        let mut sum: u128 = 0;
        for i in 0..=k {
            sum += choose;
            choose = choose * u128::from(n - i) / u128::from(i + 1);
        }
        sum as f64 / 2_f64.powi(n.cast_signed())
    }

    #[test]
    fn agrees_with_the_published_table() {
        // Conover, Practical Nonparametric Statistics (3rd ed.), and any table of the sign test at 5 %.
        for (count, low) in
            [(6, 1), (8, 1), (9, 2), (10, 2), (12, 3), (15, 4), (20, 6), (25, 8), (30, 10), (50, 18), (100, 40)]
        {
            assert_eq!(median_interval(count), Some((low, count + 1 - low)), "n = {count}");
        }
    }

    #[test]
    fn none_below_six_values() {
        for count in 0..6 {
            assert_eq!(median_interval(count), None);
        }
    }

    #[test]
    fn covers_at_least_95_percent_and_the_next_narrower_interval_does_not() {
        for count in 6..=120_u32 {
            let (low, high) = median_interval(count as usize).unwrap();
            assert_eq!(low + high, count as usize + 1);
            let low = u32::try_from(low).unwrap();
            assert!(1.0 - 2.0 * lower_tail(count, low - 1) >= 0.95, "n = {count}");
            assert!(1.0 - 2.0 * lower_tail(count, low) < 0.95, "n = {count}");
        }
    }

    #[test]
    fn large_samples_do_not_underflow() {
        // Normal approximation: j ≈ n/2 − 0.98·√n.
        let (low, _) = median_interval(10_000).unwrap();
        assert!((4901..=4903).contains(&low), "{low}");
    }
}
