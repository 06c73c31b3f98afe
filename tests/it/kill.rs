//! Killed at any moment, a run loses at most what was in flight (acceptance 7).

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use factoreo::{
    random::generator,
    table::{MatrixRow, Results, Status},
};
use rand::RngExt;

/// 200 cells that are computed, and some that are skipped.
const SPEC: &str = r#"
seed = 11
trials = 3
target_rank = [1, 2, 4, 8, 16]

[title]
en = "Killed"
es = "Interrumpido"

[question]
en = "Is anything lost?"
es = "¿Se pierde algo?"

[timing]
repeats = 10

[problem.attention]
length = 40
head_dim = 8
temperature = [0.5, 1.0, 2.0]

[problem.spectrum]
rows = 48
columns = 40
decay = "exponential"
rate = 0.3

[method.truncated_svd]

[method.randomized_svd]
power_iterations = [0, 1]

[method.generalized_nystrom]

[method.nystromformer]
"#;

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("experiments")).unwrap();
        fs::write(folder.path().join("experiments/killed.toml"), SPEC).unwrap();
        Self { folder }
    }

    fn journal(&self) -> PathBuf {
        self.folder.path().join("results/killed/journal/main.jsonl")
    }

    fn journal_bytes(&self) -> u64 {
        fs::metadata(self.journal()).map_or(0, |metadata| metadata.len())
    }

    fn results(&self) -> Results {
        Results::read(&self.folder.path().join("results/killed")).unwrap()
    }

    fn start(&self) -> Child {
        crate::program()
            .arg("experiments/killed.toml")
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Starts a run and waits until its journal has this many bytes: the status if it ended before.
    fn start_until(&self, bytes: u64) -> (Child, Option<ExitStatus>) {
        let mut child = self.start();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return (child, Some(status));
            }
            if self.journal_bytes() >= bytes {
                return (child, None);
            }
            std::thread::yield_now();
        }
    }

    fn finish(&self) {
        let output = self.start().wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// How often each cell was recorded.
    fn recorded(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in fs::read_to_string(self.journal()).unwrap().lines() {
            let record: serde_json::Value = serde_json::from_str(&line[17..]).unwrap();
            if let Some(id) = record["cell"]["row"]["cell"].as_str() {
                *counts.entry(id.to_owned()).or_default() += 1;
            }
        }
        counts
    }
}

/// Everything but the timings, bit for bit, as text: what a float's debug output names is one float.
fn lasting(results: Results) -> Vec<String> {
    let matrices = results.matrices.into_iter().map(|row| MatrixRow { form_seconds: None, ..row });
    let mut rows: Vec<String> = matrices.map(|row| format!("{row:?}")).collect();
    rows.extend(results.spectra.iter().map(|row| format!("{row:?}")));
    rows.extend(results.cells.iter().map(|row| format!("{row:?}")));
    rows.extend(results.samples.iter().map(|row| format!("{} {} {}", row.cell, row.repeat, row.position)));
    rows
}

fn survives_kills(kills: u64) {
    let undisturbed = Project::new();
    undisturbed.finish();
    let expected = undisturbed.results();
    let computed = expected.cells.iter().filter(|row| row.status == Status::Completed).count();
    assert!(computed >= 200, "{computed} cells");

    let killed = Project::new();
    let mut rng = generator(kills);
    let total = undisturbed.journal_bytes();
    for done in 0..kills {
        let present = killed.journal_bytes();
        // Spread over what is left, so that the last kills still find something to interrupt.
        let step = 2 * total.saturating_sub(present) / (kills - done + 1);
        let (mut child, ended) = killed.start_until(present + rng.random_range(0..=step));
        assert!(ended.is_none(), "the run ended before kill {done}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    killed.finish();

    let recorded = killed.recorded();
    assert_eq!(recorded, undisturbed.recorded(), "a finished cell was lost or computed twice");
    assert!(recorded.values().all(|&times| times == 1));
    assert_eq!(lasting(killed.results()), lasting(expected));
}

#[test]
fn fifty_kills_cost_nothing_that_was_finished() {
    survives_kills(50);
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
#[cfg(unix)]
fn sigterm_and_ctrl_c_stop_cleanly_and_say_how_to_go_on() {
    let project = Project::new();
    for name in ["-TERM", "-INT"] {
        let (child, ended) = project.start_until(project.journal_bytes() + 2000);
        assert!(ended.is_none());
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{message}");
        assert!(message.contains("the same command goes on"), "{message}");
        // Nothing is torn.
        assert!(fs::read(project.journal()).unwrap().ends_with(b"\n"));
    }
    project.finish();
    assert!(project.recorded().values().all(|&times| times == 1));
}

#[test]
#[cfg(unix)]
fn a_second_run_on_the_same_journal_is_told_who_holds_it() {
    let project = Project::new();
    let (first, ended) = project.start_until(1000);
    assert!(ended.is_none());
    // Stopped, it holds its lock for as long as the test needs.
    signal(&first, "-STOP");
    let second = project.start().wait_with_output().unwrap();
    signal(&first, "-CONT");
    let message = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success());
    assert!(message.contains(&format!("process {}", first.id())), "{message}");
    assert!(first.wait_with_output().unwrap().status.success());
}
