//! Promise: what is said of weights follows from their rows, exceptions by name, and changes with them.

use std::{fs, path::Path};

use factoreo::{
    plan, report, run, spec,
    table::{CellRow, Results, SummaryRow},
    tensor::{NamedEntries, write_safetensors},
};

const SPEC: &str = "seed = 1\ntrials = 1\ntarget_rank = [1, 2, 4]\n\
    [title]\nen = \"Weights\"\nes = \"Pesos\"\n[question]\nen = \"Why?\"\nes = \"¿Por qué?\"\n[timing]\nrepeats = 10\n\
    [problem.w]\nkind = \"weight\"\nfile = \"model.safetensors\"\ntensor = \"layer.*.weight\"\n\
    calibration = \"calibration.safetensors\"\nevaluation = \"evaluation.safetensors\"\nbatch = [1, 5]\n\
    [problem.gaussian]\nrows = 6\ncolumns = 4\n\
    [method.dense]\n[method.truncated_svd]\n[method.svd_llm]\n";

/// Two layers of two matrices of 6 × 4 and one of 4 × 6, each with batches of 1 and 5 tokens; the break-even rank is 2, and half of it 1.
fn results() -> (tempfile::TempDir, Results) {
    let folder = tempfile::tempdir().unwrap();
    let entries = |name: String, shape: [usize; 2], seed: usize| NamedEntries {
        name,
        shape: shape.to_vec(),
        entries: (0..shape[0] * shape[1]).map(|i| ((i * i + seed) as f32).sin()).collect(),
    };
    let maps = ["layer.0.up", "layer.0.gate", "layer.0.down", "layer.1.up", "layer.1.gate", "layer.1.down"];
    let shape = |name: &str| if name.ends_with("down") { [4, 6] } else { [6, 4] };
    let weights: Vec<_> =
        maps.iter().enumerate().map(|(i, name)| entries(format!("{name}.weight"), shape(name), i)).collect();
    write_safetensors(&folder.path().join("model.safetensors"), &weights, &[]).unwrap();
    for (file, seed) in [("calibration", 10), ("evaluation", 20)] {
        let inputs: Vec<_> = maps
            .iter()
            .enumerate()
            .map(|(i, name)| entries(format!("{name}.input"), [9, shape(name)[1]], seed + i))
            .collect();
        let metadata = [("text_blake3", file.to_owned())];
        write_safetensors(&folder.path().join(format!("{file}.safetensors")), &inputs, &metadata).unwrap();
    }
    let path = folder.path().join("weights.toml");
    fs::write(&path, SPEC).unwrap();
    let experiment = spec::load(&path, folder.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let plan = plan::plan(&experiment, folder.path(), u64::MAX).unwrap();
    run::run(&experiment, &plan, &run::Options::new(folder.path())).unwrap();
    let results = Results::read(&folder.path().join("results/weights")).unwrap();
    (folder, results)
}

/// Both reports on the same rows but for the output errors and the times to apply that `error` and `time` set.
fn reports(error: impl Fn(&CellRow) -> f64, time: impl Fn(&SummaryRow) -> f64) -> [String; 2] {
    let (folder, mut results) = results();
    for cell in results.cells.iter_mut().filter(|cell| cell.relative_output_error.is_some()) {
        cell.relative_output_error = Some(error(cell));
    }
    for row in results.summary.iter_mut().filter(|row| row.quantity == "apply_seconds") {
        let seconds = time(row);
        (row.median, row.ci_low, row.ci_high) = (seconds, Some(0.99 * seconds), Some(1.01 * seconds));
    }
    results.write(&folder.path().join("results/weights")).unwrap();
    report::build(folder.path(), false).unwrap();
    ["en", "es"].map(|language| read(folder.path(), language))
}

fn read(root: &Path, language: &str) -> String {
    super::annexes(root, language)
}

fn aware(cell: &CellRow) -> bool {
    cell.method_kind == "svd_llm"
}

#[test]
fn the_matrices_where_whitening_loses_are_named() {
    let even = |_: &SummaryRow| 1e-3;
    let [english, spanish] = reports(|cell| if aware(cell) { 0.125 } else { 0.25 }, even);
    assert!(english.contains("has the lower output error on held-out text in every one of the 4 matrices: its median is 12.5% against 25.0%"), "{english}");
    assert!(spanish.contains("tiene el menor error de salida en texto reservado en las 4 matrices: su mediana es del 12,5\u{202f}% frente al 25,0\u{202f}%"), "{spanish}");
    assert!(!english.contains("exception"));

    let one = |cell: &CellRow| match (aware(cell), cell.problem_variant.contains("layer.1.gate")) {
        (true, true) => 0.5,
        (true, false) => 0.125,
        (false, _) => 0.25,
    };
    let [english, spanish] = reports(one, even);
    assert!(english.contains("in 3 of the 4 matrices"), "{english}");
    assert!(english.contains("The exception is layer.1.gate.weight (50.0% against 25.0%)."), "{english}");
    assert!(
        spanish.contains("La excepción es layer.1.gate.weight (el 50,0\u{202f}% frente al 25,0\u{202f}%)."),
        "{spanish}"
    );

    let [english, spanish] = reports(|cell| if aware(cell) { 0.5 } else { 0.25 }, even);
    assert!(english.contains("in none of the 4 matrices: its median is 50.0% against 25.0%"), "{english}");
    assert!(
        spanish.contains("no tiene el menor error de salida en texto reservado en ninguna de las 4 matrices"),
        "{spanish}"
    );
}

#[test]
fn a_matrix_with_several_batches_is_one_matrix_beside_its_gaussian() {
    let [english, spanish] = reports(|_| 0.25, |_| 1e-3);
    assert!(english.contains("**w**: 6 weight matrices $W$ of a trained model"), "{english}");
    assert!(spanish.contains("**w**: 6 matrices de pesos $W$ de un modelo entrenado"), "{spanish}");
    // Sizes are never mixed.
    for (size, count) in [("6 × 4", 4), ("4 × 6", 2)] {
        let beside = format!("**Beside matrices that have learnt nothing: w, {size}.** Of {count} matrices, ");
        assert!(english.contains(&beside), "{beside}: {english}");
    }
    // By layer and by matrix, and no line for the matrix itself.
    // What all names share is said once.
    assert!(english.contains("| layer.0 | 2 |") && english.contains("| 0\\.up | 6 × 4 | 2 |"), "{english}");
    assert!(english.contains("Each name is short for `layer.NAME.weight`."), "{english}");
    assert!(!english.contains("| Dense matrix | 0 |"), "{english}");
}

#[test]
fn the_rank_up_to_which_time_is_saved_follows_from_the_times() {
    // With one token a pair is faster at rank 1 alone, with five at no rank.
    let time = |row: &SummaryRow| match (
        row.method_kind.as_str(),
        row.target_rank,
        row.problem_variant.ends_with("batch=1"),
    ) {
        ("dense", ..) => 1e-3,
        (_, 1, true) => 0.5e-3,
        _ => 2e-3,
    };
    let [english, spanish] = reports(|_| 0.25, time);
    assert!(
        english.contains("A pair for layer.0.up.weight (6 × 4) stores no more than the matrix up to rank 2."),
        "{english}"
    );
    assert!(
        english.contains("below that of $y = Wx$ up to rank 1 for 1 token, at no rank from the least on for 5 tokens"),
        "{english}"
    );
    assert!(
        english.contains(
            "At rank 1, where it stores half as much, it is 2.00 [1.96, 2.04] and 0.500 [0.490, 0.510] times as fast"
        ),
        "{english}"
    );
    assert!(spanish.contains("hasta el rango 1 con 1 token, en ningún rango desde el menor con 5 tokens"), "{spanish}");
    assert!(spanish.contains("veces tan rápido como la matriz, en el mismo orden"), "{spanish}");
    // All pairs faster: up to the largest rank.
    let [english, _] = reports(|_| 0.25, |row| if row.method_kind == "dense" { 2e-3 } else { 1e-3 });
    assert!(english.contains("up to rank 4 for 1 token, up to rank 4 for 5 tokens"), "{english}");
}
