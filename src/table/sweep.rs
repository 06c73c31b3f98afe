//! The number a family of problems is swept over (its length, its temperature), read from the variants of its rows.

use std::collections::{BTreeMap, BTreeSet};

use super::{CellRow, Results, settings};

/// Fewer values than this are a comparison, not a sweep.
const LEAST: usize = 3;

/// A swept number and its value in every variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// The parameter's name in the spec: `length`.
    pub parameter: String,
    values: BTreeMap<String, f64>,
}

impl Sweep {
    /// Of a family in one precision. A family whose methods were run at several ranks is a sweep over ranks, and no other.
    #[must_use]
    pub fn of_family(results: &Results, problem: &str, precision: &str) -> Option<Self> {
        let mut ranks: BTreeMap<[&str; 3], u64> = BTreeMap::new();
        let own = |row: &&CellRow| row.problem == problem && row.precision == precision;
        for row in results.cells.iter().filter(own) {
            let key = [row.method.as_str(), row.method_variant.as_str(), row.problem_variant.as_str()];
            if *ranks.entry(key).or_insert(row.target_rank) != row.target_rank {
                return None;
            }
        }
        let matrices = results.matrices.iter().filter(|row| row.problem == problem && row.precision == precision);
        Self::of(matrices.map(|row| row.problem_variant.as_str()))
    }

    /// Of the variants of one family (`length=512, head=layer0.head3`): the parameter with the most numeric values, if it has
    /// three or more; the first in the alphabet of several such.
    #[must_use]
    pub fn of<'a>(variants: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut parameters: BTreeMap<&str, BTreeMap<String, f64>> = BTreeMap::new();
        for variant in variants {
            for (name, value) in settings(variant) {
                if let Ok(value) = value.parse::<f64>()
                    && value.is_finite()
                {
                    parameters.entry(name).or_default().insert(variant.to_owned(), value);
                }
            }
        }
        let count = |values: &BTreeMap<String, f64>| {
            values.values().map(|value| value.to_bits()).collect::<BTreeSet<_>>().len()
        };
        let swept = parameters.into_iter().filter(|(_, values)| count(values) >= LEAST);
        let (parameter, values) = swept.rev().max_by_key(|(_, values)| count(values))?;
        Some(Self { parameter: parameter.to_owned(), values })
    }

    /// Its value in a variant.
    #[must_use]
    pub fn value(&self, variant: &str) -> Option<f64> {
        self.values.get(variant).copied()
    }

    /// All values, ascending, each once.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self.values.values().copied().collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    }

    /// Pairs of a swept value and the values some rows have there, ascending: rows of one swept value are pooled.
    #[must_use]
    pub fn pooled<'a>(&self, rows: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<(f64, Vec<f64>)> {
        let mut pooled: Vec<(f64, Vec<f64>)> = Vec::new();
        for (variant, number) in rows {
            let Some(value) = self.value(variant) else { continue };
            match pooled.iter_mut().find(|(known, _)| *known == value) {
                Some((_, numbers)) => numbers.push(number),
                None => pooled.push((value, vec![number])),
            }
        }
        pooled.sort_by(|a, b| a.0.total_cmp(&b.0));
        pooled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_with_most_numbers_is_the_sweep() {
        let variants = ["length=512, causal=true", "length=1024, causal=true", "length=2048, causal=true"];
        let sweep = Sweep::of(variants).unwrap();
        assert_eq!((sweep.parameter.as_str(), sweep.values()), ("length", vec![512.0, 1024.0, 2048.0]));
        assert_eq!(sweep.value(variants[1]), Some(1024.0));
        assert_eq!(Sweep::of(["length=512", "length=1024", ""]), None);
        assert_eq!(Sweep::of(["head=layer0.head2", "head=layer0.head7", "head=layer1.head8"]), None);
    }

    #[test]
    fn rows_of_one_value_are_pooled() {
        let sweep =
            Sweep::of(["length=1, head=a", "length=1, head=b", "length=2, head=a", "length=4, head=a"]).unwrap();
        let rows = [("length=2, head=a", 5.0), ("length=1, head=a", 1.0), ("length=1, head=b", 3.0), ("length=9", 7.0)];
        assert_eq!(sweep.pooled(rows), [(1.0, vec![1.0, 3.0]), (2.0, vec![5.0])]);
    }
}
