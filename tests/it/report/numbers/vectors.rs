//! The error on a real matrix over that on its spectrum between random vectors, from the CSV files alone.

use std::collections::BTreeMap;

use super::{
    csv::{Row, median},
    facts::{Fact, Tables},
    prose::What,
};

/// For each method at the middle rank: median, least and greatest over the pairs.
pub fn of_vectors(tables: &Tables) -> Vec<Fact> {
    let tensor = |row: &Row<'_>| {
        let part = |name: &str| row.parameter("problem_parameters", name).unwrap_or_default();
        (!part("file").is_empty()).then(|| [part("file"), part("head"), part("tensor")])
    };
    let mut spectra = BTreeMap::new();
    let mut reals = Vec::new();
    for row in tables.matrices.rows() {
        let Some(tensor) = tensor(&row) else { continue };
        let place = (row.text("problem").to_owned(), row.text("problem_variant").to_owned());
        match row.text("problem_kind") {
            "spectrum" => drop(spectra.insert(tensor, place)),
            _ => reals.push((tensor, place)),
        }
    }
    let mut errors = BTreeMap::new();
    for row in tables.summary.rows().filter(|row| row.text("quantity") == "relative_frobenius_error") {
        let place = (row.text("problem").to_owned(), row.text("problem_variant").to_owned());
        let method = ["method", "method_variant", "target_rank"].map(|column| row.text(column).to_owned());
        errors.insert((method, place), row.number("median").unwrap());
    }
    let mut ratios: BTreeMap<[String; 3], Vec<f64>> = BTreeMap::new();
    for (tensor, real) in &reals {
        let Some(spectrum) = spectra.get(tensor) else { continue };
        for ((method, place), error) in errors.iter().filter(|((_, place), _)| place == real) {
            assert_eq!(place, real);
            if let Some(beside) = errors.get(&(method.clone(), spectrum.clone())) {
                ratios.entry(method.clone()).or_default().push(error / beside);
            }
        }
    }
    let mut ranks: Vec<u64> = ratios.keys().filter_map(|method| method[2].parse().ok()).collect();
    ranks.sort_unstable();
    ranks.dedup();
    let middle = ranks.get(ranks.len() / 2).map(u64::to_string);
    ratios.retain(|method, _| Some(&method[2]) == middle.as_ref());
    let told = |(method, ratios): (&[String; 3], &Vec<f64>)| {
        let ends = [f64::min, f64::max].map(|end| ratios.iter().copied().reduce(end));
        let rank = method[2].parse().ok();
        let fact = move |value| Fact { place: rank, ..Fact::of(value, What::Any) };
        ends.into_iter().chain([median(ratios.clone())]).flatten().map(fact).collect::<Vec<_>>()
    };
    ratios.iter().flat_map(told).collect()
}
