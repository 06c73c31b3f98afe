//! A stranger's tensor names on their way to a person: no command lets them reach the terminal as they are.

use std::{fs, path::Path};

use factoreo::{
    table::Results,
    tensor::{NamedEntries, write_safetensors},
    terminal::is_obeyed,
};

const NAMES: [&str; 6] = [
    "\u{1b}[31mred \u{1b}]0;pwned\u{7}.weight",
    "new\nline.weight",
    "\u{202e}reversed.weight",
    "a, b=c.weight",
    "<img src=x onerror=alert(1)>.weight",
    "=cmd()|calc.weight",
];

const SPEC: &str = "seed = 1\ntarget_rank = 2\ntitle = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n\
                    timing.repeats = 0\n[problem.w]\nkind = \"weight\"\nfile = \"model/model.safetensors\"\ntensor = \"*\"\n\
                    [method.truncated_svd]\n[claim.small]\ntopic = \"parameters\"\nen = \"a\"\nes = \"b\"\n\
                    quantity = \"relative_frobenius_error\"\nabove = 0.5\nalong = \"b\"\n";

/// Says what it printed, and finds nothing in it that a terminal would obey.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = crate::program().current_dir(folder).args(arguments).output().unwrap();
    let mut all = String::new();
    for bytes in [output.stdout, output.stderr] {
        let text = String::from_utf8(bytes).unwrap();
        let obeyed: Vec<char> = text.chars().filter(|&letter| is_obeyed(letter) && letter != '\n').collect();
        assert!(obeyed.is_empty(), "{arguments:?}: {obeyed:?} in {text}");
        all.push_str(&text);
    }
    all
}

#[test]
fn no_command_prints_what_a_terminal_would_obey() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("model")).unwrap();
    let long = "x".repeat(3000) + ".weight";
    let tensors: Vec<NamedEntries> = NAMES
        .into_iter()
        .chain([long.as_str()])
        .enumerate()
        .map(|(seed, name)| NamedEntries {
            name: name.to_owned(),
            shape: vec![6, 5],
            entries: (0..30).map(|i| ((i * i + seed) as f32).sin()).collect(),
        })
        .collect();
    write_safetensors(&folder.path().join("model/model.safetensors"), &tensors, &[]).unwrap();
    fs::write(folder.path().join("names.toml"), SPEC).unwrap();

    let plan = printed(folder.path(), &["plan", "names.toml"]);
    assert!(plan.lines().all(|line| line.chars().count() < 250), "a name of 3 000 letters fills the screen");
    let json = printed(folder.path(), &["plan", "names.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let problems: Vec<&str> =
        json[0]["cells"].as_array().unwrap().iter().map(|cell| cell["problem"].as_str().unwrap()).collect();
    for name in NAMES {
        assert!(problems.iter().any(|problem| problem.contains(name)), "{name:?} is not exact in {problems:?}");
    }
    let run = printed(folder.path(), &["names.toml"]);
    assert!(run.contains("7 cells completed"), "{run}");
    for format in ["csv", "markdown", "json"] {
        printed(folder.path(), &["table", "names", "runs", "--format", format]);
    }
    printed(folder.path(), &["report"]);
    printed(folder.path(), &["compress", "model", "--method", "truncated_svd", "--budget", "0.9", "--out", "out"]);
    printed(folder.path(), &["eval", "model"]);
    for name in NAMES {
        printed(folder.path(), &["advise", "model/model.safetensors", "--tensor", name]);
        printed(folder.path(), &["advise", "model/model.safetensors", "--tensor", name, "--json"]);
    }
    printed(folder.path(), &["advise", "model/model.safetensors", "--tensor", "absent\u{1b}"]);

    // One value each, whatever its text looks like.
    let results = Results::read(&folder.path().join("results/names")).unwrap();
    assert_eq!(results.variants.len(), 7);
    assert!(results.variants.iter().any(|row| row.parameter == "tensor" && row.value == "a, b=c.weight"));
}
