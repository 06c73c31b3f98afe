//! A part of an experiment's results, for a report of it alone.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::{
    method::Role,
    spec::Only,
    table::{Results, TableError, summarise},
};

/// The rows that meet conditions, summarised again among themselves; `None` if none does.
///
/// # Errors
/// polars refuses, which is a mistake of ours.
pub fn part(mut all: Results, only: &Only) -> Result<Option<Results>, TableError> {
    let parsed = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let of_problems: HashMap<(&str, &str), Map<String, Value>> = all
        .matrices
        .iter()
        .map(|row| ((row.problem.as_str(), row.problem_variant.as_str()), parsed(&row.problem_parameters)))
        .collect();
    let mut of_methods: HashMap<&str, Map<String, Value>> = HashMap::new();
    let mut kept = HashSet::new();
    for cell in &all.cells {
        let of_method = of_methods.entry(&cell.method_parameters).or_insert_with(|| parsed(&cell.method_parameters));
        let of_problem = of_problems.get(&(cell.problem.as_str(), cell.problem_variant.as_str()));
        let is_admitted = only.admits(|key| match key {
            "problem" => Some(Value::from(cell.problem.as_str())),
            "method" => Some(Value::from(cell.method.as_str())),
            "precision" => Some(Value::from(cell.precision.as_str())),
            "target_rank" if cell.role == Some(Role::Baseline) => Some(Value::Null),
            "target_rank" => Some(Value::from(cell.target_rank)),
            name => of_problem.and_then(|own| own.get(name)).or_else(|| of_method.get(name)).cloned(),
        });
        if is_admitted {
            kept.insert(cell.cell.clone());
        }
    }
    let forms = forming(&all);
    all.cells.retain(|cell| kept.contains(&cell.cell));
    all.samples.retain(|sample| kept.contains(&sample.cell));
    let matrices: HashSet<(String, String, String)> = all
        .cells
        .iter()
        .map(|cell| (cell.problem.clone(), cell.problem_variant.clone(), cell.precision.clone()))
        .collect();
    let has_cells = |problem: &String, variant: &String, precision: &String| {
        matrices.contains(&(problem.clone(), variant.clone(), precision.clone()))
    };
    all.matrices.retain(|row| has_cells(&row.problem, &row.problem_variant, &row.precision));
    all.spectra.retain(|row| has_cells(&row.problem, &row.problem_variant, &row.precision));
    all.measurements.retain(|row| {
        let parameters = parsed(&row.study_parameters);
        only.admits(|key| match key {
            "study" => Some(Value::from(row.study.as_str())),
            name => parameters.get(name).cloned(),
        })
    });
    let mut points: HashSet<(&str, &str, &str)> = HashSet::new();
    for cell in &all.cells {
        points.insert(("problem", &cell.problem, &cell.problem_variant));
        points.insert(("method", &cell.method, &cell.method_variant));
    }
    points.extend(all.measurements.iter().map(|row| ("study", row.study.as_str(), row.study_variant.as_str())));
    all.variants.retain(|row| points.contains(&(row.of.as_str(), row.label.as_str(), row.variant.as_str())));
    all.summary = summarise(&all.matrices, &all.cells, &all.samples, |cell, machine| {
        forms.get(&(cell.cell.clone(), machine)).or_else(|| forms.get(&(cell.cell.clone(), None))).copied()
    })?;
    let is_empty = all.cells.is_empty() && all.measurements.is_empty();
    Ok((!is_empty).then_some(all))
}

/// What it took to form the matrix of each cell, on each machine: by how much all it took is above the factorisation.
fn forming(all: &Results) -> HashMap<(String, Option<u64>), f64> {
    let mut medians: HashMap<_, f64> = HashMap::new();
    for row in all.summary.iter().filter(|row| row.matrices == 1) {
        let place =
            (&row.problem, &row.problem_variant, &row.precision, &row.method, &row.method_variant, row.target_rank);
        medians.insert((place, row.machine, row.quantity.as_str()), row.median);
    }
    let machines: HashSet<Option<u64>> = all.summary.iter().map(|row| row.machine).collect();
    let mut forms = HashMap::new();
    for cell in &all.cells {
        let place = (
            &cell.problem,
            &cell.problem_variant,
            &cell.precision,
            &cell.method,
            &cell.method_variant,
            cell.target_rank,
        );
        for &machine in &machines {
            let of = |quantity| medians.get(&(place, machine, quantity));
            if let (Some(total), Some(factor)) = (of("total_seconds"), of("factor_seconds")) {
                forms.insert((cell.cell.clone(), machine), total - factor);
            }
        }
    }
    forms
}
