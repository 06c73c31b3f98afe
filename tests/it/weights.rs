//! Promise: weights are found by name or pattern, calibrated on one text and judged on another, and whitening is what its theorem says.

use std::{fs, path::Path};

use factoreo::{
    approximant::Operator,
    linalg::{
        gaussian::gaussian,
        svd::singular_values,
        whitening::{Whitening, gram},
    },
    method::{Draw, MethodSpec},
    metric::Yardstick,
    model::{ActivationOptions, Encoder, LinearMap, Tokenizer, extract_activations},
    problem::{Problem, ProblemSpec, Structure, StructureKind, Tensor, TensorName},
    random::generator,
    spec,
    tensor::{self, NamedEntries, write_safetensors},
};
use faer::{Mat, MatRef, Par};
use serde_json::json;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn method(kind: &str, parameters: serde_json::Value) -> MethodSpec {
    let serde_json::Value::Object(map) = parameters else { panic!("parameters are an object") };
    MethodSpec::from_parameters(kind, map).unwrap().unwrap()
}

fn factored(problem: &Problem<f64>, method: &MethodSpec, target_rank: usize) -> Mat<f64> {
    let draw = Draw { target_rank, rng: &mut generator(1), parallelism: Par::Seq };
    method.factor(problem, draw).unwrap().factors.to_dense()
}

/// ‖(W − Ŵ)X‖_F/‖WX‖_F in plain loops; `inputs` is Xᵀ.
fn output_error(weight: MatRef<'_, f64>, approximation: MatRef<'_, f64>, inputs: MatRef<'_, f64>) -> f64 {
    let (mut error, mut norm) = (0.0, 0.0);
    for t in 0..inputs.nrows() {
        for i in 0..weight.nrows() {
            let (mut exact, mut difference) = (0.0, 0.0);
            for j in 0..weight.ncols() {
                exact += weight[(i, j)] * inputs[(t, j)];
                difference += (weight[(i, j)] - approximation[(i, j)]) * inputs[(t, j)];
            }
            error += difference * difference;
            norm += exact * exact;
        }
    }
    f64::sqrt(error / norm)
}

/// Correlated inputs of very different sizes, of `tokens` tokens.
fn inputs(tokens: usize, n: usize) -> Mat<f64> {
    let mut rng = generator(21);
    let mixture = gaussian::<f64>(n, n, &mut rng);
    let mut inputs = gaussian::<f64>(tokens, n, &mut rng) * mixture;
    for j in 0..n {
        inputs.col_mut(j).iter_mut().for_each(|entry| *entry *= 2f64.powf(-(j as f64) / 3.0));
    }
    inputs
}

fn weight(m: usize, n: usize, inputs: &Mat<f64>) -> Problem<f64> {
    let mut rng = generator(22);
    Problem {
        formed: Some(gaussian(m, n, &mut rng)),
        structure: Structure::Weight { gram: Some(gram(inputs.as_ref())) },
        values: inputs.transpose().to_owned(),
        prescribed_singular_values: None,
    }
}

/// Eckart & Young for W·X: the tail of its singular values is the least any matrix of rank k leaves, and whitening leaves no more.
#[test]
fn whitening_reaches_the_least_error_any_matrix_of_its_rank_has() {
    for (m, n, tokens) in [(20, 30, 200), (30, 20, 200), (24, 24, 24), (20, 30, 9)] {
        let inputs = inputs(tokens, n);
        let problem = weight(m, n, &inputs);
        let product = problem.matrix() * inputs.transpose();
        let sigma = singular_values(product.as_ref(), Par::Seq).unwrap();
        let norm = sigma.iter().map(|value| value * value).sum::<f64>().sqrt();
        for k in [1, 4, 10, 20] {
            let least = sigma[k.min(sigma.len())..].iter().map(|value| value * value).sum::<f64>().sqrt() / norm;
            let error = |kind, parameters| {
                let approximation = factored(&problem, &method(kind, parameters), k);
                output_error(problem.matrix(), approximation.as_ref(), inputs.as_ref())
            };
            let whitened = error("activation_aware_svd", json!({"floor": 1e-14}));
            // What the floor lets in is its root, 1e-7 of the largest.
            assert!(whitened >= least * (1.0 - 1e-9) - 1e-12, "{m}×{n}, {tokens}, {k}: {whitened} < {least}");
            assert!(whitened <= least * (1.0 + 1e-6) + 1e-6, "{m}×{n}, {tokens}, {k}: {whitened} > {least}");
            for (kind, parameters) in [("truncated_svd", json!({})), ("scaled_svd", json!({}))] {
                assert!(error(kind, parameters) >= least * (1.0 - 1e-9) - 1e-12, "{kind} {k}");
            }
        }
    }
}

#[test]
fn a_scale_of_the_activations_changes_nothing() {
    let inputs = inputs(60, 12);
    let problem = weight(10, 12, &inputs);
    for kind in ["activation_aware_svd", "scaled_svd"] {
        let plain = factored(&problem, &method(kind, json!({})), 5);
        for scale in [1e-150, 1e150] {
            let gram = gram((&inputs * faer::Scale(scale)).as_ref());
            let scaled = Problem { structure: Structure::Weight { gram: Some(gram) }, ..problem.clone() };
            let difference = factored(&scaled, &method(kind, json!({})), 5) - &plain;
            assert!(difference.norm_l2() <= 1e-9 * plain.norm_l2(), "{kind} × {scale:e}");
        }
    }
}

#[test]
fn silent_inputs_and_no_inputs_at_all_leave_finite_factors() {
    let silent = Mat::<f64>::zeros(5, 12);
    let problem = weight(10, 12, &silent);
    let plain = factored(&problem, &method("truncated_svd", json!({})), 4);
    for kind in ["activation_aware_svd", "scaled_svd"] {
        // Where nothing came in, nothing is known: the plain SVD.
        let difference = factored(&problem, &method(kind, json!({})), 4) - &plain;
        assert!(difference.norm_l2() <= 1e-12 * plain.norm_l2(), "{kind}");
    }
}

#[test]
fn without_calibration_they_are_refused_with_the_reason() {
    let spec = ProblemSpec::from_parameters("weight", object(json!({"file": "w.safetensors", "tensor": "w"})));
    let outline = spec.unwrap().unwrap().outline(&[vec![6, 4]]).unwrap();
    assert_eq!(outline.structure, StructureKind::Weight { calibrated: false });
    for kind in ["activation_aware_svd", "scaled_svd"] {
        let reason = method(kind, json!({})).refuses(outline, 2);
        assert_eq!(reason.as_deref(), Some("needs calibration activations"), "{kind}");
    }
    assert_eq!(method("dense", json!({})).refuses(outline, 2), None);
    assert_eq!(method("dense", json!({})).target_ranks(outline, &[1, 2]), [4]);
}

fn object(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    let serde_json::Value::Object(map) = value else { panic!("an object") };
    map
}

#[test]
fn the_dense_baseline_has_no_error_and_costs_what_the_matrix_does() {
    let inputs = inputs(7, 12);
    let problem = weight(10, 12, &inputs).round::<f32>();
    let reference = Yardstick::new(&problem, usize::MAX, 1, Par::Seq).unwrap();
    let draw = Draw { target_rank: 10, rng: &mut generator(1), parallelism: Par::Seq };
    let dense = method("dense", json!({})).factor(&problem, draw).unwrap().factors;
    assert!(dense.pair().is_none());
    assert_eq!((dense.parameters(), dense.bytes(), dense.apply_flops(7)), (120, 480, 2 * 120 * 7));
    let measures = reference.measure(&dense, 10, Par::Seq).unwrap();
    assert_eq!(measures.relative_frobenius_error, Some(0.0));
    assert!(measures.relative_output_error.unwrap() < 1e-14);
    assert_eq!((measures.optimal_frobenius_error, measures.suboptimality), (None, None));
    let applied = dense.apply(problem.values.as_ref(), Par::Seq);
    let product = problem.matrix() * &problem.values;
    assert!((applied - product).norm_max() <= 1e-6 * problem.matrix().norm_l2());

    // Another matrix is not taken for it.
    let other = Problem { formed: Some(problem.matrix() * faer::Scale(1.5f32)), ..problem.clone() };
    let draw = Draw { target_rank: 10, rng: &mut generator(1), parallelism: Par::Seq };
    let wrong = method("dense", json!({})).factor(&other, draw).unwrap().factors;
    let error = reference.measure(&wrong, 10, Par::Seq).unwrap().relative_frobenius_error.unwrap();
    assert!((error - 0.5).abs() < 1e-6, "{error}");
}

// --- The sample ------------------------------------------------------------------------------------------------------------

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
        ("activation_aware_svd", 0.079_581_219_152_888_67, 0.224_099_711_626_309_93),
        ("scaled_svd", 0.325_721_384_782_928_5, 0.339_444_838_836_829_3),
    ] {
        let approximation = factored(&problem, &method(kind, json!({})), 96);
        let error = |inputs: &Mat<f64>| output_error(problem.matrix(), approximation.as_ref(), inputs.as_ref());
        assert!((error(&calibration) - on_calibration).abs() < 1e-7, "{kind}: {}", error(&calibration));
        assert!((error(&evaluation) - on_evaluation).abs() < 1e-7, "{kind}: {}", error(&evaluation));
    }
    // The least any matrix of rank 96 leaves on the calibration text.
    let aware = factored(&problem, &method("activation_aware_svd", json!({})), 96);
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
    let aware = method("activation_aware_svd", json!({})).factor(&problem, draw).unwrap();
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
                let (aware, plain) = (error("activation_aware_svd"), error("truncated_svd"));
                assert!(aware.is_finite() && aware <= plain + 1e-12, "{tokens} tokens, rank {k}: {aware} > {plain}");
                let draw = Draw { target_rank: k, rng: &mut generator(1), parallelism: Par::Seq };
                let single = method("activation_aware_svd", json!({})).factor(&narrow, draw).unwrap().factors;
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

// --- Specs -----------------------------------------------------------------------------------------------------------------

/// A project with a model of two layers and what goes through its maps on two texts.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let entries = |name: &str, shape: &[usize]| NamedEntries {
        name: name.to_owned(),
        shape: shape.to_vec(),
        entries: (0..shape.iter().product::<usize>()).map(|i| (i as f32).sin()).collect(),
    };
    let weights = [
        entries("layer.10.up.weight", &[6, 4]),
        entries("layer.2.up.weight", &[6, 4]),
        entries("layer.2.down.weight", &[4, 6]),
        entries("layer.2.norm.weight", &[4]),
        entries("pooler.weight", &[4, 4]),
    ];
    write_safetensors(&folder.path().join("model.safetensors"), &weights, &[]).unwrap();
    let inputs = [
        entries("layer.10.up.input", &[9, 4]),
        entries("layer.2.up.input", &[9, 4]),
        entries("layer.2.down.input", &[9, 6]),
    ];
    for (name, hash) in [("calibration", "aa"), ("evaluation", "bb"), ("again", "aa")] {
        let path = folder.path().join(format!("{name}.safetensors"));
        write_safetensors(&path, &inputs, &[("text_blake3", hash.to_owned())]).unwrap();
    }
    folder
}

fn load(folder: &Path, problem: &str) -> Result<spec::Experiment, String> {
    let text = format!(
        "seed = 1\ntarget_rank = 2\ntitle = {{ en = \"a\", es = \"a\" }}\nquestion = {{ en = \"b\", es = \"b\" }}\n\
         [problem.w]\nkind = \"weight\"\nfile = \"model.safetensors\"\n{problem}\n[method.truncated_svd]\n"
    );
    let path = folder.join("spec.toml");
    fs::write(&path, text).unwrap();
    spec::load(&path, folder).map_err(|diagnostics| diagnostics.render(false))
}

#[test]
fn a_pattern_is_every_matrix_it_matches_in_the_order_people_count() {
    let folder = project();
    let names = |problem: &str| -> Vec<String> {
        load(folder.path(), problem).unwrap().problems.iter().map(spec::Instance::name).collect()
    };
    assert_eq!(
        names("tensor = \"layer.*.weight\""),
        ["w (tensor=layer.2.down.weight)", "w (tensor=layer.2.up.weight)", "w (tensor=layer.10.up.weight)"]
    );
    // What two patterns mean is one problem; what is spelt out keeps its place.
    assert_eq!(
        names("tensor = [\"pooler.weight\", \"*.up.*\", \"layer.2*\"]"),
        [
            "w (tensor=pooler.weight)",
            "w (tensor=layer.2.up.weight)",
            "w (tensor=layer.10.up.weight)",
            "w (tensor=layer.2.down.weight)"
        ]
    );
    assert_eq!(names("tensor = \"pool*\"\nbatch = [1, 16]"), ["w (batch=1)", "w (batch=16)"], "one match is not swept");
    // Each is a matrix with cells of its own.
    let experiment = load(folder.path(), "tensor = \"layer.*.weight\"").unwrap();
    let plan = factoreo::plan::plan(&experiment, folder.path(), u64::MAX).unwrap();
    let shapes: Vec<(usize, usize)> =
        plan.blocks.iter().map(|block| (block.outline.rows, block.outline.columns)).collect();
    assert_eq!(shapes, [(4, 6), (6, 4), (6, 4)]);
}

#[test]
fn a_pattern_that_matches_nothing_names_some_matrices() {
    let folder = project();
    let text = load(folder.path(), "tensor = \"encoder.*.weight\"").unwrap_err();
    assert!(text.contains("no matrix in `model.safetensors` has a name like `encoder.*.weight`"), "{text}");
    assert!(text.contains("there are 4 matrices, such as `layer.2.down.weight`"), "{text}");
    assert!(text.contains("1 error in"), "{text}");
    // A norm is no matrix.
    assert!(load(folder.path(), "tensor = \"*.norm.*\"").unwrap_err().contains("has a name like `*.norm.*`"));
}

#[test]
fn what_is_judged_on_must_not_be_what_was_fitted_to() {
    let folder = project();
    let with = |calibration: &str, evaluation: &str| {
        let problem = format!(
            "tensor = \"layer.*.weight\"\ncalibration = \"{calibration}.safetensors\"\nevaluation = \"{evaluation}.safetensors\""
        );
        load(folder.path(), &problem)
    };
    let experiment = with("calibration", "evaluation").unwrap();
    assert_eq!(experiment.problems.len(), 3);
    for same in ["calibration", "./calibration"] {
        let text = with("calibration", same).unwrap_err();
        assert!(text.contains("`evaluation` is the file of `calibration`: nothing would be held out"), "{text}");
        assert!(text.contains("1 error in"), "{text}");
    }
    let text = with("calibration", "again").unwrap_err();
    assert!(text.contains("`evaluation` and `calibration` come from the same text"), "{text}");
    assert!(text.contains("1 error in"), "{text}");
}

#[test]
fn activations_and_batches_that_do_not_fit_are_told() {
    let spec = |parameters| ProblemSpec::from_parameters("weight", object(parameters)).unwrap().unwrap();
    let whole = spec(json!({"file": "w.safetensors", "tensor": "a.weight", "calibration": "c.safetensors",
        "evaluation": "e.safetensors", "batch": 16}));
    let names: Vec<String> = whole.tensors().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a.weight in w.safetensors", "a.input in c.safetensors", "a.input in e.safetensors"]);
    let outline = |shapes: &[&[usize]]| whole.outline(&shapes.iter().map(|shape| shape.to_vec()).collect::<Vec<_>>());
    assert_eq!(outline(&[&[6, 4], &[9, 4], &[20, 4]]).unwrap().value_columns, 16);
    insta::assert_snapshot!(outline(&[&[6], &[9, 4], &[20, 4]]).unwrap_err(), @"expected a matrix (two dimensions), found 6");
    insta::assert_snapshot!(
        outline(&[&[6, 4], &[9, 6], &[20, 4]]).unwrap_err(),
        @"expected activations of tokens×4 for weights of 6×4, found 9×6"
    );
    insta::assert_snapshot!(
        outline(&[&[6, 4], &[9, 4], &[12, 4]]).unwrap_err(),
        @"batch = 16 asks for more tokens than the 12 of the evaluation"
    );
    let broken = Tensor { shape: vec![2, 2], entries: vec![1.0, f64::NAN, 0.0, 0.0] };
    let sound = Tensor { shape: vec![2, 2], entries: vec![1.0; 4] };
    let huge = Tensor { shape: vec![2, 2], entries: vec![1e200; 4] };
    let calibrated = spec(json!({"file": "w.safetensors", "tensor": "a.weight", "calibration": "c.safetensors"}));
    let error = |activations: Tensor| {
        calibrated.build(&[sound.clone(), activations], &mut generator(1)).unwrap_err().to_string()
    };
    insta::assert_snapshot!(error(broken), @"a.input in c.safetensors: entry [0, 1] is NaN, not a finite number");
    insta::assert_snapshot!(error(huge), @"a.input in c.safetensors: the squares of its entries overflow");
}

// --- extract --activations ---------------------------------------------------------------------------------------------------

fn tiny() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert"))
}

#[test]
fn activations_are_what_goes_into_each_map_sequence_after_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    fs::write(&text, "the house of the king and the laws of the land ".repeat(4)).unwrap();
    let options = ActivationOptions {
        model: tiny().to_owned(),
        text: text.clone(),
        tokens: 8,
        sequences: None,
        out: folder.path().join("activations.safetensors"),
    };
    let extracted = extract_activations(&options).unwrap();
    let (tokenizer, encoder) = (Tokenizer::read(tiny()).unwrap(), Encoder::read(tiny()).unwrap());
    let ids = tokenizer.tokenize(&fs::read_to_string(&text).unwrap());
    let sequences: Vec<Vec<u32>> = ids.chunks(6).map(|ids| tokenizer.frame(ids)).collect();
    let tokens: usize = sequences.iter().map(Vec::len).sum();
    assert!(sequences.len() > 2 && !ids.len().is_multiple_of(6), "the last sequence is a short one");
    assert_eq!((extracted.sequences, extracted.tokens), (sequences.len(), tokens));

    let maps = LinearMap::of_model(encoder.config());
    assert_eq!(extracted.maps, maps.len());
    for map in maps {
        let name =
            TensorName { path: "activations.safetensors".to_owned(), name: Some(format!("{}.input", map.name())) };
        let written = tensor::read(folder.path(), &name).unwrap();
        let mut expected = Vec::new();
        for ids in &sequences {
            encoder
                .forward_seeing_inputs(ids, |seen, input| {
                    if seen == map {
                        expected.extend(input.col_iter().flat_map(|token| token.iter().map(|&entry| f64::from(entry))));
                    }
                })
                .unwrap();
        }
        assert_eq!(written.shape, [tokens, map.inputs(encoder.config())], "{}", map.name());
        assert!(written.entries == expected, "{}", map.name());
        // The weights have as many columns.
        let weights = TensorName { path: "model.safetensors".to_owned(), name: Some(format!("{}.weight", map.name())) };
        assert_eq!(tensor::shape(tiny(), &weights).unwrap()[1], written.shape[1], "{}", map.name());
    }
    let hash = tensor::file_hash(folder.path(), "text.txt").unwrap();
    assert_eq!(tensor::metadata(folder.path(), "activations.safetensors", "text_blake3").unwrap(), Some(hash));

    let first = extract_activations(&ActivationOptions { sequences: Some(2), ..options.clone() }).unwrap();
    assert_eq!((first.sequences, first.tokens), (2, 16));
    for (wrong, words) in [
        (ActivationOptions { tokens: 2, ..options.clone() }, "--tokens 2 is not between"),
        (ActivationOptions { sequences: Some(0), ..options.clone() }, "--sequences 0 leaves nothing to run"),
    ] {
        let message = extract_activations(&wrong).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    fs::write(&text, " \n").unwrap();
    let out = folder.path().join("nothing.safetensors");
    let message = extract_activations(&ActivationOptions { out: out.clone(), ..options }).unwrap_err().to_string();
    assert!(message.contains("the text has no tokens") && !out.exists(), "{message}");
}
