//! Two runs against each other: what did not change is not told, and what did is.

use std::{fs, path::Path};

use factoreo::{
    compare::{Rules, Verdict, compare},
    random::generator,
    run::{Options, run},
    table::{Results, SampleRow, Status},
};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

const SPEC: &str = "seed = 1\ntarget_rank = [2, 4, 8]\ntitle = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n\
                    timing.repeats = 0\ntrials = 2\n[problem.p]\nkind = \"spectrum\"\nrows = [16, 20, 24]\nexponent = [0.5, 1.0]\n\
                    [method.truncated_svd]\n[method.randomized_svd]\npower_iterations = [0, 2]\n[method.cur]\n\
                    [method.block_krylov]\n";

fn results(spec: &str, name: &str) -> (tempfile::TempDir, Results) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.toml"));
    fs::write(&path, spec).unwrap();
    let experiment = factoreo::spec::load(&path, folder.path()).unwrap();
    let plan = factoreo::plan::plan(&experiment, folder.path(), u64::MAX).unwrap();
    run(&experiment, &plan, &Options::new(folder.path())).unwrap();
    let results = Results::read(&folder.path().join("results").join(name)).unwrap();
    (folder, results)
}

/// The results with times as machines give them: a level for each cell, that lies a little elsewhere in every run (where code and
/// memory lie), a drift of the whole run, noise, and now and then a neighbour.
fn timed(results: &Results, run: u64, slower: impl Fn(&str) -> f64) -> Results {
    let mut rng = generator(run);
    let mut timed = results.clone();
    let mut normal = |scale: f64| -> f64 {
        let drawn: f64 = StandardNormal.sample(&mut rng);
        scale * drawn
    };
    let drift = normal(0.05);
    timed.samples.clear();
    for (at, cell) in results.cells.iter().enumerate().filter(|(_, cell)| cell.trial == 0) {
        let level = (at as f64 * 0.37).sin() + drift + normal(0.01) + slower(&cell.method).ln();
        for repeat in 0..10 {
            let neighbour = if normal(1.0) > 2.0 { 0.5 } else { 0.0 };
            let factor_seconds = 1e-4 * (level + normal(0.03) + neighbour).exp();
            let (cell, position) = (cell.cell.clone(), repeat);
            timed.samples.push(SampleRow {
                cell,
                repeat,
                position,
                factor_seconds,
                apply_seconds: 0.0,
                machine: Some(1),
            });
        }
    }
    timed
}

#[test]
fn equal_runs_do_not_differ_and_a_method_that_is_ten_percent_slower_is_found() {
    let (_folder, base) = results(SPEC, "small");
    let mut found = 0;
    for pair in 0..20 {
        let before = timed(&base, 2 * pair, |_| 1.0);
        let same = compare(&before, &timed(&base, 2 * pair + 1, |_| 1.0), Rules::default());
        let told = |of: &factoreo::compare::TimeChange| of.verdict != Verdict::NoDifference;
        assert!(!same.times.methods.iter().any(told), "pair {pair}: {:?}", same.times.methods);
        assert!(same.errors.iter().all(|of| of.changed.is_empty() && of.rounding == 0));
        let slowed = timed(&base, 2 * pair + 1, |method| if method == "cur" { 1.1 } else { 1.0 });
        let changed = compare(&before, &slowed, Rules::default());
        let of = |name: &str| changed.times.methods.iter().find(|of| of.method.method == name).unwrap();
        found += usize::from(of("cur").verdict == Verdict::Slower);
        assert!(changed.times.methods.iter().filter(|of| told(of)).all(|of| of.method.method == "cur"));
    }
    assert!(found >= 19, "{found} of 20");
}

#[test]
fn ranks_that_share_a_factorisation_are_one_and_what_all_share_is_told_apart() {
    let (_folder, base) = results(SPEC, "small");
    let before = timed(&base, 1, |_| 1.0);
    let mut after = before.clone();
    for results in [&mut after] {
        for sample in &mut results.samples {
            sample.factor_seconds *= 1.5;
        }
    }
    let drifted = compare(&before, &after, Rules::default());
    assert!((drifted.times.drift - 1.5).abs() < 1e-9);
    assert!(
        drifted.times.methods.iter().all(|of| (of.ratio - 1.0).abs() < 1e-9 && of.verdict == Verdict::NoDifference)
    );
    let absolute = compare(&before, &after, Rules { absolute: true, ..Rules::default() });
    assert!(absolute.times.methods.iter().all(|of| (of.ratio - 1.5).abs() < 1e-9 && of.verdict == Verdict::Slower));

    // The ranks of one truncated SVD have one factorisation: give them its times.
    let mut nested = before;
    let of_cell = |results: &Results, id: &str| {
        let own = results.samples.iter().filter(|sample| sample.cell == id);
        own.map(|sample| sample.factor_seconds).collect::<Vec<_>>()
    };
    let svd = base.cells.iter().filter(|cell| cell.method == "truncated_svd");
    let first = |variant: &str| {
        base.cells.iter().find(|cell| cell.method == "truncated_svd" && cell.problem_variant == variant)
    };
    let pairs: Vec<(String, Vec<f64>)> =
        svd.map(|cell| (cell.cell.clone(), of_cell(&nested, &first(&cell.problem_variant).unwrap().cell))).collect();
    for (id, times) in pairs {
        let own = nested.samples.iter_mut().filter(|sample| sample.cell == id);
        own.zip(times).for_each(|(sample, time)| sample.factor_seconds = time);
    }
    let compared = compare(&nested, &nested, Rules::default());
    let of = |name: &str| compared.times.methods.iter().find(|of| of.method.method == name).unwrap().factorisations;
    assert_eq!((of("truncated_svd"), of("cur")), (6, 18));
}

#[test]
fn another_machine_is_said_and_nothing_is_taken_out() {
    let (_folder, base) = results(SPEC, "small");
    let before = timed(&base, 1, |_| 1.0);
    let mut after = timed(&base, 1, |_| 2.0);
    after.provenance["machines"] = serde_json::json!([{ "cpu": "another", "cores": 1, "threads": 1 }]);
    let compared = compare(&before, &after, Rules::default());
    assert!(!compared.times.same_machine && compared.times.drift == 1.0);
    assert!(compared.times.methods.iter().all(|of| of.verdict == Verdict::Slower));
}

#[test]
fn errors_that_changed_are_found_and_those_of_rounding_are_not() {
    let (_folder, before) = results(SPEC, "small");
    let mut after = before.clone();
    let mut rng = generator(3);
    for cell in &mut after.cells {
        let rounding = 1.0 + rng.random_range(-1e-12..1e-12);
        cell.relative_frobenius_error = cell.relative_frobenius_error.map(|error| error * rounding);
    }
    assert!(compare(&before, &after, Rules::default()).errors.iter().all(|of| of.changed.is_empty()));
    let at = after.cells.iter().position(|cell| cell.method == "cur" && cell.target_rank == 8).unwrap();
    after.cells[at].relative_frobenius_error = after.cells[at].relative_frobenius_error.map(|error| error * 1.2);
    let lost = after.cells.iter().position(|cell| cell.method == "block_krylov").unwrap();
    after.cells[lost].status = Status::Failed;
    after.cells[lost].reason = Some("it stopped".to_owned());
    let compared = compare(&before, &after, Rules::default());
    let changed: Vec<_> = compared.errors.iter().filter(|of| !of.changed.is_empty()).collect();
    let [of] = changed[..] else { panic!("{changed:?}") };
    assert_eq!(
        (of.method.method.as_str(), of.quantity.as_str(), of.changed.len()),
        ("cur", "relative_frobenius_error", 1)
    );
    assert!((of.worst_ratio.unwrap() - 1.2).abs() < 1e-9);
    assert_eq!(compared.ended_otherwise.len(), 1);
    assert_eq!(compared.regressions(0.1).len(), 2, "{:?}", compared.regressions(0.1));
    assert_eq!(compared.regressions(0.3).len(), 1, "the failed cell is worse whatever the share");
}

#[test]
fn of_different_specs_what_is_common_is_compared_and_the_rest_named() {
    let (before, _) = results(SPEC, "small");
    let other = SPEC.replace("[method.cur]\n", "[method.interpolative_decomposition]\n").replace("[2, 4, 8]", "[2, 4]");
    let (after, _) = results(&other, "other");
    let factoreo =
        |folder: &Path, arguments: &[&str]| crate::program().current_dir(folder).args(arguments).output().unwrap();
    let after = after.path().join("results/other");
    let output = factoreo(before.path(), &["compare", "small", after.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for expected in
        ["method `cur`", "method `interpolative_decomposition`", "cells at other settings", "Errors: none of"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let json = factoreo(before.path(), &["compare", "small", "small", "--format", "json", "--fail-on-regression", "1"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["regressions"], serde_json::json!([]));
    let absent = factoreo(before.path(), &["compare", "small", "absent"]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(String::from_utf8(absent.stderr).unwrap().contains("run the spec first"));
}
