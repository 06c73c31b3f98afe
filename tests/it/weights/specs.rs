//! Specs that name weights: patterns, texts that must differ, shapes that must fit.

use std::{fs, path::Path};

use factoreo::{
    problem::{ProblemSpec, Tensor},
    random::generator,
    spec,
    tensor::{NamedEntries, write_safetensors},
};
use serde_json::json;

use super::object;

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
