//! How much of a method's error on a real matrix is its spectrum, and how much its vectors: beside the same singular values
//! between random vectors.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::{
    document::{MethodName, Text},
    survey::{Family, Method, Survey, median, spread_of},
};
use crate::table::MatrixRow;

const ERROR: &str = "relative_frobenius_error";

/// Within this share of 1 a ratio says that the vectors do nothing; the template says so.
const MARGIN: f64 = 0.05;

#[derive(Debug, Serialize)]
struct Vectors<'a> {
    /// The problem with the real spectra, and that of the real matrices.
    family: &'a str,
    real: &'a str,
    rank: u64,
    matrices: usize,
    methods: Vec<OfMethod>,
}

/// The error on the real matrix over that on its spectrum.
#[derive(Debug, Serialize)]
struct OfMethod {
    method: MethodName,
    median: f64,
    low: f64,
    high: f64,
    effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Effect {
    /// In every matrix within the margin.
    None,
    /// In every matrix the error is lower, or higher, by more than the margin.
    Lower,
    Higher,
    Depends,
}

/// For each problem whose spectra are those of another's matrices.
pub fn findings(survey: &Survey<'_>) -> Vec<Text> {
    let lead = survey.lead_precision();
    let of_lead = survey.families.iter().filter(|family| family.precision == lead);
    let (spectra, reals): (Vec<_>, Vec<_>) = of_lead.map(Read::of).partition(|read| read.family.kind == "spectrum");
    let spectra = spectra.iter().filter(|spectra| !spectra.sources.is_empty());
    spectra.filter_map(|spectra| reals.iter().find_map(|real| compare(spectra, real))).collect()
}

/// A family, and by what each of its matrices was read from, its variant.
struct Read<'s, 'a> {
    family: &'s Family<'a>,
    sources: BTreeMap<String, &'a str>,
}

impl<'s, 'a> Read<'s, 'a> {
    fn of(family: &'s Family<'a>) -> Self {
        let source = |matrix: &&'a MatrixRow| Some((source(matrix)?, matrix.problem_variant.as_str()));
        Self { family, sources: family.matrices.iter().filter_map(source).collect() }
    }
}

/// `None` if the spectra are not those of the other's matrices.
fn compare<'a>(spectra: &Read<'_, 'a>, reals: &Read<'_, 'a>) -> Option<Text> {
    let (family, real) = (spectra.family, reals.family);
    let pair = |(source, spectrum): (&String, &&'a str)| Some((*spectrum, *reals.sources.get(source)?));
    let pairs: Vec<(&str, &str)> = spectra.sources.iter().filter_map(pair).collect();
    let ranks: Vec<u64> = family.ranks.iter().copied().filter(|rank| real.ranks.contains(rank)).collect();
    let rank = *ranks.get(ranks.len() / 2).filter(|_| !pairs.is_empty())?;
    let of_method = |method: &Method<'_>| {
        let ratio = |(spectrum, whole): &(&str, &str)| {
            let between_random = family.median_on(spectrum, method, rank, ERROR)?;
            Some(real.median_on(whole, method, rank, ERROR)? / between_random)
        };
        let ratios: Vec<f64> = pairs.iter().filter_map(ratio).filter(|ratio| ratio.is_finite()).collect();
        let (low, high) = spread_of(ratios.iter().copied())?;
        let effect = match (low, high) {
            _ if low >= 1.0 - MARGIN && high <= 1.0 + MARGIN => Effect::None,
            _ if high < 1.0 - MARGIN => Effect::Lower,
            _ if low > 1.0 + MARGIN => Effect::Higher,
            _ => Effect::Depends,
        };
        Some(OfMethod { method: method.name(), median: median(ratios)?, low, high, effect })
    };
    let methods: Vec<OfMethod> = family.methods.iter().filter_map(of_method).collect();
    (!methods.is_empty()).then(|| {
        let (name, matrices) = (family.part.problem, pairs.len());
        let real = real.part.problem;
        Text::new("answer/vectors", Vectors { family: name, real, rank, matrices, methods })
    })
}

/// The tensor a matrix, or its spectrum, was read from; `None` of one that is made otherwise, or changed after it was read.
fn source(matrix: &MatrixRow) -> Option<String> {
    let parameters: Map<String, Value> = serde_json::from_str(&matrix.problem_parameters).ok()?;
    let changed = ["temperature", "length"].iter().any(|name| parameters.contains_key(*name))
        || parameters.get("causal").is_some_and(|causal| *causal != Value::Bool(false));
    let part = |name: &str| parameters.get(name).and_then(Value::as_str);
    let file = part("file").filter(|_| !changed)?;
    Some(format!("{file} {} {}", part("head").unwrap_or_default(), part("tensor").unwrap_or_default()))
}
