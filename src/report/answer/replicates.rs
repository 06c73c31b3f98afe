//! Whether the replicates of a family agree with its medians; those that do not are named.

use serde::Serialize;

use super::super::{
    document::{MethodName, Text},
    survey::{Family, Method, spread_of},
};
use crate::method::Role;

const ERROR: &str = "relative_frobenius_error";
const OPTIMUM: &str = "optimal_frobenius_error";

/// A method whose error is lower by less than this share is no other answer; the template says so.
const MARGIN: f64 = 0.05;

/// Replicates that a sentence names.
const NAMED: usize = 3;

#[derive(Debug, Serialize)]
struct Agreement<'a> {
    family: &'a str,
    rank: u64,
    matrices: usize,
    /// The least possible error, and where it is least and greatest.
    low: f64,
    high: f64,
    easiest: &'a str,
    hardest: &'a str,
    /// Methods compared: those of low rank, the truncated SVD apart.
    methods: usize,
    /// That of the least median error.
    best: MethodName,
    /// Matrices in which another's error is lower by more than the margin.
    against: usize,
    named: Vec<Against<'a>>,
}

#[derive(Debug, Serialize)]
struct Against<'a> {
    matrix: &'a str,
    method: MethodName,
    error: f64,
    error_of_best: f64,
}

/// `None` of a family of a single matrix, of one that is swept, or without two methods to compare.
pub fn agreement(family: &Family<'_>) -> Option<Text> {
    let rank = *family.ranks.get(family.ranks.len() / 2)?;
    let mut matrices: Vec<&str> = family.matrices.iter().map(|matrix| matrix.problem_variant.as_str()).collect();
    matrices.dedup();
    if matrices.len() < 2 || family.sweep.is_some() {
        return None;
    }
    let error = |matrix: &str, method: &Method<'_>| family.median_on(matrix, method, rank, ERROR);
    let rivals: Vec<(&Method<'_>, f64)> = family
        .methods
        .iter()
        .filter(|method| method.kind != "truncated_svd")
        .filter(|method| method.cells.first().is_some_and(|cell| cell.role == Some(Role::LowRank)))
        .filter_map(|method| Some((method, family.median(method, rank, ERROR)?)))
        .collect();
    let (best, _) = *rivals.iter().min_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| rivals.len() > 1)?;
    // Whatever method ran on it, a matrix has one optimum.
    let optimum =
        |matrix: &str| family.methods.iter().find_map(|method| family.median_on(matrix, method, rank, OPTIMUM));
    let optima: Vec<(&str, f64)> = matrices.iter().filter_map(|matrix| Some((*matrix, optimum(matrix)?))).collect();
    let (low, high) = spread_of(optima.iter().map(|(_, error)| *error))?;
    let named = |error: f64| optima.iter().find(|(_, own)| *own == error).map(|(matrix, _)| *matrix);
    let against: Vec<Against<'_>> = matrices
        .iter()
        .filter_map(|matrix| {
            let errors = rivals.iter().filter_map(|(method, _)| Some((*method, error(matrix, method)?)));
            let (method, least) = errors.min_by(|a, b| a.1.total_cmp(&b.1))?;
            let error_of_best = error(matrix, best)?;
            let lower = least < (1.0 - MARGIN) * error_of_best;
            lower.then(|| Against { matrix, method: method.name(), error: least, error_of_best })
        })
        .collect();
    Some(Text::new(
        "answer/replicates",
        Agreement {
            family: &family.name,
            rank,
            matrices: matrices.len(),
            low,
            high,
            easiest: named(low)?,
            hardest: named(high)?,
            methods: rivals.len(),
            best: best.name(),
            against: against.len(),
            named: against.into_iter().take(NAMED).collect(),
        },
    ))
}
