//! What the claims of a spec come to, from the CSV files its statements point at.

use std::collections::BTreeMap;

use factoreo::table::{mean_log_log_slope, without_parameter};

use super::{
    csv::{Row, median},
    facts::{Fact, Facts, Tables, of_variant, swept},
    prose::What,
    studies::{Drawn, drawn},
};

/// One number a claim may select: what it is of, and its interval.
struct Entry {
    of: String,
    variant: String,
    precision: String,
    by: [String; 2],
    at: Option<f64>,
    quantity: String,
    value: f64,
    ends: (f64, f64),
}

fn entries(tables: &Tables, claim: &toml::Table) -> Vec<Entry> {
    if claim.contains_key("study") {
        return drawn(tables).into_iter().map(of_study).collect();
    }
    let text = |row: &Row<'_>, column: &str| row.text(column).to_owned();
    let mut entries: Vec<Entry> = Vec::new();
    let rows: Vec<Row<'_>> = tables.summary.rows().collect();
    let find_end = |row: &Row<'_>, name: &str| {
        let same = |other: &&Row<'_>| {
            ["problem", "problem_variant", "matrices", "precision", "method", "method_variant", "target_rank"]
                .iter()
                .all(|column| other.text(column) == row.text(column))
        };
        rows.iter().filter(|other| other.text("quantity") == name).find(same).copied()
    };
    for row in &rows {
        let quantity = row.text("quantity");
        let wanted = ["quantity", "over_quantity", "provided"].iter().any(|key| {
            let name = claim.get(*key).and_then(toml::Value::as_str);
            name == Some(quantity) || name == Some("total_flops") && matches!(quantity, "factor_flops" | "apply_flops")
        });
        // A pooled row is told beside the matrices it is of, and is no entry of its own.
        if !wanted || row.number("matrices").is_some_and(|matrices| matrices > 1.0) {
            continue;
        }
        let Some(value) = row.number("median") else { continue };
        let range = |row: &Row<'_>| {
            row.number("ci_low").zip(row.number("ci_high")).or(row.number("min").zip(row.number("max")))
        };
        let mut ends = range(row).unwrap_or((value, value));
        // An error on sampled rows is as sure as they are.
        let sampled = match quantity {
            "relative_output_error" => ["output_error_low", "output_error_high"],
            "relative_frobenius_error" => ["frobenius_error_low", "frobenius_error_high"],
            _ => ["", ""],
        };
        for end in sampled.iter().filter(|name| !name.is_empty()).filter_map(|name| find_end(row, name)) {
            let (low, high) = range(&end).unwrap_or(ends);
            ends = (ends.0.min(low), ends.1.max(high));
        }
        entries.push(Entry {
            of: text(row, "problem"),
            variant: text(row, "problem_variant"),
            precision: text(row, "precision"),
            by: [text(row, "method"), text(row, "method_variant")],
            at: row.number("target_rank"),
            quantity: quantity.to_owned(),
            value,
            ends,
        });
    }
    let mut totals = Vec::new();
    for factor in entries.iter().filter(|entry| entry.quantity == "factor_flops") {
        let apply = entries.iter().find(|entry| entry.quantity == "apply_flops" && is_same_row(entry, factor));
        totals.extend(apply.map(|apply| Entry {
            of: factor.of.clone(),
            variant: factor.variant.clone(),
            precision: factor.precision.clone(),
            by: factor.by.clone(),
            at: factor.at,
            quantity: "total_flops".to_owned(),
            value: factor.value + apply.value,
            ends: (factor.ends.0 + apply.ends.0, factor.ends.1 + apply.ends.1),
        }));
    }
    entries.extend(totals);
    for row in tables.matrices.rows() {
        let Some((m, n)) = row.number("rows").zip(row.number("columns")) else { continue };
        for name in ["rank_energy_90", "rank_energy_99", "rank_energy_999"] {
            let Some(rank) = row.number(name) else { continue };
            for (quantity, value) in
                [(name.to_owned(), rank), (format!("{name}_over_break_even"), rank * (m + n) / (m * n))]
            {
                entries.push(Entry {
                    of: text(&row, "problem"),
                    variant: text(&row, "problem_variant"),
                    precision: text(&row, "precision"),
                    by: [String::new(), String::new()],
                    at: None,
                    quantity,
                    value,
                    ends: (value, value),
                });
            }
        }
    }
    entries
}

fn is_same_row(a: &Entry, b: &Entry) -> bool {
    (&a.of, &a.variant, &a.precision, &a.by, a.at) == (&b.of, &b.variant, &b.precision, &b.by, b.at)
}

fn of_study(drawn: Drawn) -> Entry {
    let value = median(drawn.values.clone()).unwrap_or(f64::NAN);
    let range = drawn.values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
    Entry {
        of: drawn.study,
        variant: drawn.variant,
        precision: String::new(),
        by: [drawn.series, String::new()],
        at: drawn.x,
        quantity: drawn.quantity,
        value,
        ends: super::csv::median_ends(drawn.values).unwrap_or(range),
    }
}

/// A number of a claim, divided if it divides.
struct Found<'a> {
    entry: &'a Entry,
    along: Option<f64>,
    value: f64,
    ends: (f64, f64),
}

fn found<'a>(claim: &toml::Table, entries: &'a [Entry]) -> Vec<Found<'a>> {
    let text = |key: &str| claim.get(key).and_then(toml::Value::as_str);
    let number =
        |key: &str| claim.get(key).and_then(|value| value.as_float().or(value.as_integer().map(|whole| whole as f64)));
    let (of, by) = if claim.contains_key("study") { ("study", "series") } else { ("problem", "method") };
    let variant = format!("{of}_variant");
    let is = |key: &str, found: &str| text(key).is_none_or(|wanted| wanted == found);
    let at = number("target_rank").or(number("x"));
    let over_at = number("over_target_rank").or(number("over_x"));
    let over_by = text("over_method").or(text("over_series"));
    let divides = claim.keys().any(|key| key.starts_with("over_"));
    let along = |entry: &Entry| match text("along") {
        Some("target_rank" | "x") => entry.at,
        Some(parameter) => swept(&entry.variant, parameter),
        None => None,
    };
    let selected = entries.iter().filter(|entry| {
        text("quantity") == Some(&entry.quantity)
            && is(of, &entry.of)
            && is(&variant, &entry.variant)
            && is("precision", &entry.precision)
            && is(by, &entry.by[0])
            && is("method_variant", &entry.by[1])
            && at.is_none_or(|at| entry.at == Some(at))
            && over_by != Some(&entry.by[0])
    });
    selected
        .filter_map(|entry| {
            let (mut value, mut ends) = (entry.value, entry.ends);
            if divides {
                let quantity = text("over_quantity").unwrap_or(&entry.quantity);
                let same = |other: &&Entry| {
                    (&other.of, &other.variant, &other.precision) == (&entry.of, &entry.variant, &entry.precision)
                        && other.quantity == quantity
                        && over_by.map_or(other.by == entry.by, |by| other.by[0] == by)
                };
                let candidates: Vec<&Entry> = entries.iter().filter(same).collect();
                let here = over_at.or(entry.at);
                let exact = candidates.iter().find(|other| other.at == here).copied();
                let over = exact.or_else(|| (over_at.is_none() && candidates.len() == 1).then(|| candidates[0]))?;
                (value, ends) = (value / over.value, (ends.0 / over.ends.1, ends.1 / over.ends.0));
            }
            Some(Found { entry, along: along(entry), value, ends })
        })
        .collect()
}

/// The facts of every claim of a spec, as `claim:LABEL`.
pub fn of_claims(tables: &Tables, spec: &toml::Table) -> Facts {
    let mut facts = Facts::new();
    for (label, claim) in spec.get("claim").and_then(toml::Value::as_table).into_iter().flatten() {
        let Some(claim) = claim.as_table() else { continue };
        let entries = entries(tables, claim);
        let found = found(claim, &entries);
        let number = |key: &str| {
            claim.get(key).and_then(|value| value.as_float().or(value.as_integer().map(|whole| whole as f64)))
        };
        let own = facts.entry(format!("claim:{label}")).or_default();
        for key in ["target_rank", "over_target_rank", "x", "over_x"] {
            own.extend(number(key).map(|rank| Fact::of(rank, What::Rank)));
        }
        for key in ["below", "above", "provided_below", "provided_above"] {
            own.extend(number(key).into_iter().flat_map(|threshold| [threshold.abs(), threshold]).flat_map(
                |threshold| [What::Any, What::Share, What::Threshold].map(|what| Fact::part(threshold, what)),
            ));
        }
        for (name, share) in [("rank_energy_90", 0.9), ("rank_energy_999", 0.999), ("rank_energy_99", 0.99)] {
            if claim.get("quantity").and_then(toml::Value::as_str).is_some_and(|quantity| quantity.starts_with(name)) {
                own.push(Fact::part(share, What::Share));
            }
        }
        let side = |ends: (f64, f64), below: &str, above: &str| match (number(below), number(above)) {
            (Some(below), _) => ends.1 < below,
            (_, Some(above)) => ends.0 > above,
            _ => true,
        };
        let provided = claim.get("provided").and_then(toml::Value::as_str);
        let beside = |entry: &Entry| {
            let name = provided?;
            entries.iter().find(|other| other.quantity == name && is_same_row(other, entry))
        };
        let proviso = |entry: &Entry| {
            provided.is_none() || beside(entry).is_some_and(|it| side(it.ends, "provided_below", "provided_above"))
        };
        let mut provisos: Vec<f64> = found.iter().filter_map(|it| Some(beside(it.entry)?.value)).collect();
        provisos.sort_by(f64::total_cmp);
        let ends = [provisos.first(), provisos.last()].into_iter().flatten();
        own.extend(ends.map(|end| Fact::of(*end, What::Any)));
        let mut holds: Vec<bool> = Vec::new();
        let mut places: Vec<(f64, (f64, f64))> = found.iter().map(|it| (it.value, it.ends)).collect();
        for it in &found {
            own.extend(of_variant(&it.entry.variant).chain(of_variant(&it.entry.by[1])));
            own.extend(it.entry.at.map(|at| Fact::of(at, What::Rank)));
            own.extend(
                it.along
                    .into_iter()
                    .flat_map(|at| [What::Any, What::Tokens, What::Rank].map(|what| Fact::of(at, what))),
            );
            holds.push(side(it.ends, "below", "above") && proviso(it.entry));
        }
        if claim.get("exponent").and_then(toml::Value::as_bool) == Some(true) {
            let along = claim.get("along").and_then(toml::Value::as_str).unwrap_or_default();
            places = exponents(&found, along);
            holds = places.iter().map(|it| side(it.1, "below", "above")).collect();
        }
        own.extend(places.iter().map(|(value, ends)| Fact { ends: Some(*ends), ..Fact::of(*value, What::Any) }));
        let holding = holds.iter().filter(|holds| **holds).count();
        for count in [places.len(), holding] {
            own.extend([What::Places, What::Any].map(|what| Fact::of(count as f64, what)));
        }
    }
    facts
}

/// Places and what was found there.
type Curve = Vec<(f64, f64)>;

/// One exponent for each method, over the five largest places: of each matrix by itself, in the mean.
fn exponents(found: &[Found<'_>], along: &str) -> Vec<(f64, (f64, f64))> {
    let mut curves: BTreeMap<&[String; 2], BTreeMap<String, Curve>> = BTreeMap::new();
    for it in found {
        let matrix = format!("{} {}", it.entry.of, without_parameter(&it.entry.variant, along));
        let curve = curves.entry(&it.entry.by).or_default().entry(matrix).or_default();
        curve.extend(it.along.map(|at| (at, it.value)));
    }
    let fit = |curves: BTreeMap<String, Curve>| {
        let mut places: Vec<f64> = curves.values().flatten().map(|(at, _)| *at).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let from = *places.get(places.len().saturating_sub(5))?;
        let end = |points: Vec<(f64, f64)>| points.into_iter().filter(|(at, _)| *at >= from).collect();
        let slope = mean_log_log_slope(curves.into_values().map(end))?;
        Some((slope.value, slope.interval?))
    };
    curves.into_values().filter_map(fit).collect()
}
