//! Promise: nothing swept is pooled. On planted grids where a pooled median lies, the report says what holds at every setting.

use std::{fs, path::Path};

use factoreo::{
    plan, report, run, spec,
    table::{CellRow, Results, Status, summarise},
};

const HEAD: &str = "seed = 1\ntrials = 1\n[title]\nen = \"Grid\"\nes = \"Rejilla\"\n\
    [question]\nen = \"Why?\"\nes = \"¿Por qué?\"\n[timing]\nrepeats = 0\n\
    [method.truncated_svd]\n[method.randomized_svd]\n[method.block_krylov]\n";

/// Both annexes of a spec, with the errors of its cells replaced by `edit`.
fn annexes(rest: &str, edit: impl Fn(&mut CellRow)) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..3 {
        fs::write(folder.path().join(format!("matrix{seed}.npy")), matrix(seed)).unwrap();
    }
    let path = folder.path().join("grid.toml");
    fs::write(&path, format!("{}{HEAD}{rest}", "target_rank = [4, 8]\n")).unwrap();
    let experiment = spec::load(&path, folder.path()).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let plan = plan::plan(&experiment, folder.path(), u64::MAX).unwrap();
    run::run(&experiment, &plan, &run::Options::new(folder.path())).unwrap();
    let place = folder.path().join("results/grid");
    let mut results = Results::read(&place).unwrap();
    results.cells.iter_mut().for_each(edit);
    let formed = results.matrices.clone();
    let forms = |cell: &CellRow, _: Option<u64>| {
        let of = |row: &&factoreo::table::MatrixRow| {
            (&row.problem, &row.problem_variant, &row.precision)
                == (&cell.problem, &cell.problem_variant, &cell.precision)
        };
        formed.iter().find(of)?.form_seconds
    };
    results.summary = summarise(&results.matrices, &results.cells, &results.samples, forms).unwrap();
    results.write(&place).unwrap();
    report::build(folder.path(), false).unwrap();
    ["en", "es"].map(|language| super::annexes(Path::new(folder.path()), language))
}

/// A `.npy` file of a 12×12 matrix.
fn matrix(seed: u32) -> Vec<u8> {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (12, 12), }";
    let entry = |at: u32| f64::from(at * (seed + 3) % 17).sin() / f64::from(at / 12 + 1);
    let entries: Vec<u8> = (0..144).flat_map(|at| entry(at).to_le_bytes()).collect();
    [b"\x93NUMPY\x01\x00\x76\x00", format!("{header:<117}\n").as_bytes(), &entries].concat()
}

/// The number a swept parameter has in the variant of a cell.
fn value(cell: &CellRow, parameter: &str) -> f64 {
    let of = |part: &str| part.strip_prefix(parameter)?.strip_prefix('=')?.parse().ok();
    cell.problem_variant.split(", ").find_map(of).unwrap()
}

/// The paragraph that begins so.
fn finding<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.contains(start)).unwrap_or_else(|| panic!("{start}: {text}"))
}

#[test]
fn a_method_that_is_better_at_every_size_is_not_beaten_by_the_sizes_another_was_run_at() {
    // Block Krylov is worse at every size it has, but has only the easy ones: its pooled median would be 25 % against 45 %.
    let [english, spanish] = annexes("[problem.spectrum]\nrows = [16, 24, 32, 40]\n", |cell| {
        let size = value(cell, "rows");
        let error = match size as u64 {
            16 => 0.1,
            24 => 0.3,
            32 => 0.6,
            _ => 0.8,
        };
        cell.optimal_frobenius_error = Some(error / 2.0);
        let worse = if cell.method_kind == "block_krylov" { 1.25 } else { 1.0 };
        cell.relative_frobenius_error = Some(error * worse);
        if cell.method_kind == "block_krylov" && size > 24.0 {
            cell.status = Status::Skipped;
            cell.relative_frobenius_error = None;
        }
    });
    let (told, dicho) =
        (finding(&english, "spectrum and the number of rows m"), finding(&spanish, "y el número de filas m"));
    assert!(told.contains("Of these methods the least error is that of Randomized SVD, at every value."), "{told}");
    assert!(dicho.contains("el de menor error es la SVD aleatorizada, con todos los valores."), "{dicho}");
    for text in [&english, &spanish] {
        for pooled in ["45.0%", "45,0", "25.0%", "25,0", "0.45 ", "0,45 "] {
            assert!(!text.contains(pooled), "{pooled}: {text}");
        }
    }
}

#[test]
fn an_effect_that_changes_sign_between_two_sizes_is_told_for_each() {
    let [english, spanish] = annexes("[problem.spectrum]\nrows = [16, 32]\nexponent = [0.5, 1.0, 2.0]\n", |cell| {
        // Over both sizes the exponent does nothing.
        let step = value(cell, "exponent").log2();
        let error = if value(cell, "rows") < 20.0 { 0.4 + 0.1 * step } else { 0.4 - 0.1 * step };
        cell.optimal_frobenius_error = Some(error);
        cell.relative_frobenius_error = Some(error);
    });
    let told = finding(&english, "spectrum and the exponent of the decay");
    assert!(
        told.contains("goes both ways from the least value to the greatest: it falls in 1 and rises in 1"),
        "{told}"
    );
    assert!(told.contains("the error falls in some settings and rises in others with all"), "{told}");
    let dicho = finding(&spanish, "y el exponente del decaimiento");
    assert!(dicho.contains("va en ambos sentidos del menor valor al mayor: baja en 1 y sube en 1"), "{dicho}");
    assert!(dicho.contains("baja en unos ajustes y sube en otros con todos"), "{dicho}");
}

#[test]
fn sizes_have_a_curve_each_and_the_baseline_no_rank() {
    let rest = "[method.exact_attention]\n[method.nystromformer]\n\
        [problem.attention]\nlength = [32, 64]\nhead_dim = [4, 8]\ntemperature = [0.25, 1, 4]\n";
    let [english, spanish] = annexes(rest, |_| {});
    let told = finding(&english, "and the temperature τ");
    assert!(
        told.contains("the least possible error falls from the least value to the greatest, in all 4 settings"),
        "{told}"
    );
    let dicho = finding(&spanish, "y la temperatura τ");
    assert!(dicho.contains("baja del menor valor al mayor, en los 4 ajustes"), "{dicho}");
    for figure in [
        "error_by_parameter.attention.temperature",
        "error_map.attention.length.temperature",
        "error_by_share.attention",
        "spectrum_by_share.attention",
    ] {
        assert!(english.contains(figure) && spanish.contains(figure), "{figure}");
    }
    assert!(!english.contains("spectrum_decay"));
    // Exact attention has no rank: its 32 and 64 are no target ranks.
    assert!(english.contains("Target ranks 4 and 8;"), "{english}");
    let at_rank = english.lines().find(|line| line.contains("xact attention") && line.contains("at rank"));
    assert_eq!(at_rank, None);
    // What a person reads: neither tables, nor figures, nor formulas, nor the works cited.
    for (text, works) in [(&english, "## References"), (&spanish, "## Referencias")] {
        let prose = text.split(works).next().unwrap();
        let lines = prose.lines().filter(|line| !line.starts_with(['|', '!', '<', '\\', '$']));
        let words: usize = lines.map(|line| line.split_whitespace().count()).sum();
        assert!(words <= 2500, "{words} words");
    }
}

#[test]
fn what_is_fitted_over_sizes_says_how_many_had_the_rank() {
    let rest =
        "[method.nystromformer]\n[problem.attention]\ntarget_rank = 24\nlength = [16, 32, 48, 64]\nhead_dim = 4\n";
    let [english, spanish] = annexes(rest, |_| {});
    assert!(english.contains("3 of the 4 values had the rank."), "{english}");
    assert!(spanish.contains("3 de los 4 valores tenían el rango."), "{spanish}");
    let whole = rest.replace("[16, ", "[24, ");
    let [english, _] = annexes(&whole, |_| {});
    assert!(!english.contains("had the rank"), "{english}");
}

#[test]
fn a_replicate_that_disagrees_with_the_median_is_named() {
    let files = "file = [\"matrix0.npy\", \"matrix1.npy\", \"matrix2.npy\"]\n";
    let planted = |odd: f64| {
        move |cell: &mut CellRow| {
            let is_odd = cell.problem_variant.contains("matrix1");
            let error = match (&*cell.method_kind, is_odd) {
                ("block_krylov", true) => odd,
                ("block_krylov", false) => 0.4,
                (_, true) => 0.3,
                (_, false) => 0.2,
            };
            cell.relative_frobenius_error = Some(error);
            cell.optimal_frobenius_error = Some(if is_odd { 0.05 } else { 0.1 });
        }
    };
    let rest = format!("[problem.tensor_file]\n{files}");
    let [english, spanish] = annexes(&rest, planted(0.1));
    let told = finding(&english, "Do the 3 matrices");
    assert!(told.contains("the least possible error goes from 5.00% (matrix1.npy) to 10.0%"), "{told}");
    assert!(told.contains("the least median error is that of Randomized SVD; in 1 of the matrices"), "{told}");
    assert!(told.contains("matrix1.npy (Block Krylov, 10.0% against 30.0%)."), "{told}");
    let dicho = finding(&spanish, "¿Coinciden las 3 matrices");
    assert!(dicho.contains("en 1 de las matrices hay otro") && dicho.contains("matrix1.npy (Krylov por"), "{dicho}");
    let [agreed, _] = annexes(&rest, planted(0.5));
    let told = finding(&agreed, "Do the 3 matrices");
    assert!(told.contains("in none of the matrices is that of another lower"), "{told}");
}

#[test]
fn what_the_vectors_do_is_told_beside_the_same_spectrum() {
    let rest = "[method.cur]\n[problem.real]\nkind = \"tensor_file\"\nfile = [\"matrix0.npy\", \"matrix1.npy\"]\n\
        [problem.between_random_vectors]\nkind = \"spectrum\"\ndecay = \"as_in\"\n\
        file = [\"matrix0.npy\", \"matrix1.npy\"]\n";
    let [english, spanish] = annexes(rest, |cell| {
        let real = if cell.problem == "real" { 1.0 } else { 0.0 };
        let error = match &*cell.method_kind {
            "randomized_svd" => 0.2,
            "block_krylov" => 0.2 + 0.1 * real,
            "cur" => 0.4 - 0.2 * real,
            _ => return,
        };
        cell.relative_frobenius_error = Some(error);
    });
    let told = finding(&english, "The spectrum or the vectors?");
    assert!(told.contains("Truncated SVD 1.00 (1.00 to 1.00); Randomized SVD 1.00 (1.00 to 1.00);"), "{told}");
    assert!(told.contains("the spectrum alone decides: Truncated SVD, Randomized SVD."), "{told}");
    assert!(told.contains("higher by more than that everywhere: Block Krylov."), "{told}");
    assert!(told.contains("lower by more than that everywhere: CUR."), "{told}");
    let dicho = finding(&spanish, "¿El espectro o los vectores?");
    assert!(dicho.contains("solo decide el espectro: la SVD truncada, la SVD aleatorizada."), "{dicho}");
}
