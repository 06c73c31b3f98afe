//! Promise: what is said of a sweep follows from its rows, and changes with them.

use std::path::Path;

use factoreo::{
    report,
    table::{Results, SummaryRow},
};

/// The report on the committed lengths with every time and error replaced by `edit`.
fn reports(edit: impl Fn(&mut SummaryRow, f64)) -> [String; 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut results = Results::read(&root.join("results/sequence_scaling")).unwrap();
    let lengths: Vec<(String, f64)> =
        results.matrices.iter().map(|matrix| (matrix.problem_variant.clone(), matrix.rows as f64)).collect();
    for row in &mut results.summary {
        if let Some((_, length)) = lengths.iter().find(|(variant, _)| *variant == row.problem_variant) {
            edit(row, *length);
        }
    }
    let project = tempfile::tempdir().unwrap();
    results.write(&project.path().join("results/sequence_scaling")).unwrap();
    report::build(project.path(), false).unwrap();
    ["en", "es"].map(|language| super::annexes(project.path(), language))
}

fn set(row: &mut SummaryRow, value: f64) {
    (row.median, row.mean, row.q25, row.q75, row.min, row.max) = (value, value, value, value, value, value);
    (row.ci_low, row.ci_high) = (Some(0.99 * value), Some(1.01 * value));
}

/// Exact attention takes n² ns, everything else n times so many.
fn with_times(row: &mut SummaryRow, length: f64, nanoseconds: f64) {
    if row.quantity == "output_seconds" {
        let exact = row.method_kind == "exact_attention";
        set(row, 1e-9 * length * if exact { length } else { nanoseconds });
    }
}

#[test]
fn exponents_and_the_crossover_follow_from_the_times() {
    let [english, spanish] = reports(|row, length| with_times(row, length, 3000.0));
    assert!(english.contains("exact attention grows as $n$ to the power 2.00"));
    assert!(english.contains("low-rank methods that never form $P$ to powers between 1.00 and 1.00"));
    // 3000 is first exceeded by 4096.
    assert!(
        english.contains("All of them become measurably faster than exact attention, the first from 4096 tokens on")
    );
    assert!(spanish.contains("crece como $n$ elevado a 2,00"));
    assert!(spanish.contains("el primero, desde 4096 tokens"));
}

#[test]
fn methods_that_are_never_faster_are_said_to_be_so() {
    let [english, spanish] = reports(|row, length| with_times(row, length, 1e6));
    assert!(english.contains("None of them becomes measurably faster than exact attention"));
    assert!(spanish.contains("Ninguno llega a ser más rápido"));
    // Intervals that touch are no difference: 1 % either way of the same time.
    let [english, _] = reports(|row, length| with_times(row, length, length));
    assert!(english.contains("None of them becomes measurably faster than exact attention"));
}

#[test]
fn the_most_accurate_method_is_the_one_with_the_least_error() {
    let [english, _] = reports(|row, _| {
        if row.quantity == "relative_output_error" && row.method_kind == "performer" {
            set(row, 0.0125);
        }
    });
    assert!(
        english.contains("The most accurate of them at 65\u{202f}536 tokens is Performer: output error 1.25%"),
        "{}",
        {
            let start = english.find("The most accurate").unwrap();
            &english[start..start + 120]
        }
    );
}

/// Lengths at several ranks are a sweep over ranks: their tables must not be lost to the lengths.
#[test]
fn a_family_at_several_ranks_is_reported_by_rank() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut results = Results::read(&root.join("results/temperature")).unwrap();
    let more: Vec<_> = results.cells.iter().cloned().map(|cell| (cell.target_rank / 2, cell)).collect();
    results.cells.extend(more.into_iter().map(|(target_rank, cell)| factoreo::table::CellRow { target_rank, ..cell }));
    let project = tempfile::tempdir().unwrap();
    results.write(&project.path().join("results/temperature")).unwrap();
    report::build(project.path(), false).unwrap();
    let english = super::annexes(project.path(), "en");
    assert!(english.contains("| k = 64 |") && !english.contains("| τ = 0.25 |"));
}
