//! The report on the committed results, set anew: true whether or not the committed report is of the same day.
//!
//! Promise: what the deliverable asks of these results holds in them, or the report says by how much it does not.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use factoreo::{
    language::Language,
    report,
    table::{MeasurementSummary, Results, median_interval, summarise_measurements},
};

pub fn results() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
}

type ByLanguage = BTreeMap<&'static str, String>;

/// What is handed in, and the annexes.
fn both() -> &'static (ByLanguage, ByLanguage) {
    static TEXTS: OnceLock<(ByLanguage, ByLanguage)> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let project = tempfile::tempdir().unwrap();
        for experiment in std::fs::read_dir(results()).unwrap().map(Result::unwrap) {
            let folder = project.path().join("results").join(experiment.file_name());
            std::fs::create_dir_all(&folder).unwrap();
            for file in std::fs::read_dir(experiment.path()).unwrap().map(Result::unwrap) {
                // All but the journal, a folder.
                if file.file_type().unwrap().is_file() {
                    std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
                }
            }
        }
        report::build(project.path(), false).unwrap();
        let hand_in = |language: Language| {
            let path = project.path().join(format!("report/report.{}.md", language.code()));
            (language.code(), std::fs::read_to_string(path).unwrap())
        };
        let annexes = |language: Language| (language.code(), super::annexes(project.path(), language.code()));
        (Language::ALL.map(hand_in).into(), Language::ALL.map(annexes).into())
    })
}

/// The annexes, by language.
pub fn texts() -> &'static ByLanguage {
    &both().1
}

/// What is handed in, by language.
pub fn hand_ins() -> &'static ByLanguage {
    &both().0
}

/// The medians of a study's numbers that have no place on an axis.
fn studies(experiment: &str) -> Vec<MeasurementSummary> {
    let results = Results::read(&results().join(experiment)).unwrap();
    summarise_measurements(&results.measurements).into_iter().filter(|row| row.x.is_none()).collect()
}

fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no line «{start}»"))
}

#[test]
fn the_test_error_is_least_at_the_true_rank_and_a_full_rank_is_hurt() {
    let rows = studies("regularization");
    let find = |of: &MeasurementSummary, quantity: &str| {
        let same = |row: &&MeasurementSummary| {
            (&row.study, &row.study_variant) == (&of.study, &of.study_variant) && row.quantity == quantity
        };
        rows.iter().find(same).unwrap()
    };
    let mut settings = 0;
    for truth in rows.iter().filter(|row| row.quantity == "true_rank") {
        if truth.study.contains("full_rank") {
            let mut half = find(truth, "error_ratio_at_half_rank").values.clone();
            half.sort_by(f64::total_cmp);
            let (low, _) = median_interval(half.len()).unwrap();
            assert!(half[low - 1] > 1.0, "{}: {half:?}", truth.study);
            continue;
        }
        let best = &find(truth, "best_rank").values;
        let near = truth.values.iter().zip(best).filter(|(truth, best)| (*truth - *best).abs() <= 1.0).count();
        assert!(best.len() >= 20 && 10 * near >= 9 * best.len(), "{} {}: {near}", truth.study, truth.study_variant);
        settings += 1;
    }
    assert!(settings >= 10, "{settings}");
    for (text, hurts, count) in [("en", ": the constraint hurts.", 2), ("es", ": la restricción perjudica.", 2)] {
        assert_eq!(texts()[text].matches(hurts).count(), count);
    }
}

#[test]
fn every_failure_is_ten_times_worse_or_the_report_says_by_how_much() {
    let answer = [line(&texts()["en"], "- **Provoked failures**"), line(&texts()["es"], "- **Fallos provocados**")];
    let ratios: Vec<MeasurementSummary> =
        studies("failure_atlas").into_iter().filter(|row| row.quantity == "ratio").collect();
    assert!(ratios.len() >= 9 && ratios.iter().all(|ratio| ratio.values.len() >= 20));
    for ratio in ratios.iter().filter(|ratio| ratio.median < 10.0) {
        for (language, answer) in Language::ALL.into_iter().zip(answer) {
            let factor = language.number(Some(ratio.median), 3);
            assert!(answer.contains(&factor), "{}: {factor} is not in «{answer}»", ratio.study_variant);
        }
    }
}

#[test]
fn every_published_figure_is_met_or_its_note_measures_why() {
    let rows = studies("reproductions");
    let find = |of: &MeasurementSummary, quantity: &str| {
        let same = |row: &&MeasurementSummary| {
            (&row.study_variant, &row.series) == (&of.study_variant, &of.series) && row.quantity == quantity
        };
        rows.iter().find(same).map(|row| row.median).unwrap()
    };
    let notes = BTreeMap::from([
        ("figure=nystromformer_scaling", "- **Nyströmformer.**"),
        ("figure=bksvd", "- **Block Krylov.**"),
    ]);
    for ours in rows.iter().filter(|row| row.quantity == "ours") {
        if (ours.median - find(ours, "paper")).abs() <= find(ours, "tolerance") * (1.0 + 1e-9) {
            continue;
        }
        let note = line(&texts()["en"], notes[ours.study_variant.as_str()]);
        // Numbers of the same figure beside those of the table.
        let measured = rows.iter().filter(|row| {
            row.study_variant == ours.study_variant && !["ours", "paper", "tolerance"].contains(&row.quantity.as_str())
        });
        let english = Language::English;
        let said = measured.filter(|row| {
            [english.number(Some(row.median), 3), english.seconds(Some(row.median))].iter().any(|it| note.contains(it))
        });
        assert!(said.count() > 0, "{} {}: nothing measured in «{note}»", ours.study_variant, ours.series);
    }
}
