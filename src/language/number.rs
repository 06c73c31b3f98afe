//! Numbers in each language: significant digits, percentages, times, bytes, intervals.

use super::Language;

/// What stands where there is no number.
const ABSENT: &str = "—";
/// U+202F: parts groups of digits, and a number from its unit, without a line break.
const NARROW_SPACE: char = '\u{202f}';
/// U+2212, as wide as a plus.
const MINUS: char = '−';

impl Language {
    /// A number with `digits` significant digits: `0.125`, `1.2·10⁻³`, `12 345`.
    ///
    /// Digits before the decimal mark are never replaced by zeros; a number that is absent, infinite or NaN is a dash.
    #[must_use]
    pub fn number(self, value: Option<f64>, digits: usize) -> String {
        let Some(value) = value.filter(|value| value.is_finite()) else { return ABSENT.to_owned() };
        if value == 0.0 {
            return "0".to_owned();
        }
        let digits = digits.max(1);
        let (mantissa, exponent) = rounded(value.abs(), digits);
        let sign = if value < 0.0 { MINUS.to_string() } else { String::new() };
        let magnitude = if (-3..5).contains(&exponent) {
            let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
            self.fixed(value.abs(), decimals)
        } else {
            format!("{}·10{}", self.localise(&mantissa), superscript(exponent))
        };
        sign + &magnitude
    }

    /// A whole number, its digits in groups of three from 10 000 on.
    #[must_use]
    pub fn count(self, value: Option<u64>) -> String {
        value.map_or_else(|| ABSENT.to_owned(), |value| grouped(&value.to_string()))
    }

    /// A median of counts, which may lie half-way between two: `12`, `12.5`.
    #[must_use]
    pub fn middle(self, value: f64) -> String {
        if value.fract() == 0.0 && (0.0..1e15).contains(&value) {
            grouped(&format!("{value:.0}"))
        } else {
            self.fixed(value, 1)
        }
    }

    /// A share of one as a percentage: `12.5%`, `12,5 %`.
    #[must_use]
    pub fn percent(self, share: Option<f64>, digits: usize) -> String {
        let Some(share) = share.filter(|share| share.is_finite()) else { return ABSENT.to_owned() };
        let number = self.number(Some(share * 100.0), digits);
        match self {
            Self::English => format!("{number}%"),
            Self::Spanish => format!("{number}{NARROW_SPACE}%"),
        }
    }

    /// Seconds with three significant digits, in the unit that leaves one to three digits before the mark: `1.25 ms`.
    #[must_use]
    pub fn seconds(self, value: Option<f64>) -> String {
        let Some(value) = value.filter(|value| value.is_finite()) else { return ABSENT.to_owned() };
        // The unit is chosen after rounding: 999.9 µs is 1.00 ms.
        let exponent = if value == 0.0 { 0 } else { rounded(value.abs(), 3).1 };
        let (unit, scale) = match exponent {
            0.. => ("s", 1.0),
            -3..=-1 => ("ms", 1e3),
            -6..=-4 => ("µs", 1e6),
            _ => ("ns", 1e9),
        };
        format!("{}{NARROW_SPACE}{unit}", self.number(Some(value * scale), 3))
    }

    /// Bytes in binary units: `1.50 MiB`.
    #[must_use]
    pub fn bytes(self, value: Option<u64>) -> String {
        self.scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
    }

    /// A count of operations in decimal units: `2.10 Gflop`.
    #[must_use]
    pub fn flops(self, value: Option<u64>) -> String {
        self.scaled(value, 1000.0, &["flop", "kflop", "Mflop", "Gflop", "Tflop", "Pflop"])
    }

    /// `[0.12, 0.15]`, `[0,12; 0,15]`: the ends as already written.
    #[must_use]
    pub fn interval(self, low: &str, high: &str) -> String {
        match self {
            Self::English => format!("[{low}, {high}]"),
            Self::Spanish => format!("[{low}; {high}]"),
        }
    }

    /// A positive number with exactly `decimals` digits behind the mark.
    fn fixed(self, value: f64, decimals: usize) -> String {
        let text = format!("{value:.decimals$}");
        match text.split_once('.') {
            None => grouped(&text),
            Some((whole, fraction)) => self.localise(&format!("{}.{fraction}", grouped(whole))),
        }
    }

    fn scaled(self, value: Option<u64>, base: f64, units: &[&str]) -> String {
        let Some(value) = value else { return ABSENT.to_owned() };
        let mut scaled = value as f64;
        let mut unit = 0;
        // 999.5 and above would be written with four digits.
        while unit + 1 < units.len() && scaled >= base - 0.5 {
            scaled /= base;
            unit += 1;
        }
        let number = if unit == 0 { self.count(Some(value)) } else { self.number(Some(scaled), 3) };
        format!("{number}{NARROW_SPACE}{}", units[unit])
    }
}

/// `value` > 0 rounded to `digits` significant digits, as mantissa and exponent of ten: 0.00125 → ("1.25", -3).
fn rounded(value: f64, digits: usize) -> (String, i32) {
    let text = format!("{value:.*e}", digits - 1);
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse().unwrap_or(0)),
        None => (text, 0),
    }
}

/// Digits in groups of three from five digits on: `1234`, `12 345`.
fn grouped(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(NARROW_SPACE);
        }
        text.push(digit);
    }
    text
}

fn superscript(exponent: i32) -> String {
    exponent
        .to_string()
        .chars()
        .map(|digit| match digit {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4' => '⁴',
            '5' => '⁵',
            '6' => '⁶',
            '7' => '⁷',
            '8' => '⁸',
            _ => '⁹',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{English, Spanish};

    #[test]
    fn each_language_has_its_decimal_mark() {
        assert_eq!(English.number(Some(0.125), 3), "0.125");
        assert_eq!(Spanish.number(Some(0.125), 3), "0,125");
        assert_eq!(Spanish.number(Some(1.25e-7), 3), "1,25·10⁻⁷");
        assert_eq!(English.percent(Some(0.125), 3), "12.5%");
        assert_eq!(Spanish.percent(Some(0.125), 3), "12,5\u{202f}%");
        assert_eq!(English.interval("1.5", "2"), "[1.5, 2]");
        assert_eq!(Spanish.interval("1,5", "2"), "[1,5; 2]");
    }

    #[test]
    fn digits_are_significant_and_kept_when_zero() {
        assert_eq!(English.number(Some(0.1), 3), "0.100");
        assert_eq!(English.number(Some(0.012_345), 3), "0.0123");
        assert_eq!(English.number(Some(1.0), 4), "1.000");
        assert_eq!(English.number(Some(1234.6), 3), "1235");
        assert_eq!(English.number(Some(-2.5), 2), "−2.5");
    }

    #[test]
    fn rounding_may_reach_the_next_power_of_ten() {
        assert_eq!(English.number(Some(0.9996), 3), "1.00");
        assert_eq!(English.number(Some(9.996), 3), "10.0");
        assert_eq!(English.number(Some(0.000_999_96), 3), "0.00100");
        assert_eq!(English.number(Some(99_999.7), 3), "1.00·10⁵");
    }

    #[test]
    fn rounding_is_of_the_exact_value() {
        // A tie in binary goes to even; 0.15 lies just under its decimal writing.
        assert_eq!(English.number(Some(0.125), 2), "0.12");
        assert_eq!(English.number(Some(0.375), 2), "0.38");
        assert_eq!(English.number(Some(0.15), 1), "0.1");
    }

    #[test]
    fn zero_tiny_huge_negative_and_absent() {
        assert_eq!(English.number(Some(0.0), 3), "0");
        assert_eq!(English.number(Some(-0.0), 3), "0");
        assert_eq!(English.number(Some(5e-324), 2), "4.9·10⁻³²⁴");
        assert_eq!(English.number(Some(-1.797e308), 2), "−1.8·10³⁰⁸");
        assert_eq!(English.number(Some(12_345.0), 3), "12\u{202f}345");
        assert_eq!(English.number(None, 3), "—");
        assert_eq!(English.number(Some(f64::NAN), 3), "—");
        assert_eq!(Spanish.number(Some(f64::INFINITY), 3), "—");
        assert_eq!(English.percent(None, 3), "—");
        assert_eq!(English.seconds(None), "—");
        assert_eq!(English.bytes(None), "—");
    }

    #[test]
    fn counts_are_grouped_from_five_digits_on() {
        assert_eq!(English.count(Some(0)), "0");
        assert_eq!(English.count(Some(9999)), "9999");
        assert_eq!(Spanish.count(Some(10_000)), "10\u{202f}000");
        assert_eq!(English.count(Some(1_234_567)), "1\u{202f}234\u{202f}567");
        assert_eq!(English.count(None), "—");
    }

    #[test]
    fn medians_of_counts_show_their_half() {
        assert_eq!(Spanish.middle(12.0), "12");
        assert_eq!(Spanish.middle(12.5), "12,5");
        assert_eq!(English.middle(12_345.5), "12\u{202f}345.5");
    }

    #[test]
    fn times_choose_their_unit_after_rounding() {
        assert_eq!(English.seconds(Some(1.25e-3)), "1.25\u{202f}ms");
        assert_eq!(Spanish.seconds(Some(1.25e-3)), "1,25\u{202f}ms");
        assert_eq!(English.seconds(Some(0.25)), "250\u{202f}ms");
        assert_eq!(English.seconds(Some(9.999e-4)), "1.00\u{202f}ms");
        assert_eq!(English.seconds(Some(9.99e-4)), "999\u{202f}µs");
        assert_eq!(English.seconds(Some(3.2e-8)), "32.0\u{202f}ns");
        assert_eq!(English.seconds(Some(75.0)), "75.0\u{202f}s");
        assert_eq!(English.seconds(Some(0.0)), "0\u{202f}s");
    }

    #[test]
    fn bytes_are_binary_and_flops_decimal() {
        assert_eq!(English.bytes(Some(512)), "512\u{202f}B");
        assert_eq!(English.bytes(Some(1024)), "1.00\u{202f}KiB");
        assert_eq!(English.bytes(Some(3 << 19)), "1.50\u{202f}MiB");
        assert_eq!(Spanish.flops(Some(2_100_000_000)), "2,10\u{202f}Gflop");
        assert_eq!(English.flops(Some(999)), "999\u{202f}flop");
        assert_eq!(English.flops(Some(999_999_999)), "1.00\u{202f}Gflop");
    }
}
