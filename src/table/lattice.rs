//! What a family was swept over, parameter by parameter: its settings as points of a grid, so that the effect of each parameter is
//! told at every value of the others and nothing swept is pooled.

use std::collections::HashSet;

use super::{Part, Results, SummaryRow, settings};

/// The settings of one family in one precision; two at least.
#[derive(Debug)]
pub struct Lattice<'a> {
    pub problem: &'a str,
    pub precision: &'a str,
    pub parameters: Vec<Parameter>,
    pub points: Vec<LatticePoint<'a>>,
}

/// A swept parameter of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in the spec.
    pub name: String,
    /// Numbers ascending, words in the order of the spec.
    pub values: Vec<String>,
}

impl Parameter {
    /// Its values as numbers, if all are.
    #[must_use]
    pub fn numbers(&self) -> Option<Vec<f64>> {
        self.values.iter().map(|value| value.parse().ok().filter(|number: &f64| number.is_finite())).collect()
    }
}

/// One setting and what was summarised there.
#[derive(Debug)]
pub struct LatticePoint<'a> {
    pub part: Part<'a>,
    /// A value for each parameter, empty where the setting has none.
    pub values: Vec<String>,
}

/// A method at one point of its own grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MethodKey<'a> {
    pub kind: &'a str,
    pub label: &'a str,
    pub variant: &'a str,
}

impl<'a> MethodKey<'a> {
    #[must_use]
    pub fn of(row: &'a SummaryRow) -> Self {
        Self { kind: &row.method_kind, label: &row.method, variant: &row.method_variant }
    }
}

impl<'a> LatticePoint<'a> {
    /// The summary of a quantity of a method at a rank, in the words in which ranks are compared ([`Lattice::ranks`]).
    #[must_use]
    pub fn row(&self, method: MethodKey<'_>, rank: &str, quantity: &str) -> Option<&'a SummaryRow> {
        let own = |row: &&&SummaryRow| {
            row.quantity == quantity && MethodKey::of(row) == method && ranks_of(row).any(|known| known == rank)
        };
        self.part.rows.iter().find(own).copied()
    }

    /// The Eckart–Young optimum at a rank.
    #[must_use]
    pub fn optimum(&self, rank: &str) -> Option<f64> {
        let own =
            |row: &&&SummaryRow| row.quantity == "optimal_frobenius_error" && ranks_of(row).any(|known| known == rank);
        self.part.rows.iter().find(own).map(|row| row.median)
    }
}

/// The ranks a row answers: those that were asked for by a share in their words, else the number.
fn ranks_of(row: &SummaryRow) -> impl Iterator<Item = String> + '_ {
    let number = row.target_rank.to_string();
    match &row.asked_rank {
        Some(words) => words.split(", ").map(str::to_owned).collect::<Vec<_>>().into_iter(),
        None => vec![number].into_iter(),
    }
}

impl<'a> Lattice<'a> {
    /// The methods that have a rank to choose and were measured at a rank, in the order of the tables.
    #[must_use]
    pub fn methods(&self) -> Vec<MethodKey<'a>> {
        let mut methods = Vec::new();
        for row in self.points.iter().flat_map(|point| &point.part.rows) {
            let method = MethodKey::of(row);
            if row.role == Some(crate::method::Role::LowRank) && !methods.contains(&method) {
                methods.push(method);
            }
        }
        methods
    }

    /// The ranks that every setting has an optimum at, ascending.
    #[must_use]
    pub fn ranks(&self) -> Vec<String> {
        let Some(first) = self.points.first() else { return Vec::new() };
        let mut ranks: Vec<(u64, String)> = Vec::new();
        for row in first.part.rows.iter().filter(|row| row.quantity == "optimal_frobenius_error") {
            for rank in ranks_of(row) {
                if !ranks.iter().any(|(_, known)| *known == rank) {
                    ranks.push((row.target_rank, rank));
                }
            }
        }
        ranks.sort();
        let everywhere = |rank: &String| self.points.iter().all(|point| point.optimum(rank).is_some());
        ranks.into_iter().map(|(_, rank)| rank).filter(everywhere).collect()
    }

    /// The rank at which settings are compared: the middle one of those that all have.
    #[must_use]
    pub fn reference_rank(&self) -> Option<String> {
        let ranks = self.ranks();
        ranks.get(ranks.len() / 2).cloned()
    }

    /// The points by the values of all parameters but these, in the order of the spec: the setting, and its points.
    #[must_use]
    pub fn groups(&self, varied: &[usize]) -> Vec<(String, Vec<&LatticePoint<'a>>)> {
        let mut groups: Vec<(String, Vec<&LatticePoint<'a>>)> = Vec::new();
        for point in self.points.iter().filter(|point| varied.iter().all(|&at| !point.values[at].is_empty())) {
            let others = self.parameters.iter().zip(&point.values).enumerate();
            let others = others.filter(|(at, (_, value))| !varied.contains(at) && !value.is_empty());
            let name =
                others.map(|(_, (other, value))| format!("{}={value}", other.name)).collect::<Vec<_>>().join(", ");
            match groups.iter_mut().find(|(known, _)| *known == name) {
                Some((_, points)) => points.push(point),
                None => groups.push((name, vec![point])),
            }
        }
        groups
    }

    /// The points by the values of all other parameters: lines along one.
    #[must_use]
    pub fn lines(&self, parameter: usize) -> Vec<(String, Vec<&LatticePoint<'a>>)> {
        let mut lines = self.groups(&[parameter]);
        let place = |point: &LatticePoint<'_>| {
            self.parameters[parameter].values.iter().position(|value| *value == point.values[parameter])
        };
        for (_, points) in &mut lines {
            points.sort_by_cached_key(|point| place(point));
        }
        // A single point is no line.
        lines.retain(|(_, points)| points.len() > 1);
        lines
    }
}

/// At most `most` of a list, evenly spread, the first and the last among them.
#[must_use]
pub fn evenly<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    let steps = most.min(all.len());
    (0..steps).map(|step| all[step * (all.len() - 1) / (steps - 1).max(1)].clone()).collect()
}

/// A family of more settings than this is told by its parameters, and no setting by itself.
pub const MOST_SETTINGS: usize = 3;

impl Results {
    /// The families, by label and precision, of so many settings that reports tell what each parameter does, and not each setting.
    #[must_use]
    pub fn told_by_parameters(&self) -> HashSet<(String, String)> {
        let many = self.lattices().into_iter().filter(|lattice| lattice.points.len() > MOST_SETTINGS);
        many.map(|lattice| (lattice.problem.to_owned(), lattice.precision.to_owned())).collect()
    }

    /// The families that were swept over something, but those that are swept over one number at one rank.
    #[must_use]
    pub fn lattices(&self) -> Vec<Lattice<'_>> {
        let mut families: Vec<Vec<Part<'_>>> = Vec::new();
        for part in self.parts() {
            // Few families, however many settings.
            match families
                .iter_mut()
                .find(|parts| parts[0].problem == part.problem && parts[0].precision == part.precision)
            {
                Some(parts) => parts.push(part),
                None => families.push(vec![part]),
            }
        }
        // Weights are told matrix by matrix, beside a Gaussian one of the same size.
        let weights: HashSet<&str> =
            self.matrices.iter().filter(|row| row.problem_kind == "weight").map(|row| &*row.problem).collect();
        families.retain(|parts| parts.len() > 1 && !weights.contains(parts[0].problem));
        families.into_iter().map(lattice).filter(|lattice| !lattice.parameters.is_empty()).collect()
    }
}

fn lattice<'a>(parts: Vec<Part<'a>>) -> Lattice<'a> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for part in &parts {
        for (name, value) in settings(&part.setting) {
            let place = parameters.iter().position(|parameter| parameter.name == name).unwrap_or_else(|| {
                parameters.push(Parameter { name: name.to_owned(), values: Vec::new() });
                parameters.len() - 1
            });
            if !parameters[place].values.iter().any(|known| known == value) {
                parameters[place].values.push(value.to_owned());
            }
        }
    }
    parameters.retain(|parameter| parameter.values.len() > 1);
    for parameter in &mut parameters {
        if let Some(numbers) = parameter.numbers() {
            let mut order: Vec<usize> = (0..numbers.len()).collect();
            order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
            parameter.values = order.into_iter().map(|at| parameter.values[at].clone()).collect();
        }
    }
    let (problem, precision) = (parts[0].problem, parts[0].precision);
    let point = |part: Part<'a>| {
        let value = |parameter: &Parameter| {
            let found = settings(&part.setting).find(|(name, _)| *name == parameter.name);
            found.map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        let values = parameters.iter().map(value).collect();
        LatticePoint { part, values }
    };
    let points = parts.into_iter().map(point).collect();
    Lattice { problem, precision, parameters, points }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_evenly_spread_keeps_both_ends() {
        let ranks: Vec<u64> = (1..=20).collect();
        let shown = evenly(&ranks, 7);
        assert_eq!(shown.len(), 7);
        assert_eq!((shown[0], shown[6]), (1, 20));
        assert!(shown.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(evenly(&[4, 8], 7), [4, 8]);
        assert_eq!(evenly(&[4, 8], 1), [4]);
        assert!(evenly::<u64>(&[], 7).is_empty());
    }
}
