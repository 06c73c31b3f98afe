//! What whitening, scaling and the dense baseline promise of any weights.

use factoreo::{
    approximant::Operator,
    linalg::{gaussian::gaussian, svd::singular_values, whitening::gram},
    method::Draw,
    metric::Yardstick,
    problem::{Problem, ProblemSpec, Structure, StructureKind},
    random::generator,
};
use faer::{Mat, Par};
use serde_json::json;

use super::{factored, method, object, output_error};

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
            let whitened = error("svd_llm", json!({"floor": 1e-14}));
            // What the floor lets in is its root, 1e-7 of the largest.
            assert!(whitened >= least * (1.0 - 1e-9) - 1e-12, "{m}×{n}, {tokens}, {k}: {whitened} < {least}");
            assert!(whitened <= least * (1.0 + 1e-6) + 1e-6, "{m}×{n}, {tokens}, {k}: {whitened} > {least}");
            for (kind, parameters) in [("truncated_svd", json!({})), ("asvd", json!({}))] {
                assert!(error(kind, parameters) >= least * (1.0 - 1e-9) - 1e-12, "{kind} {k}");
            }
        }
    }
}

#[test]
fn a_scale_of_the_activations_changes_nothing() {
    let inputs = inputs(60, 12);
    let problem = weight(10, 12, &inputs);
    for kind in ["svd_llm", "asvd"] {
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
    for kind in ["svd_llm", "asvd"] {
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
    for kind in ["svd_llm", "asvd"] {
        let reason = method(kind, json!({})).refuses(outline, 2);
        assert_eq!(reason.as_deref(), Some("needs calibration activations"), "{kind}");
    }
    assert_eq!(method("dense", json!({})).refuses(outline, 2), None);
    assert_eq!(method("dense", json!({})).target_ranks(outline, &[1, 2]), [4]);
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
