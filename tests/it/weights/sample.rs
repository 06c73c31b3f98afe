//! The committed sample, a weight matrix of MiniLM and what goes into it, against an independent computation.

use std::fs;

use factoreo::{
    approximant::Operator,
    linalg::whitening::{Whitening, gram},
    method::Draw,
    metric::Yardstick,
    problem::{Problem, ProblemSpec, Structure, Tensor, TensorName},
    random::generator,
    tensor,
};
use faer::{Mat, MatRef, Par};
use serde_json::json;

use super::{factored, method, object, output_error, root};

const SAMPLE: &str = "encoder.layer.0.attention.output.dense";

fn sample() -> (ProblemSpec, Problem<f64>) {
    let file = |role: &str| format!("experiments/data/minilm-weight{role}.safetensors");
    let parameters = json!({
        "file": file(""),
        "tensor": format!("{SAMPLE}.weight"),
        "calibration": file("-calibration"),
        "evaluation": file("-evaluation"),
    });
    let spec = ProblemSpec::from_parameters("weight", object(parameters)).unwrap().unwrap();
    spec.check().unwrap();
    let tensors: Vec<Tensor> = spec.tensors().iter().map(|name| tensor::read(root(), name).unwrap()).collect();
    let problem = spec.build(&tensors, &mut generator(1)).unwrap();
    (spec, problem)
}

fn calibration() -> Mat<f64> {
    let path = "experiments/data/minilm-weight-calibration.safetensors".to_owned();
    let tensor = tensor::read(root(), &TensorName { path, name: Some(format!("{SAMPLE}.input")) }).unwrap();
    MatRef::from_row_major_slice(&tensor.entries, tensor.shape[0], tensor.shape[1]).to_owned()
}

/// 320 tokens of 384 inputs: XXᵀ is singular. Errors at rank 96 by numpy (eigh, svd), the least by the singular values of W·X.
#[test]
fn on_real_weights_the_errors_are_those_of_an_independent_computation() {
    let (_, problem) = sample();
    let (calibration, evaluation) = (calibration(), problem.values.transpose().to_owned());
    assert_eq!(
        (problem.matrix().shape(), calibration.shape(), evaluation.shape()),
        ((384, 384), (320, 384), (80, 384))
    );
    for (kind, on_calibration, on_evaluation) in [
        ("truncated_svd", 0.425_628_231_690_416_1, 0.419_962_165_925_504),
        ("svd_llm", 0.079_581_219_152_888_67, 0.224_099_711_626_309_93),
        ("asvd", 0.325_721_384_782_928_5, 0.339_444_838_836_829_3),
    ] {
        let approximation = factored(&problem, &method(kind, json!({})), 96);
        let error = |inputs: &Mat<f64>| output_error(problem.matrix(), approximation.as_ref(), inputs.as_ref());
        assert!((error(&calibration) - on_calibration).abs() < 1e-7, "{kind}: {}", error(&calibration));
        assert!((error(&evaluation) - on_evaluation).abs() < 1e-7, "{kind}: {}", error(&evaluation));
    }
    // The least any matrix of rank 96 leaves on the calibration text.
    let aware = factored(&problem, &method("svd_llm", json!({})), 96);
    let error = output_error(problem.matrix(), aware.as_ref(), calibration.as_ref());
    assert!((error / 0.079_581_219_147_498_31 - 1.0).abs() < 1e-6, "{error}");
}

/// The metric of the tables is the error on the evaluation's tokens, and a singular XXᵀ is on record.
#[test]
fn the_output_error_is_that_on_held_out_tokens() {
    let (spec, problem) = sample();
    let shapes: Vec<Vec<usize>> = spec.tensors().iter().map(|name| tensor::shape(root(), name).unwrap()).collect();
    assert_eq!(spec.outline(&shapes).unwrap().value_columns, 80);
    let reference = Yardstick::new(&problem, usize::MAX, 1, Par::Seq).unwrap();
    let draw = Draw { target_rank: 96, rng: &mut generator(1), parallelism: Par::Seq };
    let aware = method("svd_llm", json!({})).factor(&problem, draw).unwrap();
    assert_eq!(aware.notes, ["the calibration spans 320 of 384 directions"]);
    let measures = reference.measure(&aware.factors, 96, Par::Seq).unwrap();
    assert!((measures.relative_output_error.unwrap() - 0.224_099_711_6).abs() < 1e-7, "{measures:?}");
}

/// On the text it was fitted to, with fewer tokens than inputs, at every rank: finite, and no worse than the plain SVD.
#[test]
fn with_few_tokens_whitening_is_no_worse_than_the_plain_svd_on_the_calibration_text() {
    let (_, problem) = sample();
    let all = calibration();
    for tokens in [1, 40, 320] {
        let inputs = all.subrows(0, tokens).to_owned();
        let structure = Structure::Weight { gram: Some(gram(inputs.as_ref())) };
        for problem in [Problem { structure, ..problem.clone() }] {
            let narrow = problem.round::<f32>();
            for k in [1, 30, 96, 200, 384] {
                let error = |kind| {
                    let approximation = factored(&problem, &method(kind, json!({})), k);
                    output_error(problem.matrix(), approximation.as_ref(), inputs.as_ref())
                };
                let (aware, plain) = (error("svd_llm"), error("truncated_svd"));
                assert!(aware.is_finite() && aware <= plain + 1e-12, "{tokens} tokens, rank {k}: {aware} > {plain}");
                let draw = Draw { target_rank: k, rng: &mut generator(1), parallelism: Par::Seq };
                let single = method("svd_llm", json!({})).factor(&narrow, draw).unwrap().factors;
                assert!(single.is_finite(), "{tokens} tokens, rank {k}, in f32");
            }
        }
    }
    // Whitening knows how many directions it was given.
    let few = all.subrows(0, 40).to_owned();
    let whitening = Whitening::of_gram(gram(few.as_ref()).as_ref(), 1e-8, Par::Seq).unwrap();
    assert!((1..=40).contains(&whitening.spanned()), "{}", whitening.spanned());
}

#[test]
fn the_sample_has_the_checksums_its_readme_gives_and_is_small() {
    let folder = root().join("experiments/data");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut all = 0;
    for role in ["", "-calibration", "-evaluation"] {
        let file = format!("minilm-weight{role}.safetensors");
        let bytes = fs::metadata(folder.join(&file)).unwrap().len();
        let row = format!("| `{file}` | {bytes} | `{}` |", tensor::file_hash(&folder, &file).unwrap());
        assert!(readme.contains(&row), "README.md does not have: {row}");
        all += bytes;
    }
    assert!(all <= 700_000, "{all} bytes");
}
