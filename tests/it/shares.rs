//! Shares of an experiment, parts of it, and what is left over: nothing is lost, doubled or left out without a word.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use factoreo::{
    random::generator,
    table::{Results, Status},
};
use rand::RngExt;

const SPEC: &str = "seed = 1\ntarget_rank = [2, 4]\ntitle = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n\
                    timing.repeats = 0\ntrials = 2\n[problem.heads]\nkind = \"attention\"\nlength = [16, 24]\nhead_dim = 4\n\
                    [problem.squares]\nkind = \"spectrum\"\nrows = [12, 14, 16]\nexponent = [0.5, 1.0]\n\
                    [method.truncated_svd]\n[method.cur]\n[method.randomized_svd]\npower_iterations = [0, 2]\n";

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("experiments")).unwrap();
    fs::write(folder.path().join("experiments/small.toml"), SPEC).unwrap();
    folder
}

fn factoreo(folder: &Path, arguments: &[&str]) -> Output {
    crate::program().current_dir(folder).args(arguments).output().unwrap()
}

/// What a command that must succeed prints.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = factoreo(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command says that must refuse its input.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = factoreo(folder, arguments);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {words}");
    words
}

fn results(folder: &Path) -> Results {
    Results::read(&folder.join("results/small")).unwrap()
}

#[test]
fn a_share_without_a_journal_is_named_in_the_report_until_it_is_there() {
    let whole = project();
    said(whole.path(), &["experiments/small.toml"]);
    let shared = project();
    let root = shared.path();
    for share in ["1/3", "2/3"] {
        said(root, &["experiments/small.toml", "--shard", share]);
    }
    said(root, &["experiments/small.toml", "--combine"]);
    let missing = results(root).provenance["missing"].clone();
    let shares = &missing["shares"];
    assert_eq!((shares.as_array().unwrap().len(), &shares[0]["share"]), (1, &serde_json::json!("3/3")));
    let (cells, of) = (missing["cells"].as_u64().unwrap(), missing["of"].as_u64().unwrap());
    assert_eq!(
        (cells as usize + results(root).cells.len(), of as usize),
        (of as usize, results(whole.path()).cells.len())
    );
    for (page, expected) in [
        ("report.en.md", format!("{cells} of {of} cells of `small` are missing**: share 3/3.")),
        ("report.es.md", format!("Faltan {cells} de las {of} celdas de `small`**: parte 3/3.")),
        ("experiments/small.en.md", format!("{cells} of {of} cells of `small` are missing")),
    ] {
        let text = fs::read_to_string(root.join("report").join(page)).unwrap();
        assert!(text.contains(&expected), "{page}");
    }
    said(root, &["experiments/small.toml", "--shard", "3/3"]);
    said(root, &["experiments/small.toml", "--combine"]);
    let (one, three) = (results(whole.path()), results(root));
    assert_eq!(three.provenance.get("missing"), None);
    assert!(!fs::read_to_string(root.join("report/report.en.md")).unwrap().contains("are missing"));
    assert_eq!(three.matrices, one.matrices);
    assert_eq!(three.cells, one.cells);
    assert_eq!(three.summary, one.summary);
}

/// Six shares at once on one folder, each killed after a random time and started again: as if nothing had been.
#[test]
fn shares_that_are_killed_lose_and_double_nothing() {
    let whole = project();
    said(whole.path(), &["experiments/small.toml", "--shard", "1/1"]);
    let expected = results(whole.path());
    let mut rng = generator(17);
    for round in 0..20 {
        let shared = project();
        let mut left: Vec<u32> = (1..=6).collect();
        let mut attempts = 0;
        while !left.is_empty() {
            let start = |share: &u32| {
                let share = format!("{share}/6");
                let mut command = crate::program();
                let command = command.current_dir(shared.path()).args(["experiments/small.toml", "--shard", &share]);
                command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            };
            let mut running: Vec<(u32, std::process::Child)> =
                left.iter().map(|share| (*share, start(share))).collect();
            // A kill falls anywhere; after three all may end.
            if attempts < 3 {
                thread::sleep(Duration::from_millis(rng.random_range(5..120)));
                for (_, child) in &mut running {
                    if rng.random_bool(0.6) {
                        let _ = child.kill();
                    }
                }
            }
            left = running
                .into_iter()
                .filter_map(|(share, mut child)| (!child.wait().unwrap().success()).then_some(share))
                .collect();
            attempts += 1;
            assert!(attempts < 20, "round {round}: shares {left:?} do not end");
        }
        let found = results(shared.path());
        assert_eq!(found.cells, expected.cells, "round {round}");
        assert_eq!(found.matrices, expected.matrices, "round {round}");
        let journals = fs::read_dir(shared.path().join("results/small/journal")).unwrap();
        let mut seen = HashSet::new();
        for path in journals
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        {
            for line in fs::read_to_string(path).unwrap().lines().filter(|line| line.contains("{\"cell\":{\"block\"")) {
                let record: serde_json::Value = serde_json::from_str(&line[17..]).unwrap();
                let id = record["cell"]["row"]["cell"].as_str().unwrap().to_owned();
                assert!(seen.insert(id), "round {round}: a cell was computed twice");
            }
        }
        assert_eq!(seen.len(), expected.cells.iter().filter(|cell| cell.status == Status::Completed).count());
    }
}

#[test]
fn a_part_is_planned_computed_and_reported_by_its_conditions() {
    let folder = project();
    let root = folder.path();
    let plan =
        said(root, &["plan", "experiments/small.toml", "--only", "method=cur,rank<=2,problem=squares", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan[0]["to_run"], 6 * 2, "six matrices, one rank, two draws");
    let part = ["experiments/small.toml", "--only", "method=cur,problem=squares", "-q"];
    assert_eq!(said(root, &part), "", "quiet");
    let partly = results(root);
    assert_eq!(partly.cells.len(), 6 * 2 * 2);
    assert!(partly.cells.iter().all(|cell| cell.method == "cur" && cell.problem == "squares"));
    assert_eq!(
        partly.provenance["missing"]["cells"].as_u64().unwrap() as usize + partly.cells.len(),
        8 * 2 * (1 + 2 * 3)
    );
    said(root, &["experiments/small.toml"]);
    said(root, &["report", "--only", "length=24,method=truncated_svd,method=cur"]);
    let text = fs::read_to_string(root.join("report/only/experiments/small.en.md")).unwrap();
    assert!(text.contains("`length=24,method=truncated_svd,method=cur` alone"), "{text}");
    assert!(!text.contains("`squares`") && !text.contains("squares (") && !text.contains("andomized SVD ("), "{text}");
    let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    for link in links.iter().filter(|link| link.starts_with("..")) {
        assert!(root.join("report/only/experiments").join(link).exists(), "{link}");
    }
    let before = fs::read_to_string(root.join("report/report.en.md")).unwrap();
    for (only, expected) in [
        ("methd=cur", "did you mean"),
        ("method=curr", "write `cur`"),
        ("method=cur,rank>64", "no cell of small meets all of that"),
        ("rank<=many", "write for example `rank<=64`"),
    ] {
        let words = refused(root, &["experiments/small.toml", "--only", only]);
        assert!(words.contains(expected) || words.contains("write `method`"), "{words}");
    }
    assert!(refused(root, &["report", "--only", "method=absent"]).contains("no row under results/"));
    assert_eq!(fs::read_to_string(root.join("report/report.en.md")).unwrap(), before);
}

#[test]
fn stale_cells_are_shown_and_then_deleted_and_the_rest_stays_cached() {
    let folder = project();
    let root = folder.path();
    said(root, &["experiments/small.toml"]);
    assert!(said(root, &["clean", "experiments/small.toml"]).contains("no journal has a stale cell"));
    fs::write(root.join("experiments/small.toml"), SPEC.replace("[method.cur]\n", "[method.cur]\noversampling = 3\n"))
        .unwrap();
    let journal = root.join("results/small/journal/main.jsonl");
    let before = fs::read(&journal).unwrap();
    let told = said(root, &["clean", "experiments/small.toml"]);
    assert!(told.contains("stale cells") && told.contains("nothing was changed"), "{told}");
    assert_eq!(fs::read(&journal).unwrap(), before);
    let told = said(root, &["clean", "experiments/small.toml", "--delete", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told[0]["cells"], 8 * 2 * 2, "eight matrices, two ranks, two draws of one method");
    assert!(fs::read(&journal).unwrap().len() < before.len());
    let plan = said(root, &["plan", "experiments/small.toml", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!((&plan[0]["to_run"], &plan[0]["stale"]), (&serde_json::json!(32), &serde_json::json!(0)));
    said(root, &["experiments/small.toml"]);
    assert!(said(root, &["clean", "experiments/small.toml"]).contains("no journal has a stale cell"));
}

#[test]
fn experiments_and_shares_are_listed_with_how_they_stand() {
    let folder = project();
    let root = folder.path();
    fs::write(root.join("experiments/wrong.toml"), "sead = 1\n").unwrap();
    let state = |shares: &serde_json::Value, at: usize| shares[0]["shares"][at]["state"].clone();
    let status = || -> serde_json::Value {
        serde_json::from_str(&said(root, &["status", "experiments/small.toml", "--json"])).unwrap()
    };
    assert_eq!(state(&status(), 0), "not begun");
    said(root, &["experiments/small.toml", "--shard", "2/2"]);
    let stands = status();
    assert_eq!((state(&stands, 0), state(&stands, 1)), ("not begun".into(), "done".into()));
    assert!(stands[0]["shares"][0]["missing"].as_u64() > Some(0));
    let listed: serde_json::Value = serde_json::from_str(&said(root, &["list", "--json"])).unwrap();
    assert_eq!(listed[0]["experiment"], "small");
    assert_eq!(listed[0]["to_run"], stands[0]["shares"][0]["missing"]);
    assert!(listed[1]["error"].as_str().unwrap().contains("target_rank"), "{listed}");
    assert!(said(root, &["list"]).lines().count() == 3);
}

/// Without Slurm the script is there all the same, and runs in a loop.
#[test]
#[cfg(unix)]
fn a_submission_is_printed_written_and_can_be_run_in_a_loop() {
    let folder = project();
    let root = folder.path();
    let dry = said(root, &["submit", "experiments/small.toml", "--shares", "3", "--time", "01:00:00", "--dry-run"]);
    assert!(dry.contains("#SBATCH --array=1-3\n") && dry.contains("#SBATCH --time=01:00:00\n"), "{dry}");
    assert_eq!(dry.lines().filter(|line| line.starts_with("# share ")).count(), 3);
    assert!(!root.join("results").exists());
    assert!(
        refused(root, &["submit", "experiments/small.toml", "--shares", "1000"]).contains("too few for 1000 shares")
    );
    assert!(
        refused(root, &["submit", "experiments/small.toml", "--shares", "2", "--mem", "1G\n#"]).contains("are allowed")
    );

    let mut without_slurm = crate::program();
    let without_slurm = without_slurm.current_dir(root).args(["submit", "experiments/small.toml", "--shares", "3"]);
    let output = without_slurm.env("PATH", root).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("`sbatch` is not installed") && words.contains("results/small/journal/shares.sh"),
        "{words}"
    );
    for share in ["1", "2", "3"] {
        let mut bash = Command::new("bash");
        let bash = bash.arg("results/small/journal/shares.sh").env("SLURM_ARRAY_TASK_ID", share);
        assert!(bash.current_dir(root).output().unwrap().status.success());
    }
    assert!(
        Command::new("bash")
            .arg("results/small/journal/combine.sh")
            .current_dir(root)
            .output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(results(root).provenance.get("missing"), None);
    assert!(root.join("report/report.es.md").is_file());
}
