//! Checkpoints in shards, of any kind and of several types.

use std::{collections::BTreeMap, fs, path::Path};

use factoreo::{
    compress::{CompressOptions, Manifest, WeightMethod},
    tensor::Checkpoint,
};

use super::{measure, request, run, tiny};

/// Name, type, shape and bytes of a tensor.
type Described<'a> = (&'a str, safetensors::Dtype, Vec<usize>, Vec<u8>);

/// A checkpoint of any kind, in shards.
pub(super) fn sharded(folder: &Path, shards: &[(&str, Vec<Described<'_>>)]) {
    fs::create_dir_all(folder).unwrap();
    let mut map = serde_json::Map::new();
    for (shard, tensors) in shards {
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            (*name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        fs::write(folder.join(shard), safetensors::serialize(views, None).unwrap()).unwrap();
        for (name, ..) in tensors {
            map.insert((*name).to_owned(), (*shard).into());
        }
    }
    let index = serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

/// A matrix of rank 2 and a little more, in F32.
pub(super) fn nearly_low_rank(rows: usize, columns: usize) -> Vec<f32> {
    let entry = |i: usize, j: usize| {
        let (x, y) = (i as f32 / rows as f32, j as f32 / columns as f32);
        x * y + (3.0 * x).sin() * (2.0 * y).cos() + 1e-3 * ((i * 31 + j * 17) % 13) as f32
    };
    (0..rows * columns).map(|at| entry(at / columns, at % columns)).collect()
}

#[test]
fn a_sharded_model_of_any_kind_is_factored_matrix_by_matrix_in_its_own_types() {
    use safetensors::Dtype::{BF16, F16, F32, I64};
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let matrix = nearly_low_rank(40, 60);
    let f32_bytes: Vec<u8> = matrix.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    let f16_bytes: Vec<u8> = matrix.iter().flat_map(|&entry| half::f16::from_f32(entry).to_le_bytes()).collect();
    let bf16_bytes: Vec<u8> = matrix.iter().flat_map(|&entry| half::bf16::from_f32(entry).to_le_bytes()).collect();
    let ids: Vec<u8> = (0..12_i64).flat_map(i64::to_le_bytes).collect();
    sharded(
        &model,
        &[
            ("a.safetensors", vec![("h.0.w", F32, vec![40, 60], f32_bytes), ("h.0.ids", I64, vec![3, 4], ids.clone())]),
            ("b.safetensors", vec![("h.1.w", F16, vec![40, 60], f16_bytes), ("h.2.w", BF16, vec![60, 40], bf16_bytes)]),
        ],
    );
    let options = CompressOptions {
        model,
        calibration: None,
        method: WeightMethod::TruncatedSvd,
        budget: 0.5,
        ..request(folder.path())
    };
    let manifest = run(&options).unwrap();
    assert!(manifest.budget.reached <= 0.5 && manifest.matrices.len() == 3 && manifest.calibration.is_none());
    assert_eq!(manifest.source.blake3.keys().collect::<Vec<_>>(), ["a.safetensors", "b.safetensors"]);
    let file = fs::read(options.out.join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.tensor("h.0.ids").unwrap().data(), ids);
    for (name, dtype) in [("h.0.w", F32), ("h.1.w", F16), ("h.2.w", BF16)] {
        let left = tensors.tensor(&format!("{name}.left")).unwrap();
        assert_eq!(left.dtype(), dtype, "{name}");
    }
    // The product is the matrix, as nearly as was predicted.
    let checkpoint = Checkpoint::open(&options.out).unwrap();
    let read = |name: &str| checkpoint.read(name).unwrap();
    let (left, right) = (read("h.0.w.left"), read("h.0.w.right"));
    let rank = left.shape[1];
    let (mut error, mut whole) = (0.0, 0.0);
    for (at, &entry) in matrix.iter().enumerate() {
        let product: f64 = (0..rank).map(|k| left.entries[at / 60 * rank + k] * right.entries[k * 60 + at % 60]).sum();
        error += (product - f64::from(entry)).powi(2);
        whole += f64::from(entry).powi(2);
    }
    let predicted = manifest.matrices.iter().find(|matrix| matrix.name == "h.0.w").unwrap().predicted_error;
    assert!(
        ((error / whole).sqrt() - predicted).abs() < 1e-6 && predicted < 1e-2,
        "{} {predicted}",
        (error / whole).sqrt()
    );

    // And once factored, it is not factored again.
    let again = CompressOptions { model: options.out.clone(), out: folder.path().join("again"), ..options };
    assert!(run(&again).expect_err("factored twice").to_string().contains("this model is factored already"));
}

#[test]
fn a_sharded_bert_is_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for name in ["config.json", "tokenizer.json"] {
        fs::copy(tiny().join(name), model.join(name)).unwrap();
    }
    let file = fs::read(tiny().join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let of = |first: bool| -> Vec<_> {
        let views = tensors.iter().filter(|(name, _)| name.contains("layer.0") == first);
        views.map(|(name, view)| (name, view.dtype(), view.shape().to_vec(), view.data().to_vec())).collect()
    };
    sharded(&model, &[("one.safetensors", of(true)), ("two.safetensors", of(false))]);
    let against = measure(&model, &tiny(), None).against.unwrap();
    assert!((against.mean_cosine - 1.0).abs() < 1e-7, "{against:?}");
    let options = CompressOptions { model, ..request(folder.path()) };
    let (sharded, single) = (
        run(&options).unwrap(),
        run(&CompressOptions { out: folder.path().join("single"), ..request(folder.path()) }).unwrap(),
    );
    let ranks = |manifest: &Manifest| -> BTreeMap<String, Option<usize>> {
        manifest.matrices.iter().map(|matrix| (matrix.name.clone(), matrix.rank)).collect()
    };
    assert_eq!(ranks(&sharded).len(), ranks(&single).len());
    assert!(sharded.parameters.abs_diff(single.parameters) < 100);
}
