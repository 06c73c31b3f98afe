//! Promise: what is handed in says the numbers of one claim a line: values, thresholds and places that are worked out from the CSV
//! files, and how many times less a ratio is.

use std::collections::BTreeMap;

use factoreo::language::Language;

use super::{
    committed, everything,
    experiment::Experiment,
    facts::Fact,
    prose::{self, Number},
    with_changed_digit,
};

/// The rows of the answer and the statements below it.
fn lines(language: &str) -> Vec<String> {
    let marks = ["| it ", "- **Holds", "- **Fails", "- **Undecided", "- **Se cumple", "- **Falla", "- **Sin decidir"];
    let columns: [&str; 6] = ["| disminuye", "| ahorra", "| mejora", "| acelera", "| permite", "| regulariza"];
    let is_told = |line: &&str| marks.iter().chain(&columns).any(|mark| line.starts_with(mark));
    committed::hand_ins()[language].lines().filter(is_told).map(|line| line.replace('\\', "")).collect()
}

/// Whether one claim explains every number of a line.
fn is_explained(experiments: &BTreeMap<String, Experiment>, numbers: &[Number], line: &str) -> bool {
    let values: Vec<f64> = numbers.iter().map(|number| number.printed.value).collect();
    let in_text = |number: &Number, text: &str| line.contains(text) && text.contains(&number.text);
    let explains = |facts: &[Fact], texts: &[&str]| {
        numbers.iter().all(|number| {
            let less = number.after.starts_with("times") || number.after.starts_with("veces");
            facts.iter().any(|fact| {
                fact.is_said_by(number, &values)
                    || less && number.ends.is_none() && fact.value > 0.0 && number.printed.is(1.0 / fact.value)
            }) || texts.iter().any(|text| in_text(number, text))
        })
    };
    experiments.values().flat_map(Experiment::claims).any(|(facts, texts)| {
        let is_statement = line.starts_with("- ");
        (!is_statement || texts.iter().any(|text| line.contains(text))) && explains(facts, &texts)
    })
}

#[test]
fn every_number_of_the_hand_in_is_in_the_tables() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for language in Language::ALL {
        for line in lines(language.code()) {
            let numbers = prose::numbers(&line, language);
            count += numbers.len();
            if !is_explained(&everything().experiments, &numbers, &line) {
                let said: Vec<String> = numbers.iter().map(|it| format!("{} {:?}", it.text, it.what)).collect();
                wrong.push(format!("{line}\n    {}", said.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} lines:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 150, "{count}");
}

#[test]
fn a_changed_digit_of_the_hand_in_is_noticed() {
    let (mut all, mut missed) = (0, Vec::new());
    for language in Language::ALL {
        for line in lines(language.code()) {
            for number in prose::numbers(&line, language) {
                let text = with_changed_digit(&line, &number, all);
                all += 1;
                if text != line && is_explained(&everything().experiments, &prose::numbers(&text, language), &text) {
                    missed.push(format!("{} → {}: {line}", number.text, &text[number.place]));
                }
            }
        }
    }
    assert!(all > 150 && missed.len() * 7 <= all, "{} of {all} were missed:\n{}", missed.len(), missed.join("\n"));
}
