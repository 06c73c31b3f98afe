//! Which of two times is the shorter, said only where the tables allow it.

use serde::Serialize;

use super::document::Verdict;
use crate::table::SummaryRow;

/// How many times longer one median takes than another, with the range the two 95 % intervals leave it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    pub value: f64,
    /// From the ends of the intervals that are nearest: what can be claimed.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// `a` against `b`: faster or slower only if their intervals do not overlap.
pub fn compare(a: &SummaryRow, b: &SummaryRow) -> Verdict {
    let (Some(a_low), Some(a_high), Some(b_low), Some(b_high)) = (a.ci_low, a.ci_high, b.ci_low, b.ci_high) else {
        return Verdict::Unknown;
    };
    if a_high < b_low {
        Verdict::Faster
    } else if b_high < a_low {
        Verdict::Slower
    } else {
        Verdict::NoMeasurableDifference
    }
}

/// How many times longer `longer` takes than `shorter`; `None` if the shorter took no measurable time.
pub fn ratio(longer: &SummaryRow, shorter: &SummaryRow) -> Option<Ratio> {
    let quotient = |over: Option<f64>, under: Option<f64>| Some(over? / under.filter(|&under| under > 0.0)?);
    Some(Ratio {
        value: quotient(Some(longer.median), Some(shorter.median))?,
        low: quotient(longer.ci_low, shorter.ci_high),
        high: quotient(longer.ci_high, shorter.ci_low),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(median: f64, interval: Option<(f64, f64)>) -> SummaryRow {
        SummaryRow {
            problem: String::new(),
            problem_variant: String::new(),
            matrices: 1,
            precision: String::new(),
            method: String::new(),
            method_variant: String::new(),
            method_kind: String::new(),
            role: None,
            target_rank: 1,
            asked_rank: None,
            quantity: "total_seconds".to_owned(),
            unit: "s".to_owned(),
            count: 10,
            median,
            mean: median,
            q25: median,
            q75: median,
            min: median,
            max: median,
            ci_low: interval.map(|(low, _)| low),
            ci_high: interval.map(|(_, high)| high),
            machine: None,
        }
    }

    #[test]
    fn faster_needs_intervals_that_do_not_touch() {
        let fast = time(1.0, Some((0.9, 1.1)));
        assert_eq!(compare(&fast, &time(2.0, Some((1.2, 2.5)))), Verdict::Faster);
        assert_eq!(compare(&time(2.0, Some((1.2, 2.5))), &fast), Verdict::Slower);
        assert_eq!(compare(&fast, &time(2.0, Some((1.1, 2.5)))), Verdict::NoMeasurableDifference);
        assert_eq!(compare(&fast, &time(9.0, None)), Verdict::Unknown);
    }

    #[test]
    fn the_range_of_a_ratio_is_the_least_and_the_most_the_intervals_leave() {
        let ratio = ratio(&time(4.0, Some((3.0, 6.0))), &time(2.0, Some((1.5, 3.0)))).unwrap();
        assert_eq!((ratio.value, ratio.low, ratio.high), (2.0, Some(1.0), Some(4.0)));
        assert!(super::ratio(&time(4.0, None), &time(0.0, None)).is_none());
    }
}
