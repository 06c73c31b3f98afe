//! How much rank the matrices have, and how much an error asks for.

use serde::Serialize;

use super::{TARGET_ERROR, accuracy};
use crate::report::{
    document::{MethodName, Text},
    survey::{Family, median},
};

/// Median and range of a count over matrices.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    pub median: f64,
    pub min: u64,
    pub max: u64,
}

impl Range {
    fn of(values: &[u64]) -> Option<Self> {
        Some(Self {
            median: median(values.iter().map(|&value| value as f64).collect())?,
            min: *values.iter().min()?,
            max: *values.iter().max()?,
        })
    }
}

/// Ranks of the matrices of a family.
#[derive(Debug, Serialize)]
struct Energy<'a> {
    family: &'a str,
    is_attention: bool,
    matrices: usize,
    /// min(m, n).
    size: Range,
    numerical: Range,
    /// Matrices whose numerical rank is min(m, n).
    full_rank: usize,
    energy_90: Range,
    energy_99: Range,
    /// Medians of the ranks over min(m, n).
    share_90: f64,
    share_99: f64,
    /// Median of mn/(m+n), from which on a pair of factors stores more than the matrix.
    break_even: f64,
    /// Matrices that keep 99 % of their energy below their break-even rank.
    below_break_even: usize,
}

pub fn energy(family: &Family<'_>) -> Option<Text> {
    Some(Text::new("answer/energy", Energy::of(family)?))
}

impl<'a> Energy<'a> {
    fn of(family: &'a Family<'_>) -> Option<Self> {
        let matrices = family.distinct();
        let sizes: Vec<u64> = matrices.iter().map(|matrix| matrix.rows.min(matrix.columns)).collect();
        let numerical: Vec<u64> = matrices.iter().filter_map(|matrix| matrix.numerical_rank).collect();
        let energy_90: Vec<u64> = matrices.iter().filter_map(|matrix| matrix.rank_energy_90).collect();
        let energy_99: Vec<u64> = matrices.iter().filter_map(|matrix| matrix.rank_energy_99).collect();
        let break_even: Vec<f64> = matrices.iter().map(|matrix| break_even(matrix.rows, matrix.columns)).collect();
        let share = |ranks: &[u64]| median(ranks.iter().zip(&sizes).map(|(&k, &n)| k as f64 / n as f64).collect());
        Some(Self {
            family: &family.name,
            is_attention: family.is_attention(),
            matrices: matrices.len(),
            size: Range::of(&sizes)?,
            numerical: Range::of(&numerical)?,
            full_rank: numerical.iter().zip(&sizes).filter(|(rank, size)| rank >= size).count(),
            energy_90: Range::of(&energy_90)?,
            energy_99: Range::of(&energy_99)?,
            share_90: share(&energy_90)?,
            share_99: share(&energy_99)?,
            below_break_even: energy_99.iter().zip(&break_even).filter(|&(&k, &most)| (k as f64) < most).count(),
            break_even: median(break_even)?,
        })
    }
}

/// r* = mn/(m+n): a pair of rank r stores r(m+n) numbers, the matrix mn.
fn break_even(rows: u64, columns: u64) -> f64 {
    rows as f64 * columns as f64 / (rows + columns) as f64
}

/// A target rank with the median error of a method at it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ErrorAtRank {
    pub target_rank: u64,
    pub error: f64,
}

/// The least target rank at which the median error of the truncated SVD is within [`TARGET_ERROR`].
#[derive(Debug, Serialize)]
struct Least<'a> {
    family: &'a str,
    target: f64,
    method: MethodName,
    least: Option<ErrorAtRank>,
    /// The same rank as a share of min(m, n), where all matrices have one size.
    share: Option<f64>,
    below_break_even: Option<bool>,
    largest: ErrorAtRank,
}

pub fn least(family: &Family<'_>) -> Option<Text> {
    let svd = family.first_of_kind("truncated_svd")?;
    let error_at = |target_rank| {
        let error = family.median(svd, target_rank, "relative_frobenius_error")?;
        Some(ErrorAtRank { target_rank, error })
    };
    let errors: Vec<ErrorAtRank> = family.ranks.iter().copied().filter_map(error_at).collect();
    let least = errors.iter().copied().find(|at| at.error <= TARGET_ERROR);
    let mut sizes = family.matrices.iter().map(|matrix| (matrix.rows, matrix.columns));
    let size = sizes.next().filter(|first| sizes.all(|size| size == *first));
    Some(Text::new(
        "answer/least_rank",
        Least {
            family: &family.name,
            target: TARGET_ERROR,
            method: svd.name(),
            least,
            share: least.zip(size).map(|(at, (m, n))| at.target_rank as f64 / m.min(n) as f64),
            below_break_even: least.zip(size).map(|(at, (m, n))| (at.target_rank as f64) < break_even(m, n)),
            largest: *errors.last()?,
        },
    ))
}

/// The least target rank at which the first truncated SVD of a family is within [`TARGET_ERROR`], by its median.
pub fn least_rank_within(family: &Family<'_>) -> Option<u64> {
    let svd = family.first_of_kind("truncated_svd")?;
    let error = |rank: &u64| family.median(svd, *rank, "relative_frobenius_error");
    family.ranks.iter().copied().find(|rank| error(rank).is_some_and(|error| error <= TARGET_ERROR))
}

/// What is said of a family that is not what the experiment is about.
#[derive(Debug, Serialize)]
struct Other<'a> {
    family: &'a str,
    matrices: usize,
    energy_99: Range,
    share_99: f64,
    least: Option<u64>,
    largest: Option<u64>,
    target: f64,
    /// Of the methods that are not truncated SVDs, those with the least and the greatest median suboptimality.
    closest: Option<accuracy::Suboptimality>,
    farthest: Option<accuracy::Suboptimality>,
}

pub fn of_other(family: &Family<'_>) -> Option<Text> {
    let energy = Energy::of(family)?;
    let mut by_suboptimality: Vec<_> = family
        .methods
        .iter()
        .filter(|method| method.kind != "truncated_svd")
        .filter_map(accuracy::Suboptimality::of)
        .collect();
    by_suboptimality.sort_by(|a, b| a.median.total_cmp(&b.median));
    let several = by_suboptimality.len() > 1;
    Some(Text::new(
        "answer/other",
        Other {
            family: &family.name,
            matrices: energy.matrices,
            energy_99: energy.energy_99,
            share_99: energy.share_99,
            least: least_rank_within(family),
            largest: family.first_of_kind("truncated_svd").and(family.ranks.last().copied()),
            target: TARGET_ERROR,
            farthest: by_suboptimality.last().filter(|_| several).cloned(),
            closest: by_suboptimality.first().cloned(),
        },
    ))
}
