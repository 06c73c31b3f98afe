//! Advice follows from the matrix: numbers that are known in advance come out, and what should be left alone is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use factoreo::{
    advise::{Advice, AdviseError, AdviseOptions, Subject, advise},
    linalg::{gaussian::gaussian, orthonormalize::orthonormalize},
    random::generator,
    tensor::{NamedEntries, write_safetensors},
};
use faer::{Mat, Par};

/// A file with one matrix `w` of these singular values.
fn file_of(folder: &Path, rows: usize, columns: usize, values: &[f64]) -> PathBuf {
    let basis = |side, seed| orthonormalize(gaussian::<f64>(side, values.len(), &mut generator(seed)), Par::Seq);
    let (left, right) = (basis(rows, 1), basis(columns, 2));
    let matrix: Mat<f64> = Mat::from_fn(rows, values.len(), |i, j| left[(i, j)] * values[j]) * right.transpose();
    file_with(folder, &matrix)
}

fn file_with(folder: &Path, matrix: &Mat<f64>) -> PathBuf {
    let path = folder.join("w.safetensors");
    let entries = matrix.row_iter().flat_map(|row| row.iter().map(|&entry| entry as f32)).collect();
    let tensor = NamedEntries { name: "w".to_owned(), shape: vec![matrix.nrows(), matrix.ncols()], entries };
    write_safetensors(&path, &[tensor], &[]).unwrap();
    path
}

fn about(file: PathBuf, tolerance: f64) -> Result<Advice, AdviseError> {
    advise(&AdviseOptions { file, subject: Subject::Tensor(Some("w".to_owned())), tolerance })
}

#[test]
fn a_known_spectrum_gives_the_ranks_that_follow_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f64> = (0..60).map(|j| 0.5_f64.powi(j)).collect();
    let advice = about(file_of(folder.path(), 60, 90, &values), 0.01).unwrap();
    assert_eq!((advice.rows, advice.columns, advice.parameters, advice.kind), (60, 90, 5400, "tensor"));
    // Tails are 2⁻ᵏ of the norm: 0.01 needs 7, energy 1 − 4⁻ᵏ needs 2, 4 and 5.
    assert_eq!((advice.tolerance.rank, advice.tolerance.parameters), (7, 7 * 150));
    assert!((advice.tolerance.error - 0.5_f64.powi(7)).abs() < 1e-4);
    assert_eq!((advice.ranks.energy_90, advice.ranks.energy_99, advice.ranks.energy_99_9), (2, 4, 5));
    assert!((advice.ranks.stable - 4.0 / 3.0).abs() < 1e-4 && advice.ranks.numerical < 25);
    assert!((advice.spectrum.largest - 1.0).abs() < 1e-5);
    assert_eq!(advice.break_even.storage, 36);
    assert_eq!(advice.break_even.time.iter().map(|batch| batch.batch).collect::<Vec<_>>(), [1, 16, 128]);
    let found = &advice.recommendation;
    assert!(found.factor && found.rank == Some(7) && found.method == Some("truncated_svd"), "{found:?}");
    let words = advice.to_string();
    assert!(
        words.contains("\nFactor it, at rank 7.") && words.contains("break-even       in storage at rank 36"),
        "{words}"
    );
}

#[test]
fn noise_is_left_alone_and_so_is_what_would_grow() {
    let folder = tempfile::tempdir().unwrap();
    let noise = file_with(folder.path(), &gaussian::<f64>(80, 80, &mut generator(3)));
    for tolerance in [0.01, 0.9] {
        let advice = about(noise.clone(), tolerance).unwrap();
        assert_eq!((advice.recommendation.factor, advice.recommendation.verdict), (false, "flat_spectrum"));
        assert_eq!(advice.ranks.gavish_donoho, 0);
        assert!(advice.to_string().contains("\nDo not factor this."));
    }
    let slow: Vec<f64> = (0..60).map(|j| 0.9_f64.powi(j)).collect();
    let advice = about(file_of(folder.path(), 60, 60, &slow), 0.01).unwrap();
    assert_eq!((advice.recommendation.factor, advice.recommendation.verdict), (false, "rank_too_high"));
    assert!(advice.tolerance.rank > advice.break_even.storage);
    let nothing = about(file_with(folder.path(), &Mat::zeros(12, 8)), 0.01).unwrap();
    assert_eq!((nothing.recommendation.verdict, nothing.tolerance.rank), ("zero", 0));
}

#[test]
fn rounding_is_no_signal_and_a_vector_has_no_smaller_pair() {
    let folder = tempfile::tempdir().unwrap();
    // Of rank 5; the other singular values, the median among them, are the rounding of single precision.
    let low = about(file_of(folder.path(), 200, 300, &[5.0, 4.0, 3.0, 2.0, 1.0]), 0.01).unwrap();
    assert_eq!((low.ranks.gavish_donoho, low.ranks.numerical, low.recommendation.rank), (5, 5, Some(5)));
    let vector = about(file_with(folder.path(), &gaussian::<f64>(1, 50, &mut generator(5))), 0.01).unwrap();
    assert_eq!((vector.recommendation.factor, vector.break_even.storage), (false, 0));
    assert_eq!(vector.recommendation.reason, "It has 50 numbers, and already a pair of rank 1 would have 51.");
}

fn factoreo(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = crate::program().current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_head_of_a_real_model_is_looked_at_as_attention() {
    let heads = "experiments/data/minilm-heads.safetensors";
    let (code, words, _) = factoreo(&["advise", heads, "--qkv", "layer0.head2", "--tolerance", "0.05"]);
    assert_eq!(code, Some(0));
    assert!(
        words.starts_with("attention matrix of layer0.head2 in experiments/data/minilm-heads.safetensors: 512×512"),
        "{words}"
    );
    let (_, json, _) = factoreo(&["advise", heads, "--qkv", "layer0.head2", "--tolerance", "0.05", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "file",
            "name",
            "kind",
            "rows",
            "columns",
            "parameters",
            "spectrum",
            "ranks",
            "tolerance",
            "break_even",
            "recommendation"
        ]
    );
    assert_eq!(json["break_even"]["time"].as_array().unwrap().len(), 3);
    assert!(json["break_even"]["time"][0]["dense"]["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_question_without_an_answer_is_one_clear_error_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = gaussian::<f64>(6, 6, &mut generator(4));
    broken[(2, 3)] = f64::NAN;
    let broken = file_with(folder.path(), &broken);
    let broken = broken.to_str().unwrap();
    fs::write(folder.path().join("w.csv"), "1,2").unwrap();
    let csv = folder.path().join("w.csv");
    let heads = "experiments/data/minilm-heads.safetensors";
    for (arguments, expected) in [
        (&[heads, "--tensor", "nope"][..], "no tensor \"nope\" in this file"),
        (&[heads], "the tensor's name is missing"),
        (&[heads, "--qkv", "layer9.head9"], "no tensor \"layer9.head9.query\" in this file"),
        (&[heads, "--tensor", "layer0.head2.key", "--tolerance", "2"], "--tolerance 2 is not between 0 and 1"),
        (&["absent.npy"], "absent.npy: no such file"),
        (&[csv.to_str().unwrap()], "neither .npy nor .safetensors by its name"),
        (&[broken, "--tensor", "w"], "entry [2, 3] is NaN, not a finite number"),
    ] {
        let (code, out, words) = factoreo(&[&["advise"], arguments].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {words}");
        assert!(words.starts_with("error: ") && words.contains(expected) && out.is_empty(), "{arguments:?}: {words}");
        assert_eq!(words.lines().count(), 1, "{words}");
    }
}
