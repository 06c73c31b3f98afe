//! Verdicts follow the numbers: change the numbers and the verdict changes; let an interval straddle and nothing is decided.

mod conditions;

use std::path::Path;

use factoreo::{
    claim::{Claim, Clause, Condition, Extent, Threshold, Topic, Verdict, judge},
    spec,
    table::{MeasurementRow, Results, Status, SummaryRow, VariantRow},
};
use serde_json::json;

/// A claim with what every claim needs, and more.
fn claim(more: serde_json::Value) -> Claim {
    let mut claim = json!({ "topic": "speed", "en": "a", "es": "b", "quantity": "output_seconds", "below": 1.0 });
    claim.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let claim: Claim = serde_json::from_value(claim).unwrap();
    claim.check().unwrap();
    claim
}

fn results() -> Results {
    Results {
        name: "e".into(),
        matrices: vec![],
        spectra: vec![],
        cells: vec![],
        samples: vec![],
        measurements: vec![],
        variants: vec![],
        summary: vec![],
        provenance: serde_json::Value::Null,
        spec: String::new(),
    }
}

fn row(method: &str, variant: &str, quantity: &str, (low, median, high): (f64, f64, f64)) -> SummaryRow {
    SummaryRow {
        problem: "p".into(),
        problem_variant: variant.into(),
        matrices: 1,
        precision: "f32".into(),
        method: method.into(),
        method_variant: String::new(),
        method_kind: method.into(),
        role: None,
        target_rank: 8,
        asked_rank: None,
        quantity: quantity.into(),
        unit: "s".into(),
        count: 10,
        median,
        mean: median,
        q25: median,
        q75: median,
        min: low,
        max: high,
        ci_low: Some(low),
        ci_high: Some(high),
        machine: None,
    }
}

/// What a variant is made of, a parameter of it.
fn setting(of: &str, label: &str, variant: &str, parameter: &str, value: &str) -> VariantRow {
    VariantRow {
        of: of.into(),
        label: label.into(),
        variant: variant.into(),
        parameter: parameter.into(),
        kind: "k".into(),
        value: value.into(),
        number: value.parse().ok(),
    }
}

fn told(parameter: &str, extent: Extent) -> Clause {
    Clause { parameter: parameter.into(), extent }
}

fn sure(value: f64) -> (f64, f64, f64) {
    (0.99 * value, value, 1.01 * value)
}

/// The time of `fast` at lengths 1, 2, 4 and 8 over that of `slow`, which is 1 everywhere.
fn ratios(found: [(f64, f64, f64); 4]) -> Verdict {
    let mut results = results();
    for (length, found) in [1, 2, 4, 8].into_iter().zip(found) {
        let variant = format!("length={length}");
        results.summary.push(row("fast", &variant, "output_seconds", found));
        results.summary.push(row("slow", &variant, "output_seconds", (1.0, 1.0, 1.0)));
        results.variants.push(setting("problem", "p", &variant, "length", &length.to_string()));
    }
    judge(&claim(json!({ "method": "fast", "over_method": "slow", "along": "length" })), &results).verdict
}

#[test]
fn a_verdict_is_that_of_the_intervals_and_its_condition_is_searched_for() {
    let (below, above, astride) = (sure(0.5), sure(2.0), (0.9, 0.95, 1.1));
    assert_eq!(ratios([below; 4]), Verdict::Holds);
    assert_eq!(ratios([above; 4]), Verdict::Fails);
    assert_eq!(ratios([astride; 4]), Verdict::Inconclusive);
    assert_eq!(ratios([above, astride, above, above]), Verdict::Inconclusive);
    let along = |extent, holding| {
        Verdict::Conditional(Condition { clauses: vec![told("length", extent)], inside: holding, holding, of: 4 })
    };
    assert_eq!(ratios([above, astride, below, below]), along(Extent::From(4.0), 2));
    assert_eq!(ratios([below, astride, above, above]), along(Extent::UpTo(1.0), 1));
    assert_eq!(ratios([above, below, below, astride]), along(Extent::Between(2.0, 4.0), 2));
    assert_eq!(ratios([below, above, below, below]), along(Extent::Except(vec!["2".into()]), 3));
}

#[test]
fn the_interval_of_a_ratio_has_both_intervals_in_it() {
    let mut results = results();
    results.summary.push(row("fast", "", "output_seconds", (0.8, 0.9, 0.95)));
    results.summary.push(row("slow", "", "output_seconds", (0.94, 1.0, 1.2)));
    let claim = claim(json!({ "method": "fast", "over_method": "slow" }));
    let judgement = judge(&claim, &results);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "0.95 / 0.94 is above 1");
    assert_eq!((judgement.places[0].low, judgement.places[0].high), (0.8 / 1.2, 0.95 / 0.94));
}

#[test]
fn a_proviso_must_hold_too_and_what_was_not_measured_is_said_to_be() {
    let mut results = results();
    results.summary.push(row("fast", "", "output_seconds", sure(0.5)));
    let provided = claim(json!({ "method": "fast", "provided": "relative_output_error", "provided_below": 0.1 }));
    assert_eq!(judge(&provided, &results).verdict, Verdict::Inconclusive, "nobody measured the error");
    results.summary.push(row("fast", "", "relative_output_error", sure(0.05)));
    assert_eq!(judge(&provided, &results).verdict, Verdict::Holds);
    results.summary[1] = row("fast", "", "relative_output_error", sure(0.5));
    assert_eq!(judge(&provided, &results).verdict, Verdict::Fails);
    assert_eq!(judge(&claim(json!({ "method": "other" })), &results).verdict, Verdict::NotMeasured);
}

/// An error that was estimated from a sample of rows is as unsure as its interval, not as its draws.
#[test]
fn the_interval_of_sampled_rows_counts() {
    let mut results = results();
    let claim = claim(json!({ "method": "fast", "quantity": "relative_output_error" }));
    results.summary.push(row("fast", "", "relative_output_error", sure(0.9)));
    assert_eq!(judge(&claim, &results).verdict, Verdict::Holds);
    results.summary.push(row("fast", "", "output_error_high", sure(1.2)));
    assert_eq!(judge(&claim, &results).verdict, Verdict::Inconclusive);
}

#[test]
fn exponents_are_fitted_with_their_interval() {
    let grows = |power: f64| {
        let mut results = results();
        for length in [256, 512, 1024, 2048, 4096, 8192] {
            let time = f64::from(length).powf(power);
            let variant = format!("length={length}");
            results.summary.push(row("fast", &variant, "output_seconds", sure(time)));
            results.variants.push(setting("problem", "p", &variant, "length", &length.to_string()));
        }
        judge(&claim(json!({ "method": "fast", "along": "length", "exponent": true, "below": 1.5 })), &results)
    };
    assert_eq!(grows(1.0).verdict, Verdict::Holds);
    assert_eq!(grows(2.0).verdict, Verdict::Fails);
    assert!((grows(1.25).places[0].value - 1.25).abs() < 1e-9);
}

/// Every claim of a committed experiment, with its results.
fn committed() -> Vec<(String, Claim, Results)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut committed = Vec::new();
    for folder in std::fs::read_dir(root.join("results")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.join("provenance.json").is_file() {
            continue;
        }
        let results = Results::read(&folder).unwrap();
        let spec: toml::Table = results.spec.parse().unwrap();
        for (label, table) in spec.get("claim").and_then(toml::Value::as_table).into_iter().flatten() {
            committed.push((format!("{}.{label}", results.name), table.clone().try_into().unwrap(), results.clone()));
        }
    }
    committed
}

/// A number on the claimed side.
fn inside(threshold: Threshold) -> f64 {
    if threshold.below { 0.5 * threshold.value } else { 2.0 * threshold.value }
}

/// The results with every number of the claimed quantity put at `value`, give or take `spread`.
fn with(claim: &Claim, results: &Results, value: f64, spread: f64) -> Results {
    let mut results = results.clone();
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let parameter = |variant: &str, name: &str| -> Option<f64> {
        variant.split(", ").filter_map(|part| part.split_once('=')).find(|(key, _)| *key == name)?.1.parse().ok()
    };
    let along = claim.along.clone().unwrap_or_default();
    if claim.quantity == "total_flops" {
        // A sum of two: one of them nothing, the other all.
        for row in &mut results.summary {
            match row.quantity.as_str() {
                "factor_flops" => {
                    (row.median, row.min, row.max, row.ci_low, row.ci_high) = (0.0, 0.0, 0.0, Some(0.0), Some(0.0));
                }
                "apply_flops" => "total_flops".clone_into(&mut row.quantity),
                _ => {}
            }
        }
    }
    for row in &mut results.summary {
        let chosen = is(&claim.problem, &row.problem)
            && is(&claim.method, &row.method)
            && is(&claim.method_variant, &row.method_variant)
            && claim.over_method.as_ref() != Some(&row.method);
        if chosen && row.quantity == claim.quantity {
            let value = if claim.exponent {
                parameter(&row.problem_variant, &along).map_or(value, |at| at.powf(value))
            } else {
                value
            };
            row.median = value;
            (row.min, row.max) = (value - spread, value + spread);
            (row.ci_low, row.ci_high) = (Some(value - spread), Some(value + spread));
        }
        // Estimates from sampled rows would widen the interval again.
        if row.quantity.ends_with("_low") || row.quantity.ends_with("_high") {
            "elsewhere".clone_into(&mut row.quantity);
        }
        if claim.over_method.as_ref() == Some(&row.method) && row.quantity == claim.quantity {
            row.median = 1.0;
            (row.min, row.max, row.ci_low, row.ci_high) = (1.0, 1.0, Some(1.0), Some(1.0));
        }
        if Some(&row.quantity) == claim.provided.as_ref() {
            let value = inside(claim.proviso().unwrap().1);
            (row.median, row.min, row.max, row.ci_low, row.ci_high) = (value, value, value, Some(value), Some(value));
        }
    }
    if claim.quantity == "total_flops" {
        for row in results.summary.iter_mut().filter(|row| row.quantity == "total_flops") {
            "apply_flops".clone_into(&mut row.quantity);
        }
    }
    let mut flip = false;
    let mut last: Option<(String, String, Option<f64>, String)> = None;
    let mut sorted: Vec<&mut MeasurementRow> =
        results.measurements.iter_mut().filter(|row| row.status == Status::Completed).collect();
    sorted.sort_by(|a, b| {
        (&a.study, &a.study_variant, &a.series, a.x.map(f64::to_bits)).cmp(&(
            &b.study,
            &b.study_variant,
            &b.series,
            b.x.map(f64::to_bits),
        ))
    });
    for row in sorted {
        if !is(&claim.study, &row.study) || claim.study.is_none() {
            continue;
        }
        let key = (row.study.clone(), row.study_variant.clone(), row.x, row.series.clone());
        if last.as_ref() != Some(&key) {
            flip = false;
            last = Some(key);
        }
        let divisor =
            claim.over_series.as_ref() == Some(&row.series) || (claim.over_x.is_some() && claim.over_x == row.x);
        if divisor && row.quantity == *claim.over_quantity.as_ref().unwrap_or(&claim.quantity) {
            row.value = Some(1.0);
        } else if is(&claim.series, &row.series) && row.quantity == claim.quantity {
            // Half of the draws on either side, the first and the last among them.
            flip = !flip;
            row.value = Some(if flip { value - spread } else { value + spread });
        } else if Some(&row.quantity) == claim.over_quantity.as_ref() {
            row.value = Some(1.0);
        } else if Some(&row.quantity) == claim.provided.as_ref() {
            row.value = Some(inside(claim.proviso().unwrap().1));
        }
    }
    for row in &mut results.matrices {
        // Of ranks, which are whole numbers, a thousandfold shows the exponent; their growth is that of the values.
        let at = parameter(&row.problem_variant, &along).filter(|_| claim.exponent);
        let value = at.map_or(value, |at| 1000.0 * at.powf(value));
        let side = (row.rows * row.columns) as f64 / (row.rows + row.columns) as f64;
        let rank = if claim.quantity.ends_with("over_break_even") { value * side } else { value };
        for energy in [&mut row.rank_energy_90, &mut row.rank_energy_99, &mut row.rank_energy_999] {
            *energy = Some(rank.max(0.0).round() as u64);
        }
    }
    results
}

#[test]
fn every_committed_claim_flips_when_its_numbers_do() {
    let committed = committed();
    for (name, claim, results) in &committed {
        let threshold = claim.threshold().unwrap();
        let (good, bad) = if claim.exponent {
            assert!(threshold.below, "{name}: no committed exponent is claimed to be large");
            (threshold.value - 0.5 * threshold.value.abs().max(0.1), threshold.value + 1.0)
        } else if threshold.below {
            (threshold.value - 0.5 * threshold.value.abs().max(0.1), 2.0 * threshold.value.abs() + 10.0)
        } else {
            (2.0 * threshold.value.abs() + 10.0, threshold.value - 0.5 * threshold.value.abs().max(0.1))
        };
        assert_eq!(judge(claim, &with(claim, results, good, 0.0)).verdict, Verdict::Holds, "{name}");
        assert_eq!(judge(claim, &with(claim, results, bad, 0.0)).verdict, Verdict::Fails, "{name}");
        // Ranks of matrices are exact: nothing of them straddles. An exponent's interval is that of its fit.
        let exact = claim.quantity.starts_with("rank_energy") || claim.exponent;
        let astride = judge(claim, &with(claim, results, threshold.value, 0.25 * threshold.value.abs().max(0.1)));
        let single_draws = claim.study.is_some() && astride.places.iter().all(|place| place.low == place.high);
        if !exact && !single_draws {
            assert_eq!(astride.verdict, Verdict::Inconclusive, "{name}");
        }
    }
}

/// Of every claim of the assignment at least two quantities, one of them of a trained model.
#[test]
fn each_claim_of_the_assignment_has_two_quantities_and_one_of_them_on_a_trained_model() {
    let committed = committed();
    for topic in Topic::ALL {
        let own: Vec<&Claim> = committed.iter().map(|(_, claim, _)| claim).filter(|it| it.topic == topic).collect();
        let mut quantities: Vec<(&str, Option<&str>)> =
            own.iter().map(|it| (it.quantity.as_str(), it.over_quantity.as_deref())).collect();
        quantities.sort_unstable();
        quantities.dedup();
        assert!(quantities.len() >= 2, "{}: {quantities:?}", topic.name());
        assert!(own.iter().any(|claim| claim.real_model), "{}: nothing of a trained model", topic.name());
    }
    for (name, claim, results) in &committed {
        assert_ne!(judge(claim, results).verdict, Verdict::NotMeasured, "{name}");
    }
}

/// What it costs to factor counts beside what it costs to apply.
#[test]
fn total_flops_are_those_of_factoring_and_of_applying() {
    let mut results = results();
    for (method, factor, apply) in [("fast", 30.0, 20.0), ("slow", 0.0, 100.0)] {
        results.summary.push(row(method, "", "factor_flops", (factor, factor, factor)));
        results.summary.push(row(method, "", "apply_flops", (apply, apply, apply)));
    }
    let claim = claim(json!({ "quantity": "total_flops", "method": "fast", "over_method": "slow" }));
    assert_eq!(judge(&claim, &results).places[0].value, 0.5);
}

#[test]
fn committed_results_know_the_claims_of_their_specs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in std::fs::read_dir(root.join("results")).unwrap() {
        let folder = folder.unwrap().path();
        // A journal alone is a run of this machine, of which nothing is committed.
        if !folder.join("provenance.json").is_file() {
            continue;
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let path = root.join(format!("experiments/{name}.toml"));
        if let Ok(experiment) = spec::load(&path, root) {
            let published = std::fs::read_to_string(folder.join("spec.toml")).unwrap();
            assert_eq!(published, experiment.source, "run {name} again: its spec has changed");
        }
    }
}
