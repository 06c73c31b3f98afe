//! The rows of one experiment, arranged as a report asks for them: families, their methods and ranks, one quantity at a time.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::table::{CellRow, MatrixRow, Results, Status, SummaryRow, Sweep};

/// One experiment, its families in the order of their rows.
pub struct Survey<'a> {
    pub results: &'a Results,
    pub families: Vec<Family<'a>>,
}

/// The matrices of one problem of the spec in one precision, and the cells on them.
pub struct Family<'a> {
    /// The label of the problem in the spec.
    pub name: &'a str,
    /// The registered kind of the problem.
    pub kind: &'a str,
    pub precision: &'a str,
    pub matrices: Vec<&'a MatrixRow>,
    /// Target ranks, ascending.
    pub ranks: Vec<u64>,
    /// In the order of the cells.
    pub methods: Vec<Method<'a>>,
    /// Rows that summarise over the family, by method, variant, rank and quantity.
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
        let mut families: Vec<Family<'a>> = Vec::new();
        for matrix in &results.matrices {
            family_of(&mut families, &matrix.problem, &matrix.problem_kind, &matrix.precision).matrices.push(matrix);
        }
        for cell in &results.cells {
            // A matrix that could not be built has cells but no row of its own, so its kind is not known.
            let family = family_of(&mut families, &cell.problem, "", &cell.precision);
            if let Err(place) = family.ranks.binary_search(&cell.target_rank) {
                family.ranks.insert(place, cell.target_rank);
            }
            family.method_of(cell).cells.push(cell);
        }
        for family in &mut families {
            family.summaries = summaries(results, family);
            family.by_variant = results.summaries_by_variant(family.name, family.precision);
            // A batch that is swept leaves the matrix what it is: weights have tables of their own.
            family.sweep = Sweep::of_family(results, family.name, family.precision).filter(|_| !family.is_weight());
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
    pub fn family_names(&self) -> Vec<&'a str> {
        let mut names = Vec::new();
        for family in &self.families {
            if !names.contains(&family.name) {
                names.push(family.name);
            }
        }
        names
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

/// The rows that summarise over a whole family: those of no variant, or those of its only one.
fn summaries<'a>(
    results: &'a Results,
    family: &Family<'a>,
) -> BTreeMap<(&'a str, &'a str, u64, &'a str), &'a SummaryRow> {
    let own = || results.summary.iter().filter(|row| row.problem == family.name && row.precision == family.precision);
    // A family of one matrix is not summarised a second time.
    let only = own().next().map_or("", |row| row.problem_variant.as_str());
    let variant = if own().all(|row| row.problem_variant == only) { only } else { "" };
    let mut summaries = BTreeMap::new();
    for row in own().filter(|row| row.problem_variant == variant) {
        let key = (row.method.as_str(), row.method_variant.as_str(), row.target_rank, row.quantity.as_str());
        summaries.insert(key, row);
    }
    summaries
}

fn family_of<'a, 'f>(
    families: &'f mut Vec<Family<'a>>,
    name: &'a str,
    kind: &'a str,
    precision: &'a str,
) -> &'f mut Family<'a> {
    let place = families.iter().position(|family| family.name == name && family.precision == precision);
    let place = place.unwrap_or_else(|| {
        families.push(Family {
            name,
            kind,
            precision,
            matrices: Vec::new(),
            ranks: Vec::new(),
            methods: Vec::new(),
            summaries: BTreeMap::new(),
            sweep: None,
            by_variant: Vec::new(),
        });
        families.len() - 1
    });
    &mut families[place]
}

impl<'a> Family<'a> {
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

/// At most `most` of the ranks, evenly spread, the first and the last among them: a table has only so many columns.
pub fn spread(ranks: &[u64], most: usize) -> Vec<u64> {
    if ranks.len() <= most {
        return ranks.to_vec();
    }
    let steps = most.max(2) - 1;
    (0..=steps).map(|step| ranks[step * (ranks.len() - 1) / steps]).collect()
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

    #[test]
    fn spread_ranks_keep_both_ends() {
        let ranks: Vec<u64> = (1..=20).collect();
        let shown = spread(&ranks, 7);
        assert_eq!(shown.len(), 7);
        assert_eq!((shown[0], shown[6]), (1, 20));
        assert!(shown.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(spread(&[4, 8], 7), [4, 8]);
    }
}
