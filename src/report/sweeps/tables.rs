//! The tables of a swept family: a column for each value.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    Interval, chosen_ranks, fitted,
    growth::{Growth, Share, groups},
};
use crate::{
    method::Role,
    report::{
        comparison::compare,
        document::{Item, Table, Text, Verdict},
        survey::{Family, Method},
        wording::label,
    },
    table::{Slope, Sweep, evenly, settings},
};

/// With the method's name that makes seven columns.
const VALUES_SHOWN: usize = 6;

/// The tables of one swept family; those without a single number are left out.
pub fn tables(experiment: &str, family: &Family<'_>, sweep: &Sweep) -> Vec<Table> {
    let paper = Paper { experiment, family, sweep };
    let tables = [
        paper.numbers("sweep_error", "relative_frobenius_error"),
        paper.numbers("sweep_output_error", "relative_output_error"),
        paper.times(),
        paper.growth(),
        paper.energy(),
    ];
    tables.into_iter().flatten().collect()
}

struct Paper<'p, 'a> {
    experiment: &'p str,
    family: &'p Family<'a>,
    sweep: &'p Sweep,
}

#[derive(Serialize)]
struct Caption<'a> {
    family: &'a str,
    precision: &'a str,
    parameter: &'a str,
    /// The ranks of the methods that have one to choose.
    ranks: Vec<u64>,
    /// Slopes hold from here to the largest value.
    fitted_from: f64,
    fitted_to: f64,
    /// Values asked for, and those at which a method of low rank had its rank.
    sizes: usize,
    had_rank: usize,
    /// Most rows on which errors were measured, where they were sampled.
    sampled_rows: Option<u64>,
}

impl Paper<'_, '_> {
    fn table(&self, topic: &str, header: Vec<Item>, rows: Vec<Vec<Item>>) -> Option<Table> {
        let family = self.family;
        let fitted = fitted(self.sweep);
        let sampled = |cell: &&&crate::table::CellRow| cell.output_error_low.is_some();
        let cells = || family.methods.iter().flat_map(|method| &method.cells);
        // Of a size that has no method's rank there is no matrix, but there are skipped cells.
        let asked: BTreeSet<&str> = cells()
            .flat_map(|cell| settings(&cell.problem_variant))
            .filter(|(name, _)| *name == self.sweep.parameter)
            .map(|(_, value)| value)
            .collect();
        let low_rank = |method: &&Method<'_>| method.cells.first().is_some_and(|cell| cell.role == Some(Role::LowRank));
        let had: BTreeSet<u64> = family
            .methods
            .iter()
            .filter(low_rank)
            .flat_map(|method| family.swept(method, self.sweep, "rank"))
            .map(|(value, _)| value.to_bits())
            .collect();
        let caption = Caption {
            sizes: asked.len(),
            had_rank: had.len(),
            family: &family.name,
            precision: family.precision,
            parameter: &self.sweep.parameter,
            ranks: chosen_ranks(family),
            fitted_from: fitted.first().copied().unwrap_or(0.0),
            fitted_to: fitted.last().copied().unwrap_or(0.0),
            sampled_rows: cells().filter(sampled).filter_map(|cell| cell.measured_rows).max(),
        };
        (!rows.is_empty()).then(|| Table {
            label: label(topic, self.experiment, &family.name, family.precision),
            caption: Text::new(format!("caption.{topic}"), caption),
            header,
            rows,
        })
    }

    /// The values that get a column.
    fn shown(&self) -> Vec<f64> {
        evenly(&self.sweep.values(), VALUES_SHOWN)
    }

    fn header(&self) -> Vec<Item> {
        #[derive(Serialize)]
        struct Column<'a> {
            parameter: &'a str,
            value: f64,
        }
        let column = |value: f64| Text::new("column.swept", Column { parameter: &self.sweep.parameter, value });
        let columns = self.shown().into_iter().map(|value| Item::Text(column(value)));
        std::iter::once(Item::Word("column.method")).chain(columns).collect()
    }

    /// Medians of one quantity: a line for each method.
    fn numbers(&self, topic: &str, quantity: &str) -> Option<Table> {
        let line = |method: &Method<'_>| {
            // Its rows are P's own, by construction: only its output can be off.
            if method.kind == "exact_attention" && quantity == "relative_frobenius_error" {
                return None;
            }
            let medians = self.family.swept(method, self.sweep, quantity);
            let at = |value: f64| medians.iter().find(|(known, _)| *known == value).map(|(_, median)| *median);
            let numbers: Vec<Option<f64>> = self.shown().into_iter().map(at).collect();
            numbers.iter().any(Option::is_some).then(|| {
                let items = numbers.into_iter().map(|number| Item::Number(number, 3));
                std::iter::once(Item::Method(method.name())).chain(items).collect()
            })
        };
        self.table(topic, self.header(), self.family.methods.iter().filter_map(line).collect())
    }

    /// Time from Q, K, V to the output, marked against exact attention wherever the intervals can tell.
    fn times(&self) -> Option<Table> {
        let exact = self.family.first_of_kind("exact_attention");
        let line = |method: &Method<'_>| {
            let is_exact = method.kind == "exact_attention";
            let item = |value: f64| {
                let time = self.family.swept_row(method, self.sweep, value, "output_seconds");
                let other = exact.and_then(|exact| self.family.swept_row(exact, self.sweep, value, "output_seconds"));
                let verdict = time.zip(other).filter(|_| !is_exact).map(|(time, other)| compare(time, other));
                Item::Seconds(time.map(|time| time.median), verdict.unwrap_or(Verdict::Unknown))
            };
            let items: Vec<Item> = self.shown().into_iter().map(item).collect();
            items
                .iter()
                .any(|item| matches!(item, Item::Seconds(Some(_), _)))
                .then(|| std::iter::once(Item::Method(method.name())).chain(items).collect())
        };
        self.table("sweep_time", self.header(), self.family.methods.iter().filter_map(line).collect())
    }

    /// Slopes of time and memory, and from where on a method is faster than exact attention.
    fn growth(&self) -> Option<Table> {
        if self.sweep.parameter != "length" {
            return None;
        }
        let line = |method: &Method<'_>| {
            let growth = Growth::of(self.family, method, self.sweep);
            let time = growth.time?;
            Some(vec![
                Item::Method(method.name()),
                slope_item(Some(time)),
                slope_item(growth.memory),
                Item::Bytes(growth.last_bytes),
                growth.crossover.map_or(Item::Absent, |length| Item::Count(Some(length as u64))),
                interval_item(growth.last_error, growth.last_interval),
            ])
        };
        let words = [
            "column.method",
            "column.time_slope",
            "column.memory_slope",
            "column.last_bytes",
            "column.crossover",
            "column.last_error",
        ];
        let rows = self.family.methods.iter().filter_map(line).collect();
        self.table("growth", words.map(Item::Word).to_vec(), rows)
    }

    /// Ranks that keep 90, 99 and 99.9 % of the energy; of a model with layers, a line for each layer and share.
    fn energy(&self) -> Option<Table> {
        let mut header = self.header();
        header[0] = Item::Word("column.energy_of");
        header.push(Item::Word("column.slope"));
        let mut rows = Vec::new();
        for group in groups(self.family, self.sweep) {
            for share in Share::ALL {
                let medians = group.ranks(self.sweep, share);
                if medians.is_empty() {
                    continue;
                }
                let mut row =
                    vec![Item::Text(Text::new("cell.energy", EnergyOf { group: &group.name, share: share.share() }))];
                for value in self.shown() {
                    let rank = medians.iter().find(|(known, _)| *known == value).map(|(_, rank)| *rank);
                    row.push(rank_item(rank));
                }
                row.push(slope_item(group.slope(self.sweep, share)));
                rows.push(row);
            }
        }
        self.table("sweep_energy", header, rows)
    }
}

#[derive(Serialize)]
struct EnergyOf<'a> {
    group: &'a str,
    share: f64,
}

fn slope_item(slope: Option<Slope>) -> Item {
    interval_item(slope.map(|slope| slope.value), slope.and_then(|slope| slope.interval))
}

fn interval_item(value: Option<f64>, interval: Option<(f64, f64)>) -> Item {
    let (low, high) = (interval.map(|(low, _)| low), interval.map(|(_, high)| high));
    if value.is_none() { Item::Absent } else { Item::Text(Text::new("cell.interval", Interval { value, low, high })) }
}

/// A median of whole numbers, which may lie half-way between two.
fn rank_item(rank: Option<f64>) -> Item {
    match rank {
        Some(rank) if rank.fract() == 0.0 => Item::Count(Some(rank as u64)),
        Some(rank) => Item::Number(Some(rank), if rank < 100.0 { 3 } else { 4 }),
        None => Item::Absent,
    }
}
