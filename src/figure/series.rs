//! Rows → what is drawn: one series for each instance of a method, and which rows a figure is about.

use std::collections::{BTreeMap, HashMap};

use super::{
    axis::Axis,
    names,
    theme::{self, Look},
};
use crate::{
    language::Language,
    table::{MethodKey, Part, Results, SummaryRow, Sweep},
};

/// A point of a series. Values as in the table: they may be 0 or negative, which the axis decides upon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub rank: u64,
    pub median: f64,
    /// Ends of the bar, where there is one.
    pub bar: Option<(f64, f64)>,
}

/// A named curve, its points by ascending rank.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// Which instance of the roster, if it is a method's.
    pub instance: Option<usize>,
    pub name: String,
    pub look: Look,
    pub points: Vec<Point>,
}

impl Series {
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().flat_map(|point| {
            let (low, high) = point.bar.unwrap_or((point.median, point.median));
            [point.median, low, high]
        })
    }

    pub fn at(&self, rank: u64) -> Option<Point> {
        self.points.iter().copied().find(|point| point.rank == rank)
    }
}

/// What a bar spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bar {
    Quartiles,
    /// The 95 % interval of the median.
    Interval,
    None,
}

/// Every instance of every method in the results, with the name and look it has in all figures.
pub(super) struct Roster {
    instances: BTreeMap<InstanceKey, (String, Look)>,
}

/// Kind, label, variant.
type InstanceKey = (String, String, Natural);

impl Roster {
    pub fn new(results: &Results, language: Language) -> Self {
        let mut instances = BTreeMap::new();
        for row in &results.summary {
            let key = (row.method_kind.clone(), row.method.clone(), Natural::new(&row.method_variant));
            instances.entry(key).or_insert_with(|| {
                let name = names::instance_name(&row.method_kind, &row.method, &row.method_variant, language);
                (name, theme::OPTIMUM)
            });
        }
        // Counted by colour, so that two kinds without an entry in the theme that share one are still told apart.
        let mut seen: Vec<theme::Colour> = Vec::new();
        for ((kind, ..), (_, look)) in &mut instances {
            let (colour, _) = theme::kind_style(kind);
            let ordinal = seen.iter().filter(|&&other| other == colour).count();
            seen.push(colour);
            *look = theme::method_look(kind, ordinal);
        }
        Self { instances }
    }
}

impl Roster {
    /// Its place, its name and its look; `None` of a method without a row.
    pub fn of(&self, method: MethodKey<'_>) -> Option<(usize, String, Look)> {
        let key = (method.kind.to_owned(), method.label.to_owned(), Natural::new(method.variant));
        let place = self.instances.keys().position(|known| *known == key)?;
        self.instances.get(&key).map(|(name, look)| (place, name.clone(), *look))
    }
}

/// Text in the order people count: `q=2` before `q=10`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Natural(Vec<(String, u64)>, String);

impl Natural {
    fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
            let (words, after) = rest.split_at(start);
            let end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
            parts.push((words.to_owned(), after[..end].parse().unwrap_or(u64::MAX)));
            rest = &after[end..];
        }
        Self(parts, text.to_owned())
    }
}

/// The summary of one family at one setting in one precision.
pub(super) struct Group<'a> {
    pub part: Part<'a>,
    /// Whether it is f64, or the first precision there is: its figures have the plain ids.
    pub preferred: bool,
}

impl<'a> Group<'a> {
    /// All groups: families in the order of the tables, f64 first.
    pub fn all(results: &'a Results) -> Vec<Self> {
        let mut parts = results.parts();
        let mut names: HashMap<String, usize> = HashMap::new();
        for part in &parts {
            let next = names.len();
            names.entry(part.name.clone()).or_insert(next);
        }
        parts.sort_by_key(|part| (names.get(&part.name).copied(), part.precision != "f64", part.precision));
        let mut groups: Vec<Self> = Vec::with_capacity(parts.len());
        for part in parts {
            let preferred = groups.last().is_none_or(|last| last.part.name != part.name);
            groups.push(Self { preferred, part });
        }
        groups
    }

    /// The medians of a quantity against the target rank, one series for each instance of a method that has any.
    pub fn series(&self, roster: &Roster, quantity: &str, bar: Bar) -> Vec<Series> {
        let of_instance = |(instance, (key, (name, look))): (usize, (&InstanceKey, &(String, Look)))| {
            let (kind, method, Natural(_, variant)) = key;
            // The matrix itself has no error, and no time to find it.
            if kind == "dense" {
                return None;
            }
            let rows = self.part.rows.iter().filter(|row| {
                row.quantity == quantity
                    && row.method_kind == *kind
                    && row.method == *method
                    && row.method_variant == *variant
                    && row.median.is_finite()
            });
            let mut points: Vec<Point> = rows.map(|row| Point::of(row, bar)).collect();
            points.sort_by_key(|point| point.rank);
            points.dedup_by_key(|point| point.rank);
            (!points.is_empty()).then(|| Series { instance: Some(instance), name: name.clone(), look: *look, points })
        };
        roster.instances.iter().enumerate().filter_map(of_instance).collect()
    }

    /// Whether its problem is of a kind.
    pub fn is_of_kind(&self, results: &Results, kind: &str) -> bool {
        results.matrices.iter().any(|row| row.problem == self.part.problem && row.problem_kind == kind)
    }

    /// Whether any of it was timed.
    pub fn is_timed(&self) -> bool {
        self.part.by_variant.iter().any(|row| row.quantity == "output_seconds")
    }

    /// The medians of a quantity against a swept number; pooled over other parameters. The
    /// points are placed by [`Axis::key`].
    pub fn swept(&self, roster: &Roster, sweep: &Sweep, quantity: &str, bar: Bar) -> Vec<Series> {
        let of_instance = |(instance, (key, (name, look))): (usize, (&InstanceKey, &(String, Look)))| {
            let (kind, method, Natural(_, variant)) = key;
            let own = |row: &&&SummaryRow| {
                row.quantity == quantity
                    && row.method_kind == *kind
                    && row.method == *method
                    && row.method_variant == *variant
                    && row.median.is_finite()
            };
            let rows: Vec<&SummaryRow> = self.part.by_variant.iter().filter(own).copied().collect();
            let points: Vec<Point> =
                sweep.values().into_iter().filter_map(|value| swept_point(&rows, sweep, value, bar)).collect();
            (!points.is_empty()).then(|| Series { instance: Some(instance), name: name.clone(), look: *look, points })
        };
        roster.instances.iter().enumerate().filter_map(of_instance).collect()
    }

    /// A quantity that is a property of the problem, not of the method (the optimum): at each rank, the row that
    /// summarises most values.
    pub fn shared(&self, quantity: &str) -> Vec<Point> {
        let mut best: BTreeMap<u64, &SummaryRow> = BTreeMap::new();
        for row in self.part.rows.iter().filter(|row| row.quantity == quantity && row.median.is_finite()) {
            let kept = best.entry(row.target_rank).or_insert(row);
            if row.count > kept.count {
                *kept = row;
            }
        }
        best.into_values().map(|row| Point::of(row, Bar::None)).collect()
    }
}

impl Point {
    pub fn of(row: &SummaryRow, bar: Bar) -> Self {
        let bar = match bar {
            Bar::Quartiles if row.count > 1 => Some((row.q25, row.q75)),
            Bar::Interval => row.ci_low.zip(row.ci_high),
            Bar::Quartiles | Bar::None => None,
        };
        let bar = bar.filter(|(low, high)| low.is_finite() && high.is_finite());
        Self { rank: row.target_rank, median: row.median, bar }
    }
}

/// One value of a sweep: the row of its only matrix, or the median and quartiles over the medians of several.
fn swept_point(rows: &[&SummaryRow], sweep: &Sweep, value: f64, bar: Bar) -> Option<Point> {
    let here: Vec<&SummaryRow> =
        rows.iter().copied().filter(|row| sweep.value(&row.problem_variant) == Some(value)).collect();
    if let [row] = here.as_slice() {
        return Some(Point { rank: Axis::key(value), ..Point::of(row, bar) });
    }
    let mut medians: Vec<f64> = here.iter().map(|row| row.median).collect();
    medians.sort_by(f64::total_cmp);
    let middle = median(medians.clone())?;
    let at = |share: f64| medians[((medians.len() - 1) as f64 * share).round() as usize];
    let bar = (bar != Bar::None).then(|| (at(0.25), at(0.75)));
    Some(Point { rank: Axis::key(value), median: middle, bar })
}

/// The middle of some finite values: the mean of the two middle ones where their number is even.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (half, last) = (values.len() / 2, values.len().checked_sub(1)?);
    Some(if last % 2 == 0 { values[half] } else { (values[half - 1] + values[half]) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_in_the_order_people_count() {
        let mut variants = ["q=10", "q=2", "", "q=2, p=5"].map(Natural::new);
        variants.sort();
        assert_eq!(variants.map(|natural| natural.1), ["", "q=2", "q=2, p=5", "q=10"]);
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
