//! What a run finished stays finished: journals resume, combine, and are never trusted when damaged.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use factoreo::{
    plan::{Part, Plan, Share, plan},
    run::{Options, Outcome, RunError, State, run, states},
    spec::{Experiment, load},
    table::{Results, Status},
};

const SPEC: &str = r#"
seed = 7
trials = 2
precision = ["f32", "f64"]
target_rank = [2, 5]

[title]
en = "Small"
es = "Pequeño"

[question]
en = "Does it resume?"
es = "¿Se reanuda?"

[timing]
repeats = 0

[problem.attention]
length = 24
head_dim = 4
temperature = [0.5, 2.0]

[problem.spectrum]
rows = 20
columns = 30
decay = "exponential"
rate = 0.5

[method.truncated_svd]

[method.randomized_svd]
power_iterations = [0, 1]

[method.nystromformer]
"#;

/// A project folder with one spec.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(spec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("experiments")).unwrap();
        let project = Self { folder };
        project.write(spec);
        project
    }

    fn write(&self, spec: &str) {
        fs::write(self.root().join("experiments/small.toml"), spec).unwrap();
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn results(&self) -> PathBuf {
        self.root().join("results/small")
    }

    fn options(&self, share: Option<Share>) -> Options {
        Options { part: share.map_or(Part::Whole, Part::Share), ..Options::new(self.root()) }
    }

    fn planned(&self) -> (Experiment, Plan) {
        let experiment = load(&self.root().join("experiments/small.toml"), self.root()).unwrap();
        let plan = plan(&experiment, self.root(), 1 << 33).unwrap();
        (experiment, plan)
    }

    fn run(&self, share: Option<Share>) -> Result<Outcome, RunError> {
        let (experiment, plan) = self.planned();
        run(&experiment, &plan, &self.options(share))
    }

    fn states(&self) -> Vec<State> {
        let (experiment, plan) = self.planned();
        states(&experiment, &plan, &self.options(None)).unwrap().concat()
    }

    /// The bytes and the age of every file that is published.
    fn published(&self) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
        let files =
            fs::read_dir(self.results()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        files
            .map(|path| {
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                (path.file_name().unwrap().to_str().unwrap().to_owned(), (fs::read(&path).unwrap(), modified))
            })
            .collect()
    }
}

/// The tables without what differs from day to day.
fn lasting(results: Results) -> Results {
    Results { provenance: serde_json::Value::Null, ..results }
}

#[test]
fn a_second_run_computes_nothing_and_touches_no_file() {
    let project = Project::new(SPEC);
    let first = project.run(None).unwrap();
    let (_, plan) = project.planned();
    assert_eq!(first.computed + first.counts.skipped, plan.cells());
    assert!(first.counts.completed > 0 && first.counts.failed == 0, "{first}");
    assert!(first.published);

    let before = project.published();
    let second = project.run(None).unwrap();
    assert_eq!((second.computed, second.cached, second.published), (0, first.computed, false));
    assert_eq!(second.counts, first.counts);
    assert_eq!(project.published(), before);
}

#[test]
fn a_table_that_was_changed_or_lost_is_written_again_from_the_journal() {
    let project = Project::new(SPEC);
    project.run(None).unwrap();
    let before = project.published();
    fs::write(project.results().join("runs.csv"), "edited").unwrap();
    fs::remove_file(project.results().join("summary.parquet")).unwrap();
    let outcome = project.run(None).unwrap();
    assert_eq!((outcome.computed, outcome.published), (0, true));
    let bytes = |files: BTreeMap<String, (Vec<u8>, SystemTime)>| -> Vec<_> {
        files.into_iter().map(|(name, (bytes, _))| (name, bytes)).collect()
    };
    assert_eq!(bytes(project.published()), bytes(before));
}

/// Whether all is done is told without reading a record: what may not pass for done, bit by bit.
#[test]
fn a_run_that_is_done_notices_everything_that_makes_it_undone() {
    let project = Project::new(SPEC);
    project.run(None).unwrap();
    let journal = project.results().join("journal/main.jsonl");
    let whole = fs::read(&journal).unwrap();

    let mut torn = whole.clone();
    torn.extend_from_slice(b"0123");
    fs::write(&journal, &torn).unwrap();
    let outcome = project.run(None).unwrap();
    assert!(outcome.warnings.iter().any(|warning| warning.contains("torn")), "{:?}", outcome.warnings);

    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&journal, &damaged).unwrap();
    assert!(matches!(project.run(None), Err(RunError::Journal(_))));

    let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
    fs::write(&journal, lines[..lines.len() - 1].concat()).unwrap();
    assert_eq!(project.run(None).unwrap().computed, 1);

    project.write(&SPEC.replace("[method.truncated_svd]", "[method.another]\nkind = \"truncated_svd\""));
    let renamed = project.run(None).unwrap();
    assert_eq!((renamed.computed, renamed.published), (0, true));
    assert!(Results::read(&project.results()).unwrap().cells.iter().any(|row| row.method == "another"));
    assert!(!project.run(None).unwrap().published);
}

#[test]
fn every_cell_is_one_row_with_its_reason() {
    let project = Project::new(SPEC);
    project.run(None).unwrap();
    let (_, plan) = project.planned();
    let results = Results::read(&project.results()).unwrap();
    let ids: Vec<_> = plan.blocks.iter().flat_map(|block| &block.cells).map(|cell| cell.id.as_str()).collect();
    assert_eq!(results.cells.iter().map(|row| row.cell.as_str()).collect::<Vec<_>>(), ids);
    for row in &results.cells {
        assert_eq!(row.reason.is_some(), row.status != Status::Completed, "{row:?}");
        assert_eq!(row.relative_frobenius_error.is_some(), row.status == Status::Completed, "{row:?}");
    }
    // Nyströmformer has no queries and keys in a matrix of prescribed spectrum.
    assert!(results.cells.iter().any(|row| row.status == Status::Skipped && row.problem == "spectrum"));
    assert_eq!(results.matrices.len(), plan.blocks.len());
    assert_eq!(results.spectra.len(), plan.blocks.iter().map(|b| b.outline.rows.min(b.outline.columns)).sum::<usize>());
    assert_eq!(results.provenance["seed"], "7");
    assert_eq!(results.spec, SPEC);
}

#[test]
fn shares_combine_in_any_order_to_the_tables_of_one_run() {
    let whole = Project::new(SPEC);
    whole.run(None).unwrap();
    let expected = lasting(Results::read(&whole.results()).unwrap());
    for order in [[1, 2, 3], [3, 1, 2]] {
        let shared = Project::new(SPEC);
        let mut computed = 0;
        for (done, index) in order.into_iter().enumerate() {
            let outcome = shared.run(Some(Share::new(index, 3).unwrap())).unwrap();
            computed += outcome.computed;
            assert_eq!(outcome.counts.missing == 0, done == 2, "{outcome}");
        }
        assert_eq!(computed, expected.cells.iter().filter(|row| row.status != Status::Skipped).count());
        assert_eq!(lasting(Results::read(&shared.results()).unwrap()), expected);
        // Whoever comes next finds everything done.
        let next = shared.run(None).unwrap();
        assert_eq!((next.computed, next.published), (0, false), "{next}");
    }
}

#[test]
fn growing_a_spec_computes_the_new_cells_alone() {
    let project = Project::new(SPEC);
    let before = project.run(None).unwrap().computed;
    project.write(&SPEC.replace("trials = 2", "trials = 3"));
    let outcome = project.run(None).unwrap();
    assert!(outcome.computed > 0 && outcome.cached == before, "{outcome}");
    // And going back finds the old tables in the journal.
    project.write(SPEC);
    assert_eq!(project.run(None).unwrap().computed, 0);
}

#[test]
fn states_say_what_a_run_would_do_and_why() {
    let project = Project::new(SPEC);
    assert!(project.states().iter().all(|state| matches!(state, State::Run | State::Skipped(_))));
    assert!(!project.results().exists(), "looking must leave no trace");
    project.run(None).unwrap();
    assert!(project.states().iter().all(|state| matches!(state, State::Cached | State::Skipped(_))));

    let stale = |spec: String| -> Vec<String> {
        project.write(&spec);
        let mut reasons: Vec<String> = project
            .states()
            .into_iter()
            .filter_map(|state| match state {
                State::Stale(why) => Some(why),
                State::Run | State::Cached | State::Skipped(_) => None,
            })
            .collect();
        reasons.sort();
        reasons.dedup();
        reasons
    };
    assert_eq!(stale(SPEC.replace("rate = 0.5", "rate = 0.6")), ["the problem's parameters changed"]);
    assert_eq!(
        stale(SPEC.replace("[method.truncated_svd]", "[method.truncated_svd]\nalgorithm = \"krylov\"")),
        ["the method's parameters changed"]
    );
    assert_eq!(stale(SPEC.replace("seed = 7", "seed = 8")), ["the seed changed"]);
}

#[test]
fn a_torn_last_line_is_dropped_with_a_warning_and_computed_again() {
    let project = Project::new(SPEC);
    project.run(None).unwrap();
    let expected = lasting(Results::read(&project.results()).unwrap());
    let journal = project.results().join("journal/main.jsonl");
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() - 10]).unwrap();
    let outcome = project.run(None).unwrap();
    assert_eq!(outcome.computed, 1);
    assert!(outcome.warnings.iter().any(|warning| warning.contains("torn")), "{:?}", outcome.warnings);
    assert_eq!(lasting(Results::read(&project.results()).unwrap()), expected);
}

#[test]
fn damage_before_the_last_line_stops_the_run_and_says_where() {
    let project = Project::new(SPEC);
    project.run(None).unwrap();
    let journal = project.results().join("journal/main.jsonl");
    let mut bytes = fs::read(&journal).unwrap();
    let start = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    bytes[start + 40] ^= 0x20;
    fs::write(&journal, &bytes).unwrap();
    let message = project.run(None).unwrap_err().to_string();
    assert!(message.contains(&format!("damaged at byte {start}")), "{message}");
    assert_eq!(fs::read(&journal).unwrap(), bytes);
}
