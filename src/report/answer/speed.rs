//! Which method is the fastest, at equal rank and at equal error, and whether the timings can tell.

use serde::Serialize;

use super::{TARGET_ERROR, least_rank_within};
use crate::{
    report::{
        comparison::{Ratio, compare, ratio},
        document::{MethodName, Text, Verdict},
        survey::Family,
        weights,
    },
    table::SummaryRow,
};

/// The time of one method at one rank.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Timed {
    method: MethodName,
    target_rank: u64,
    seconds: f64,
    low: Option<f64>,
    high: Option<f64>,
    /// Median relative Frobenius error at this rank.
    error: Option<f64>,
}

/// A timing with the row it was taken from, which comparisons need.
struct Timing<'a> {
    timed: Timed,
    row: &'a SummaryRow,
    is_svd: bool,
}

/// The fastest method against the fastest truncated SVD.
#[derive(Debug, Serialize)]
struct Race {
    fastest: Timed,
    /// The fastest is not itself a truncated SVD.
    svd: Option<Timed>,
    verdict: Verdict,
    ratio: Option<Ratio>,
    /// Others that the timings cannot tell from the fastest.
    tied: Vec<MethodName>,
}

#[derive(Debug, Serialize)]
struct EqualRank<'a> {
    family: &'a str,
    target_rank: u64,
    race: Race,
    /// The fastest of all is farther from the data than the zero matrix.
    useless: bool,
    /// Among the methods whose median error is within a tenth of the optimum, where the fastest of all is not.
    near_optimal: Option<Race>,
}

#[derive(Debug, Serialize)]
struct EqualError<'a> {
    family: &'a str,
    target: f64,
    /// `None` if no timed method gets there at any rank.
    race: Option<Race>,
    never: Vec<MethodName>,
    methods: usize,
}

/// At the least rank where the truncated SVD meets the target error, or else at the largest.
pub fn at_equal_rank(family: &Family<'_>) -> Option<Text> {
    let target_rank = least_rank_within(family).or_else(|| family.ranks.last().copied())?;
    let times = || (0..family.methods.len()).filter_map(|method| timing(family, method, target_rank));
    let optimum = family.optimal_error(target_rank);
    let is_near = |timed: &Timed| timed.error.zip(optimum).is_some_and(|(error, optimum)| error <= 1.1 * optimum);
    let race_of_all = race(times().collect())?;
    let near = times().filter(|timing| is_near(&timing.timed)).collect();
    Some(Text::new(
        "answer/equal_rank",
        EqualRank {
            family: &family.name,
            target_rank,
            useless: race_of_all.fastest.error.is_some_and(|error| error > 1.0),
            near_optimal: if is_near(&race_of_all.fastest) { None } else { race(near) },
            race: race_of_all,
        },
    ))
}

/// Every method at the rank where it is quickest to a median error within the target.
pub fn at_equal_error(family: &Family<'_>) -> Option<Text> {
    let mut times = Vec::new();
    let mut never = Vec::new();
    for (place, method) in family.methods.iter().enumerate() {
        let timings: Vec<_> = family.ranks.iter().filter_map(|&rank| timing(family, place, rank)).collect();
        if timings.is_empty() {
            continue;
        }
        let within = timings.into_iter().filter(|timing| timing.timed.error.is_some_and(|error| error <= TARGET_ERROR));
        match within.min_by(|a, b| a.timed.seconds.total_cmp(&b.timed.seconds)) {
            Some(quickest) => times.push(quickest),
            None => never.push(method.name()),
        }
    }
    let methods = times.len() + never.len();
    (methods > 0).then(|| {
        let data = EqualError { family: &family.name, target: TARGET_ERROR, race: race(times), never, methods };
        Text::new("answer/equal_error", data)
    })
}

fn timing<'a>(family: &Family<'a>, method: usize, target_rank: u64) -> Option<Timing<'a>> {
    let method = &family.methods[method];
    // The matrix itself is not factored.
    if weights::is_baseline(method) {
        return None;
    }
    let row = family.summary(method, target_rank, "total_seconds")?;
    let timed = Timed {
        method: method.name(),
        target_rank,
        seconds: row.median,
        low: row.ci_low,
        high: row.ci_high,
        error: family.median(method, target_rank, "relative_frobenius_error"),
    };
    Some(Timing { timed, row, is_svd: method.kind == "truncated_svd" })
}

fn race(mut times: Vec<Timing<'_>>) -> Option<Race> {
    times.sort_by(|a, b| a.timed.seconds.total_cmp(&b.timed.seconds));
    let fastest = times.first()?;
    let svd = times.iter().find(|timing| timing.is_svd).filter(|_| !fastest.is_svd);
    let tied = times[1..]
        .iter()
        .filter(|other| compare(fastest.row, other.row) == Verdict::NoMeasurableDifference)
        .map(|other| other.timed.method.clone());
    Some(Race {
        svd: svd.map(|svd| svd.timed.clone()),
        verdict: svd.map_or(Verdict::Unknown, |svd| compare(fastest.row, svd.row)),
        ratio: svd.and_then(|svd| ratio(svd.row, fastest.row)),
        tied: tied.collect(),
        fastest: fastest.timed.clone(),
    })
}
