//! Attention that is never formed is measured as if it were, and its controls are what they say.

use std::fs;

use factoreo::{
    approximant::Operator,
    linalg::{gaussian::gaussian, softmax::attention_matrix},
    method::{Draw, MethodSpec},
    metric::RowReference,
    plan::plan,
    problem::{Head, Problem, Structure},
    random::generator,
    run::{Options, run},
    spec::load,
    table::{Results, Status},
};
use faer::{Mat, Par};
use serde_json::{Value, json};

fn method(kind: &str, parameters: &Value) -> MethodSpec {
    let parameters = parameters.as_object().unwrap().clone();
    MethodSpec::from_parameters(kind, parameters).unwrap().unwrap()
}

/// Unformed attention of n tokens in clusters.
fn attention(n: usize, causal: bool) -> Problem<f64> {
    let mut rng = generator(31);
    let d = 16;
    let centres = gaussian::<f64>(12, d, &mut rng);
    let mut draw = || {
        let noise = gaussian::<f64>(n, d, &mut rng);
        Mat::from_fn(n, d, |i, l| 1.2 * centres[(i % 12, l)] + 0.5 * noise[(i, l)])
    };
    let (queries, keys) = (draw(), draw());
    let values = gaussian(n, 8, &mut rng);
    let structure = Structure::Attention(Head { queries, keys, scale: 1.0 / (d as f64).sqrt(), causal });
    Problem { formed: None, structure, values, prescribed_singular_values: None }
}

fn head(problem: &Problem<f64>) -> &Head<f64> {
    let Structure::Attention(head) = &problem.structure else { panic!("it is attention") };
    head
}

fn factored(
    problem: &Problem<f64>,
    kind: &str,
    parameters: &Value,
    target_rank: usize,
) -> factoreo::approximant::Approximant<f64> {
    let draw = Draw { target_rank, rng: &mut generator(1), parallelism: Par::Seq };
    method(kind, parameters).factor(problem, draw).unwrap().factors
}

#[test]
fn a_sample_of_rows_covers_the_error_of_all_of_them_in_nine_seeds_of_ten() {
    let problem = attention(8192, false);
    for (kind, rank) in [("nystromformer", 64), ("sliding_window", 128)] {
        let factors = factored(&problem, kind, &json!({}), rank);
        let measured = |budget, seed| {
            let reference = RowReference::new(head(&problem), &problem.values, budget, seed).unwrap();
            reference.measure(&factors, Par::rayon(2)).unwrap()
        };
        let truth = measured(8192, 0);
        assert_eq!(truth.output_interval, None);
        let (mut output, mut matrix) = (0, 0);
        for seed in 0..100 {
            let estimate = measured(512, seed);
            let covers = |interval: Option<(f64, f64)>, truth: Option<f64>| {
                let ((low, high), truth) = (interval.unwrap(), truth.unwrap());
                u32::from((low..=high).contains(&truth))
            };
            output += covers(estimate.output_interval, truth.relative_output_error);
            matrix += covers(estimate.frobenius_interval, truth.relative_frobenius_error);
        }
        assert!(output >= 90 && matrix >= 90, "{kind}: {output} and {matrix} of 100");
    }
}

#[test]
fn exact_attention_is_measured_as_exact_and_a_wrong_application_is_caught() {
    for causal in [false, true] {
        let problem = attention(300, causal);
        let reference = RowReference::new(head(&problem), &problem.values, 100, 5).unwrap();
        let exact = factored(&problem, "exact_attention", &json!({}), 300);
        let measures = reference.measure(&exact, Par::Seq).unwrap();
        assert!(measures.relative_output_error.unwrap() < 1e-14 && measures.relative_frobenius_error.unwrap() < 1e-14);
        assert_eq!(measures.top1_agreement, Some(1.0));

        // Attention of other keys, passed off as this one: everything differs, and none of it by rounding.
        let other = factored(&attention(300, !causal), "exact_attention", &json!({}), 300);
        assert!(reference.measure(&other, Par::Seq).unwrap().relative_output_error.unwrap() > 1e-3);
        let smaller = factored(&attention(299, causal), "exact_attention", &json!({}), 299);
        assert!(reference.measure(&smaller, Par::Seq).is_err());
    }
}

#[test]
fn a_formed_matrix_gives_an_oracle_the_same_factors_as_an_unformed_one() {
    let unformed = attention(90, false);
    let formed = unformed.clone().form();
    for kind in ["truncated_svd", "randomized_svd"] {
        let (one, other) = (factored(&unformed, kind, &json!({}), 10), factored(&formed, kind, &json!({}), 10));
        assert_eq!(one.fingerprint(), other.fingerprint(), "{kind}");
    }
}

#[test]
fn top_k_rows_are_the_largest_entries_of_p_and_a_window_is_softmax_within_it() {
    for causal in [false, true] {
        let problem = attention(70, causal);
        let Head { queries, keys, scale, .. } = head(&problem);
        let exact = attention_matrix(queries.as_ref(), keys.as_ref(), *scale, causal, Par::Seq);
        for width in [1, 5, 64, 70] {
            let kept = factored(&problem, "top_k", &json!({"renormalize_rows": false}), width).to_dense();
            let renormalised = factored(&problem, "top_k", &json!({}), width).to_dense();
            let window = factored(&problem, "sliding_window", &json!({}), width).to_dense();
            for i in 0..70 {
                let seen = if causal { i + 1 } else { 70 };
                let mut sorted: Vec<f64> = (0..seen).map(|j| exact[(i, j)]).collect();
                sorted.sort_by(|a, b| b.total_cmp(a));
                let mass: f64 = sorted.iter().take(width).sum();
                let least = sorted[width.min(seen) - 1];
                let from =
                    if causal { (i + 1).saturating_sub(width) } else { i.saturating_sub(width / 2).min(70 - width) };
                let to = if causal { i + 1 } else { from + width };
                let inside: f64 = (from..to).map(|j| exact[(i, j)]).sum();
                for j in 0..70 {
                    let expected = if j < seen && exact[(i, j)] >= least { exact[(i, j)] } else { 0.0 };
                    assert!((kept[(i, j)] - expected).abs() < 1e-14, "row {i}, column {j}, width {width}");
                    assert!((renormalised[(i, j)] - expected / mass).abs() < 1e-14, "row {i}, column {j}");
                    let expected = if (from..to).contains(&j) { exact[(i, j)] / inside } else { 0.0 };
                    assert!((window[(i, j)] - expected).abs() < 1e-13, "window: row {i}, column {j}, width {width}");
                }
            }
        }
    }
}

#[test]
fn what_is_applied_is_what_the_rows_say_on_any_number_of_threads() {
    let problem = attention(700, true);
    for (kind, rank) in [("top_k", 9), ("sliding_window", 33), ("exact_attention", 700)] {
        let factors = factored(&problem, kind, &json!({}), rank);
        let plain = factors.to_dense() * &problem.values;
        let applied = factors.apply(problem.values.as_ref(), Par::Seq);
        assert!((&applied - plain).norm_max() < 1e-13, "{kind}");
        assert_eq!(applied, factors.apply(problem.values.as_ref(), Par::rayon(2)), "{kind}");
    }
}

const SPEC: &str = r#"
seed = 7
trials = 2
precision = ["f32", "f64"]
target_rank = [4, 8]
[title]
en = "Small"
es = "Pequeño"
[question]
en = "Is it the same?"
es = "¿Es lo mismo?"
[timing]
repeats = 0
[problem.attention]
length = 300
head_dim = 8
causal = [false, true]
[method.truncated_svd]
[method.nystromformer]
[method.performer]
[method.exact_attention]
[method.top_k]
"#;

fn results_of(spec: &str) -> Results {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("experiments")).unwrap();
    let path = folder.path().join("experiments/small.toml");
    fs::write(&path, spec).unwrap();
    let experiment = load(&path, folder.path()).unwrap();
    let plan = plan(&experiment, folder.path(), u64::MAX).unwrap();
    run(&experiment, &plan, &Options::new(folder.path())).unwrap();
    Results::read(&folder.path().join("results/small")).unwrap()
}

#[test]
fn an_experiment_that_never_forms_p_finds_the_errors_of_one_that_does() {
    let formed = results_of(SPEC);
    let streamed = results_of(&SPEC.replace("[problem.attention]", "[streaming]\nrows = 300\n[problem.attention]"));
    let sampled = results_of(&SPEC.replace("[problem.attention]", "[streaming]\nrows = 256\n[problem.attention]"));
    assert_eq!(formed.cells.len(), streamed.cells.len());
    assert_eq!((formed.spectra.len(), streamed.spectra.len()), (4 * 300, 0));
    for ((formed, streamed), sampled) in formed.cells.iter().zip(&streamed.cells).zip(&sampled.cells) {
        assert_eq!((&formed.method, formed.status), (&streamed.method, streamed.status));
        assert_ne!(formed.cell, streamed.cell);
        if formed.status != Status::Completed {
            continue;
        }
        let of_exact = if formed.method == "exact_attention" { 300 } else { formed.target_rank };
        assert_eq!(formed.target_rank, of_exact);
        // The formed reference of an f32 problem is itself rounded.
        let rounding = if formed.precision == "f32" { 3e-6 } else { 1e-11 };
        let pairs = [
            (formed.relative_frobenius_error, streamed.relative_frobenius_error),
            (formed.relative_output_error, streamed.relative_output_error),
            (formed.row_sum_deviation, streamed.row_sum_deviation),
        ];
        for (one, other) in pairs {
            assert!((one.unwrap() - other.unwrap()).abs() < rounding, "{}: {one:?} and {other:?}", formed.method);
        }
        assert_eq!((streamed.measured_rows, streamed.output_error_low), (Some(300), None));
        assert_eq!(sampled.measured_rows, Some(256));
        assert!(sampled.output_error_low.unwrap() <= sampled.relative_output_error.unwrap());
    }
}

#[test]
fn heads_in_a_batch_are_heads_one_by_one() {
    let heads: Vec<Problem<f64>> = [200, 90, 130].map(|n| attention(n, false)).to_vec();
    let seeds = [1, 2, 3];
    for kind in ["performer", "nystromformer", "exact_attention"] {
        let method = method(kind, &json!({}));
        let together = method.attend(&heads, 8, &seeds, 2).unwrap();
        for ((head, seed), output) in heads.iter().zip(seeds).zip(together) {
            let draw = Draw { target_rank: 8, rng: &mut generator(seed), parallelism: Par::Seq };
            let alone = method.factor(head, draw).unwrap().factors.apply(head.values.as_ref(), Par::Seq);
            assert_eq!(output, alone, "{kind}");
        }
    }
    let mut broken = heads;
    let Structure::Attention(head) = &mut broken[1].structure else { panic!("it is attention") };
    head.keys[(3, 2)] = f64::NAN;
    let (which, error) = method("performer", &json!({})).attend(&broken, 8, &seeds, 2).unwrap_err();
    assert_eq!(which, 1);
    assert!(error.to_string().contains("(3, 2)"), "{error}");
}
