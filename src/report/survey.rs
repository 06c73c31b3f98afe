//! The rows of one experiment, arranged as a report asks for them: families, their methods and ranks, one quantity at a time.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

use crate::table::{CellRow, MatrixRow, Part, Results, Status, SummaryRow, Sweep};

/// One experiment, its families in the order of their rows.
pub struct Survey<'a> {
    pub results: &'a Results,
    pub families: Vec<Family<'a>>,
}

/// The matrices of one problem of the spec at one setting of what it is swept over, in one precision, and the cells on them.
pub struct Family<'a> {
    /// The label of the problem in the spec, with the setting where there are several: `attention (length=64)`.
    pub name: String,
    pub part: Part<'a>,
    /// The registered kind of the problem.
    pub kind: &'a str,
    pub precision: &'a str,
    pub matrices: Vec<&'a MatrixRow>,
    /// Target ranks, ascending.
    pub ranks: Vec<u64>,
    /// In the order of the cells.
    pub methods: Vec<Method<'a>>,
    /// Rows that summarise over all of it, by method, variant, rank and quantity.
    summaries: BTreeMap<(&'a str, &'a str, u64, &'a str), &'a SummaryRow>,
    /// The number it is swept over, if there is one.
    pub sweep: Option<Sweep>,
    /// Rows that summarise over one matrix each.
    pub by_variant: Vec<&'a SummaryRow>,
}

/// A method of the spec at one point of its own grid, with its cells in one family.
pub struct Method<'a> {
    /// The label of its table in the spec.
    pub label: &'a str,
    /// The values of its swept parameters.
    pub variant: &'a str,
    /// The registered kind.
    pub kind: &'a str,
    pub parameters: Map<String, Value>,
    pub cells: Vec<&'a CellRow>,
}

impl<'a> Survey<'a> {
    pub fn new(results: &'a Results) -> Self {
        let mut families: Vec<Family<'a>> = results.parts().into_iter().map(Family::of).collect();
        // Each row belongs to one part.
        let mut places: HashMap<(&str, &str, &str), usize> = HashMap::new();
        for (at, family) in families.iter().enumerate() {
            let own = family.part.variants.iter().map(|variant| (family.part.problem, *variant, family.precision));
            places.extend(own.map(|place| (place, at)));
        }
        let place = |problem: &'a str, variant: &'a str, precision: &'a str| {
            places.get(&(problem, variant, precision)).copied()
        };
        for matrix in &results.matrices {
            let Some(at) = place(&matrix.problem, &matrix.problem_variant, &matrix.precision) else {
                continue;
            };
            // A matrix that could not be built has cells but no row of its own, so its kind is not known.
            families[at].kind = &matrix.problem_kind;
            families[at].matrices.push(matrix);
        }
        for cell in &results.cells {
            let Some(at) = place(&cell.problem, &cell.problem_variant, &cell.precision) else { continue };
            let family = &mut families[at];
            if let Err(place) = family.ranks.binary_search(&cell.target_rank) {
                family.ranks.insert(place, cell.target_rank);
            }
            family.method_of(cell).cells.push(cell);
        }
        for family in &mut families {
            // A batch that is swept leaves the matrix what it is: weights have tables of their own.
            family.sweep = family.part.sweep.clone().filter(|_| !family.is_weight());
        }
        Self { results, families }
    }

    /// The precision the answer is given in: the wider one where both were run.
    pub fn lead_precision(&self) -> &'a str {
        let precisions = || self.families.iter().map(|family| family.precision);
        precisions().find(|&precision| precision == "f64").or_else(|| precisions().next()).unwrap_or("f64")
    }

    /// The precisions of the experiment, the lead one first.
    pub fn precisions(&self) -> Vec<&'a str> {
        let mut precisions = vec![self.lead_precision()];
        for family in &self.families {
            if !precisions.contains(&family.precision) {
                precisions.push(family.precision);
            }
        }
        precisions
    }

    /// The labels of the problems, each once.
    pub fn family_names(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.families.iter().map(|family| family.name.as_str()).filter(|name| seen.insert(*name)).collect()
    }

    /// The family at each of its settings.
    pub fn settings_of<'s>(&'s self, family: &'s Family<'a>) -> impl Iterator<Item = &'s Family<'a>> {
        let own =
            |other: &&Family<'a>| other.part.problem == family.part.problem && other.precision == family.precision;
        self.families.iter().filter(own)
    }

    pub fn family(&self, name: &str, precision: &str) -> Option<&Family<'a>> {
        self.families.iter().find(|family| family.name == name && family.precision == precision)
    }

    /// The kinds of the methods, each once, in the order of the cells.
    pub fn method_kinds(&self) -> Vec<&'a str> {
        let mut kinds = Vec::new();
        for cell in &self.results.cells {
            if !kinds.contains(&cell.method_kind.as_str()) {
                kinds.push(cell.method_kind.as_str());
            }
        }
        kinds
    }
}

impl<'a> Family<'a> {
    /// Without its matrices and cells.
    fn of(part: Part<'a>) -> Self {
        let key = |row: &'a SummaryRow| (&*row.method, &*row.method_variant, row.target_rank, &*row.quantity);
        Self {
            name: part.name.clone(),
            kind: "",
            precision: part.precision,
            matrices: Vec::new(),
            ranks: Vec::new(),
            methods: Vec::new(),
            summaries: part.rows.iter().map(|row| (key(row), *row)).collect(),
            sweep: None,
            by_variant: part.by_variant.clone(),
            part,
        }
    }

    fn method_of(&mut self, cell: &'a CellRow) -> &mut Method<'a> {
        let place =
            self.methods.iter().position(|method| method.label == cell.method && method.variant == cell.method_variant);
        let place = place.unwrap_or_else(|| {
            self.methods.push(Method {
                label: &cell.method,
                variant: &cell.method_variant,
                kind: &cell.method_kind,
                parameters: serde_json::from_str(&cell.method_parameters).unwrap_or_default(),
                cells: Vec::new(),
            });
            self.methods.len() - 1
        });
        &mut self.methods[place]
    }

    /// Whether its matrices are attention matrices: their rows are distributions.
    pub fn is_attention(&self) -> bool {
        matches!(self.kind, "qkv" | "attention")
    }

    /// The row that summarises `quantity` of one method at one rank over all matrices and draws.
    pub fn summary(&self, method: &Method<'_>, target_rank: u64, quantity: &str) -> Option<&'a SummaryRow> {
        self.summaries.get(&(method.label, method.variant, target_rank, quantity)).copied()
    }

    /// The rows that summarise `quantity` of one method over one matrix each.
    pub fn rows_of(&self, method: &Method<'_>, quantity: &str) -> impl Iterator<Item = &'a SummaryRow> {
        self.by_variant.iter().copied().filter(move |row| {
            row.method == method.label && row.method_variant == method.variant && row.quantity == quantity
        })
    }

    /// The median of `quantity` of one method at one rank over the draws on one matrix.
    pub fn median_on(&self, matrix: &str, method: &Method<'_>, target_rank: u64, quantity: &str) -> Option<f64> {
        let mut rows = self.rows_of(method, quantity);
        rows.find(|row| row.problem_variant == matrix && row.target_rank == target_rank).map(|row| row.median)
    }

    pub fn median(&self, method: &Method<'_>, target_rank: u64, quantity: &str) -> Option<f64> {
        self.summary(method, target_rank, quantity).map(|row| row.median)
    }

    /// The first method of a kind.
    pub fn first_of_kind(&self, kind: &str) -> Option<&Method<'a>> {
        self.methods.iter().find(|method| method.kind == kind)
    }

    /// Median over the matrices of the Eckart–Young optimum at a rank: no method can be below.
    pub fn optimal_error(&self, target_rank: u64) -> Option<f64> {
        // Each matrix once, whatever methods ran on it.
        let mut by_matrix = BTreeMap::new();
        for cell in self.methods.iter().flat_map(|method| &method.cells).filter(|cell| cell.target_rank == target_rank)
        {
            if let Some(error) = cell.optimal_frobenius_error {
                by_matrix.entry(cell.problem_variant.as_str()).or_insert(error);
            }
        }
        median(by_matrix.into_values().collect())
    }
}

impl<'a> Method<'a> {
    pub fn completed(&self) -> impl Iterator<Item = &'a CellRow> {
        self.cells.iter().copied().filter(|cell| cell.status == Status::Completed)
    }

    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.get(name)
    }
}

/// The middle of the values, or the mean of the middle two; `None` of none.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[half]),
        _ => Some(f64::midpoint(values[half - 1], values[half])),
    }
}

/// The least and the greatest of some values.
pub fn spread_of(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |ends, value| {
        Some(ends.map_or((value, value), |(low, high): (f64, f64)| (low.min(value), high.max(value))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }
}
