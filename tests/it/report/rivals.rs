//! Promise: what is said of factors beside fewer bits is what was measured, and turns round when the measurements do.

use std::{fs, path::Path};

use factoreo::{
    report,
    table::{MeasurementRow, Results},
};

/// What is handed in and the annex, in English and in Spanish, of the committed results of `rivals` after an alteration.
fn texts(alter: impl Fn(&mut MeasurementRow)) -> [[String; 2]; 2] {
    let mut results = Results::read(&super::committed::results().join("rivals")).unwrap();
    results.measurements.iter_mut().for_each(alter);
    let project = tempfile::tempdir().unwrap();
    results.write(&project.path().join("results/rivals")).unwrap();
    report::build(project.path(), false).unwrap();
    let read = |path: String| fs::read_to_string(Path::new(project.path()).join("report").join(path)).unwrap();
    ["en", "es"].map(|code| [read(format!("report.{code}.md")), read(format!("experiments/rivals.{code}.md"))])
}

/// The verdict in the row of the answer that ends in some words.
fn verdict<'a>(hand_in: &'a str, words: &str) -> &'a str {
    let row = hand_in.lines().find(|line| line.contains(&format!("{words} |"))).unwrap_or_else(|| panic!("no {words}"));
    row.split('|').nth(2).unwrap().trim()
}

#[test]
fn factors_lose_to_eight_bits_and_mend_three_until_the_measurements_say_otherwise() {
    let [[english, annex], [spanish, _]] = texts(|_| {});
    assert_eq!(verdict(&english, "in place of 8 bits a number"), "**No**");
    assert_eq!(verdict(&spanish, "en lugar de 8 bits por número"), "**No**");
    assert!(verdict(&english, "as a correction of 3-bit weights").starts_with("**Yes"));
    assert!(verdict(&spanish, "como corrección de pesos de 3 bits").starts_with("**Sí"));
    assert!(annex.contains("As a correction a pair is of use") && !annex.contains("of no use"));

    let [[english, annex], [spanish, spanish_annex]] = texts(|row| match (&*row.series, &*row.quantity) {
        ("svd_llm_int8", "mean_cosine") => row.value = Some(0.97),
        ("int3_plus_pair" | "int3_plus_plain_pair", "mean_cosine") => row.value = Some(0.5),
        _ => {}
    });
    assert!(verdict(&english, "in place of 8 bits a number").starts_with("**Yes"));
    assert!(verdict(&spanish, "en lugar de 8 bits por número").starts_with("**Sí"));
    assert_eq!(verdict(&english, "as a correction of 3-bit weights"), "**No**");
    assert_eq!(verdict(&spanish, "como corrección de pesos de 3 bits"), "**No**");
    assert!(annex.contains("As a correction a pair is of no use"));
    assert!(spanish_annex.contains("Como corrección, un par no sirve"));

    // Without whole matrices in fewer bits there is nothing to hold factors against, and nothing is said of it.
    let mut results = Results::read(&super::committed::results().join("rivals")).unwrap();
    results.measurements.retain(|row| row.study_variant.starts_with("format=svd_llm, "));
    let project = tempfile::tempdir().unwrap();
    results.write(&project.path().join("results/rivals")).unwrap();
    report::build(project.path(), false).unwrap();
    let annex = fs::read_to_string(project.path().join("report/experiments/rivals.en.md")).unwrap();
    let finding =
        annex.lines().find(|line| line.starts_with("- **Factors against fewer bits (the Declaration")).unwrap();
    assert!(finding.contains("As pairs of factors alone it takes"), "{finding}");
    assert!(
        ["In fewer bits", "8 bits a number", "As a correction"].iter().all(|no| !finding.contains(no)),
        "{finding}"
    );
}
