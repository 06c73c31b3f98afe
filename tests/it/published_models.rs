//! Model folders as they are published: the encoder reads each spelling as the same model.

use std::{collections::BTreeMap, fs, path::Path};

use factoreo::{
    compress::{self, CompressOptions, Measure, WeightMethod, allocation::Allocation},
    model::{Encoder, plain_name, warnings},
    problem::TensorName,
    tensor::{Entries, NamedEntries, read},
};
use faer::Mat;

use crate::model::rewritten;

fn tiny() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert"))
}

fn hidden(folder: &Path) -> Mat<f32> {
    Encoder::read(folder).unwrap().forward(&[2, 9, 5, 7, 3], |_, _| ()).unwrap()
}

/// As bert-base-uncased is published: `bert.` before every name, norms with gamma and beta, a `cls.` head on top.
fn with_head(folder: &Path) {
    rewritten(folder, |mut tensor| {
        let turned = |name: &str, old: &str, new: &str| match name.strip_suffix(&format!("LayerNorm.{old}")) {
            Some(start) => format!("{start}LayerNorm.{new}"),
            None => name.to_owned(),
        };
        let name = turned(&turned(&tensor.name, "weight", "gamma"), "bias", "beta");
        let head = NamedEntries {
            name: "cls.predictions.transform.dense.weight".into(),
            shape: vec![1, 2],
            entries: Entries::Real(vec![1.0, 2.0]),
        };
        let top = (name == "embeddings.LayerNorm.gamma").then_some(head);
        tensor.name = format!("bert.{name}");
        [tensor].into_iter().chain(top).collect()
    });
    // What is beside the weights is not read.
    fs::write(folder.join("pytorch_model.bin"), b"a pickle").unwrap();
}

#[test]
fn a_model_saved_with_a_head_on_top_is_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    with_head(folder.path());
    assert_eq!(hidden(folder.path()), hidden(tiny()));
    assert!(warnings(folder.path()).is_empty());
}

#[test]
fn what_is_compressed_keeps_the_names_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let [model, out, plain] = ["model", "out", "plain"].map(|name| folder.path().join(name));
    fs::create_dir(&model).unwrap();
    with_head(&model);
    let options = CompressOptions {
        model: model.clone(),
        out: out.clone(),
        // Bytes would count the head.
        measure: Measure::Flops,
        budget: 0.9,
        calibration: None,
        allocation: Allocation::Uniform,
        method: WeightMethod::TruncatedSvd,
        force: false,
        seed: 0,
    };
    let manifest = compress::compress(&options, &mut |_| ()).unwrap();
    assert!(manifest.matrices.iter().any(|matrix| matrix.rank.is_some()));
    let bytes = fs::read(out.join("model.safetensors")).unwrap();
    let names = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let encoder = |name: &&str| !name.starts_with("cls.");
    assert!(names.names().into_iter().filter(encoder).all(|name| name.starts_with("bert.")), "{:?}", names.names());
    let options = CompressOptions { model: tiny().to_owned(), out: plain.clone(), ..options };
    let plain_manifest = compress::compress(&options, &mut |_| ()).unwrap();
    let ranks = |manifest: &compress::Manifest| -> BTreeMap<String, Option<usize>> {
        manifest.matrices.iter().map(|matrix| (plain_name(&matrix.name).to_owned(), matrix.rank)).collect()
    };
    assert_eq!(ranks(&manifest), ranks(&plain_manifest));
    // The fixture is kept in half precision, and so are its pairs; the copy is not.
    let (found, expected) = (hidden(&out), hidden(&plain));
    let error = (&found - &expected).norm_l2() / expected.norm_l2();
    assert!(error < 5e-3, "{error}");
}

#[test]
fn half_precision_is_read_as_the_numbers_it_holds() {
    let bytes = fs::read(tiny().join("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let rounded = |round: fn(f32) -> [u8; 2], dtype| {
        let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
            .names()
            .into_iter()
            .map(|name| {
                let name = TensorName { path: "model.safetensors".into(), name: Some(name.to_owned()) };
                let tensor = read(tiny(), &name).unwrap();
                let halves = tensor.entries.iter().flat_map(|&entry| round(entry as f32)).collect();
                (name.name.unwrap(), tensor.shape, halves)
            })
            .collect();
        let views = tensors.iter().map(|(name, shape, halves)| {
            (name.clone(), safetensors::tensor::TensorView::new(dtype, shape.clone(), halves).unwrap())
        });
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
        for file in ["config.json", "tokenizer.json"] {
            fs::copy(tiny().join(file), folder.path().join(file)).unwrap();
        }
        fs::write(folder.path().join("pytorch_model.bin"), b"a pickle").unwrap();
        let exact = hidden(tiny());
        let found = hidden(folder.path());
        (&found - &exact).norm_l2() / exact.norm_l2()
    };
    // 11 and 8 significant bits.
    let half = rounded(|entry| half::f16::from_f32(entry).to_le_bytes(), safetensors::Dtype::F16);
    let brain = rounded(|entry| half::bf16::from_f32(entry).to_le_bytes(), safetensors::Dtype::BF16);
    assert!(half < 2e-3 && brain > half && brain < 2e-2, "{half} {brain}");
}

#[test]
fn the_published_names_of_activations_are_known_and_change_the_answer() {
    let of = |activation: &str| {
        let folder = tempfile::tempdir().unwrap();
        rewritten(folder.path(), |tensor| vec![tensor]);
        let config = fs::read_to_string(tiny().join("config.json")).unwrap();
        let changed = config.replace("\"hidden_act\": \"gelu\"", &format!("\"hidden_act\": \"{activation}\""));
        assert!(activation == "gelu" || changed != config);
        fs::write(folder.path().join("config.json"), changed).unwrap();
        Encoder::read(folder.path()).map(|_| hidden(folder.path()))
    };
    let exact = of("gelu").unwrap();
    let distance = |other: &Mat<f32>| (other - &exact).norm_l2() / exact.norm_l2();
    let (new, pytorch, relu) = (of("gelu_new").unwrap(), of("gelu_pytorch_tanh").unwrap(), of("relu").unwrap());
    assert_eq!(new, pytorch);
    // The approximation is good to 5e-4; max(x, 0) is another function.
    assert!(
        distance(&new) > 0.0 && distance(&new) < 1e-3 && distance(&relu) > 1e-3,
        "{} {}",
        distance(&new),
        distance(&relu)
    );
    assert!(of("swish").unwrap_err().to_string().contains("swish"));
}

#[test]
fn layers_that_config_json_does_not_count_are_told_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    rewritten(folder.path(), |tensor| {
        let more = NamedEntries { name: tensor.name.replace("layer.1.", "layer.2."), ..tensor.clone() };
        if more.name == tensor.name { vec![tensor] } else { vec![tensor, more] }
    });
    assert_eq!(hidden(folder.path()), hidden(tiny()));
    let told = crate::program().arg("eval").arg(folder.path()).output().unwrap();
    assert!(told.status.success());
    let words = String::from_utf8(told.stderr).unwrap();
    assert!(words.contains("the file has 3 layers and config.json says 2: the first 2 are used"), "{words}");
}
