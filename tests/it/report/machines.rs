//! Times of two machines are not one sample: nothing is pooled over them, and what is said of time is said within one.

use std::fs;

use factoreo::{
    plan, report,
    run::{self, Options},
    spec,
    table::{CellRow, Results, SampleRow, SummaryRow, summarise},
};

const SPEC: &str = "seed = 1\ntarget_rank = [4, 8]\ntitle = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n\
                    timing.repeats = 0\n[problem.p]\nkind = \"spectrum\"\nrows = 24\n\
                    [method.truncated_svd]\n[method.cur]\n";

/// On the first machine CUR takes 2 ms and the SVD 1 ms; the second is a hundred times as fast, and there CUR is the faster one.
fn seconds(method: &str, machine: u64) -> f64 {
    match (method, machine) {
        ("cur", 1) => 2e-3,
        ("cur", _) => 1e-5,
        (_, 1) => 1e-3,
        _ => 2e-5,
    }
}

#[test]
fn what_is_said_of_time_is_said_within_one_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.toml");
    fs::write(&path, SPEC).unwrap();
    let experiment = spec::load(&path, folder.path()).unwrap();
    let plan = plan::plan(&experiment, folder.path(), u64::MAX).unwrap();
    run::run(&experiment, &plan, &Options::new(folder.path())).unwrap();
    let place = folder.path().join("results/two");
    let mut results = Results::read(&place).unwrap();
    for cell in results.cells.iter().filter(|cell| cell.trial == 0) {
        for (machine, repeats) in [(1, 12), (2, 8)] {
            results.samples.extend((0..repeats).map(|repeat| SampleRow {
                cell: cell.cell.clone(),
                repeat,
                position: repeat,
                factor_seconds: seconds(&cell.method, machine) * (1.0 + 1e-3 * repeat as f64),
                apply_seconds: 0.0,
                machine: Some(machine),
            }));
        }
    }
    results.provenance["machines"] = serde_json::json!([
        { "cpu": "Slow", "cores": 1, "threads": 1 },
        { "cpu": "Fast", "cores": 8, "threads": 1 },
    ]);
    results.summary = summarise(&results.matrices, &results.cells, &results.samples, |_: &CellRow, _| None).unwrap();
    let of = |method: &str, machine: Option<u64>| {
        let is = |row: &&SummaryRow| {
            row.method == method && row.machine == machine && row.quantity == "total_seconds" && row.target_rank == 8
        };
        results.summary.iter().filter(is).map(|row| (row.count, row.median)).collect::<Vec<_>>()
    };
    for (method, machine, count) in [("cur", 1, 12), ("cur", 2, 8), ("truncated_svd", 1, 12), ("truncated_svd", 2, 8)] {
        let [(found, median)] = of(method, Some(machine))[..] else { panic!("{method} on machine {machine}") };
        assert_eq!(found, count);
        assert!((median / seconds(method, machine) - 1.0).abs() < 0.02, "{method} on machine {machine}: {median}");
    }
    assert!(of("cur", None).is_empty() && of("truncated_svd", None).is_empty(), "nothing is pooled over machines");
    results.write(&place).unwrap();
    report::build(folder.path(), false).unwrap();

    for (language, told, column, faster) in [
        (
            "en",
            "Times were taken on 2 machines",
            "Machine 2",
            "shortest median time to the factors is that of truncated SVD",
        ),
        (
            "es",
            "Los tiempos se tomaron en 2 máquinas",
            "Máquina 2",
            "menor mediana del tiempo hasta los factores es la de la SVD truncada",
        ),
    ] {
        let text = fs::read_to_string(folder.path().join(format!("report/experiments/two.{language}.md"))).unwrap();
        assert!(text.contains(told) && text.contains(column), "{text}");
        assert!(text.contains("1, Slow · 1 · 1; 2, Fast · 8 · 1"), "{text}");
        assert!(text.to_lowercase().contains(&faster.to_lowercase()), "{faster}: {text}");
    }
    // With times of one machine alone there is no such table, and the rows say of no machine.
    results.samples.retain(|sample| sample.machine == Some(2));
    results.summary = summarise(&results.matrices, &results.cells, &results.samples, |_: &CellRow, _| None).unwrap();
    assert!(results.summary.iter().all(|row| row.machine.is_none()));
    results.write(&place).unwrap();
    report::build(folder.path(), false).unwrap();
    let text = fs::read_to_string(folder.path().join("report/experiments/two.en.md")).unwrap();
    assert!(!text.contains("Times were taken on") && !text.contains("Machine 2"), "{text}");
}
