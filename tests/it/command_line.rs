//! The command line does what it says, says what it cannot do, and then writes nothing.

use std::{fs, path::Path, process::Output};

const SPEC: &str = "seed = 1\ntarget_rank = [2, 4]\ntitle = { en = \"T\", es = \"T\" }\nquestion = { en = \"Q\", es = \"Q\" }\n\
                    timing.repeats = 0\n[problem.attention]\nlength = 16\nhead_dim = 4\n[method.truncated_svd]\n[method.nystrom]\n\
                    sampling = \"uniform\"\n";

fn factoreo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = crate::program();
    command.current_dir(folder).args(arguments).env_remove("NO_COLOR").output().unwrap()
}

fn exits_with(code: i32, output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
}

fn folder_with(spec: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.toml"), spec).unwrap();
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn bad_input_is_exit_code_2_in_plain_text_and_nothing_is_written() {
    let folder = folder_with(&SPEC.replace("seed", "sead"));
    for arguments in [&["small.toml"][..], &["plan", "small.toml"], &["small.toml", "absent.toml"]] {
        let output = factoreo(folder.path(), arguments);
        exits_with(2, &output);
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("small.toml:1:1") && words.contains("write `seed`"), "{words}");
        assert!(!words.contains('\u{1b}') && output.stdout.is_empty());
    }
    let good = folder_with(SPEC);
    for arguments in [&[][..], &["--png"], &["small.toml", "--shard", "3/2"], &["extract"], &["small.toml", "--pgn"]] {
        exits_with(2, &factoreo(good.path(), arguments));
    }
    assert_eq!(
        (files(folder.path()), files(good.path())),
        (vec!["small.toml".to_owned()], vec!["small.toml".to_owned()])
    );
}

#[test]
fn two_specs_of_one_name_would_share_their_results_and_are_refused() {
    let folder = folder_with(SPEC);
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/small.toml"), SPEC).unwrap();
    let output = factoreo(folder.path(), &["small.toml", "other/small.toml"]);
    exits_with(2, &output);
    assert!(String::from_utf8(output.stderr).unwrap().contains("two specs are named small"));
}

#[test]
fn a_plan_lists_every_cell_and_computes_nothing() {
    let folder = folder_with(SPEC);
    let output = factoreo(folder.path(), &["plan", "small.toml"]);
    exits_with(0, &output);
    assert_eq!(files(folder.path()), ["small.toml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let states: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(states, ["state", "run", "run", "skipped", "skipped", "small:"]);
    assert!(
        text.ends_with('\n') && text.contains("small: 4 cells: 2 to run (0 of them stale), 0 cached, 2 skipped"),
        "{text}"
    );
}

#[test]
fn a_run_writes_tables_and_report_and_the_plan_knows() {
    let folder = folder_with(SPEC);
    exits_with(0, &factoreo(folder.path(), &["small.toml"]));
    assert_eq!(files(folder.path()), ["report", "results", "small.toml"]);
    let plan = |spec: &str| {
        fs::write(folder.path().join("small.toml"), spec).unwrap();
        String::from_utf8(factoreo(folder.path(), &["plan", "small.toml"]).stdout).unwrap()
    };
    assert!(plan(SPEC).contains("0 to run (0 of them stale), 2 cached, 2 skipped"));
    let stale = plan(&SPEC.replace("seed = 1", "seed = 2"));
    assert!(stale.contains("2 to run (2 of them stale)") && stale.contains("the seed changed"), "{stale}");
}

#[test]
fn a_share_leaves_the_report_for_later() {
    let folder = folder_with(SPEC);
    exits_with(0, &factoreo(folder.path(), &["small.toml", "--shard", "1/2"]));
    exits_with(0, &factoreo(folder.path(), &["small.toml", "--shard", "2/2"]));
    assert_eq!(files(folder.path()), ["results", "small.toml"]);
    let plan = String::from_utf8(factoreo(folder.path(), &["plan", "small.toml"]).stdout).unwrap();
    assert!(plan.contains("0 to run (0 of them stale), 2 cached, 2 skipped"), "{plan}");
    exits_with(0, &factoreo(folder.path(), &["report"]));
    assert!(folder.path().join("report/report.es.md").is_file());
}

#[test]
fn the_schema_is_printed_as_it_is_committed() {
    let output = factoreo(Path::new("."), &["schema"]);
    let committed = fs::read_to_string("experiments/experiment.schema.json").unwrap();
    assert!(String::from_utf8(output.stdout).unwrap() == committed);
}

#[test]
fn a_wrong_cover_stops_a_run_before_it_computes() {
    let folder = folder_with(SPEC);
    fs::write(folder.path().join("coursework.toml"), "autor = \"A\"\n").unwrap();
    for arguments in [&["small.toml"][..], &["report"]] {
        let output = factoreo(folder.path(), arguments);
        exits_with(2, &output);
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("coursework.toml:1:1") && words.contains("write `author`"), "{words}");
    }
    assert_eq!(files(folder.path()), ["coursework.toml", "small.toml"]);
}

#[test]
fn a_table_is_printed_and_a_column_it_does_not_have_is_one_error_with_the_nearest() {
    let folder = folder_with(SPEC);
    assert!(factoreo(folder.path(), &["small.toml", "--shard", "1/1"]).status.success());
    let before = files(folder.path());
    let printed = factoreo(folder.path(), &["table", "small", "--columns", "trial,status", "--where", "trial=0"]);
    let text = String::from_utf8(printed.stdout).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("trial,status"));
    assert!(lines.clone().count() > 0 && lines.all(|line| line.starts_with("0,")), "{text}");

    for (arguments, expected) in [
        (&["table", "small", "runs", "--columns", "methd"][..], "no column `methd`: did you mean `method`?"),
        (&["table", "small", "runs", "--where", "statsu=failed"], "no column `statsu`: did you mean `status`?"),
        (&["table", "small", "runs", "--where", "trial=one"], "column `trial` holds numbers, and `one` is none"),
        (&["table", "smal", "runs"], "runs.parquet is not there"),
        (&["table", "../small", "runs"], "is no name of an experiment"),
        (&["table", "small", "run"], "runs"),
    ] {
        let output = factoreo(folder.path(), arguments);
        exits_with(2, &output);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    assert_eq!(files(folder.path()), before);
}

/// Three 8×4 matrices Q, K, V as one `.npy` file, from what `entry` says of each place.
fn write_head(path: &Path, entry: impl Fn(usize, usize, usize) -> f64) {
    let header = format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 8, 4), }");
    let mut bytes = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
    for place in 0..3 * 8 * 4 {
        bytes.extend(entry(place / 32, place / 4 % 8, place % 4).to_le_bytes());
    }
    fs::write(path, bytes).unwrap();
}

const SPEC_OF_HEADS: &str = "seed = 1\ntarget_rank = [2, 4]\ntitle = { en = \"T\", es = \"T\" }\n\
                             question = { en = \"Q\", es = \"Q\" }\ntiming.repeats = 0\n[problem.head]\nkind = \"qkv\"\n\
                             file = [\"good.npy\", \"odd.npy\"]\n[method.truncated_svd]\n";

#[test]
fn a_file_that_holds_nan_is_found_when_the_spec_is_read() {
    let folder = folder_with(SPEC_OF_HEADS);
    write_head(&folder.path().join("good.npy"), |_, i, j| (i + j) as f64 / 8.0);
    write_head(&folder.path().join("odd.npy"), |which, i, j| if (which, i, j) == (2, 5, 1) { f64::NAN } else { 1.0 });
    for arguments in [&["small.toml"][..], &["plan", "small.toml"]] {
        let output = factoreo(folder.path(), arguments);
        exits_with(2, &output);
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("small.toml:8:21") && words.contains("odd.npy: entry [2, 5, 1] is NaN"), "{words}");
        assert_eq!(words.matches("NaN").count(), 2, "once, and what to do: {words}");
    }
    assert_eq!(files(folder.path()), ["good.npy", "odd.npy", "small.toml"]);
}

#[test]
fn a_run_with_failed_cells_is_published_and_ends_with_exit_code_1_unless_they_are_allowed() {
    let folder = folder_with(SPEC_OF_HEADS);
    write_head(&folder.path().join("good.npy"), |_, i, j| (i * j) as f64 / 8.0);
    write_head(&folder.path().join("odd.npy"), |which, _, _| if which < 2 { 1e200 } else { 1.0 });
    let output = factoreo(folder.path(), &["small.toml"]);
    exits_with(1, &output);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("2 of 4 cells of small failed") && words.contains("--allow-failures"), "{words}");
    let runs = fs::read_to_string(folder.path().join("results/small/runs.csv")).unwrap();
    assert_eq!(runs.matches("the logits overflow: the score of query 0 and key 0").count(), 2, "{runs}");
    assert!(folder.path().join("report/report.en.md").is_file());
    // Nor does it end well the second time, when nothing is computed.
    exits_with(1, &factoreo(folder.path(), &["small.toml"]));
    exits_with(0, &factoreo(folder.path(), &["small.toml", "--allow-failures"]));
}

/// Sizes by ranks is the first grid anyone writes.
#[test]
fn a_rank_above_the_size_of_some_matrices_is_a_cell_that_is_skipped_with_its_reason() {
    let folder = folder_with(&SPEC.replace("length = 16", "length = [8, 16, 32]").replace("[2, 4]", "[4, 16, 32]"));
    let plan = factoreo(folder.path(), &["plan", "small.toml"]);
    exits_with(0, &plan);
    let text = String::from_utf8(plan.stdout).unwrap();
    // Of truncated SVD at 8, 16 and 32 tokens: 1, 2 and 3 ranks.
    assert!(text.contains("small: 18 cells: 6 to run (0 of them stale), 0 cached, 12 skipped"), "{text}");
    assert_eq!(text.matches("target rank 16 is above min(m, n) = 8").count(), 2, "{text}");
    exits_with(0, &factoreo(folder.path(), &["small.toml"]));
    let spanish = fs::read_to_string(folder.path().join("report/experiments/small.es.md")).unwrap();
    assert!(spanish.contains("el rango objetivo 32 supera min(m, n) = 16"), "{spanish}");
    let beyond = folder_with(&SPEC.replace("[2, 4]", "[4, 17]"));
    exits_with(2, &factoreo(beyond.path(), &["small.toml"]));
}
