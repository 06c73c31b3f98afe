//! What the answer says of a swept family.

use serde::Serialize;

use super::{
    Interval, chosen_ranks, fitted,
    growth::{Growth, Share, groups},
};
use crate::{
    method::{MethodSpec, Role},
    report::{
        document::{MethodName, Text},
        survey::{Family, Method},
    },
    table::Sweep,
};

/// How time grows with length, for the answer.
#[derive(Serialize)]
struct GrowthFinding<'a> {
    family: &'a str,
    from: f64,
    to: f64,
    exact: Interval,
    /// Least and greatest slope of the low-rank methods, and how many there are.
    least: f64,
    greatest: f64,
    count: usize,
    /// Of them, those that are faster than exact attention from some length on, the earliest first.
    faster: usize,
    earliest: Option<Earliest>,
    best: Option<Best>,
}

#[derive(Serialize)]
struct Earliest {
    method: MethodName,
    length: f64,
}

/// The low-rank method with the least output error at the longest.
#[derive(Serialize)]
struct Best {
    method: MethodName,
    error: Interval,
    speed_up: Option<f64>,
    crossover: Option<f64>,
}

/// A pair of factors made without the formed matrix: neither the baseline, nor a control, nor a decomposition of what is to be
/// replaced.
fn is_low_rank(method: &Method<'_>) -> bool {
    let spec = MethodSpec::from_parameters(method.kind, method.parameters.clone()).and_then(Result::ok);
    spec.is_some_and(|spec| spec.role() == Role::LowRank && !spec.traits().needs_matrix)
}

/// How time and error develop with the length.
pub fn growth(family: &Family<'_>, sweep: &Sweep) -> Option<Text> {
    if sweep.parameter != "length" {
        return None;
    }
    let exact = Growth::of(family, family.first_of_kind("exact_attention")?, sweep).time?;
    let methods = family.methods.iter().filter(|method| is_low_rank(method));
    let grown: Vec<(MethodName, Growth)> =
        methods.map(|method| (method.name(), Growth::of(family, method, sweep))).collect();
    let slopes: Vec<f64> = grown.iter().filter_map(|(_, growth)| Some(growth.time?.value)).collect();
    let crossing = || grown.iter().filter_map(|(name, growth)| Some((name, growth.crossover?)));
    let earliest = crossing().min_by(|a, b| a.1.total_cmp(&b.1));
    let accurate = grown.iter().filter_map(|(name, growth)| Some((name, growth, growth.last_error?)));
    let best = accurate.min_by(|a, b| a.2.total_cmp(&b.2));
    let within = fitted(sweep);
    Some(Text::new(
        "answer/growth",
        GrowthFinding {
            family: &family.name,
            from: *within.first()?,
            to: *within.last()?,
            exact: Interval {
                value: Some(exact.value),
                low: exact.interval.map(|(low, _)| low),
                high: exact.interval.map(|(_, high)| high),
            },
            least: slopes.iter().copied().reduce(f64::min)?,
            greatest: slopes.iter().copied().reduce(f64::max)?,
            count: slopes.len(),
            faster: crossing().count(),
            earliest: earliest.map(|(name, length)| Earliest { method: name.clone(), length }),
            best: best.map(|(name, growth, error)| Best {
                method: name.clone(),
                error: Interval {
                    value: Some(error),
                    low: growth.last_interval.map(|(low, _)| low),
                    high: growth.last_interval.map(|(_, high)| high),
                },
                speed_up: growth.last_speed_up,
                crossover: growth.crossover,
            }),
        },
    ))
}

/// Errors at both ends of a sweep that is not over lengths.
#[derive(Serialize)]
struct EndsFinding<'a> {
    family: &'a str,
    parameter: &'a str,
    ranks: Vec<u64>,
    ends: Vec<End>,
}

#[derive(Serialize)]
struct End {
    value: f64,
    optimum: Option<f64>,
    method: MethodName,
    error: f64,
}

/// The least error any low-rank method has at either end of a sweep, beside the optimum.
pub fn ends(family: &Family<'_>, sweep: &Sweep) -> Option<Text> {
    if sweep.parameter == "length" {
        return None;
    }
    let errors = |method: &Method<'_>| family.swept(method, sweep, "relative_frobenius_error");
    let at = |pairs: Vec<(f64, f64)>, value: f64| pairs.into_iter().find(|pair| pair.0 == value).map(|pair| pair.1);
    let end = |value: f64| {
        let candidates = family.methods.iter().filter(|method| is_low_rank(method));
        let found = candidates.filter_map(|method| Some((method.name(), at(errors(method), value)?)));
        let (method, error) = found.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let optimum = family.first_of_kind("truncated_svd").and_then(|svd| at(errors(svd), value));
        Some(End { value, optimum, method, error })
    };
    let values = sweep.values();
    let ends: Vec<End> =
        [values.first(), values.last()].into_iter().flatten().filter_map(|&value| end(value)).collect();
    (ends.len() == 2).then(|| {
        let ranks = chosen_ranks(family);
        Text::new("answer/ends", EndsFinding { family: &family.name, parameter: &sweep.parameter, ranks, ends })
    })
}

/// Whether the rank that keeps most of the energy grows with the length.
#[derive(Serialize)]
struct RankGrowth<'a> {
    family: &'a str,
    matrices: usize,
    slopes: Vec<RankSlope>,
    from: f64,
    to: f64,
}

#[derive(Serialize)]
struct RankSlope {
    share: f64,
    first: f64,
    last: f64,
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

pub fn rank_growth(family: &Family<'_>, sweep: &Sweep) -> Option<Text> {
    if sweep.parameter != "length" {
        return None;
    }
    let groups = groups(family, sweep);
    let all = groups.first()?;
    let of_share = |share: Share| {
        let (ranks, slope) = (all.ranks(sweep, share), all.slope(sweep, share)?);
        let (low, high) = (slope.interval.map(|(low, _)| low), slope.interval.map(|(_, high)| high));
        Some(RankSlope {
            share: share.share(),
            first: ranks.first()?.1,
            last: ranks.last()?.1,
            value: slope.value,
            low,
            high,
        })
    };
    let slopes: Vec<RankSlope> = Share::ALL.into_iter().filter_map(of_share).collect();
    let within = fitted(sweep);
    let (from, to) = (*within.first()?, *within.last()?);
    let matrices = family.matrices.len();
    (!slopes.is_empty())
        .then(|| Text::new("answer/rank_growth", RankGrowth { family: &family.name, matrices, slopes, from, to }))
}
