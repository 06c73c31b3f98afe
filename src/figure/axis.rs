//! Axes: where a value goes, which values get a tick, and what the tick says.
//!
//! plotters leaves a logarithmic axis inside one decade without ticks, drops ticks below 2.2e-16 and lets them drift, so the
//! ticks here are decimal numbers (an integer times a power of ten) until the last moment: `5·10⁻¹⁷` is exactly that.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged};

use crate::language::Language;

/// A labelled position on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// One axis: a scale, a range on it, and ticks inside the range.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    /// On the scale: exponents of ten or two where it is logarithmic.
    low: f64,
    high: f64,
    pub ticks: Vec<Tick>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Log10,
    Log2,
}

impl Scale {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log10 => value.log10(),
            Self::Log2 => value.log2(),
        }
    }
}

impl Axis {
    /// A logarithmic axis for whatever of `values` is positive, with at most about `most` ticks. Where nothing is positive there
    /// is no logarithm to draw, and the axis is the linear one from 0 to 1.
    pub fn log(values: impl IntoIterator<Item = f64>, most: usize, language: Language) -> Self {
        let positive = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
        let Some((low, high)) = extent(positive.map(f64::log10)) else { return Self::linear(0.0, 1.0, most, language) };
        // At least half a decade: differences of a few per cent must not look like a fall. Then air at both ends.
        let missing = (0.5 - (high - low)).max(0.0) / 2.0;
        let air = (high - low) * 0.04 + 0.02;
        let (low, high) = (low - missing - air, high + missing + air);
        let numbers = log_ticks(low, high, most);
        // A run of whole decades is written in powers of ten; a few ticks around 1 in plain decimals.
        let plain = numbers.iter().any(|number| number.mantissa != 1)
            && numbers.iter().all(|number| (1e-3..1e4).contains(&number.value()));
        let label = |number: &Decimal| if plain { number.plain(language) } else { number.scientific(language) };
        let ticks = numbers.iter().map(|number| Tick { value: number.value(), label: label(number) }).collect();
        Self { scale: Scale::Log10, low, high, ticks }
    }

    /// A linear axis from `low` to `high`, both finite.
    pub fn linear(low: f64, high: f64, most: usize, language: Language) -> Self {
        let air = if high > low { 0.04 * (high - low) } else { 0.5 * low.abs().max(1.0) };
        let (low, high) = (low - air, high + air);
        let ticks = linear_ticks(low, high, most, i32::MIN)
            .iter()
            .map(|number| Tick { value: number.value(), label: number.plain(language) })
            .collect();
        Self { scale: Scale::Linear, low, high, ticks }
    }

    /// A linear axis for a count from 1 to `last`: whole ticks only, and 1 itself.
    pub fn count(last: u64, most: usize, language: Language) -> Self {
        let last = last.max(1) as f64;
        let air = 0.03 * (last - 1.0) + 0.1;
        let mut ticks = vec![Tick { value: 1.0, label: "1".to_owned() }];
        for number in linear_ticks(1.0, last, most, 0) {
            if number.value() > 1.0 {
                ticks.push(Tick { value: number.value(), label: number.plain(language) });
            }
        }
        Self { scale: Scale::Linear, low: 1.0 - air, high: last + air, ticks }
    }

    /// A base-2 logarithmic axis with a tick at each rank (all at least 1, ascending).
    pub fn ranks(ranks: &[u64]) -> Self {
        let exponents = ranks.iter().map(|&rank| (rank.max(1) as f64).log2());
        let (low, high) = extent(exponents).unwrap_or((0.0, 0.0));
        let air = if high > low { 0.06 * (high - low) } else { 1.0 };
        let ticks = ranks.iter().map(|&rank| Tick { value: rank as f64, label: rank.to_string() }).collect();
        Self { scale: Scale::Log2, low: low - air, high: high + air, ticks }
    }

    /// Where a swept value stands among the points of a series, which are whole numbers: in steps so fine that
    /// neighbours of the smallest parameters keep apart.
    pub fn key(value: f64) -> u64 {
        (value * 2f64.powi(30)).round().max(1.0) as u64
    }

    /// A base-2 logarithmic axis with a tick at each swept value (positive, ascending), for points placed by [`Self::key`].
    pub fn swept(values: &[f64], language: Language) -> Self {
        let keys: Vec<u64> = values.iter().map(|&value| Self::key(value)).collect();
        let mut axis = Self::ranks(&keys);
        for (tick, value) in axis.ticks.iter_mut().zip(values) {
            tick.label = language.localise(&value.to_string());
        }
        axis
    }

    /// A linear axis with a tick at each value (0 or more, ascending), for points placed by [`Self::key`].
    pub fn evenly(values: &[f64], language: Language) -> Self {
        let keys = || values.iter().map(|&value| Self::key(value) as f64);
        let (low, high) = extent(keys()).unwrap_or((0.0, 1.0));
        let air = if high > low { 0.04 * (high - low) } else { 1.0 };
        let ticks =
            keys().zip(values).map(|(value, shown)| Tick { value, label: language.localise(&shown.to_string()) });
        Self { scale: Scale::Linear, low: low - air, high: high + air, ticks: ticks.collect() }
    }

    /// A base-2 logarithmic axis in percent for shares (above 0), for points placed by [`Self::key`].
    pub fn shares(values: &[f64], language: Language) -> Self {
        const TICKS: [u32; 12] = [1, 2, 5, 10, 15, 20, 30, 50, 70, 100, 150, 200];
        let percent = super::names::either(language, "%", "\u{a0}%");
        let keys: Vec<u64> = values.iter().map(|&value| Self::key(value)).collect();
        let axis = Self::ranks(&keys);
        let tick = |&share: &u32| Tick {
            value: Self::key(f64::from(share) / 100.0) as f64,
            label: format!("{share}{percent}"),
        };
        let shown = |tick: &Tick| (axis.low..axis.high).contains(&tick.value.log2());
        Self { ticks: TICKS.iter().map(tick).filter(shown).collect(), ..axis }
    }

    /// The same ticks under other names.
    pub fn labelled(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.ticks.iter_mut().zip(names).for_each(|(tick, name)| tick.label = name);
        self
    }

    /// An axis of names, the first on top; the n-th stands at [`Self::line`].
    pub fn names(names: &[String]) -> Self {
        let count = names.len();
        let tick = |(nth, name): (usize, &String)| Tick { value: Self::line(nth, count), label: name.clone() };
        let ticks: Vec<Tick> = names.iter().enumerate().map(tick).rev().collect();
        Self { scale: Scale::Linear, low: 0.4, high: count as f64 + 0.6, ticks }
    }

    /// Where the n-th (from 0) of so many names stands.
    pub fn line(nth: usize, count: usize) -> f64 {
        (count - nth) as f64
    }

    /// Percentages from 0 to 100.
    pub fn percent(language: Language) -> Self {
        let sign = super::names::either(language, "%", "\u{a0}%");
        let ticks = (0..=4).map(|quarter| 25 * quarter);
        let ticks = ticks.map(|share| Tick { value: f64::from(share), label: format!("{share}{sign}") }).collect();
        Self { scale: Scale::Linear, low: -3.0, high: 103.0, ticks }
    }

    /// Whether a value has a place on the scale: finite, and positive where the scale is logarithmic.
    pub fn shows(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }

    /// Whether it is a value of 0 or less that keeps it from being shown.
    pub fn masks(&self, value: f64) -> bool {
        value.is_finite() && !self.shows(value)
    }
}

/// Maps a shown value to a pixel; a value beyond the range is moved to its edge (error bars, not points, get there).
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let share = ((self.scale.apply(*value) - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        // A NaN, which `shows` keeps out, would be cast to 0.
        (f64::from(start) + share * f64::from(end - start)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|tick| tick.value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// Least and greatest; `None` of nothing.
pub(super) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// mantissa · 10^exponent, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    mantissa: i64,
    exponent: i32,
}

impl Decimal {
    /// The nearest f64: the decimal parser rounds correctly, products of powers of ten do not.
    fn value(self) -> f64 {
        format!("{}e{}", self.mantissa, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// `0.002`, `1500`, `0,25`.
    fn plain(self, language: Language) -> String {
        let places = usize::try_from(-self.exponent).unwrap_or(0);
        language.localise(&format!("{:.places$}", self.value())).replace('-', "−")
    }

    /// `10⁻³`, `2·10⁻¹⁷`, `1.25·10⁴`.
    fn scientific(self, language: Language) -> String {
        let digits = self.mantissa.to_string();
        let (head, tail) = digits.split_at(1);
        let tail = tail.trim_end_matches('0');
        let power = format!("10{}", superscript(self.exponent + digits.len() as i32 - 1));
        match (head, tail) {
            ("1", "") => power,
            (head, "") => format!("{head}·{power}"),
            (head, tail) => format!("{}·{power}", language.localise(&format!("{head}.{tail}"))),
        }
    }
}

fn superscript(number: i32) -> String {
    number
        .to_string()
        .chars()
        .map(|digit| match digit {
            '-' => '⁻',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '0' | '4'..='9' => char::from_u32(0x2070 + digit as u32 - '0' as u32).unwrap_or(digit),
            other => other,
        })
        .collect()
}

/// Ticks for 10^low..10^high: whole decades (every second, third, fifth … if there are many); inside two decades 1-2-5
/// multiples, with 3 and 7 where those are fewer than three; failing that, evenly spaced numbers.
fn log_ticks(low: f64, high: f64, most: usize) -> Vec<Decimal> {
    let (first, last) = (low.ceil() as i32, high.floor() as i32);
    let inside = |number: &Decimal| {
        let exponent = f64::from(number.exponent) + (number.mantissa as f64).log10();
        // The f64 must exist: below 5e-324 it does not.
        (low..=high).contains(&exponent) && number.value() > 0.0 && number.value().is_finite()
    };
    if last - first >= 2 {
        let stride = [1, 2, 3, 5, 10, 20, 50, 100, 200]
            .into_iter()
            .find(|stride| ((last - first) / stride + 1) as usize <= most.max(2))
            .unwrap_or(500);
        let decades = (first..=last).filter(|exponent| exponent.rem_euclid(stride) == 0);
        let ticks: Vec<_> =
            decades.map(|exponent| Decimal { mantissa: 1, exponent }).filter(|number| inside(number)).collect();
        if ticks.len() >= 2 {
            return ticks;
        }
    }
    let steps = |mantissas: &'static [i64]| -> Vec<Decimal> {
        (first - 1..=last)
            .flat_map(|exponent| mantissas.iter().map(move |&mantissa| Decimal { mantissa, exponent }))
            .filter(|number| inside(number))
            .collect()
    };
    for ticks in [steps(&[1, 2, 5]), steps(&[1, 2, 3, 5, 7])] {
        if ticks.len() >= 3 {
            return ticks;
        }
    }
    linear_ticks(10f64.powf(low), 10f64.powf(high), most.min(5), i32::MIN)
        .into_iter()
        .filter(|number| number.mantissa > 0)
        .collect()
}

/// The multiples of 1, 2 or 5 times a power of ten in low..=high: as many as fit into `most`, steps not below
/// 10^`least_exponent`.
fn linear_ticks(low: f64, high: f64, most: usize, least_exponent: i32) -> Vec<Decimal> {
    let raw = (high - low) / most.max(1) as f64;
    if !(raw.is_finite() && raw > 0.0) {
        return Vec::new();
    }
    let magnitude = (raw.log10().floor() as i32).max(-320);
    let steps = (magnitude.max(least_exponent)..).flat_map(|exponent| [1, 2, 5].map(|m| (m, exponent)));
    // The step is at least raw / 10, so the search ends within a few steps.
    let fits = |&(mantissa, exponent): &(i64, i32)| Decimal { mantissa, exponent }.value() >= raw * (1.0 - 1e-9);
    let Some((mantissa, exponent)) = steps.take(400).find(fits) else { return Vec::new() };
    let step = Decimal { mantissa, exponent }.value();
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    if first.abs() > 1e12 || last.abs() > 1e12 {
        return Vec::new();
    }
    (first as i64..=last as i64).map(|multiple| Decimal { mantissa: multiple * mantissa, exponent }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn decades_are_powers_of_ten_also_below_the_unit_roundoff() {
        let axis = Axis::log([3e-19, 0.5e-16, 2e-14], 8, Language::English);
        assert_eq!(labels(&axis), ["10⁻¹⁸", "10⁻¹⁷", "10⁻¹⁶", "10⁻¹⁵", "10⁻¹⁴"]);
        assert_eq!(axis.ticks[4].value, 1e-14);
    }

    #[test]
    fn many_decades_keep_few_ticks() {
        let axis = Axis::log([5e-324, 1e308], 8, Language::English);
        assert_eq!(labels(&axis), ["10⁻³⁰⁰", "10⁻²⁰⁰", "10⁻¹⁰⁰", "10⁰", "10¹⁰⁰", "10²⁰⁰", "10³⁰⁰"]);
        let axis = Axis::log([1e-16, 1.0], 8, Language::English);
        assert_eq!(labels(&axis), ["10⁻¹⁵", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "10⁰"]);
    }

    #[test]
    fn inside_a_decade_the_ticks_are_1_2_5_in_the_decimals_of_the_language() {
        let axis = Axis::log([0.12, 0.9], 8, Language::Spanish);
        assert_eq!(labels(&axis), ["0,2", "0,5", "1"]);
        let axis = Axis::log([1.5e-8, 0.9e-6], 8, Language::Spanish);
        assert_eq!(labels(&axis), ["2·10⁻⁸", "5·10⁻⁸", "10⁻⁷", "2·10⁻⁷", "5·10⁻⁷", "10⁻⁶"]);
    }

    #[test]
    fn one_value_repeated_still_has_ticks_around_it() {
        for value in [0.3, 1.0, 7e-17, 2e5] {
            let axis = Axis::log([value; 4], 8, Language::English);
            assert!(axis.ticks.len() >= 2, "{value}: {axis:?}");
            assert!(axis.ticks.iter().any(|tick| tick.value <= value * 1.001));
            assert!(axis.ticks.iter().any(|tick| tick.value >= value * 0.999));
        }
    }

    #[test]
    fn nothing_positive_gives_the_linear_axis() {
        for values in [vec![], vec![0.0, 0.0], vec![f64::NAN, -1.0, f64::INFINITY]] {
            let axis = Axis::log(values, 6, Language::Spanish);
            assert_eq!(labels(&axis), ["0,0", "0,2", "0,4", "0,6", "0,8", "1,0"]);
            assert!(axis.shows(0.0) && !axis.shows(f64::NAN));
        }
    }

    #[test]
    fn linear_ticks_do_not_drift() {
        let ticks = linear_ticks(0.0, 1.0, 10, i32::MIN);
        let values: Vec<f64> = ticks.iter().map(|tick| tick.value()).collect();
        assert_eq!(values, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]);
        let axis = Axis::linear(-0.06, 0.06, 5, Language::Spanish);
        assert_eq!(labels(&axis), ["−0,05", "0,00", "0,05"]);
    }

    #[test]
    fn shares_are_ticked_in_whole_percents_where_points_of_that_share_stand() {
        let axis = Axis::shares(&[0.14, 0.5, 1.0], Language::English);
        assert_eq!(labels(&axis), ["15%", "20%", "30%", "50%", "70%", "100%"]);
        assert_eq!(axis.ticks[3].value, Axis::key(0.5) as f64);
    }

    #[test]
    fn counts_have_whole_ticks() {
        assert_eq!(labels(&Axis::count(1, 6, Language::English)), ["1"]);
        assert_eq!(labels(&Axis::count(4, 6, Language::English)), ["1", "2", "3", "4"]);
        assert_eq!(labels(&Axis::count(512, 6, Language::English)), ["1", "100", "200", "300", "400", "500"]);
    }

    #[test]
    fn ranks_are_their_own_ticks_evenly_spaced_by_doubling() {
        let axis = Axis::ranks(&[8, 16, 32]);
        assert_eq!(labels(&axis), ["8", "16", "32"]);
        let at = |rank: f64| axis.map(&rank, (0, 10_000));
        assert_eq!(at(16.0), 5_000);
        assert!((at(16.0) - at(8.0) - (at(32.0) - at(16.0))).abs() <= 1);
        assert_eq!(Axis::ranks(&[5]).map(&5.0, (0, 100)), 50);
    }
}
