//! How far each method is from the optimum of its rank.

use serde::Serialize;

use crate::report::{
    document::{MethodName, Text},
    survey::{Family, Method, median},
};

/// Row sums nearer to 1 than this are 1 but for rounding.
const ROUNDING: f64 = 1e-9;

/// Suboptimality of a method over all ranks, matrices and draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suboptimality {
    pub method: MethodName,
    pub median: f64,
    pub worst: f64,
    /// Target rank of the worst.
    pub worst_rank: u64,
}

impl Suboptimality {
    pub fn of(method: &Method<'_>) -> Option<Self> {
        let values: Vec<(f64, u64)> = method
            .completed()
            .filter_map(|cell| cell.suboptimality.map(|suboptimality| (suboptimality, cell.target_rank)))
            .collect();
        let &(worst, worst_rank) = values.iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Self {
            method: method.name(),
            median: median(values.into_iter().map(|(value, _)| value).collect())?,
            worst,
            worst_rank,
        })
    }
}

/// The randomized SVD with the fewest and with the most power iterations of the spec.
#[derive(Debug, Serialize)]
struct Powering<'a> {
    family: &'a str,
    fewest: Iterations,
    most: Option<Iterations>,
    /// The median fell, as it should.
    helps: bool,
    /// Even the worst draw with most iterations is within 10 % of the optimum.
    near_optimal: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Iterations {
    power_iterations: u64,
    #[serde(flatten)]
    suboptimality: Suboptimality,
}

pub fn randomized_svd(family: &Family<'_>) -> Option<Text> {
    let mut found: Vec<Iterations> = family
        .methods
        .iter()
        .filter(|method| method.kind == "randomized_svd")
        .filter_map(|method| {
            Some(Iterations {
                power_iterations: method.parameter("power_iterations")?.as_u64()?,
                suboptimality: Suboptimality::of(method)?,
            })
        })
        .collect();
    // The sort is stable: of several with equally many, the spec's first stays first.
    found.sort_by_key(|iterations| iterations.power_iterations);
    let fewest = found.first()?.clone();
    let most = found
        .iter()
        .find(|it| Some(it.power_iterations) == found.last().map(|last| last.power_iterations))
        .filter(|most| most.power_iterations > fewest.power_iterations)
        .cloned();
    let last = most.as_ref().unwrap_or(&fewest);
    Some(Text::new(
        "answer/randomized_svd",
        Powering {
            family: &family.name,
            helps: most.as_ref().is_some_and(|most| most.suboptimality.median < fewest.suboptimality.median),
            near_optimal: last.suboptimality.worst <= 1.1,
            fewest,
            most,
        },
    ))
}

/// Nyströmformer against the optimum at equal rank.
#[derive(Debug, Serialize)]
struct Landmarks<'a> {
    family: &'a str,
    method: MethodName,
    /// Median suboptimality at the least and at the largest rank that has one.
    first: AtRank,
    last: Option<AtRank>,
    /// Which way its distance from the optimum goes as the rank grows.
    trend: Trend,
    /// Its worst median is within 10 % of the optimum.
    near_optimal: bool,
    cells: usize,
    /// Cells with a relative error above 1: the zero matrix is closer.
    worse_than_zero: usize,
    /// Mean distance of the row sums from one: medians at the same two ranks.
    row_sum_first: Option<f64>,
    row_sum_last: Option<f64>,
    /// Both are at rounding level.
    rows_sum_to_one: bool,
}

/// A change of less than a hundredth is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Trend {
    Grows,
    Falls,
    Stays,
}

impl Trend {
    fn between(first: f64, last: f64) -> Self {
        match last / first {
            ratio if ratio > 1.01 => Self::Grows,
            ratio if ratio < 0.99 => Self::Falls,
            _ => Self::Stays,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct AtRank {
    target_rank: u64,
    suboptimality: f64,
    error: Option<f64>,
}

pub fn nystromformer(family: &Family<'_>) -> Vec<Text> {
    let methods = family.methods.iter().filter(|method| method.kind == "nystromformer");
    methods.filter_map(|method| landmarks(family, method)).collect()
}

fn landmarks(family: &Family<'_>, method: &Method<'_>) -> Option<Text> {
    let at_rank = |&target_rank: &u64| {
        Some(AtRank {
            target_rank,
            suboptimality: family.median(method, target_rank, "suboptimality")?,
            error: family.median(method, target_rank, "relative_frobenius_error"),
        })
    };
    let medians: Vec<AtRank> = family.ranks.iter().filter_map(at_rank).collect();
    let (&first, last) = (medians.first()?, *medians.last()?);
    let row_sum = |at: AtRank| family.median(method, at.target_rank, "row_sum_deviation");
    let (row_sum_first, row_sum_last) = (row_sum(first), row_sum(last));
    let errors: Vec<f64> = method.completed().filter_map(|cell| cell.relative_frobenius_error).collect();
    Some(Text::new(
        "answer/nystromformer",
        Landmarks {
            family: &family.name,
            method: method.name(),
            trend: Trend::between(first.suboptimality, last.suboptimality),
            near_optimal: medians.iter().all(|at| at.suboptimality <= 1.1),
            cells: errors.len(),
            worse_than_zero: errors.iter().filter(|&&error| error > 1.0).count(),
            rows_sum_to_one: [row_sum_first, row_sum_last].iter().flatten().all(|&deviation| deviation < ROUNDING),
            row_sum_first,
            row_sum_last,
            first,
            last: (medians.len() > 1).then_some(last),
        },
    ))
}

/// The Nyström approximations of a kernel matrix, the closest first.
#[derive(Debug, Serialize)]
struct Nystrom<'a> {
    family: &'a str,
    methods: Vec<Suboptimality>,
    /// Pivots chosen by RPCholesky beat uniform columns, where both were run.
    adaptive_wins: Option<bool>,
}

pub fn nystrom(family: &Family<'_>) -> Option<Text> {
    let mut found: Vec<(&str, Suboptimality)> = family
        .methods
        .iter()
        .filter(|method| method.kind == "nystrom")
        .filter_map(|method| Some((sampling(method)?, Suboptimality::of(method)?)))
        .collect();
    found.sort_by(|a, b| a.1.median.total_cmp(&b.1.median));
    let of = |sampling: &str| found.iter().find(|(name, _)| *name == sampling).map(|(_, found)| found.median);
    let adaptive_wins = of("rp_cholesky").zip(of("uniform")).map(|(adaptive, uniform)| adaptive < uniform);
    (found.len() > 1).then(|| {
        let methods = found.into_iter().map(|(_, suboptimality)| suboptimality).collect();
        Text::new("answer/nystrom", Nystrom { family: &family.name, methods, adaptive_wins })
    })
}

/// How a Nyström method chooses its columns.
fn sampling<'m>(method: &'m Method<'_>) -> Option<&'m str> {
    method.parameter("sampling")?.as_str()
}
