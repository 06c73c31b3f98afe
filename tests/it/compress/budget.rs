//! The file is as large as was asked for, the manifest tells what is in it, and a larger one is nearer to the model.

use std::fs;

use factoreo::{
    compress::{CompressOptions, Manifest, Measure, allocation::Allocation},
    tensor::Checkpoint,
};

use super::{measure, request, run, text, tiny};
use crate::real_model::minilm;

#[test]
fn the_file_is_within_the_budget_and_near_it_and_the_manifest_tells_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = request(folder.path());
    let manifest = run(&options).unwrap();
    let written = fs::metadata(options.out.join("model.safetensors")).unwrap().len();
    let original = fs::metadata(tiny().join("model.safetensors")).unwrap().len();
    assert_eq!((manifest.bytes, manifest.source.bytes), (written, original));
    assert!(written as f64 <= 0.8 * original as f64 && manifest.budget.reached > 0.78, "{:?}", manifest.budget);

    let saved: Manifest = serde_json::from_slice(&fs::read(options.out.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(saved, manifest);
    let checkpoint = Checkpoint::open(&options.out).unwrap();
    let (mut pairs, mut numbers) = (0, 0);
    for matrix in &manifest.matrices {
        let sides = ["left", "right"].map(|side| format!("{}.{side}", matrix.name));
        match matrix.rank {
            None => assert!(checkpoint.has(&matrix.name) && !checkpoint.has(&sides[0])),
            Some(rank) => {
                assert!(!checkpoint.has(&matrix.name));
                assert_eq!(checkpoint.shape(&sides[0]).unwrap(), [matrix.rows, rank]);
                assert_eq!(checkpoint.shape(&sides[1]).unwrap(), [rank, matrix.columns]);
                assert!(matrix.predicted_error > 0.0 && matrix.importance.unwrap() > 0.0);
                assert_eq!(matrix.held_out_error.is_none(), matrix.name == "embeddings.word_embeddings.weight");
                pairs += 1;
            }
        }
        numbers += matrix.parameters;
    }
    assert!(pairs > 0 && numbers < manifest.parameters && manifest.parameters < manifest.source.parameters);
    assert_eq!(manifest.source.blake3["model.safetensors"].len(), 64);
    let calibration = manifest.calibration.unwrap();
    assert_eq!(calibration.blake3, blake3::hash(&fs::read(text("us-constitution.txt")).unwrap()).to_hex().as_str());
}

#[test]
fn a_larger_budget_is_nearer_and_a_whole_one_is_the_model_itself() {
    let folder = tempfile::tempdir().unwrap();
    let cosine = |budget: f64| {
        let options =
            CompressOptions { out: folder.path().join(format!("{budget}")), budget, ..request(folder.path()) };
        let manifest = run(&options).unwrap();
        let evaluation = measure(&options.out, &tiny(), None);
        let against = evaluation.against.unwrap();
        assert!(against.texts >= 40 && evaluation.bytes == manifest.bytes);
        assert_eq!(against.bytes_share, manifest.bytes as f64 / manifest.source.bytes as f64);
        (against.mean_cosine, evaluation.pairs)
    };
    let (low, high, whole) = (cosine(0.6), cosine(0.95), cosine(1.0));
    assert!(low.0 < high.0 && high.0 < whole.0, "{low:?} {high:?} {whole:?}");
    assert!((whole.0 - 1.0).abs() < 1e-6 && whole.1 == 0 && low.1 > high.1, "{low:?} {high:?} {whole:?}");
}

#[test]
fn flops_and_a_cosine_can_be_asked_for_instead_of_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let flops = CompressOptions { measure: Measure::Flops, budget: 0.5, ..request(folder.path()) };
    let manifest = run(&flops).unwrap();
    assert!(manifest.budget.reached <= 0.5 && manifest.budget.reached > 0.45, "{:?}", manifest.budget);
    // A look-up costs nothing; a pair would.
    let words = manifest.matrices.iter().find(|matrix| matrix.name.contains("word_embeddings")).unwrap();
    assert_eq!(words.rank, None);

    let at = |cosine: f64| {
        let out = folder.path().join(format!("cosine{cosine}"));
        run(&CompressOptions { measure: Measure::Cosine, budget: cosine, out, ..request(folder.path()) }).unwrap()
    };
    let (loose, tight) = (at(0.9), at(0.99));
    for (manifest, least) in [(&loose, 0.9), (&tight, 0.99)] {
        let found = manifest.calibration.as_ref().unwrap().held_out_mean_cosine;
        assert!(found >= least && (found - manifest.budget.reached).abs() < 1e-12, "{found} {:?}", manifest.budget);
    }
    assert!(loose.bytes < tight.bytes && tight.bytes < tight.source.bytes);
}

#[test]
fn minilm_at_60_percent_is_within_1_percent_of_it_and_marginal_beats_uniform() {
    let Some(model) = minilm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cosine = |allocation, name: &str| {
        let out = folder.path().join(name);
        let options = CompressOptions { model: model.clone(), out, budget: 0.6, allocation, ..request(folder.path()) };
        let manifest = run(&options).unwrap();
        assert!(manifest.budget.reached <= 0.6 && manifest.budget.reached > 0.6 * 0.99, "{:?}", manifest.budget);
        let against = measure(&options.out, &model, None).against.unwrap();
        println!("{name}: {against:?}");
        against.mean_cosine
    };
    let (uniform, marginal) = (cosine(Allocation::Uniform, "uniform"), cosine(Allocation::Marginal, "marginal"));
    assert!(marginal > uniform, "marginal {marginal}, uniform {uniform}");
}
