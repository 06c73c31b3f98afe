//! What each swept parameter does: told at every value of the others, so that nothing swept is pooled.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    document::{Item, MethodName, Table, Text},
    survey::spread_of,
    wording::label,
};
use crate::{
    problem::ProblemSpec,
    table::{Lattice, LatticePoint, MethodKey, Results, VariantRow, evenly},
};

const ERROR: &str = "relative_frobenius_error";

/// Ranks of the table of settings.
const RANKS_SHOWN: usize = 4;

/// Settings of a table; of more, evenly many from the least possible error to the greatest.
const SETTINGS_SHOWN: usize = 24;

/// Values of a parameter that a sentence goes through.
const VALUES_TOLD: usize = 5;

/// Names of settings that a sentence lists.
const NAMED: usize = 3;

/// What a number or a word does to the error at the reference rank.
#[derive(Serialize)]
struct Effect<'a> {
    family: &'a str,
    precision: &'a str,
    parameter: &'a str,
    rank: &'a str,
    /// Settings of the other parameters, along each of which it was swept.
    lines: usize,
    others: bool,
    /// Of a number: which way the least possible error goes from its least value to its greatest.
    way: Option<Way>,
    values: Vec<OfValue>,
    /// Of more values, those of the table are told.
    left_out: usize,
    /// Methods compared: those of low rank, the truncated SVD apart.
    methods: usize,
    /// The best of them is the same at all values.
    one_is_best: bool,
}

#[derive(Serialize)]
struct Way {
    falls: usize,
    rises: usize,
    /// Where it rises though it mostly falls, or the reverse.
    against: Vec<String>,
    /// Methods whose error falls in every setting, rises in every one, or neither.
    methods_fall: usize,
    methods_rise: usize,
    methods_neither: usize,
}

#[derive(Serialize)]
struct OfValue {
    /// `temperature=0.25`.
    setting: String,
    /// The least possible error over the settings of the others.
    low: f64,
    high: f64,
    best: Option<Best>,
}

#[derive(Serialize)]
struct Best {
    method: MethodName,
    /// In how many settings of the others it has the least error, of how many.
    times: usize,
    of: usize,
    low: f64,
    high: f64,
}

/// A sentence or two for each swept parameter of a family.
pub fn findings(lattice: &Lattice<'_>) -> Vec<Text> {
    let Some(rank) = lattice.reference_rank() else { return Vec::new() };
    let effect = |parameter| Some(Text::new("answer/parameter", effect(lattice, parameter, &rank)?));
    (0..lattice.parameters.len()).filter_map(effect).collect()
}

fn effect<'a>(lattice: &'a Lattice<'_>, parameter: usize, rank: &'a str) -> Option<Effect<'a>> {
    let swept = &lattice.parameters[parameter];
    let lines = lattice.lines(parameter);
    if lines.is_empty() {
        return None;
    }
    let rivals: Vec<MethodKey<'_>> =
        lattice.methods().into_iter().filter(|method| method.kind != "truncated_svd").collect();
    let at_value = |value: &String| {
        let points: Vec<&LatticePoint<'_>> =
            lattice.points.iter().filter(|point| point.values[parameter] == *value).collect();
        let (low, high) = spread_of(points.iter().filter_map(|point| point.optimum(rank)))?;
        let setting = format!("{}={value}", swept.name);
        Some(OfValue { setting, low, high, best: best(&points, &rivals, rank) })
    };
    let told = evenly(&swept.values, VALUES_TOLD);
    let values: Vec<OfValue> = told.iter().filter_map(at_value).collect();
    let named = |best: &Option<Best>| best.as_ref().map(|best| best.method.clone());
    let one_is_best = values.windows(2).all(|pair| named(&pair[0].best) == named(&pair[1].best));
    Some(Effect {
        family: lattice.problem,
        precision: lattice.precision,
        parameter: &swept.name,
        rank,
        lines: lines.len(),
        others: lattice.parameters.len() > 1,
        way: swept.numbers().and_then(|_| way(&lines, &rivals, rank)),
        left_out: swept.values.len() - told.len(),
        values,
        methods: rivals.len(),
        one_is_best,
    })
}

/// Whether the last is below the first, or above.
fn falls(ends: (f64, f64)) -> bool {
    ends.1 < ends.0
}

fn way(lines: &[(String, Vec<&LatticePoint<'_>>)], rivals: &[MethodKey<'_>], rank: &str) -> Option<Way> {
    let ends = |points: &[&LatticePoint<'_>], value: &dyn Fn(&LatticePoint<'_>) -> Option<f64>| {
        Some((value(points.first()?)?, value(points.last()?)?))
    };
    let optimum = |point: &LatticePoint<'_>| point.optimum(rank);
    let of_lines: Vec<(&str, bool)> =
        lines.iter().filter_map(|(name, points)| Some((name.as_str(), falls(ends(points, &optimum)?)))).collect();
    let down = of_lines.iter().filter(|(_, falls)| *falls).count();
    let up = of_lines.len() - down;
    let mostly_falls = down >= up;
    let against = of_lines.iter().filter(|(name, falls)| *falls != mostly_falls && !name.is_empty());
    let ways = rivals.iter().filter_map(|method| {
        let error = |point: &LatticePoint<'_>| Some(point.row(*method, rank, ERROR)?.median);
        let ways: Vec<bool> = lines.iter().filter_map(|(_, points)| ends(points, &error).map(falls)).collect();
        (!ways.is_empty()).then(|| (ways.iter().all(|falls| *falls), ways.iter().all(|falls| !*falls)))
    });
    let ways: Vec<(bool, bool)> = ways.collect();
    let (methods_fall, methods_rise) =
        (ways.iter().filter(|(down, _)| *down).count(), ways.iter().filter(|(_, up)| *up).count());
    (!of_lines.is_empty()).then(|| Way {
        falls: down,
        rises: up,
        against: against.take(NAMED).map(|(name, _)| (*name).to_owned()).collect(),
        methods_fall,
        methods_rise,
        methods_neither: ways.len() - methods_fall - methods_rise,
    })
}

/// The method that has the least error at most of the points.
fn best(points: &[&LatticePoint<'_>], methods: &[MethodKey<'_>], rank: &str) -> Option<Best> {
    let mut wins: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    let mut of = 0;
    for point in points {
        let errors = methods.iter().enumerate();
        let errors = errors.filter_map(|(nth, method)| Some((nth, point.row(*method, rank, ERROR)?.median)));
        let Some((nth, error)) = errors.min_by(|(_, a), (_, b)| a.total_cmp(b)) else { continue };
        wins.entry(nth).or_default().push(error);
        of += 1;
    }
    // Of several with as many, the first of the spec.
    let (nth, errors) = wins.into_iter().rev().max_by_key(|(_, errors)| errors.len())?;
    let (low, high) = spread_of(errors.iter().copied())?;
    Some(Best { method: name(methods[nth]), times: errors.len(), of, low, high })
}

fn name(method: MethodKey<'_>) -> MethodName {
    MethodName { kind: method.kind.to_owned(), label: method.label.to_owned(), variant: method.variant.to_owned() }
}

#[derive(Serialize)]
struct Caption<'a> {
    family: &'a str,
    precision: &'a str,
    rank: &'a str,
    experiment: &'a str,
    /// All settings, and those shown.
    settings: usize,
    shown: usize,
}

/// A line for each setting: the least possible error at some ranks, and the method that comes nearest at the reference rank.
pub fn table(experiment: &str, lattice: &Lattice<'_>) -> Option<Table> {
    let ranks = lattice.ranks();
    let reference = lattice.reference_rank()?;
    let shown = evenly(&ranks, RANKS_SHOWN);
    let rivals: Vec<MethodKey<'_>> =
        lattice.methods().into_iter().filter(|method| method.kind != "truncated_svd").collect();
    let row = |point: &LatticePoint<'_>| {
        let about = BTreeMap::from([("variant", point.part.setting.as_str())]);
        let mut row = vec![Item::Text(Text::new("cell.setting", about))];
        row.extend(shown.iter().map(|rank| Item::Number(point.optimum(rank), 3)));
        let best = best(&[point], &rivals, &reference);
        row.push(best.as_ref().map_or(Item::Absent, |best| Item::Method(best.method.clone())));
        row.push(Item::Number(best.map(|best| best.low), 3));
        row
    };
    let shown_settings = shown_settings(lattice, &reference);
    let rank = |rank: &String| Item::Text(Text::new("column.rank_words", BTreeMap::from([("rank", rank.as_str())])));
    let mut header = vec![Item::Word("column.setting")];
    header.extend(shown.iter().map(rank));
    header.extend([Item::Word("column.nearest"), Item::Word("column.its_error")]);
    let (family, precision) = (lattice.problem, lattice.precision);
    Some(Table {
        label: label("settings", experiment, family, precision),
        caption: Text::new(
            "caption.settings",
            Caption {
                family,
                precision,
                rank: &reference,
                experiment,
                settings: lattice.points.len(),
                shown: shown_settings.len(),
            },
        ),
        header,
        rows: shown_settings.iter().map(|point| row(point)).collect(),
    })
}

/// In the order of the spec.
fn shown_settings<'l, 'a>(lattice: &'l Lattice<'a>, rank: &str) -> Vec<&'l LatticePoint<'a>> {
    let count = lattice.points.len();
    if count <= SETTINGS_SHOWN {
        return lattice.points.iter().collect();
    }
    let mut order: Vec<usize> = (0..count).collect();
    let error = |at: &usize| lattice.points[*at].optimum(rank).unwrap_or(f64::INFINITY);
    order.sort_by(|a, b| error(a).total_cmp(&error(b)));
    let mut shown = evenly(&order, SETTINGS_SHOWN);
    shown.sort_unstable();
    shown.into_iter().map(|at| &lattice.points[at]).collect()
}

/// What was swept and is never pooled, what are replicates, and how many draws there were; `None` of an experiment without matrices.
pub fn design(results: &Results, trials: u64) -> Option<Table> {
    if results.cells.is_empty() {
        return None;
    }
    let mut rows: Vec<(&VariantRow, &'static str, Vec<&str>)> = Vec::new();
    for row in results.variants.iter().filter(|row| row.of != "study") {
        let replicates = row.of == "problem" && ProblemSpec::replicates(&row.kind).contains(&row.parameter.as_str());
        let part = if replicates { "cell.replicates" } else { "cell.swept" };
        let same =
            |other: &VariantRow| (&other.of, &other.label, &other.parameter) == (&row.of, &row.label, &row.parameter);
        match rows.iter_mut().find(|(other, ..)| same(other)) {
            Some((.., values)) if !values.contains(&row.value.as_str()) => values.push(&row.value),
            Some(_) => {}
            None => rows.push((row, part, vec![&row.value])),
        }
    }
    let mut ranks: Vec<u64> = results
        .cells
        .iter()
        .filter(|cell| cell.role == Some(crate::method::Role::LowRank))
        .map(|cell| cell.target_rank)
        .collect();
    ranks.sort_unstable();
    ranks.dedup();
    let counted = |values: usize| Item::Count(Some(values as u64));
    let mut table: Vec<Vec<Item>> = rows
        .into_iter()
        .map(|(row, part, values)| {
            let name = |cell: &str, name: &str| Item::Text(Text::new(cell, BTreeMap::from([("name", name)])));
            let of = match &*row.of {
                "method" => {
                    let (kind, label) = (row.kind.clone(), row.label.clone());
                    Item::Method(MethodName { kind, label, variant: String::new() })
                }
                _ => name("cell.family", &row.label),
            };
            vec![of, name("cell.parameter", &row.parameter), counted(values.len()), Item::Word(part)]
        })
        .collect();
    if ranks.len() > 1 {
        table.push(vec![Item::Absent, Item::Word("cell.ranks"), counted(ranks.len()), Item::Word("cell.swept")]);
    }
    table.push(vec![Item::Absent, Item::Word("cell.draws"), Item::Count(Some(trials)), Item::Word("cell.pooled")]);
    Some(Table {
        label: format!("design/{}", results.name),
        caption: Text::plain("caption.design"),
        header: ["column.of", "column.parameter", "column.values", "column.treated"].map(Item::Word).to_vec(),
        rows: table,
    })
}
