//! Promise: what is written is the same every time, whole, and no more than the report.

use super::*;
use factoreo::paths::Shown as _;

/// Every file under a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().shown();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_same_results_give_the_same_bytes_wherever_they_are() {
    let build = || {
        let root = tempfile::tempdir().unwrap();
        sweep().results().write(&root.path().join("results/rank_sweep")).unwrap();
        let written = report::build(root.path(), false).unwrap();
        assert!(written.iter().all(|path| path.is_file()));
        (files(&root.path().join("report")), root.path().shown())
    };
    let ((first, place), (second, _)) = (build(), build());
    assert_eq!(first, second);
    assert!(first.contains_key("report.en.md") && first.contains_key("report.es.md"));
    assert!(first.keys().any(|name| name.starts_with("figures/es/rank_sweep.")));
    assert!(first.values().all(|bytes| !String::from_utf8_lossy(bytes).contains(&place)));
}

#[test]
fn every_figure_of_a_report_is_a_file_and_others_go() {
    let root = tempfile::tempdir().unwrap();
    sweep().results().write(&root.path().join("results/rank_sweep")).unwrap();
    fs::create_dir_all(root.path().join("results/unfinished")).unwrap();
    fs::create_dir_all(root.path().join("report/figures/en")).unwrap();
    let stale = root.path().join("report/figures/en/old.error.svg");
    let own = root.path().join("report/figures/en/notes.txt");
    fs::write(&stale, "stale").unwrap();
    fs::write(&own, "mine").unwrap();
    report::build(root.path(), false).unwrap();
    assert!(!stale.exists() && own.exists());
    for language in Language::ALL {
        let text = annexes(root.path(), language.code());
        let figures: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("!["))
            .map(|line| line.rsplit_once("](").unwrap().1.trim_end_matches(')'))
            .collect();
        assert!(!figures.is_empty());
        for figure in figures {
            assert!(root.path().join("report/experiments").join(figure).is_file(), "{figure}");
        }
    }
}

#[test]
fn pictures_in_pixels_stand_beside_the_drawings() {
    let root = tempfile::tempdir().unwrap();
    let mut small = sweep();
    small.families.truncate(1);
    small.results().write(&root.path().join("results/rank_sweep")).unwrap();
    let written = report::build(root.path(), true).unwrap();
    let count =
        |extension: &str| written.iter().filter(|path| path.extension().is_some_and(|e| e == extension)).count();
    assert!(count("png") > 0);
    assert_eq!(count("png"), count("svg"));
}

#[test]
fn without_results_the_reader_is_told_what_to_run() {
    let root = tempfile::tempdir().unwrap();
    let error = report::build(root.path(), false).unwrap_err();
    assert!(matches!(error, ReportError::NoResults(_)));
    assert!(error.to_string().contains("cargo run -- experiments/"), "{error}");
    assert!(!root.path().join("report").exists());
}
