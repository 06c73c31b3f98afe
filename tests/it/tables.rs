//! The tables keep every bit, and equal rows give equal files.

use std::{collections::BTreeMap, fs, path::Path};

use factoreo::method::Role;
use factoreo::table::{
    CellRow, LARGEST_CSV, MatrixRow, MeasurementRow, Results, SampleRow, SpectrumRow, Status, SummaryRow, VariantRow,
    columns, file_names, read_csv, summarise,
};
use proptest::prelude::*;

mod printing;

fn cell(id: &str) -> CellRow {
    CellRow {
        cell: id.to_owned(),
        problem: "heads".to_owned(),
        problem_variant: "head=layer0.head3".to_owned(),
        precision: "f64".to_owned(),
        method: "svd".to_owned(),
        method_variant: String::new(),
        method_kind: "truncated_svd".to_owned(),
        role: Some(Role::LowRank),
        method_parameters: r#"{"a":[1,2],"b":"x, y"}"#.to_owned(),
        target_rank: 8,
        asked_rank: None,
        trial: 0,
        seed: u64::MAX.to_string(),
        status: Status::Completed,
        reason: None,
        notes: None,
        rank: Some(8),
        relative_frobenius_error: Some(0.1),
        relative_spectral_error: None,
        optimal_frobenius_error: None,
        optimal_spectral_error: None,
        suboptimality: None,
        relative_output_error: None,
        measured_rows: None,
        frobenius_error_low: None,
        frobenius_error_high: None,
        output_error_low: None,
        output_error_high: None,
        row_sum_deviation: None,
        negative_mass: None,
        kl_divergence: None,
        top1_agreement: None,
        error_bound: None,
        bound_tightness: None,
        bound_source: None,
        parameters: Some(u64::MAX),
        bytes: None,
        factor_flops: None,
        apply_flops: None,
        peak_bytes: Some(0),
        output_peak_bytes: None,
    }
}

fn sample(cell: &str, repeat: u64, factor_seconds: f64) -> SampleRow {
    SampleRow { cell: cell.to_owned(), repeat, position: 0, factor_seconds, apply_seconds: 1e-9, machine: None }
}

fn matrix(variant: &str, form_seconds: Option<f64>) -> MatrixRow {
    MatrixRow {
        problem: "heads".to_owned(),
        problem_variant: variant.to_owned(),
        precision: "f64".to_owned(),
        problem_kind: "qkv".to_owned(),
        problem_parameters: "{}".to_owned(),
        rows: 512,
        columns: 512,
        numerical_rank: Some(500),
        stable_rank: Some(1.5),
        effective_rank: Some(100.25),
        rank_energy_90: Some(3),
        rank_energy_99: Some(30),
        rank_energy_999: Some(300),
        frobenius_norm: Some(7.0),
        spectral_norm: Some(5.0),
        form_seconds,
    }
}

fn results(cells: Vec<CellRow>, samples: Vec<SampleRow>) -> Results {
    Results {
        name: "round_trip".to_owned(),
        matrices: vec![matrix("head=layer0.head3", None)],
        spectra: vec![SpectrumRow {
            problem: "heads".to_owned(),
            problem_variant: String::new(),
            precision: "f32".to_owned(),
            index: 1,
            singular_value: 5e-324,
            cumulative_energy: 1.0,
        }],
        summary: Vec::new(),
        variants: vec![VariantRow {
            of: "problem".to_owned(),
            label: "heads".to_owned(),
            variant: "head=layer0.head3".to_owned(),
            parameter: "head".to_owned(),
            kind: "qkv".to_owned(),
            value: "layer0.head3".to_owned(),
            number: None,
        }],
        measurements: vec![MeasurementRow {
            cell: "c".to_owned(),
            study: "=atlas".to_owned(),
            study_variant: "which=flat_tail".to_owned(),
            study_kind: "failure".to_owned(),
            study_parameters: "{}".to_owned(),
            trial: 1,
            seed: "18446744073709551615".to_owned(),
            series: String::new(),
            x: None,
            quantity: "ratio".to_owned(),
            unit: "1".to_owned(),
            value: Some(5e-324),
            status: Status::Completed,
            reason: None,
        }],
        cells,
        samples,
        provenance: serde_json::json!({"commit": "unknown", "threads": 1}),
        spec: "title = \"á\"\n".to_owned(),
    }
}

fn bytes_of(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// `==` on floats calls 0 and −0 equal: bits are compared instead.
fn bits(rows: &[SampleRow]) -> Vec<(u64, u64)> {
    rows.iter().map(|row| (row.factor_seconds.to_bits(), row.apply_seconds.to_bits())).collect()
}

/// Texts that break CSV writers and spreadsheets.
fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("=cmd|' /C calc'!A0".to_owned()),
        Just("'=already quoted".to_owned()),
        Just("+1".to_owned()),
        Just("-1".to_owned()),
        Just("@SUM(A1)".to_owned()),
        Just("\t=1".to_owned()),
        Just("\r=1".to_owned()),
        Just("a,b;\"c\"\nd\r\ne".to_owned()),
        Just("\"".to_owned()),
        Just("ñandú 日本 ‖A−Â‖ 🦀".to_owned()),
        Just("null".to_owned()),
        Just("NaN".to_owned()),
        Just(" spaced ".to_owned()),
        "[ -~]{0,12}",
        "\\PC{0,8}",
    ]
}

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(1e-300),
        Just(5e-324),
        Just(-2.225_073_858_507_201e-308),
        Just(f64::MAX),
        Just(0.1 + 0.2),
        any::<f64>().prop_filter("tables hold no NaN and no infinities", |value| value.is_finite()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn parquet_and_csv_keep_every_bit(
        texts in prop::collection::vec((hostile_text(), prop::option::of(hostile_text())), 1..6),
        numbers in prop::collection::vec((finite(), finite()), 1..6),
        missing in prop::option::of(finite()),
    ) {
        let cells: Vec<_> = texts
            .into_iter()
            .enumerate()
            .map(|(i, (text, reason))| CellRow {
                method_variant: text,
                reason,
                status: Status::ALL[i % 3],
                relative_spectral_error: missing,
                ..cell(&format!("{i:032x}"))
            })
            .collect();
        let samples: Vec<_> = numbers
            .into_iter()
            .map(|(factor_seconds, apply_seconds)| SampleRow { apply_seconds, ..sample("0", 0, factor_seconds) })
            .collect();
        let written = results(cells, samples);
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("round_trip");
        written.write(&directory).unwrap();

        let read = Results::read(&directory).unwrap();
        prop_assert_eq!(bits(&read.samples), bits(&written.samples));
        prop_assert_eq!(&read, &written);
        prop_assert_eq!(&read_csv::<CellRow>(&directory.join("runs.csv")).unwrap(), &written.cells);
        prop_assert_eq!(bits(&read_csv::<SampleRow>(&directory.join("samples.csv")).unwrap()), bits(&written.samples));
        prop_assert_eq!(&read_csv::<MatrixRow>(&directory.join("matrices.csv")).unwrap(), &written.matrices);
        prop_assert_eq!(&read_csv::<SpectrumRow>(&directory.join("spectra.csv")).unwrap(), &written.spectra);
    }
}

#[test]
fn no_text_of_a_csv_file_is_a_formula() {
    let directory = tempfile::tempdir().unwrap();
    let texts = ["=1+1", "+1", "-1", "@x", "\t=1", "'=1"];
    let cells = texts.iter().map(|text| CellRow { problem: (*text).to_owned(), ..cell("c") }).collect();
    results(cells, Vec::new()).write(directory.path()).unwrap();
    let csv = fs::read_to_string(directory.path().join("runs.csv")).unwrap();
    let problems: Vec<_> = csv.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(problems, ["'=1+1", "'+1", "'-1", "'@x", "'\t=1", "''=1"]);
}

#[test]
fn equal_rows_give_equal_files_and_files_that_are_right_are_left_alone() {
    let rows = results(vec![cell("a"), cell("b")], vec![sample("a", 0, 0.25)]);
    let [first, second] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    rows.write(first.path()).unwrap();
    rows.write(second.path()).unwrap();
    assert_eq!(bytes_of(first.path()), bytes_of(second.path()));

    let mut names = file_names();
    names.sort();
    assert_eq!(bytes_of(first.path()).into_keys().collect::<Vec<_>>(), names);

    let modified = |name: &str| fs::metadata(first.path().join(name)).unwrap().modified().unwrap();
    let before: Vec<_> = names.iter().map(|name| modified(name)).collect();
    rows.write(first.path()).unwrap();
    assert_eq!(before, names.iter().map(|name| modified(name)).collect::<Vec<_>>());
}

#[test]
fn every_column_says_what_it_is() {
    let columns = columns();
    for column in &columns {
        assert!(column.description.ends_with('.') || column.description.contains(':'), "{column:?}");
    }
    let directory = tempfile::tempdir().unwrap();
    results(Vec::new(), Vec::new()).write(directory.path()).unwrap();
    let dictionary = fs::read_to_string(directory.path().join("columns.csv")).unwrap();
    assert_eq!(dictionary.lines().count(), columns.len() + 1);
    assert!(dictionary.contains("samples,factor_seconds,s,"), "{dictionary}");
}

#[test]
fn a_table_too_long_for_people_is_parquet_alone_and_its_former_csv_file_goes() {
    let directory = tempfile::tempdir().unwrap();
    let csv = directory.path().join("samples.csv");
    let samples = |count: usize| (0..count).map(|at| sample("a", at as u64, 1.0)).collect::<Vec<_>>();
    results(vec![cell("a")], samples(LARGEST_CSV)).write(directory.path()).unwrap();
    assert!(csv.is_file());
    results(vec![cell("a")], samples(LARGEST_CSV + 1)).write(directory.path()).unwrap();
    assert!(!csv.exists());
    assert_eq!(Results::read(directory.path()).unwrap().samples.len(), LARGEST_CSV + 1);
}

#[test]
fn results_from_before_variants_had_a_table_tell_them_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let with = |variant: &str, parameters: &str| CellRow {
        method_variant: variant.to_owned(),
        method_parameters: parameters.to_owned(),
        ..cell(variant)
    };
    let cells = vec![with("a=1", r#"{"a":1,"b":2}"#), with("a=x, y", r#"{"a":"x, y","b":2}"#), with("a=1", "{}")];
    results(cells, vec![]).write(directory.path()).unwrap();
    fs::remove_file(directory.path().join("variants.parquet")).unwrap();
    let variants = Results::read(directory.path()).unwrap().variants;
    let told: Vec<_> = variants.iter().map(|row| (&*row.of, &*row.parameter, &*row.value, row.number)).collect();
    assert_eq!(told, [("method", "a", "1", Some(1.0)), ("method", "a", "x, y", None)]);
}

#[test]
fn a_missing_table_says_which_file() {
    let directory = tempfile::tempdir().unwrap();
    let error = Results::read(directory.path()).unwrap_err().to_string();
    assert!(error.contains("matrices.parquet") && error.contains("run the spec first"), "{error}");
}

fn summary_of<'a>(rows: &'a [SummaryRow], variant: &str, method: &str, quantity: &str) -> Option<&'a SummaryRow> {
    rows.iter().find(|row| row.problem_variant == variant && row.method == method && row.quantity == quantity)
}

#[test]
fn summaries_pool_trials_and_repeats_and_leave_failures_out() {
    let of = |id: &str, variant: &str, method: &str, trial: u64, error: f64| CellRow {
        problem_variant: variant.to_owned(),
        method: method.to_owned(),
        trial,
        relative_frobenius_error: Some(error),
        ..cell(id)
    };
    let cells = vec![
        of("a0", "head=0", "rsvd", 0, 1.0),
        of("a1", "head=0", "rsvd", 1, 2.0),
        CellRow { status: Status::Failed, reason: Some("diverged".to_owned()), ..of("a2", "head=0", "rsvd", 2, 1e9) },
        of("b0", "head=1", "rsvd", 0, 4.0),
        of("c0", "head=0", "nystrom", 0, 7.0),
    ];
    // numpy: median, mean and quartiles of 1, 2, 3, 4, 5, 6, 7, 100 are 4.5, 16, 2.75, 6.25; interval: 1st and 8th.
    let mut samples: Vec<_> = [7.0, 1.0, 100.0, 3.0].iter().map(|&s| sample("a0", 0, s)).collect();
    samples.extend([2.0, 6.0, 5.0, 4.0].iter().map(|&s| sample("a1", 0, s)));
    samples.push(sample("a2", 0, 1e9));
    samples.push(sample("c0", 0, 3.0));
    let matrices = [matrix("head=0", Some(0.5)), matrix("head=1", Some(0.25))];
    let rows = summarise(&matrices, &cells, &samples, |cell, _| {
        let matrix = matrices.iter().find(|row| row.problem_variant == cell.problem_variant);
        matrix.filter(|_| cell.method == "rsvd")?.form_seconds
    })
    .unwrap();

    let factor = summary_of(&rows, "head=0", "rsvd", "factor_seconds").unwrap();
    assert_eq!((factor.count, factor.median, factor.mean, factor.q25, factor.q75), (8, 4.5, 16.0, 2.75, 6.25));
    assert_eq!((factor.min, factor.max, factor.ci_low, factor.ci_high), (1.0, 100.0, Some(1.0), Some(100.0)));
    assert_eq!(factor.unit, "s");

    let error = summary_of(&rows, "head=0", "rsvd", "relative_frobenius_error").unwrap();
    assert_eq!((error.count, error.median, error.ci_low), (2, 1.5, None));

    // The time to form the matrix counts only for the method that reads it.
    assert_eq!(summary_of(&rows, "head=0", "rsvd", "total_seconds").unwrap().median, 5.0);
    assert_eq!(summary_of(&rows, "head=0", "nystrom", "total_seconds").unwrap().median, 3.0);

    // Over both heads; a metric nobody has is no row.
    assert_eq!(summary_of(&rows, "", "rsvd", "relative_frobenius_error").unwrap().median, 2.0);
    assert!(summary_of(&rows, "", "rsvd", "kl_divergence").is_none());
    assert!(rows.iter().all(|row| !["target_rank", "trial", "position", "repeat"].contains(&row.quantity.as_str())));

    // Groups come in the order of their first cells, those over all variants last.
    let mut groups: Vec<_> = rows.iter().map(|row| (row.problem_variant.as_str(), row.method.as_str())).collect();
    groups.dedup();
    assert_eq!(groups, [("head=0", "rsvd"), ("head=1", "rsvd"), ("head=0", "nystrom"), ("", "rsvd"), ("", "nystrom")]);
}

#[test]
fn a_problem_without_variants_is_summarised_once() {
    let cells = [CellRow { problem_variant: String::new(), ..cell("a") }];
    let rows = summarise(&[], &cells, &[], |_, _| None).unwrap();
    assert_eq!(rows.iter().filter(|row| row.quantity == "rank").count(), 1);
    assert!(summarise(&[], &[], &[], |_, _| None).unwrap().is_empty());
}
