//! Promise: a study is a cell like any other, and what it finds is what theory says.

mod model_storage;

use std::{fs, path::Path};

use factoreo::{
    language::Language,
    linalg::{gaussian::gaussian, svd::thin_svd},
    plan::{Part, Plan, Share, plan},
    random::generator,
    report,
    run::{self, Options, State, run},
    spec::{Experiment, load},
    study::{
        Bench, DenoisedHead, Failure, Instruments, Measurement, Published, Reproduction, Study, Which,
        fit_reduced_rank, gavish_donoho_threshold,
    },
    table::{MeasurementRow, Results, Status, read_csv, summarise_measurements},
    tensor,
};
use faer::{Mat, Par};

/// A clock that stands still.
struct NoInstruments;

impl Instruments for NoInstruments {
    fn seconds(&self, work: &mut dyn FnMut()) -> f64 {
        work();
        1.0
    }

    fn peak_bytes(&self, work: &mut dyn FnMut()) -> Option<u64> {
        work();
        None
    }
}

fn measure(study: &impl Study, seed: u64) -> Vec<Measurement> {
    let mut rng = generator(seed);
    let mut bench =
        Bench { rng: &mut rng, parallelism: Par::Seq, instruments: &NoInstruments, model: None, problem: None };
    study.measure(&mut bench).unwrap()
}

fn find(found: &[Measurement], series: &str, quantity: &str) -> f64 {
    let mut own = found.iter().filter(|one| one.series == series && one.quantity == quantity && one.x.is_none());
    own.next().unwrap_or_else(|| panic!("no {quantity} of {series}")).value
}

#[test]
fn at_full_rank_the_regression_is_least_squares_and_training_errors_fall_with_the_rank() {
    let mut rng = generator(1);
    let (n, p, q) = (50, 12, 8);
    let x = gaussian::<f64>(n, p, &mut rng);
    let y = &x * gaussian::<f64>(p, q, &mut rng) + gaussian::<f64>(n, q, &mut rng);
    let fit = fit_reduced_rank(x.as_ref(), y.as_ref(), Par::Seq).unwrap();
    // The normal equations, which least squares alone satisfies: Xᵀ(Y − XB) = 0.
    let full = fit.coefficients(q);
    let gradient = x.transpose() * (&y - &x * &full);
    assert!(gradient.norm_max() < 1e-10, "{}", gradient.norm_max());
    let training = |rank| (&y - &x * fit.coefficients(rank)).norm_l2();
    for rank in 1..q {
        assert!(training(rank + 1) <= training(rank) * (1.0 + 1e-12), "rank {rank}");
        // Pythagoras: what rank k leaves over least squares is the tail of the fit's spectrum.
        let tail: f64 = fit.singular_values[rank..].iter().map(|value| value * value).sum();
        let left = training(rank).powi(2) - training(q).powi(2);
        assert!((left - tail).abs() < 1e-9 * tail.max(1.0), "rank {rank}: {left} against {tail}");
        let numerical = thin_svd(fit.coefficients(rank).as_ref(), Par::Seq).unwrap().singular_values;
        assert!(numerical[rank] < 1e-12 * numerical[0], "rank {rank}");
    }
}

/// Computed by numpy 2 (`lstsq`, `svd`) on the same small matrices.
#[test]
fn a_regression_worked_by_numpy() {
    let x = Mat::from_fn(6, 3, |i, j| ((i * 3 + j * 5) % 7) as f64 - 3.0);
    let y = Mat::from_fn(6, 2, |i, j| ((i * 2 + j * 3 + i * j) % 5) as f64 - 2.0);
    let fit = fit_reduced_rank(x.as_ref(), y.as_ref(), Par::Seq).unwrap();
    let expected: [[f64; 2]; 3] = [
        [0.5867415480913469, -0.14926855512174447],
        [-0.17866998664306163, 0.04545410298041329],
        [-0.1498026667121883, 0.038110182730798116],
    ];
    let found = fit.coefficients(1);
    for (i, row) in expected.iter().enumerate() {
        for (j, value) in row.iter().enumerate() {
            assert!((found[(i, j)] - value).abs() < 1e-12, "({i}, {j}): {} for {value}", found[(i, j)]);
        }
    }
}

#[test]
fn the_threshold_of_gavish_and_donoho_keeps_signal_and_drops_noise() {
    let (n, sigma) = (200, 0.1);
    assert!((gavish_donoho_threshold(n, n, sigma) - 4.0 / 3f64.sqrt() * (n as f64).sqrt() * sigma).abs() < 1e-12);
    let mut rng = generator(3);
    for _ in 0..5 {
        // The largest singular value of noise alone is near 2√n·σ, below the threshold at 2.309√n·σ.
        let noise = gaussian::<f64>(n, n, &mut rng) * faer::Scale(sigma);
        let values = thin_svd(noise.as_ref(), Par::Seq).unwrap().singular_values;
        assert!(values[0] < gavish_donoho_threshold(n, n, sigma) && values[0] > 1.9 * (n as f64).sqrt() * sigma);
    }
}

/// Against the truncated matrix formed: the shortcut by triplets loses nothing, and the least error is that of the best rank.
#[test]
fn a_noisy_head_is_brought_nearer_to_its_truth_by_truncation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = "experiments/data/minilm-heads.safetensors".to_owned();
    let study = DenoisedHead { file, head: Some("layer4.head5".into()), length: Some(96), noise: 0.3 };
    let problem = Study::problem(&study).unwrap();
    let tensors: Vec<_> = problem.tensors().iter().map(|name| tensor::read(root, name).unwrap()).collect();
    let truth = problem.build(&tensors, &mut generator(0)).unwrap();
    let mut rng = generator(7);
    let mut bench =
        Bench { rng: &mut rng, parallelism: Par::Seq, instruments: &NoInstruments, model: None, problem: Some(&truth) };
    let found = study.measure(&mut bench).unwrap();

    let truth = truth.matrix();
    let n = truth.nrows();
    assert_eq!(n, 96);
    let sigma = 0.3 * truth.norm_l2() / n as f64;
    let noisy = truth + gaussian::<f64>(n, n, &mut generator(7)) * faer::Scale(sigma);
    let svd = thin_svd(noisy.as_ref(), Par::Seq).unwrap();
    let error = |rank: usize| {
        let scaled = Mat::from_fn(n, rank, |i, j| svd.left[(i, j)] * svd.singular_values[j]);
        (scaled * svd.right.subcols(0, rank).transpose() - truth).norm_l2() / truth.norm_l2()
    };
    let best = (1..=n).min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap();
    assert_eq!(find(&found, "", "best_rank"), best as f64);
    for (quantity, expected) in [
        ("least_error", error(best)),
        ("unconstrained_error", 0.3),
        ("gavish_donoho_error", error(find(&found, "", "gavish_donoho_rank") as usize)),
    ] {
        let value = find(&found, "", quantity);
        // The norm of Gaussian noise is its mean to a per cent or two.
        let tolerance = if quantity == "unconstrained_error" { 0.02 } else { 1e-9 };
        assert!((value - expected).abs() < tolerance * expected, "{quantity}: {value} for {expected}");
    }
    assert!(error(best) < 0.15, "a head that attends to one token has a low rank, so most of the noise goes");
}

/// Every failure of the atlas is at least ten times worse than its cure in the median of 20 seeds; on a flat spectrum nothing
/// is, the optimum included.
#[test]
fn every_failure_is_provoked_and_cured() {
    let all = [
        (Which::FlatTail, 10.0),
        (Which::NaivePowering, 10.0),
        (Which::UnshiftedNystrom, 10.0),
        (Which::ExactPseudoinverse, 10.0),
        (Which::LargeNorms, 10.0),
        (Which::GreedyPivots, 10.0),
        (Which::SingularGram, 10.0),
        (Which::UnscaledSvd, 10.0),
    ];
    for (which, factor) in all {
        let mut ratios: Vec<f64> = (0..20).map(|seed| find(&measure(&Failure { which }, seed), "", "ratio")).collect();
        ratios.sort_by(f64::total_cmp);
        assert!(ratios[10] >= factor, "{which:?}: {ratios:?}");
        assert!(ratios[0] > 2.0, "{which:?}: {ratios:?}");
    }
    let flat = measure(&Failure { which: Which::FlatSpectrum }, 0);
    assert!((find(&flat, "", "ratio") - 1.0).abs() < 1e-6);
    assert!((find(&flat, "cure", "error") - 0.9f64.sqrt()).abs() < 1e-10, "rank 20 of 200");
}

#[test]
fn published_figures_that_need_no_clock_are_met() {
    for figure in [
        Published::AlbertEmbeddings,
        Published::LoraGpt3,
        Published::BreakEven,
        Published::Randsvd,
        Published::RankCollapse,
    ] {
        let found = measure(&Reproduction { figure }, 5);
        let rows: Vec<&Measurement> = found.iter().filter(|one| one.quantity == "ours").collect();
        assert!(!rows.is_empty());
        for row in rows {
            let (paper, tolerance) = (find(&found, &row.series, "paper"), find(&found, &row.series, "tolerance"));
            assert!((row.value - paper).abs() <= tolerance, "{figure:?} {}: {} for {paper}", row.series, row.value);
        }
    }
}

const SPEC: &str = r#"
seed = 7
trials = 6

[title]
en = "Small"
es = "Pequeño"

[question]
en = "Does it resume?"
es = "¿Se reanuda?"

[timing]
repeats = 0

[study.regression]
kind = "reduced_rank_regression"
samples = [20, 40]
inputs = 10
outputs = 8
true_rank = 2
noise = 0.3
test_samples = 200

[study.full]
kind = "reduced_rank_regression"
samples = 80
inputs = 10
outputs = 8
true_rank = 8
noise = 0.1
test_samples = 200

[study.noisy]
kind = "denoising"
length = 40
true_rank = 3
noise = 0.3

[study.atlas]
kind = "failure"
which = ["flat_tail", "greedy_pivots", "unshifted_nystrom"]

[study.published]
kind = "reproduction"
figure = ["break_even", "rank_collapse"]
"#;

/// A project folder with one spec.
struct Project(tempfile::TempDir);

impl Project {
    fn new(spec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("experiments")).unwrap();
        let project = Self(folder);
        project.write(spec);
        project
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, spec: &str) {
        fs::write(self.root().join("experiments/small.toml"), spec).unwrap();
    }

    fn planned(&self) -> (Experiment, Plan) {
        let experiment = load(&self.root().join("experiments/small.toml"), self.root()).unwrap();
        let plan = plan(&experiment, self.root(), 1 << 33).unwrap();
        (experiment, plan)
    }

    fn run(&self, share: Option<&str>) -> run::Outcome {
        let share: Option<Share> = share.map(|share| share.parse().unwrap());
        let (experiment, plan) = self.planned();
        run(&experiment, &plan, &Options { part: share.map_or(Part::Whole, Part::Share), ..Options::new(self.root()) })
            .unwrap()
    }

    fn states(&self) -> Vec<State> {
        let (experiment, plan) = self.planned();
        run::study_states(&experiment, &plan, &Options::new(self.root())).unwrap()
    }

    fn results(&self) -> Results {
        Results::read(&self.root().join("results/small")).unwrap()
    }
}

#[test]
fn shares_and_resumed_runs_give_the_rows_of_one_run() {
    let whole = Project::new(SPEC);
    let outcome = whole.run(None);
    // Break-even depends on no draw.
    assert_eq!((outcome.computed, outcome.counts.failed), (6 * (2 + 1 + 1 + 3 + 1) + 1, 0), "{outcome}");
    assert_eq!(whole.run(None).computed, 0);
    assert!(whole.states().iter().all(|state| *state == State::Cached));
    let rows = whole.results().measurements;
    let csv: Vec<MeasurementRow> = read_csv(&whole.root().join("results/small/measurements.csv")).unwrap();
    assert_eq!(csv, rows, "both formats say the same");

    let shared = Project::new(SPEC);
    let computed: Vec<usize> = ["2/3", "1/3", "3/3"].map(|share| shared.run(Some(share)).computed).to_vec();
    assert_eq!(computed.iter().sum::<usize>(), outcome.computed);
    assert!(computed.iter().all(|&share| share > 0), "{computed:?}");
    assert_eq!(shared.results().measurements, rows);

    // Killed in the middle of a line: what is whole is kept.
    let resumed = Project::new(SPEC);
    let journal = resumed.root().join("results/small/journal/main.jsonl");
    fs::create_dir_all(journal.parent().unwrap()).unwrap();
    let bytes = fs::read(whole.root().join("results/small/journal/main.jsonl")).unwrap();
    fs::write(&journal, &bytes[..bytes.len() / 2]).unwrap();
    let outcome_of_rest = resumed.run(None);
    assert!(outcome_of_rest.computed > 0 && outcome_of_rest.computed < outcome.computed, "{outcome_of_rest}");
    assert_eq!(resumed.results().measurements, rows);
}

#[test]
fn a_changed_parameter_makes_its_cells_stale_and_no_others() {
    let project = Project::new(SPEC);
    project.run(None);
    project.write(&SPEC.replace("length = 40", "length = 50"));
    let states = project.states();
    let stale = states.iter().filter(|state| matches!(state, State::Stale(_))).count();
    assert_eq!((stale, states.iter().filter(|state| **state == State::Cached).count()), (6, states.len() - 6));
}

#[test]
fn results_without_measurements_are_read_and_studies_that_are_gone_leave_no_file() {
    let project = Project::new(SPEC);
    project.run(None);
    let folder = project.root().join("results/small");
    let mut results = project.results();
    assert!(fs::read_to_string(folder.join("columns.csv")).unwrap().contains("\nmeasurements,"));
    results.measurements.clear();
    results.write(&folder).unwrap();
    assert!(!folder.join("measurements.parquet").exists() && !folder.join("measurements.csv").exists());
    assert!(!fs::read_to_string(folder.join("columns.csv")).unwrap().contains("\nmeasurements,"));
    assert_eq!(project.results(), results, "as results were written before there were studies");
}

#[test]
fn the_report_counts_seeds_and_turns_with_the_tables() {
    let project = Project::new(SPEC);
    project.run(None);
    let mut results = project.results();
    let text = |results: &Results, language: Language| {
        let root = tempfile::tempdir().unwrap();
        results.write(&root.path().join("results/small")).unwrap();
        report::build(root.path(), false).unwrap();
        crate::report::annexes(root.path(), language.code())
    };
    let (en, es) = (text(&results, Language::English), text(&results, Language::Spanish));
    assert!(
        en.contains(
            "**A truth of rank 2 (regression)**: the test error is least at the true rank ± 1 in 12 of 12 draws"
        ),
        "{en}"
    );
    assert!(
        en.contains("The constraint regularises")
            && en.contains("**A truth of full rank (full)**: the constraint hurts."),
        "{en}"
    );
    assert!(es.contains("La restricción regulariza") && es.contains("la restricción perjudica"), "{es}");
    assert!(en.contains("**Provoked failures**: 3 of 3") && es.contains("sin respuesta"), "{en}");
    assert!(en.contains("**Published figures**: 5 of 5"), "{en}");
    assert!(en.contains("| Break-even rank | 768×3072 | 614 | 614 | ± 0 | ✓ met |"), "{en}");

    // The truth moves away from where the error is least; the errors of the full fit fall below those of half of it.
    for row in &mut results.measurements {
        match (row.study.as_str(), row.quantity.as_str()) {
            ("regression", "best_rank") => row.value = Some(8.0),
            ("full", "error_ratio_at_half_rank") => row.value = Some(0.5),
            ("published", "ours") => row.value = Some(1.0),
            _ => {}
        }
    }
    let altered = text(&results, Language::English);
    assert!(altered.contains("in 0 of 12 draws, but only in 0 of 6 seeds"), "{altered}");
    assert!(altered.contains("contrary to expectation the constraint is not seen to hurt"), "{altered}");
    assert!(altered.contains("**Published figures**: 0 of 5") && altered.contains("✗ not met"), "{altered}");
}

#[test]
fn a_cell_that_fails_is_a_row_with_its_reason() {
    let project = Project::new(SPEC);
    project.run(None);
    let mut results = project.results();
    let failed = MeasurementRow {
        quantity: String::new(),
        value: None,
        status: Status::Failed,
        reason: Some("the text makes 3 chunks of 200 tokens, fewer than 40: lower chunk_tokens".to_owned()),
        cell: "0".repeat(32),
        ..results.measurements[0].clone()
    };
    let before = summarise_measurements(&results.measurements);
    results.measurements.push(failed);
    assert_eq!(summarise_measurements(&results.measurements), before);
    let root = tempfile::tempdir().unwrap();
    results.write(&root.path().join("results/small")).unwrap();
    report::build(root.path(), false).unwrap();
    let text = crate::report::annexes(root.path(), "en");
    assert!(text.contains("1 failed") && text.contains("fewer than 40"), "{text}");
}
