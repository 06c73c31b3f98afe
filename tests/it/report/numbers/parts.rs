//! Which matrices of a problem the report may speak of at once, from the CSV files alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{csv::Row, facts::Tables};

/// Names of parameters that tell replicates apart: things of one kind that nobody chose for a value.
const REPLICATES: [&str; 5] = ["head", "tensor", "file", "calibration", "evaluation"];

/// What of a problem the report speaks of at once, by the name of [`Facts`]: the whole of it, and each of its settings, with the
/// variants that are replicates of each other there.
pub fn parts(tables: &Tables, problem: &str) -> BTreeMap<String, Option<BTreeSet<String>>> {
    let matrices: Vec<Row<'_>> = tables.matrices.rows().filter(|row| row.text("problem") == problem).collect();
    let setting = |row: &Row<'_>| {
        let swept = |part: &&str| {
            let name = part.split_once('=').map_or(*part, |(name, _)| name);
            let of_weight = row.text("problem_kind") == "weight" && name == "batch";
            !REPLICATES.contains(&name) && !of_weight
        };
        row.text("problem_variant")
            .split(", ")
            .filter(|part| !part.is_empty())
            .filter(swept)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let size = |row: &Row<'_>| format!("rows={}, columns={}", row.text("rows"), row.text("columns"));
    let mut sizes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &matrices {
        sizes.entry(setting(row)).or_default().insert(size(row));
    }
    let mut parts: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::from([(problem.to_owned(), None)]);
    for row in &matrices {
        let mut name = setting(row);
        if sizes[&name].len() > 1 {
            name = [name, size(row)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        }
        if !name.is_empty() {
            let variants = parts.entry(format!("{problem} ({name})")).or_default().get_or_insert_default();
            variants.insert(row.text("problem_variant").to_owned());
        }
    }
    parts
}
