//! Metrics are their definitions, and the Eckart–Young theorem holds for what is measured.

use std::path::Path;

use factoreo::{
    linalg::{Scalar, from_f64, gaussian::gaussian, svd::thin_svd},
    low_rank::LowRank,
    metric::{MeasureError, Measures, Reference, ReferenceError, RowReference, Spectrum, better_than_optimal},
    problem::{Problem, ProblemSpec, Structure},
    random::generator,
    tensor,
};
use faer::{Mat, Par};
use proptest::prelude::*;
use serde_json::json;

fn problem(kind: &str, parameters: serde_json::Value) -> Problem<f64> {
    let serde_json::Value::Object(map) = parameters else { panic!("parameters are an object") };
    ProblemSpec::from_parameters(kind, map).unwrap().unwrap().build(&[], &mut generator(1)).unwrap()
}

fn general(matrix: Mat<f64>) -> Problem<f64> {
    let values = gaussian(matrix.ncols(), 3, &mut generator(9));
    Problem { formed: Some(matrix), structure: Structure::General, values, prescribed_singular_values: None }
}

fn truncated_svd<T: Scalar>(problem: &Problem<T>, rank: usize) -> LowRank<T> {
    let svd = thin_svd(problem.matrix(), Par::Seq).unwrap();
    let left = Mat::from_fn(svd.left.nrows(), rank, |i, j| svd.left[(i, j)] * T::of(svd.singular_values[j]));
    LowRank::new(left, svd.right.subcols(0, rank).transpose().to_owned())
}

fn some_problems() -> Vec<Problem<f64>> {
    vec![
        problem("attention", json!({"length": 96, "head_dim": 16})),
        problem("attention", json!({"length": 96, "head_dim": 16, "clusters": 12, "causal": true})),
        problem("kernel", json!({"points": 70, "dimension": 3})),
        problem("spectrum", json!({"rows": 60, "columns": 90, "decay": "power"})),
        problem("spectrum", json!({"rows": 90, "columns": 60, "decay": "exponential", "rate": 0.3})),
        problem("spectrum", json!({"rows": 60, "columns": 60, "decay": "step", "step_drop": 1e-4})),
        problem("spectrum", json!({"rows": 60, "columns": 60, "decay": "spiked"})),
        problem("spectrum", json!({"rows": 60, "columns": 60, "decay": "flat"})),
        problem("spectrum", json!({"rows": 9, "columns": 7, "decay": "exponential", "rate": 3.0})),
        problem("spectrum", json!({"rows": 5, "columns": 5, "decay": "power", "exponent": 6.0})),
        problem("spectrum", json!({"rows": 2, "columns": 30, "decay": "listed", "singular_values": [1e200, 1e196]})),
    ]
}

fn suboptimality_of_truncated_svd<T: Scalar>(tolerance: f64, least: f64) {
    let mut measured = 0;
    for problem in some_problems() {
        if T::UNIT_ROUNDOFF > f64::UNIT_ROUNDOFF && problem.matrix().norm_max() > 1e30 {
            continue;
        }
        let problem = problem.round::<T>();
        let reference = Reference::new(&problem, Par::Seq).unwrap();
        let full_rank = problem.matrix().nrows().min(problem.matrix().ncols());
        let svd = truncated_svd(&problem, full_rank);
        for rank in 1..full_rank {
            let measures = reference.measure(&svd.truncate(rank), rank, Par::Seq).unwrap();
            if let Some(suboptimality) = measures.suboptimality {
                assert!((suboptimality - 1.0).abs() <= tolerance, "rank {rank}: {suboptimality}");
                assert!(suboptimality >= 1.0 - least, "rank {rank}: 1 − {:e}", 1.0 - suboptimality);
                measured += 1;
            }
        }
    }
    assert!(measured > 300, "only {measured} ranks above the floor");
}

#[test]
fn the_truncated_svd_has_suboptimality_one_wherever_it_is_told() {
    suboptimality_of_truncated_svd::<f64>(1e-9, 1e-10);
    suboptimality_of_truncated_svd::<f32>(1e-4, 1e-10);
}

#[test]
fn the_error_of_the_truncated_svd_is_the_eckart_young_optimum_in_both_norms() {
    for problem in some_problems() {
        let reference = Reference::new(&problem, Par::Seq).unwrap();
        for rank in [1, 3, 5] {
            if rank > problem.matrix().nrows().min(problem.matrix().ncols()) {
                continue;
            }
            let measures = reference.measure(&truncated_svd(&problem, rank), rank, Par::Seq).unwrap();
            let close = |a: Option<f64>, b: Option<f64>, tolerance: f64| {
                (a.unwrap() - b.unwrap()).abs() <= tolerance * b.unwrap() + 1e-14
            };
            assert!(close(measures.relative_frobenius_error, measures.optimal_frobenius_error, 1e-10));
            assert!(close(measures.relative_spectral_error, measures.optimal_spectral_error, 1e-6));
        }
    }
}

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

fn committed_head(head: &str) -> Problem<f64> {
    let parameters = json!({"file": "experiments/data/minilm-heads.safetensors", "head": head});
    let serde_json::Value::Object(map) = parameters else { unreachable!() };
    let spec = ProblemSpec::from_parameters("qkv", map).unwrap().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tensors: Vec<_> = spec.tensors().iter().map(|name| tensor::read(root, name).unwrap()).collect();
    spec.build(&tensors, &mut generator(1)).unwrap()
}

fn truncated_svd_of_a_committed_head<T: Scalar>(problem: &Problem<f64>, tolerance: f64) {
    let problem = problem.round::<T>();
    let reference = Reference::new(&problem, Par::Seq).unwrap();
    let svd = truncated_svd(&problem, 512);
    for rank in [1, 8, 64, 256] {
        let measures = reference.measure(&svd.truncate(rank), rank, Par::Seq).unwrap();
        if let Some(suboptimality) = measures.suboptimality {
            assert!((suboptimality - 1.0).abs() <= tolerance, "rank {rank}: {suboptimality}");
            assert!(suboptimality >= 1.0 - 1e-10, "rank {rank}: {suboptimality}");
        } else {
            assert!(measures.optimal_frobenius_error.unwrap() < 1e-3, "rank {rank} has a ratio");
        }
    }
    let exact = reference.measure(&svd, 512, Par::Seq).unwrap();
    assert!(exact.relative_frobenius_error.unwrap() < 1e4 * T::UNIT_ROUNDOFF);
    // Clamping alone adds up to n·1e-12.
    assert!(exact.kl_divergence.unwrap() < 512e-12 + 1e6 * T::UNIT_ROUNDOFF, "{:?}", exact.kl_divergence);
}

#[test]
fn the_truncated_svd_of_the_committed_heads_has_suboptimality_one() {
    for head in HEADS {
        truncated_svd_of_a_committed_head::<f64>(&committed_head(head), 1e-9);
    }
    for head in [HEADS[0], HEADS[7]] {
        truncated_svd_of_a_committed_head::<f32>(&committed_head(head), 1e-4);
    }
}

/// Every metric by its definition, entry by entry.
fn plain(problem: &Problem<f64>, factors: &LowRank<f64>) -> [Option<f64>; 6] {
    let (rows, columns) = problem.matrix().shape();
    let approximated =
        |i: usize, j: usize| -> f64 { (0..factors.rank()).map(|l| factors.left[(i, l)] * factors.right[(l, j)]).sum() };
    let (mut error, mut norm) = (0.0, 0.0);
    for i in 0..rows {
        for j in 0..columns {
            error += (problem.matrix()[(i, j)] - approximated(i, j)).powi(2);
            norm += problem.matrix()[(i, j)].powi(2);
        }
    }
    let (mut output_error, mut output_norm) = (0.0, 0.0);
    for i in 0..rows {
        for c in 0..problem.values.ncols() {
            let exact: f64 = (0..columns).map(|j| problem.matrix()[(i, j)] * problem.values[(j, c)]).sum();
            let found: f64 = (0..columns).map(|j| approximated(i, j) * problem.values[(j, c)]).sum();
            output_error += (exact - found).powi(2);
            output_norm += exact.powi(2);
        }
    }
    let (mut deviation, mut negative, mut divergence, mut agreement) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..rows {
        let exact: Vec<f64> = (0..columns).map(|j| problem.matrix()[(i, j)]).collect();
        let found: Vec<f64> = (0..columns).map(|j| approximated(i, j)).collect();
        deviation += (found.iter().sum::<f64>() - 1.0).abs();
        negative += found.iter().filter(|&&weight| weight < 0.0).map(|weight| weight.abs()).sum::<f64>();
        let clamped: Vec<f64> = found.iter().map(|weight| weight.max(1e-12)).collect();
        let sum: f64 = clamped.iter().sum();
        divergence +=
            exact.iter().zip(&clamped).filter(|&(&p, _)| p > 0.0).map(|(p, c)| p * (p / (c / sum)).ln()).sum::<f64>();
        // The first of equals: an empty pair makes a row of zeros.
        let top = |row: &[f64]| (0..columns).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        agreement += f64::from(u8::from(top(&exact) == top(&found)));
    }
    let stochastic = matches!(problem.structure, Structure::Attention(_));
    let mean = |sum: f64| stochastic.then_some(sum / rows as f64);
    [
        Some((error / norm).sqrt()),
        Some((output_error / output_norm).sqrt()),
        mean(deviation),
        mean(negative),
        mean(divergence),
        mean(agreement),
    ]
}

fn in_the_same_order(measures: &Measures) -> [Option<f64>; 6] {
    [
        measures.relative_frobenius_error,
        measures.relative_output_error,
        measures.row_sum_deviation,
        measures.negative_mass,
        measures.kl_divergence,
        measures.top1_agreement,
    ]
}

fn agrees_with_plain_loops(problem: &Problem<f64>, factors: &LowRank<f64>) {
    let reference = Reference::new(problem, Par::Seq).unwrap();
    let measures = reference.measure(factors, 1, Par::Seq).unwrap();
    for (measured, expected) in in_the_same_order(&measures).into_iter().zip(plain(problem, factors)) {
        match (measured, expected) {
            (Some(measured), Some(expected)) => {
                assert!((measured - expected).abs() <= 1e-11 * expected.abs() + 1e-12, "{measured} for {expected}");
            }
            (measured, expected) => assert_eq!(measured, expected),
        }
    }
    let Structure::Attention(head) = &problem.structure else { return };
    let by_rows = RowReference::new(head, &problem.values, usize::MAX, 0).unwrap();
    let measures = by_rows.measure(&factors.clone().into(), Par::Seq).unwrap();
    assert_eq!((measures.output_interval, measures.measured_rows), (None, Some(head.queries.nrows())));
    for (measured, expected) in in_the_same_order(&measures).into_iter().zip(plain(problem, factors)) {
        let (measured, expected) = (measured.unwrap(), expected.unwrap());
        assert!((measured - expected).abs() <= 1e-11 * expected.abs() + 1e-12, "by rows: {measured} for {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_metric_is_its_definition(
        rows in 1usize..14, columns in 1usize..14, rank in 0usize..6, seed in 0u64..1000, attention: bool, causal: bool,
    ) {
        let mut rng = generator(seed);
        let subject = if attention {
            problem("attention", json!({"length": rows, "head_dim": columns, "causal": causal}))
        } else {
            general(gaussian(rows, columns, &mut rng))
        };
        let (rows, columns) = subject.matrix().shape();
        let factors = LowRank::new(gaussian(rows, rank, &mut rng), gaussian(rank, columns, &mut rng));
        agrees_with_plain_loops(&subject, &factors);
    }
}

#[test]
fn an_exact_pair_has_no_error_no_divergence_and_full_agreement() {
    for causal in [false, true] {
        let problem = problem("attention", json!({"length": 40, "head_dim": 8, "causal": causal}));
        let reference = Reference::new(&problem, Par::Seq).unwrap();
        let exact = LowRank::new(problem.matrix().to_owned(), Mat::identity(40, 40));
        let measures = reference.measure(&exact, 40, Par::Seq).unwrap();
        assert_eq!(measures.relative_frobenius_error, Some(0.0));
        assert_eq!(measures.relative_spectral_error, Some(0.0));
        assert_eq!(measures.optimal_frobenius_error, Some(0.0));
        assert_eq!(measures.suboptimality, None, "nothing is a multiple of no error");
        assert!(measures.relative_output_error.unwrap() < 1e-15);
        assert_eq!(measures.negative_mass, Some(0.0));
        assert!(measures.row_sum_deviation.unwrap() < 1e-14);
        assert_eq!(measures.top1_agreement, Some(1.0));
        // What clamping adds to the zeros of the mask: at most n·1e-12.
        assert!((0.0..=40.0 * 1e-12).contains(&measures.kl_divergence.unwrap()), "{:?}", measures.kl_divergence);
    }
}

#[test]
fn the_divergence_of_the_uniform_matrix_is_log_n_minus_the_entropy() {
    let problem = problem("attention", json!({"length": 32, "head_dim": 8}));
    let reference = Reference::new(&problem, Par::Seq).unwrap();
    let uniform = LowRank::new(Mat::full(32, 1, 1.0), Mat::full(1, 32, 1.0 / 32.0));
    let measures = reference.measure(&uniform, 1, Par::Seq).unwrap();
    let negative_entropy: f64 =
        problem.matrix().col_iter().flat_map(|c| c.iter()).map(|p| p * p.ln()).sum::<f64>() / 32.0;
    assert!((measures.kl_divergence.unwrap() - (32f64.ln() + negative_entropy)).abs() < 1e-14);
    assert_eq!(measures.row_sum_deviation, Some(0.0));
}

#[test]
fn nothing_is_a_share_of_the_zero_matrix() {
    let reference = Reference::new(&general(Mat::zeros(6, 4)), Par::Seq).unwrap();
    let measures = reference.measure(&LowRank::new(Mat::<f64>::zeros(6, 1), Mat::zeros(1, 4)), 1, Par::Seq).unwrap();
    assert_eq!(measures, Measures::default());
}

#[test]
fn metrics_do_not_depend_on_the_scale_of_the_matrix() {
    let block = gaussian::<f64>(20, 15, &mut generator(3));
    let measure = |scale: f64| {
        let problem = general(Mat::from_fn(20, 15, |i, j| block[(i, j)] * scale));
        let reference = Reference::new(&problem, Par::Seq).unwrap();
        let measures = reference.measure(&truncated_svd(&problem, 4), 4, Par::Seq).unwrap();
        [measures.relative_frobenius_error, measures.relative_spectral_error, measures.suboptimality]
            .map(Option::unwrap)
    };
    let unit = measure(1.0);
    for scale in [1e300, 1e-290] {
        for (far, near) in measure(scale).iter().zip(unit) {
            assert!((far / near - 1.0).abs() < 1e-9, "scale {scale:e}: {far} for {near}");
        }
    }
}

#[test]
fn an_error_below_the_optimum_is_a_mistake_of_the_harness() {
    let spectrum = Spectrum::new(vec![2.0, 1.0, 1e-9], 3, 3, factoreo::linalg::Precision::F64);
    let optimum = spectrum.optimal_frobenius_error(1) / spectrum.frobenius_norm();
    let with = |error: f64| Measures { relative_frobenius_error: Some(error), ..Measures::default() };
    assert!(better_than_optimal(&spectrum, &with(optimum), 1).is_ok());
    assert!(better_than_optimal(&spectrum, &with(optimum * (1.0 - 1e-9)), 1).is_err());
    // At the level of rounding nothing can be said.
    assert!(better_than_optimal(&spectrum, &with(0.0), 3).is_ok());
    let spectral = Measures { relative_spectral_error: Some(0.49), ..Measures::default() };
    assert_eq!(better_than_optimal(&spectrum, &spectral, 1).unwrap_err().norm, "spectral");
}

#[test]
fn a_pair_of_higher_rank_than_asked_may_beat_the_optimum_of_the_rank_asked() {
    let problem = problem("spectrum", json!({"rows": 20, "columns": 20}));
    let reference = Reference::new(&problem, Par::Seq).unwrap();
    let measures = reference.measure(&truncated_svd(&problem, 6), 3, Par::Seq).unwrap();
    assert!(measures.suboptimality.unwrap() < 1.0);
}

#[test]
fn factors_of_another_shape_or_not_finite_have_no_measures() {
    let problem = general(gaussian(6, 4, &mut generator(1)));
    let reference = Reference::new(&problem, Par::Seq).unwrap();
    let transposed = LowRank::new(Mat::<f64>::zeros(4, 1), Mat::zeros(1, 6));
    assert!(matches!(reference.measure(&transposed, 1, Par::Seq), Err(MeasureError::Shape { .. })));
    let mut wild = LowRank::new(Mat::<f64>::zeros(6, 1), Mat::zeros(1, 4));
    wild.left[(3, 0)] = f64::NAN;
    let error = reference.measure(&wild, 1, Par::Seq).unwrap_err();
    insta::assert_snapshot!(error, @"the left factor: entry (3, 0) is not a finite number");
    let overflowing = LowRank::new(Mat::full(6, 1, 1e200), Mat::full(1, 4, 1e200));
    assert!(matches!(reference.measure(&overflowing, 1, Par::Seq), Err(MeasureError::Residual(_))));
}

#[test]
fn a_matrix_that_is_not_finite_is_no_reference() {
    let mut matrix = gaussian::<f64>(6, 4, &mut generator(1));
    matrix[(2, 1)] = f64::INFINITY;
    let error = Reference::new(&general(matrix), Par::Seq).unwrap_err();
    assert!(matches!(error, ReferenceError::Svd(_)), "{error}");
    let mut problem = general(gaussian(6, 4, &mut generator(1)));
    problem.values[(0, 2)] = f64::NAN;
    insta::assert_snapshot!(Reference::new(&problem, Par::Seq).unwrap_err(), @"V: entry (0, 2) is not a finite number");
}

#[test]
fn f32_factors_are_measured_in_f64() {
    // In f32 sums of squares of 1e30 would overflow, and errors of 1e-8 would drown.
    let block = Mat::from_fn(30, 30, |i, j| if i == j { 1e30 } else { 0.0 });
    let problem = Problem::<f32> {
        formed: Some(from_f64(block.as_ref())),
        structure: Structure::General,
        values: Mat::identity(30, 30),
        prescribed_singular_values: None,
    };
    let reference = Reference::new(&problem, Par::Seq).unwrap();
    let half = LowRank::new(problem.matrix().subcols(0, 15).to_owned(), Mat::identity(15, 30));
    let measures = reference.measure(&half, 15, Par::Seq).unwrap();
    assert!((measures.relative_frobenius_error.unwrap() - 0.5f64.sqrt()).abs() < 1e-15);
    assert!((measures.relative_output_error.unwrap() - 0.5f64.sqrt()).abs() < 1e-15);
}

#[test]
fn measures_do_not_depend_on_the_scale_of_matrix_and_values_to_the_ends_of_the_range() {
    let plain = problem("spectrum", json!({"rows": 9, "columns": 7, "decay": "exponential", "rate": 0.5}));
    let measured = |matrix_scale: f64, values_scale: f64| {
        let scaled =
            |matrix: &Mat<f64>, scale: f64| Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] * scale);
        let matrix = scaled(plain.formed.as_ref().unwrap(), matrix_scale);
        let problem = Problem { values: scaled(&plain.values, values_scale), ..general(matrix) };
        let factors = truncated_svd(&problem, 3);
        Reference::new(&problem, Par::Seq).unwrap().measure(&factors, 3, Par::Seq).unwrap()
    };
    let expected = measured(1.0, 1.0);
    // 2^1021 times entries below 1, 2^1022 being the largest power of two whose sum with itself is a number.
    for (matrix_scale, values_scale) in
        [(2f64.powi(1021), 1.0), (1.0, 2f64.powi(1000)), (2f64.powi(-950), 2f64.powi(-900))]
    {
        let found = measured(matrix_scale, values_scale);
        let close = |one: Option<f64>, other: Option<f64>| (one.unwrap() / other.unwrap() - 1.0).abs() < 1e-6;
        assert!(close(found.relative_frobenius_error, expected.relative_frobenius_error), "{found:?}");
        assert!(close(found.relative_spectral_error, expected.relative_spectral_error), "{found:?}");
        assert!(close(found.relative_output_error, expected.relative_output_error), "{found:?}");
    }
    let too_large = general(Mat::from_fn(64, 64, |_, _| 1e307));
    assert_eq!(Reference::new(&too_large, Par::Seq).unwrap_err(), ReferenceError::Norm);
}
