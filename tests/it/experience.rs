//! Promise: the program is pleasant to use: several specs, first looks, new specs, shells, machines, terminals.

use factoreo::paths::Shown as _;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use factoreo::{plan, spec};
use serde_json::Value;

const SPEC: &str = "seed = 1\ntarget_rank = [2, 4]\ntrials = 2\ntitle = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n\
                    timing.repeats = 0\n[problem.attention]\nlength = 16\nhead_dim = 4\n[method.truncated_svd]\n[method.randomized_svd]\n";

fn factoreo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = crate::program();
    command.current_dir(folder).args(arguments).env_remove("NO_COLOR").output().unwrap()
}

fn words(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// What a command printed that succeeded.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = factoreo(folder, arguments);
    let (out, err) = words(&output);
    assert!(output.status.success(), "{arguments:?}: {err}");
    out
}

fn folder_with(specs: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in specs {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Every file below a folder, with its bytes.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.shown(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn several_specs_have_one_progress() {
    let folder = folder_with(&[("a.toml", SPEC), ("b.toml", SPEC), ("c.toml", SPEC)]);
    said(folder.path(), &["b.toml"]);
    let output = factoreo(folder.path(), &["a.toml", "b.toml", "c.toml"]);
    let (_, err) = words(&output);
    // Of three, one is in its journal already.
    let steps: Vec<&str> = err.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(steps.len(), 2, "{err}");
    assert!(steps[0].starts_with("[1/2] a · ") && steps[1].starts_with("[2/2] c · "), "{err}");
}

#[test]
fn a_first_look_touches_nothing_of_the_whole_and_says_what_it_is() {
    let folder = folder_with(&[("a.toml", SPEC)]);
    said(folder.path(), &["a.toml"]);
    let whole = (contents(&folder.path().join("results/a")), contents(&folder.path().join("report")));
    said(folder.path(), &["a.toml", "--quick"]);
    assert_eq!(contents(&folder.path().join("results/a")), whole.0);
    let quick = folder.path().join("report/quick");
    let now: Vec<_> = contents(&folder.path().join("report"))
        .into_iter()
        .filter(|(path, _)| !path.starts_with(&quick.shown()))
        .collect();
    assert_eq!(now, whole.1);
    assert!(folder.path().join("results/a-quick/runs.csv").is_file());
    for (page, mark) in [
        ("report.en.md", "**A quick look.**"),
        ("report.es.md", "**Un vistazo rápido.**"),
        ("index.html", "<strong>Un vistazo rápido.</strong>"),
    ] {
        let text = fs::read_to_string(quick.join(page)).unwrap();
        assert!(text.contains(mark) && text.contains("experiments/a.toml --quick\n"), "{page}");
    }
    // And the report of the whole does not take it in.
    said(folder.path(), &["report"]);
    let report = fs::read_to_string(folder.path().join("report/report.en.md")).unwrap();
    assert!(!report.contains("quick"), "{report}");
}

#[test]
fn a_first_look_of_every_example_is_small() {
    let mut seen = 0;
    for entry in fs::read_dir("experiments").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        // Some need a model that is not here.
        let Ok(whole) = spec::load(&path, Path::new(".")) else { continue };
        let look = plan::quick(&whole, Path::new("."), u64::MAX).unwrap();
        assert_eq!(look.name, format!("{}-quick", whole.name));
        let (before, after) =
            (plan::plan(&whole, Path::new("."), u64::MAX), plan::plan(&look, Path::new("."), u64::MAX));
        let (before, after) = (before.unwrap(), after.unwrap());
        assert!(after.cells() <= before.cells() && after.cells() > 0, "{}", whole.name);
        let flops = |plan: &plan::Plan| -> f64 {
            plan.blocks.iter().flat_map(|block| &block.cells).map(|cell| cell.forecast.flops as f64).sum()
        };
        assert!(flops(&after) <= flops(&before).min(1e11), "{}: {:e}", whole.name, flops(&after));
        for family in whole.problems.iter().map(|problem| &problem.family) {
            assert!(look.problems.iter().any(|problem| problem.family == *family), "{}: {family}", whole.name);
        }
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn names_of_first_looks_are_not_for_specs() {
    let folder = folder_with(&[("a-quick.toml", SPEC)]);
    let output = factoreo(folder.path(), &["a-quick.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).1.contains("kept for first looks"));
}

#[test]
fn what_is_late_is_left_out_and_what_is_done_is_published() {
    let folder = folder_with(&[("a.toml", SPEC)]);
    let experiment = spec::load(&folder.path().join("a.toml"), folder.path()).unwrap();
    let plan = plan::plan(&experiment, folder.path(), u64::MAX).unwrap();
    let mut options = factoreo::run::Options::new(folder.path());
    options.deadline = Some(std::time::Instant::now());
    let outcome = factoreo::run::run(&experiment, &plan, &options).unwrap();
    assert_eq!(outcome.counts.missing, plan.cells());
    assert!(outcome.warnings.iter().any(|warning| warning.contains("time was up")), "{:?}", outcome.warnings);
    options.deadline = None;
    let outcome = factoreo::run::run(&experiment, &plan, &options).unwrap();
    assert_eq!((outcome.counts.missing, outcome.counts.completed), (0, plan.cells()));
}

#[test]
fn a_new_spec_loads_cleanly_and_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = said(folder.path(), &["new", "my_own-1"]);
    assert!(text.contains("experiments/my_own-1.toml"), "{text}");
    let path = folder.path().join("experiments/my_own-1.toml");
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains("my_own-1") && !written.contains("NAME"));
    let experiment = spec::load(&path, folder.path()).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(plan::plan(&experiment, folder.path(), u64::MAX).unwrap().cells() > 10);
    fs::write(&path, "mine").unwrap();
    for name in ["my_own-1", "my_own-1.toml", "../up", "a b", "", "x-quick", "niño"] {
        let output = factoreo(folder.path(), &["new", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(contents(folder.path()).len(), 1);
}

#[test]
fn shells_and_manuals_know_every_command() {
    let here = Path::new(".");
    let manual = said(here, &["man"]);
    assert!(manual.starts_with(".ie") || manual.contains(".TH factoreo"), "{}", &manual[..80]);
    let shells = ["bash", "zsh", "fish"].map(|shell| said(here, &["completions", shell]));
    for command in ["plan", "report", "new", "extract", "schema", "completions", "man"] {
        assert!(manual.contains(&format!("FACTOREO {}", command.to_uppercase())) || command == "man", "{command}");
        assert!(shells.iter().all(|script| script.contains(command)), "{command}");
    }
    for option in ["quick", "json", "shard"] {
        assert!(shells.iter().all(|script| script.contains(option)), "{option}");
    }
    assert_eq!(factoreo(here, &["completions", "cmd.exe"]).status.code(), Some(2));
}

#[test]
fn a_machine_reads_the_plan_and_the_outcome() {
    let folder = folder_with(&[("a.toml", SPEC), ("b.toml", SPEC)]);
    let read = |arguments: &[&str]| -> Value { serde_json::from_str(&said(folder.path(), arguments)).unwrap() };
    let plan = read(&["plan", "a.toml", "b.toml", "--json"]);
    assert_eq!((plan[0]["experiment"].as_str(), plan[1]["experiment"].as_str()), (Some("a"), Some("b")));
    assert_eq!(plan[0]["to_run"], plan[0]["cells"].as_array().unwrap().len());
    assert_eq!(plan[0]["cells"][0]["state"], "run");
    assert!(plan[0]["cells"][0]["flops"].as_u64().unwrap() > 0);
    let ended = read(&["a.toml", "b.toml", "--json"]);
    assert_eq!(ended["experiments"][1]["experiment"], "b");
    assert_eq!(ended["experiments"][0]["computed"], plan[0]["to_run"]);
    assert_eq!(ended["experiments"][0]["failed"], 0);
    let report: Vec<&str> = ended["report"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(report.contains(&"report/index.html") && report.iter().all(|path| folder.path().join(path).is_file()));
    assert_eq!(read(&["plan", "a.toml", "--json"])[0]["cached"], plan[0]["to_run"]);
    assert_eq!(read(&["report", "--json"])["report"].as_array().unwrap().len(), report.len());
}

/// On a terminal of its own, as `script` makes one.
#[cfg(target_os = "linux")]
fn on_a_terminal(folder: &Path, arguments: &str, no_color: bool) -> String {
    let runner = std::env::var("FACTOREO_RUNNER").unwrap_or_default();
    let line = format!("{runner} {} {arguments}", env!("CARGO_BIN_EXE_factoreo"));
    let mut command = Command::new("script");
    command.current_dir(folder).args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color").env_remove("NO_COLOR");
    if no_color {
        command.env("NO_COLOR", "1");
    }
    String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
}

/// Whether a text sets colours: `ESC [ … m` with more than a reset.
#[cfg(target_os = "linux")]
fn has_colours(text: &str) -> bool {
    let ends = text
        .split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| rest.find(|c: char| c.is_ascii_alphabetic()).map(|end| (rest, end)));
    ends.into_iter().any(|(rest, end)| rest.as_bytes()[end] == b'm' && !matches!(&rest[..end], "" | "0"))
}

#[test]
#[cfg(target_os = "linux")]
fn no_color_means_none_anywhere() {
    let folder = folder_with(&[("a.toml", SPEC), ("wrong.toml", "sead = 1\n")]);
    fs::create_dir(folder.path().join("cover")).unwrap();
    fs::write(folder.path().join("cover/coursework.toml"), "autor = 1\n").unwrap();
    assert!(has_colours(&on_a_terminal(folder.path(), "wrong.toml", false)), "a terminal gets colours");
    for arguments in ["wrong.toml", "--help", "--pgn", "plan a.toml", "a.toml", "report", "new a"] {
        let text = on_a_terminal(folder.path(), arguments, true);
        assert!(!text.is_empty() && !has_colours(&text), "{arguments}: {text:?}");
    }
    let text = on_a_terminal(&folder.path().join("cover"), "report", true);
    assert!(text.contains("coursework.toml:1:1") && !has_colours(&text), "{text:?}");
}
