//! `factoreo table`: any table or a part of one, in every format.

use factoreo::table::{CellRow, Format, Stored};

use super::{cell, results, sample};

fn printed(stored: &Stored, columns: &[&str], conditions: &[(&str, &str)], format: Format) -> String {
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let conditions: Vec<_> = conditions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut output = Vec::new();
    stored.print(&columns, &conditions, format, &mut output).unwrap();
    String::from_utf8(output).unwrap()
}

#[test]
fn a_part_of_a_table_is_printed_in_every_format() {
    let directory = tempfile::tempdir().unwrap();
    let cells = vec![
        CellRow { problem: "=1|2".to_owned(), rank: None, ..cell("a") },
        CellRow { problem: "b".to_owned(), target_rank: 4, ..cell("b") },
    ];
    results(cells, vec![]).write(directory.path()).unwrap();
    let stored = Stored::open(directory.path(), "runs").unwrap();
    assert_eq!(stored.names()[0], "cell");
    let all = |format| printed(&stored, &["target_rank", "problem", "rank"], &[], format);
    assert_eq!(all(Format::Csv), "target_rank,problem,rank\n8,'=1|2,\n4,b,8\n");
    assert_eq!(all(Format::Tsv), "target_rank\tproblem\trank\n8\t'=1|2\t\n4\tb\t8\n");
    let lines = ["| target_rank | problem | rank |", "| --- | --- | --- |", "| 8 | '=1\\|2 |  |", "| 4 | b | 8 |", ""];
    assert_eq!(all(Format::Markdown), lines.join("\n"));
    let json: serde_json::Value = serde_json::from_str(&all(Format::Json)).unwrap();
    assert_eq!(json[0], serde_json::json!({ "target_rank": 8, "problem": "=1|2", "rank": null }));

    for (conditions, expected) in [
        (&[("target_rank", "4")][..], "cell\nb\n"),
        (&[("rank", "")], "cell\na\n"),
        (&[("problem", "=1|2"), ("status", "completed")], "cell\na\n"),
        (&[("relative_frobenius_error", "0.1"), ("cell", "b")], "cell\nb\n"),
        (&[("problem", "nothing")], "cell\n"),
    ] {
        assert_eq!(printed(&stored, &["cell"], conditions, Format::Csv), expected, "{conditions:?}");
    }
    let empty: serde_json::Value =
        serde_json::from_str(&printed(&stored, &["cell"], &[("cell", "c")], Format::Json)).unwrap();
    assert_eq!(empty, serde_json::json!([]));
    let wrong = [("trial".to_owned(), "x".to_owned())];
    let error = stored.print(&["cell".to_owned()], &wrong, Format::Csv, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "column `trial` holds numbers, and `x` is none");
}

/// More rows than one group of the file: no group twice, none left out.
#[test]
fn a_long_table_is_printed_whole_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let samples: Vec<_> = (0..150_000).map(|at| sample("a", at, 1.0)).collect();
    results(vec![], samples).write(directory.path()).unwrap();
    let stored = Stored::open(directory.path(), "samples").unwrap();
    let csv = printed(&stored, &["repeat"], &[], Format::Csv);
    assert!(csv.lines().skip(1).map(|line| line.parse::<u64>().unwrap()).eq(0..150_000));
    let json: serde_json::Value = serde_json::from_str(&printed(&stored, &["repeat"], &[], Format::Json)).unwrap();
    assert!(json.as_array().unwrap().iter().map(|row| row["repeat"].as_u64().unwrap()).eq(0..150_000));
}
