//! Problems are what their parameters say they are.

use factoreo::{
    linalg::{svd::singular_values, to_f64},
    parameters::Parameters,
    problem::{Problem, ProblemError, ProblemSpec, Structure, StructureKind, Tensor},
    random::generator,
};
use faer::{Mat, MatRef, Par};
use serde_json::json;

fn spec(kind: &str, parameters: serde_json::Value) -> ProblemSpec {
    let serde_json::Value::Object(map) = parameters else { panic!("parameters are an object") };
    ProblemSpec::from_parameters(kind, map).unwrap().unwrap()
}

fn build(kind: &str, parameters: serde_json::Value) -> Problem<f64> {
    let spec = spec(kind, parameters);
    spec.check().unwrap();
    spec.build(&[], &mut generator(1)).unwrap()
}

fn every_decay() -> Vec<serde_json::Value> {
    let list: Vec<f64> = (0..20).map(|j| 20.0 - f64::from(j)).collect();
    [(50, 30), (30, 50), (40, 40)]
        .into_iter()
        .flat_map(|(rows, columns)| {
            [
                json!({"decay": "power", "exponent": 2.0}),
                json!({"decay": "exponential", "rate": 0.5}),
                json!({"decay": "step", "step_rank": 7, "step_drop": 1e-6}),
                json!({"decay": "spiked", "spikes": 4, "spike_ratio": 50.0}),
                json!({"decay": "flat"}),
                json!({"decay": "listed", "singular_values": list}),
            ]
            .map(|mut parameters| {
                parameters["rows"] = rows.into();
                parameters["columns"] = columns.into();
                parameters
            })
        })
        .collect()
}

#[test]
fn prescribed_singular_values_are_those_of_the_matrix() {
    for parameters in every_decay() {
        let problem = build("spectrum", parameters.clone());
        let prescribed = problem.prescribed_singular_values.clone().unwrap();
        let found = singular_values(problem.matrix(), Par::Seq).unwrap();
        assert_eq!(found.len(), prescribed.len());
        for (found, prescribed_value) in found.iter().zip(&prescribed) {
            assert!((found - prescribed_value).abs() <= 1e-12 * prescribed[0], "{parameters}");
        }
        assert!(prescribed.windows(2).all(|pair| pair[0] >= pair[1]), "{parameters}: not descending");
    }
}

#[test]
fn decays_follow_their_formulas() {
    let values = |mut parameters: serde_json::Value| {
        parameters["rows"] = 6.into();
        parameters["columns"] = 8.into();
        build("spectrum", parameters).prescribed_singular_values.unwrap()
    };
    assert_eq!(values(json!({"decay": "power", "exponent": 1.0}))[3], 0.25);
    assert_eq!(values(json!({"decay": "exponential", "rate": 2.0}))[3], (-6f64).exp());
    let step = values(json!({"decay": "step", "step_rank": 2, "step_drop": 0.5}));
    assert_eq!(step, [1.0, 1.0, 0.5, 0.5, 0.5, 0.5]);
    let spiked = values(json!({"decay": "spiked", "spikes": 2, "spike_ratio": 9.0}));
    assert_eq!(spiked, [9.0, 3.0, 1.0, 0.75, 0.5, 0.25]);
    assert_eq!(values(json!({"decay": "listed", "singular_values": [3.0, 2.0]})), [3.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn attention_is_a_stochastic_matrix_of_its_queries_and_keys() {
    for causal in [false, true] {
        for clusters in [0, 5] {
            let problem = build(
                "attention",
                json!({"length": 70, "head_dim": 16, "clusters": clusters, "causal": causal, "temperature": 0.5}),
            );
            let Structure::Attention(head) = &problem.structure else { panic!("an attention problem has a head") };
            assert_eq!(head.scale, 1.0 / (4.0 * 0.5));
            assert_eq!((problem.values.nrows(), problem.values.ncols()), (70, 16));
            let logits = &head.queries * head.keys.transpose();
            for i in 0..70 {
                let visible = if causal { i + 1 } else { 70 };
                let row: Vec<f64> = (0..70).map(|j| problem.matrix()[(i, j)]).collect();
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 70.0 * f64::EPSILON);
                assert!(row[visible..].iter().all(|&weight| weight == 0.0), "query {i} sees the future");
                let normaliser: f64 = (0..visible).map(|j| (head.scale * logits[(i, j)]).exp()).sum();
                for (j, weight) in row[..visible].iter().enumerate() {
                    let expected = (head.scale * logits[(i, j)]).exp() / normaliser;
                    assert!((weight - expected).abs() < 1e-13, "({i}, {j})");
                }
            }
        }
    }
}

#[test]
fn tokens_of_a_cluster_attend_to_one_another() {
    let clustered = build("attention", json!({"length": 60, "head_dim": 32, "clusters": 3, "cluster_noise": 0.0}));
    // Without noise, tokens of one cluster are the same token: the matrix has as many different rows as clusters.
    let values = singular_values(clustered.matrix(), Par::Seq).unwrap();
    assert!(values[2] > 1e-3 && values[3] < 1e-13 * values[0], "{:?}", &values[..5]);
}

#[test]
fn kernels_are_symmetric_to_the_bit_and_positive_semidefinite() {
    for clusters in [0, 6] {
        let problem = build("kernel", json!({"points": 80, "dimension": 3, "bandwidth": 2.0, "clusters": clusters}));
        let matrix = problem.matrix();
        assert!(matches!(problem.structure, Structure::PositiveSemidefinite));
        for j in 0..80 {
            assert_eq!(matrix[(j, j)], 1.0);
            for i in 0..j {
                assert_eq!(matrix[(i, j)].to_bits(), matrix[(j, i)].to_bits());
                assert!((0.0..=1.0).contains(&matrix[(i, j)]));
            }
        }
        let eigenvalues = matrix.self_adjoint_eigenvalues(faer::Side::Lower).unwrap();
        let least = eigenvalues.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(least >= -80.0 * 80.0 * f64::EPSILON, "least eigenvalue {least:e}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_another_matrix() {
    for (kind, parameters) in [
        ("spectrum", json!({"rows": 9, "columns": 12})),
        ("attention", json!({"length": 10, "head_dim": 4, "clusters": 2})),
        ("kernel", json!({"points": 10, "dimension": 2, "clusters": 3})),
    ] {
        let spec = spec(kind, parameters);
        let draw = |seed| spec.build(&[], &mut generator(seed)).unwrap();
        let (once, again, other) = (draw(3), draw(3), draw(4));
        assert_eq!(once.matrix(), again.matrix());
        assert_eq!(once.values, again.values);
        assert_ne!(once.matrix(), other.matrix());
        assert_ne!(once.values, other.values);
        let outline = spec.outline(&[]).unwrap();
        assert_eq!((outline.rows, outline.columns), once.matrix().shape());
        assert_eq!((outline.columns, outline.value_columns), once.values.shape());
    }
}

#[test]
fn rounding_to_f64_changes_nothing_and_to_f32_forms_attention_from_rounded_queries_and_keys() {
    let problem = build("attention", json!({"length": 33, "head_dim": 8}));
    assert_eq!(problem.round::<f64>().matrix(), problem.matrix());

    let narrow = problem.round::<f32>();
    let Structure::Attention(head) = &narrow.structure else { panic!("still attention") };
    let (queries, keys) = (to_f64(head.queries.as_ref()), to_f64(head.keys.as_ref()));
    let logits = queries * keys.transpose();
    for i in 0..33 {
        let normaliser: f64 = (0..33).map(|j| (head.scale * logits[(i, j)]).exp()).sum();
        for j in 0..33 {
            let exact = (head.scale * logits[(i, j)]).exp() / normaliser;
            assert!((f64::from(narrow.matrix()[(i, j)]) - exact).abs() < 1e-6);
        }
    }

    let kernel = build("kernel", json!({"points": 12, "dimension": 2})).round::<f32>();
    assert_eq!(kernel.matrix(), kernel.matrix().transpose().to_owned());
}

/// 3×n×d and the same as three tensors.
fn head(n: usize, d: usize) -> (Tensor, [Tensor; 3]) {
    let entries: Vec<f64> = (0..3 * n * d).map(|i| (i as f64 * 0.37).sin()).collect();
    let parts =
        [0, 1, 2].map(|part| Tensor { shape: vec![n, d], entries: entries[part * n * d..(part + 1) * n * d].to_vec() });
    (Tensor { shape: vec![3, n, d], entries }, parts)
}

#[test]
fn a_head_is_the_same_from_one_file_or_three_tensors_and_its_length_can_be_cut() {
    let (packed, parts) = head(9, 4);
    let from_npy = spec("qkv", json!({"file": "head.npy", "length": 6}));
    let from_safetensors = spec("qkv", json!({"file": "a/b.safetensors", "head": "layer0.head3", "length": 6}));
    let names: Vec<String> = from_safetensors.tensors().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["query", "key", "value"].map(|role| format!("layer0.head3.{role} in a/b.safetensors")));

    let one = from_npy.build(std::slice::from_ref(&packed), &mut generator(1)).unwrap();
    let three = from_safetensors.build(&parts, &mut generator(2)).unwrap();
    assert_eq!(one.matrix(), three.matrix());
    assert_eq!(one.values, three.values);
    assert_eq!(one.matrix().shape(), (6, 6));
    let Structure::Attention(head) = &one.structure else { panic!("a head") };
    assert_eq!((head.scale, head.queries[(5, 3)], one.values[(0, 1)]), (0.5, packed.entries[23], packed.entries[73]));

    let outline = from_safetensors.outline(&[vec![9, 4], vec![9, 4], vec![9, 5]]).unwrap();
    assert_eq!((outline.rows, outline.value_columns), (6, 5));
    assert_eq!(outline.structure, StructureKind::Attention { causal: false, head_dim: 4 });
}

#[test]
fn shapes_that_do_not_fit_are_told_with_the_shape_expected() {
    let qkv = spec("qkv", json!({"file": "head.npy", "length": 100}));
    insta::assert_snapshot!(qkv.outline(&[vec![2, 9, 4]]).unwrap_err(), @"expected a shape of 3×n×d, found 2×9×4");
    insta::assert_snapshot!(qkv.outline(&[vec![3, 9, 4]]).unwrap_err(), @"length = 100 asks for more tokens than the 9 there are");
    let qkv = spec("qkv", json!({"file": "heads.safetensors", "head": "h"}));
    insta::assert_snapshot!(
        qkv.outline(&[vec![9, 4], vec![9, 5], vec![9]]).unwrap_err(),
        @"expected query n×d, key n×d and value n×d′, found 9×4, 9×5 and 9"
    );
    let file = spec("tensor_file", json!({"file": "w.npy"}));
    insta::assert_snapshot!(
        file.outline(&[vec![]]).unwrap_err(),
        @"expected a matrix (two dimensions, none of them 0), found a single number"
    );
}

#[test]
fn an_entry_that_is_not_finite_is_named_by_file_and_index() {
    let (mut packed, _) = head(9, 4);
    packed.entries[36 + 2 * 4 + 3] = f64::NAN;
    let error = spec("qkv", json!({"file": "head.npy"})).build(&[packed], &mut generator(1)).unwrap_err();
    assert!(matches!(&error, ProblemError::NotFinite { index, .. } if *index == [1, 2, 3]), "{error}");

    let mut tensor = Tensor { shape: vec![4, 5], entries: vec![1.0; 20] };
    tensor.entries[13] = f64::NEG_INFINITY;
    let file = spec("tensor_file", json!({"file": "w.safetensors", "tensor": "w"}));
    let error = file.build(&[tensor], &mut generator(1)).unwrap_err();
    insta::assert_snapshot!(error, @"w in w.safetensors: entry [2, 3] is -inf, not a finite number");
}

#[test]
fn a_tensor_file_keeps_rows_as_rows() {
    let tensor = Tensor { shape: vec![2, 3], entries: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
    let problem = spec("tensor_file", json!({"file": "w.npy"})).build(&[tensor], &mut generator(1)).unwrap();
    assert_eq!(problem.matrix(), faer::mat![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]] as Mat<f64>);
    assert_eq!(problem.values.shape(), (3, 64));
}

#[test]
fn the_spectrum_of_a_real_matrix_stands_between_other_vectors() {
    // H diag(5, 3, 2, 1) with Hadamard's H/2, which is orthogonal.
    let signs = [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]];
    let values = [5.0, 3.0, 2.0, 1.0];
    let entries: Vec<f64> =
        signs.iter().flat_map(|row| row.iter().zip(values).map(|(sign, value)| sign * value / 2.0)).collect();
    let tensor = Tensor { shape: vec![4, 4], entries: entries.clone() };
    let kind = spec("spectrum", json!({"decay": "as_in", "file": "w.safetensors", "tensor": "w"}));
    assert_eq!(kind.outline(&[vec![4, 4]]).map(|outline| (outline.rows, outline.columns)), Ok((4, 4)));
    let built = kind.build(&[tensor], &mut generator(1)).unwrap();
    for (found, expected) in built.prescribed_singular_values.as_ref().unwrap().iter().zip(values) {
        assert!((found - expected).abs() < 1e-13, "{found} for {expected}");
    }
    // AᵀA has the trace of the squares, and A is not the matrix of the file.
    let square = built.matrix().squared_norm_l2();
    assert!((square - 39.0).abs() < 1e-11, "{square}");
    let distance = (built.matrix() - MatRef::from_row_major_slice(&entries, 4, 4)).norm_l2();
    assert!(distance > 1.0, "{distance}");
}

#[test]
fn the_spectrum_of_a_head_is_that_of_its_attention_matrix() {
    // Equal keys: every row of P is 1/n, so that P has the one singular value 1.
    let tokens = |scale: f64| Tensor {
        shape: vec![6, 2],
        entries: (0..12).map(|at| scale * (at as f64).sin() + (1.0 - scale)).collect(),
    };
    let kind = spec("spectrum", json!({"decay": "as_in", "file": "heads.safetensors", "head": "layer0.head0"}));
    assert_eq!(kind.tensors().len(), 3);
    let built = kind.build(&[tokens(1.0), tokens(0.0), tokens(1.0)], &mut generator(1)).unwrap();
    let values = built.prescribed_singular_values.unwrap();
    assert_eq!(built.formed.unwrap().shape(), (6, 6));
    assert!((values[0] - 1.0).abs() < 1e-13 && values[1..].iter().all(|value| *value < 1e-13), "{values:?}");
    assert!(matches!(built.structure, Structure::General));
}

#[test]
fn impossible_parameters_are_refused_with_what_to_write_instead() {
    let refusals: Vec<String> = [
        ("spectrum", json!({"rows": 0, "columns": 5})),
        ("spectrum", json!({"rows": 5, "columns": 5, "exponent": -1.0})),
        ("spectrum", json!({"rows": 5, "columns": 5, "decay": "exponential", "rate": -0.1})),
        ("spectrum", json!({"rows": 5, "columns": 9, "decay": "step", "step_rank": 6})),
        ("spectrum", json!({"rows": 50, "columns": 50, "decay": "step", "step_drop": 2.0})),
        ("spectrum", json!({"rows": 50, "columns": 50, "decay": "spiked", "spike_ratio": 0.5})),
        ("spectrum", json!({"rows": 5, "columns": 5, "decay": "listed"})),
        ("spectrum", json!({"rows": 2, "columns": 5, "decay": "listed", "singular_values": [3.0, 2.0, 1.0]})),
        ("spectrum", json!({"rows": 5, "columns": 5, "decay": "listed", "singular_values": [1.0, 2.0]})),
        ("spectrum", json!({"rows": 5, "columns": 5, "decay": "listed", "singular_values": [1.0, -2.0]})),
        ("spectrum", json!({})),
        ("spectrum", json!({"decay": "as_in"})),
        ("spectrum", json!({"decay": "as_in", "file": "heads.safetensors"})),
        ("spectrum", json!({"decay": "as_in", "file": "heads.safetensors", "tensor": "w", "head": "layer0.head0"})),
        ("attention", json!({"length": 8, "head_dim": 4, "temperature": 0.0})),
        ("attention", json!({"length": 8, "head_dim": 0})),
        ("attention", json!({"length": 8, "head_dim": 4, "clusters": 9})),
        ("attention", json!({"length": 8, "head_dim": 4, "cluster_noise": -1.0})),
        ("kernel", json!({"points": 8, "dimension": 2, "bandwidth": -1.0})),
        ("kernel", json!({"points": 100_000_000, "dimension": 2})),
        ("qkv", json!({"file": "heads.safetensors"})),
        ("qkv", json!({"file": "head.npy", "head": "layer0.head0"})),
        ("qkv", json!({"file": "head.npy", "length": 0})),
        ("tensor_file", json!({"file": "weights.bin"})),
        ("tensor_file", json!({"file": "weights.safetensors"})),
    ]
    .into_iter()
    .map(|(kind, parameters)| {
        let invalid = spec(kind, parameters).check().unwrap_err();
        format!("{kind}: {} {}; {}", invalid.parameter, invalid.reason, invalid.instead)
    })
    .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    spectrum: rows must lie between 1 and 10000000; for example `rows = 512`
    spectrum: exponent must be finite and not negative; for example `exponent = 1.0`
    spectrum: rate must be finite and not negative; for example `rate = 0.1`
    spectrum: step_rank must lie between 1 and min(rows, columns) = 5; for example `step_rank = 5`
    spectrum: step_drop must lie between 0 and 1; for example `step_drop = 1e-3`
    spectrum: spike_ratio must be finite and at least 1; for example `spike_ratio = 10.0`
    spectrum: singular_values must be given when decay is "listed"; a descending list, for example `singular_values = [1.0, 0.5, 0.1]`
    spectrum: singular_values has 3 values, but min(rows, columns) is 2; a descending list, for example `singular_values = [1.0, 0.5, 0.1]`
    spectrum: singular_values must descend, but 1 stands before 2; a descending list, for example `singular_values = [1.0, 0.5, 0.1]`
    spectrum: singular_values holds -2, and singular values are finite and not negative; a descending list, for example `singular_values = [1.0, 0.5, 0.1]`
    spectrum: rows must be given; for example `rows = 512`
    spectrum: file must be given when decay is "as_in"; for example `file = "experiments/data/minilm-heads.safetensors"`, with `head = "layer0.head2"`
    spectrum: file holds several matrices: one of them must be named; for example `head = "layer0.head2"`, or the name of a matrix as `tensor`
    spectrum: head cannot be given beside `tensor`; keep one of the two: they are two matrices
    attention: temperature must be positive, from 1e-6 to 1e6; for example `temperature = 1.0`
    attention: head_dim must lie between 1 and 10000000; for example `head_dim = 64`
    attention: clusters must not exceed length = 8; for example `clusters = 8`, or 0 for none
    attention: cluster_noise must not be negative, nor above 1e6; for example `cluster_noise = 0.3`
    kernel: bandwidth must be positive, from 1e-6 to 1e6; for example `bandwidth = 1.0`
    kernel: points must lie between 1 and 10000000; for example `points = 512`
    qkv: head must be given: a .safetensors file holds several heads; for example `head = "layer0.head3"`, or a list of heads
    qkv: head has no meaning: a .npy file of shape 3×n×d holds one head, without a name; leave it out
    qkv: length must be at least 1; for example `length = 256`, or leave it out for all tokens
    tensor_file: file must be a .npy or a .safetensors file; for example `file = "experiments/data/minilm-heads.safetensors"`
    tensor_file: tensor must be given: a .safetensors file holds several tensors; for example `tensor = "encoder.layer.0.output.dense.weight"`
    "#);
}

#[test]
fn every_parameter_is_described_in_the_schema() {
    for (kind, schema) in ProblemSpec::schemas() {
        let properties = schema.get("properties").and_then(|value| value.as_object()).unwrap();
        for (name, property) in properties {
            let described = property.get("description").and_then(|text| text.as_str()).is_some_and(|t| !t.is_empty());
            assert!(described, "{kind}.{name} has no description");
        }
    }
}

#[test]
fn parameters_survive_the_journey_through_json() {
    for parameters in every_decay() {
        let before = spec("spectrum", parameters);
        let after = spec("spectrum", serde_json::Value::Object(before.parameters()));
        assert_eq!(before, after);
    }
    assert_eq!(factoreo::problem::Qkv::KIND, "qkv");
    let bare = spec("qkv", json!({"file": "head.npy"}));
    assert_eq!(serde_json::Value::Object(bare.parameters()), json!({"file": "head.npy", "causal": false}));
}
