//! The committed sample of real heads is the one its README describes, and the program makes the same again where
//! FACTOREO_MODEL_DIR names the model's folder.

use std::{collections::BTreeMap, fs, path::Path};

use factoreo::{
    model::{ExtractOptions, extract},
    problem::TensorName,
    tensor::{file_hash, read},
};

use crate::real_model::minilm;

const HEADS: [&str; 8] = [
    "layer0.head2",
    "layer0.head7",
    "layer1.head8",
    "layer2.head3",
    "layer2.head9",
    "layer3.head11",
    "layer4.head5",
    "layer5.head8",
];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/data"))
}

/// Every tensor of a sample, by name.
fn tensors(root: &Path) -> BTreeMap<String, Vec<f64>> {
    let names = HEADS.iter().flat_map(|head| ["query", "key", "value"].map(|kind| format!("{head}.{kind}")));
    names
        .map(|name| {
            let tensor =
                read(root, &TensorName { path: "minilm-heads.safetensors".to_owned(), name: Some(name.clone()) })
                    .unwrap();
            assert_eq!(tensor.shape, [512, 32], "{name}");
            (name, tensor.entries)
        })
        .collect()
}

#[test]
fn the_sample_has_the_checksums_its_readme_gives() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    for file in ["minilm-heads.safetensors", "us-declaration.txt"] {
        let bytes = fs::metadata(folder().join(file)).unwrap().len();
        let row = format!("| `{file}` | {bytes} | `{}` |", file_hash(folder(), file).unwrap());
        assert!(readme.contains(&row), "README.md does not have: {row}");
    }
}

#[test]
fn the_sample_is_small_whole_and_finite() {
    assert!(fs::metadata(folder().join("minilm-heads.safetensors")).unwrap().len() <= 2_000_000);
    for (name, entries) in tensors(folder()) {
        assert!(entries.iter().all(|entry| entry.is_finite()), "{name}");
    }
}

#[test]
fn the_sample_is_what_the_program_makes() {
    let Some(model) = minilm() else { return };
    let made = tempfile::tempdir().unwrap();
    let options = ExtractOptions {
        model,
        text: folder().join("us-declaration.txt"),
        heads: HEADS.iter().map(|head| head.parse().unwrap()).collect(),
        tokens: 512,
        out: made.path().join("minilm-heads.safetensors"),
    };
    extract(&options).unwrap();
    let again = tensors(made.path());
    for (name, entries) in tensors(folder()) {
        let largest = entries.iter().zip(&again[&name]).map(|(old, new)| (old - new).abs()).fold(0.0, f64::max);
        assert!(largest < 1e-4, "{name} differs by {largest}");
    }
}
