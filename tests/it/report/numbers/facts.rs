//! What the tables of an experiment say, worked out from its CSV files alone: the numbers a sentence about it may print.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    csv::{Csv, Row, median, median_ends},
    prose::{Number, Unit, What},
    sweeps::of_sweep,
};

/// A number, its interval, and where it holds.
#[derive(Debug, Clone)]
pub struct Fact {
    pub value: f64,
    pub ends: Option<(f64, f64)>,
    pub unit: Unit,
    pub what: What,
    /// The rank, length or temperature it is of: the sentence has to name it.
    pub place: Option<f64>,
}

impl Fact {
    /// How many, or how many times.
    pub fn of(value: f64, what: What) -> Self {
        Self { value, ends: None, unit: Unit::Times, what, place: None }
    }

    /// An error or a share.
    pub fn part(value: f64, what: What) -> Self {
        Self { unit: Unit::Plain, ..Self::of(value, what) }
    }

    /// Whether `number`, in a sentence with these values, says this.
    pub fn is_said_by(&self, number: &Number, values: &[f64]) -> bool {
        let printed = &number.printed;
        let same_ends = match (number.ends, self.ends) {
            (None, _) => true,
            (Some([low, high]), Some((least, most))) => low.is(least) && high.is(most),
            (Some(_), None) => false,
        };
        let same_unit = match printed.unit {
            Unit::Percent => self.unit == Unit::Plain,
            Unit::Plain => matches!(self.unit, Unit::Plain | Unit::Times),
            unit => unit == self.unit,
        };
        same_unit
            && (number.what == What::Any || number.what == self.what)
            && printed.is(self.value)
            && same_ends
            && self.place.is_none_or(|place| values.contains(&place))
    }
}

/// By the label of a problem, study or claim; those of the whole experiment by the empty one.
pub type Facts = BTreeMap<String, Vec<Fact>>;

pub struct Tables {
    pub runs: Csv,
    pub matrices: Csv,
    pub summary: Csv,
    pub measurements: Csv,
    pub samples: Csv,
}

impl Tables {
    pub fn read(folder: &Path) -> Self {
        let read = |name: &str| Csv::of_table(folder, name);
        Self {
            runs: read("runs"),
            matrices: read("matrices"),
            summary: read("summary"),
            measurements: read("measurements"),
            samples: read("samples"),
        }
    }
}

/// The labels of one column, each once.
pub fn labels(csv: &Csv, column: &str) -> Vec<String> {
    let mut labels: Vec<String> = csv.rows().map(|row| row.text(column).to_owned()).collect();
    labels.sort();
    labels.dedup();
    labels
}

pub fn unit_of(quantity: &str) -> Unit {
    match quantity {
        _ if quantity.ends_with("seconds") => Unit::Seconds,
        _ if quantity.ends_with("bytes") => Unit::Bytes,
        _ if quantity.ends_with("flops") => Unit::Flops,
        "suboptimality" | "row_sum_deviation" => Unit::Times,
        _ => Unit::Plain,
    }
}

/// Median, least and greatest.
fn range(values: &[f64], what: What) -> Vec<Fact> {
    let ends = [values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max)];
    ends.into_iter().chain([median(values.to_vec())]).flatten().map(|value| Fact::of(value, what)).collect()
}

/// `length=512, head=layer0.head3` → 512.
pub fn swept(variant: &str, parameter: &str) -> Option<f64> {
    variant.split(", ").find_map(|part| part.strip_prefix(parameter)?.strip_prefix('=')?.parse().ok())
}

/// The numbers in variants: `power_iterations=2`.
pub fn of_variant(variant: &str) -> impl Iterator<Item = Fact> {
    let heads = variant.split(", ").filter_map(|part| part.strip_prefix("head="));
    let of_head = heads.flat_map(|head| head.split(|letter: char| !letter.is_ascii_digit()));
    let of_head = of_head.filter_map(|number| Some(Fact::of(number.parse().ok()?, What::Head)));
    let numbers = variant.split(", ").filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        let what = match name {
            "length" | "samples" | "batch" => What::Tokens,
            "power_iterations" => What::Iterations,
            "correction_rank" => What::Rank,
            // `int3_plus_pair`: of 3 bits.
            "format" => return digits(value).map(|bits| Fact::of(bits, What::Any)),
            _ => What::Any,
        };
        Some(Fact::of(value.parse().ok()?, what))
    });
    of_head.chain(numbers)
}

/// The number in a word.
fn digits(word: &str) -> Option<f64> {
    word.split(|letter: char| !letter.is_ascii_digit()).find(|digits| !digits.is_empty())?.parse().ok()
}

/// Everything about one problem in one precision; of a part of it, about these variants and the rows over them.
pub fn of_problem(tables: &Tables, name: &str, variants: Option<&BTreeSet<String>>, precision: &str) -> Vec<Fact> {
    let (problem, setting) = name
        .strip_suffix(')')
        .and_then(|name| name.split_once(" ("))
        .filter(|_| variants.is_some())
        .unwrap_or((name, ""));
    let own = |row: &Row<'_>| {
        let variant = row.text("problem_variant");
        row.text("problem") == problem
            && row.text("precision") == precision
            && variants.is_none_or(|variants| variants.contains(variant) || variant == setting)
    };
    let runs: Vec<Row<'_>> = tables.runs.rows().filter(own).collect();
    let summary: Vec<Row<'_>> = tables.summary.rows().filter(own).collect();
    let matrices: Vec<Row<'_>> = tables.matrices.rows().filter(own).collect();
    let mut facts = of_matrices(tables, &matrices);
    for row in &matrices {
        facts.extend(of_variant(row.text("problem_variant")));
    }
    let size =
        median(matrices.iter().filter_map(|row| Some(row.number("rows")?.min(row.number("columns")?))).collect());
    let mut ranks: Vec<f64> = runs.iter().filter_map(|row| row.number("target_rank")).collect();
    ranks.sort_by(f64::total_cmp);
    ranks.dedup();
    for &rank in &ranks {
        facts.push(Fact::of(rank, What::Rank));
        facts.extend(size.map(|size| Fact { place: Some(rank), ..Fact::part(rank / size, What::Share) }));
        let mut optimum: BTreeMap<&str, f64> = BTreeMap::new();
        for row in runs.iter().filter(|row| row.number("target_rank") == Some(rank)) {
            optimum.extend(row.number("optimal_frobenius_error").map(|error| (row.text("problem_variant"), error)));
        }
        // Of each matrix, and in the median.
        let optima = optimum.values().copied().chain(median(optimum.values().copied().collect()));
        facts.extend(optima.map(|error| Fact { place: Some(rank), ..Fact::part(error, What::Any) }));
    }
    let mut low_rank: Vec<[&str; 2]> = runs
        .iter()
        .filter(|row| row.text("status") == "completed" && row.text("role") == "low_rank")
        .filter(|row| row.text("method_kind") != "truncated_svd")
        .map(|row| [row.text("method"), row.text("method_variant")])
        .collect();
    low_rank.sort_unstable();
    low_rank.dedup();
    facts.push(Fact::of(low_rank.len() as f64, What::Methods));
    facts.extend(of_methods(&runs));
    facts.extend(of_summary(&summary));
    for parameter in ["length", "temperature"] {
        facts.extend(of_sweep(&summary, &matrices, parameter));
    }
    facts.extend(at_half(&runs, &matrices));
    facts
}

/// Ranks, sizes and shares of the matrices, each once however many batches it was run with.
fn of_matrices(tables: &Tables, all: &[Row<'_>]) -> Vec<Fact> {
    let mut seen = Vec::new();
    let mut matrices: Vec<&Row<'_>> = Vec::new();
    for row in all {
        let key = match row.text("problem_kind") {
            "weight" => row.parameter("problem_parameters", "tensor").unwrap_or_default(),
            _ => row.text("problem_variant").to_owned(),
        };
        if !seen.contains(&key) {
            seen.push(key);
            matrices.push(row);
        }
    }
    let mut facts = vec![Fact::of(matrices.len() as f64, What::Matrices), Fact::of(all.len() as f64, What::Matrices)];
    let column = |name: &str| -> Vec<f64> { matrices.iter().filter_map(|row| row.number(name)).collect() };
    let (rows, columns) = (column("rows"), column("columns"));
    let sizes: Vec<f64> = rows.iter().zip(&columns).map(|(&m, &n)| m.min(n)).collect();
    let even: Vec<f64> = rows.iter().zip(&columns).map(|(m, n)| m * n / (m + n)).collect();
    for values in [&rows, &columns, &sizes, &column("numerical_rank")] {
        facts.extend(range(values, What::Any));
    }
    for &rank in &even {
        facts.extend([rank, rank.floor(), (rank.floor() / 2.0).floor()].map(|rank| Fact::of(rank, What::Rank)));
    }
    facts.extend(range(&even, What::Rank));
    facts.extend(range(&column("numerical_rank"), What::Rank));
    let full = column("numerical_rank").iter().zip(&sizes).filter(|(rank, size)| rank == size).count();
    facts.push(Fact::of(full as f64, What::Any));
    for name in ["rank_energy_90", "rank_energy_99", "rank_energy_999"] {
        let ranks = column(name);
        facts.extend(range(&ranks, What::Rank));
        let share = median(ranks.iter().zip(&sizes).map(|(rank, size)| rank / size).collect());
        facts.extend(share.map(|share| Fact::part(share, What::Share)));
        let below = ranks.iter().zip(&even).filter(|(rank, even)| rank < even).count();
        facts.push(Fact::of(below as f64, What::Any));
        // Beside the Gaussian matrix of the same shape.
        let beside: Vec<f64> = matrices
            .iter()
            .filter_map(|row| {
                let sides = |row: &Row<'_>| {
                    Some((
                        row.number("rows")?.min(row.number("columns")?),
                        row.number("rows")?.max(row.number("columns")?),
                    ))
                };
                let alike = |other: &Row<'_>| other.text("problem_kind") == "gaussian" && sides(other) == sides(row);
                Some(row.number(name)? / tables.matrices.rows().find(alike)?.number(name)?)
            })
            .collect();
        facts.push(Fact::of(beside.iter().filter(|ratio| **ratio < 1.0).count() as f64, What::Any));
        facts.extend(median(beside).map(|ratio| Fact::part(ratio, What::Share)));
    }
    facts
}

/// Over all ranks, matrices and draws of each method.
fn of_methods(runs: &[Row<'_>]) -> Vec<Fact> {
    let mut by_method: BTreeMap<[&str; 2], Vec<&Row<'_>>> = BTreeMap::new();
    for row in runs {
        by_method.entry([row.text("method"), row.text("method_variant")]).or_default().push(row);
    }
    let mut facts = Vec::new();
    for ([_, variant], rows) in by_method {
        facts.extend(of_variant(variant));
        let parameters: Option<serde_json::Value> =
            rows.first().and_then(|row| serde_json::from_str(row.text("method_parameters")).ok());
        let powers = parameters.and_then(|parameters| parameters.get("power_iterations")?.as_f64());
        facts.extend(
            powers.into_iter().flat_map(|powers| [What::Iterations, What::Any].map(|what| Fact::of(powers, what))),
        );
        let completed = || rows.iter().filter(|row| row.text("status") == "completed");
        let errors: Vec<f64> = completed().filter_map(|row| row.number("relative_frobenius_error")).collect();
        facts.extend([What::Cells, What::Any].map(|what| Fact::of(errors.len() as f64, what)));
        facts.push(Fact::of(errors.iter().filter(|error| **error > 1.0).count() as f64, What::Any));
        let over: Vec<f64> = completed().filter_map(|row| row.number("suboptimality")).collect();
        facts.extend(over.iter().copied().reduce(f64::max).map(|worst| Fact::of(worst, What::Any)));
        facts.extend(median(over).map(|middle| Fact::of(middle, What::Any)));
    }
    facts
}

/// Medians over the family, and what one time is of another.
fn of_summary(summary: &[Row<'_>]) -> Vec<Fact> {
    const QUANTITIES: [&str; 5] =
        ["relative_frobenius_error", "suboptimality", "relative_output_error", "row_sum_deviation", "total_seconds"];
    let variants = labels_of(summary, "problem_variant");
    // Over several matrices, else that of the only one.
    let pooled = summary.iter().find(|row| row.number("matrices").is_some_and(|matrices| matrices > 1.0));
    let whole = pooled.map_or_else(|| variants.first().copied().unwrap_or_default(), |row| row.text("problem_variant"));
    let fact = |row: &Row<'_>| {
        Some(Fact {
            value: row.number("median")?,
            ends: row.number("ci_low").zip(row.number("ci_high")),
            unit: unit_of(row.text("quantity")),
            what: What::Any,
            place: row.number("target_rank"),
        })
    };
    let of_family = || summary.iter().filter(|row| row.text("problem_variant") == whole);
    let mut facts: Vec<Fact> =
        of_family().filter(|row| QUANTITIES.contains(&row.text("quantity"))).filter_map(fact).collect();
    let times: Vec<Fact> = of_family().filter(|row| row.text("quantity") == "total_seconds").filter_map(fact).collect();
    for variant in variants {
        let own = summary
            .iter()
            .filter(|row| row.text("problem_variant") == variant && row.text("quantity") == "apply_seconds");
        let (dense, pairs): (Vec<_>, Vec<_>) = own.partition(|row| row.text("method_kind") == "dense");
        let pairs: Vec<Fact> = pairs.into_iter().filter_map(fact).collect();
        facts.extend(dense.into_iter().filter_map(fact).flat_map(|dense| quotients(&dense, &pairs)));
    }
    let ratios: Vec<Fact> = times.iter().flat_map(|time| quotients(time, &times)).collect();
    facts.extend(ratios);
    facts
}

fn quotients(over: &Fact, unders: &[Fact]) -> Vec<Fact> {
    let quotient = |under: &Fact| {
        let ends = over.ends.zip(under.ends).map(|(over, under)| (over.0 / under.1, over.1 / under.0));
        Fact { ends, place: under.place, ..Fact::of(over.value / under.value, What::Any) }
    };
    unders.iter().map(quotient).collect()
}

fn labels_of<'a>(rows: &[Row<'a>], column: &str) -> Vec<&'a str> {
    let mut labels: Vec<&str> = rows.iter().map(|row| row.text(column)).collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// Medians over the matrices of the output errors at half their break-even ranks.
fn at_half(runs: &[Row<'_>], matrices: &[Row<'_>]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for kind in ["truncated_svd", "svd_llm", "asvd"] {
        let mut errors = Vec::new();
        for matrix in matrices.iter().filter(|row| row.text("problem_kind") == "weight") {
            let (Some(m), Some(n)) = (matrix.number("rows"), matrix.number("columns")) else { continue };
            let half = ((m * n / (m + n)).floor() / 2.0).floor();
            let variant = matrix.text("problem_variant");
            let own = runs.iter().filter(|row| {
                row.text("method_kind") == kind
                    && row.text("problem_variant") == variant
                    && row.number("target_rank") == Some(half)
            });
            errors.extend(median(own.filter_map(|row| row.number("relative_output_error")).collect()));
        }
        facts.push(Fact::of(errors.len() as f64, What::Matrices));
        facts.extend(median(errors).map(|error| Fact::part(error, What::Any)));
    }
    facts
}

/// Median and its interval.
pub fn with_interval(values: Vec<f64>) -> Option<Fact> {
    Some(Fact { ends: median_ends(values.clone()), ..Fact::of(median(values)?, What::Any) })
}
