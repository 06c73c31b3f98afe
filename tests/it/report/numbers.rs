//! Promise: every number in the prose of the report on the committed results is in their tables.
//!
//! The report is set anew from `results/`, read back as a reader would, and each number of its sentences is looked for in what
//! this test works out from the CSV files: the medians, intervals, counts, quotients and exponents of the problem, study or claim
//! the sentence names, to the digits that are printed. Constants have to stand in the templates, between the same words.

mod claims;
mod constants;
mod csv;
mod experiment;
mod facts;
mod handed_in;
mod parts;
mod prose;
mod studies;
mod sweeps;
mod vectors;

use std::{collections::BTreeMap, sync::OnceLock};

use factoreo::language::Language;

use super::committed;

use constants::Constants;
use experiment::Experiment;
use facts::Fact;
use prose::{Number, What};

/// What the code and not a template says: the error and the cosine that are asked for, when a failure counts as provoked, and the
/// shares of the energy.
fn asked(language: Language) -> [String; 6] {
    let percent = |share, digits| language.percent(Some(share), digits);
    let number = |value, digits| language.number(Some(value), digits);
    [percent(0.1, 2), number(0.95, 3), number(10.0, 2), percent(0.9, 2), percent(0.99, 2), percent(0.999, 3)]
}

/// A sentence or caption with what it is about.
struct Line {
    text: String,
    experiment: Option<String>,
    /// The problem or study of the heading above.
    heading: String,
}

struct Report {
    language: Language,
    lines: Vec<Line>,
    /// The experiment and the heading of each table, by its number.
    tables: BTreeMap<(Option<String>, u64), String>,
    constants: Constants,
}

struct Everything {
    experiments: BTreeMap<String, Experiment>,
    reports: Vec<Report>,
}

fn everything() -> &'static Everything {
    static EVERYTHING: OnceLock<Everything> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        let experiments = experiment::all(&committed::results());
        let read = |language: Language| parse(&committed::texts()[language.code()], language, &experiments);
        let reports = Language::ALL.map(read).into();
        Everything { experiments, reports }
    })
}

/// The prose of a report; tables, figures and the list of works are not.
fn parse(text: &str, language: Language, experiments: &BTreeMap<String, Experiment>) -> Report {
    let mut report =
        Report { language, lines: Vec::new(), tables: BTreeMap::new(), constants: Constants::of(language) };
    let (mut experiment, mut heading, mut code, mut works) = (None, String::new(), false, false);
    for line in text.lines() {
        let mut line = line.replace('\\', "");
        code ^= line.starts_with("```");
        if !code && let Some(title) = line.strip_prefix("# ") {
            let of = |it: &&Experiment| it.titles[language.code()] == title;
            experiment = experiments.values().find(of).map(|it| it.name.clone());
            works = false;
        }
        works |= line == "## References" || line == "## Referencias";
        if works
            || code
            || line.is_empty()
            || ["|", "<", "![", "```", "$$", "---"].iter().any(|start| line.starts_with(start))
        {
            continue;
        }
        if let Some(title) = line.strip_prefix("### ") {
            title.clone_into(&mut heading);
        } else if line.starts_with("## ") || line.starts_with("# ") {
            heading.clear();
        }
        let linked = line.split_once("../results/").and_then(|(_, rest)| rest.split('/').next()).map(str::to_owned);
        if let Some((label, caption)) = line.strip_prefix("**").and_then(|rest| rest.split_once(".** ")) {
            if let Some(number) = label.strip_prefix("Table ").or(label.strip_prefix("Tabla ")) {
                report.tables.insert((experiment.clone(), number.parse().unwrap()), heading.clone());
            }
            let numbered = label.split(' ').next_back().is_some_and(|number| number.parse::<u64>().is_ok());
            if numbered {
                line = caption.to_owned();
            }
        }
        report.lines.push(Line { text: line, experiment: linked.or(experiment.clone()), heading: heading.clone() });
    }
    report
}

/// The numbers of a line that nothing explains.
fn unexplained(report: &Report, line: &Line, text: &str) -> Vec<Number> {
    let numbers = prose::numbers(text, report.language);
    let values: Vec<f64> = numbers.iter().map(|number| number.printed.value).collect();
    let experiment = line.experiment.as_ref().and_then(|name| everything().experiments.get(name));
    let context = format!("{text} {}", line.heading);
    let facts: Vec<&Fact> = experiment.map(|it| it.facts_of(&context, report.language)).unwrap_or_default();
    // How cells ended is said in one order.
    let counts: Vec<usize> = numbers.iter().map(|number| number.printed.value as usize).collect();
    if let Some(it) = experiment.filter(|_| counts.len() == 4 && numbers[0].what == What::Cells) {
        return if it.ended.iter().any(|ended| counts == ended) { Vec::new() } else { numbers };
    }
    let asked = asked(report.language);
    let said = |number: &Number| {
        if matches!(number.before.as_str(), "Table" | "tabla" | "(Table" | "(tabla") {
            // The table is one of the same problem.
            let place = (line.experiment.clone(), number.printed.value as u64);
            return report
                .tables
                .get(&place)
                .is_some_and(|heading| heading.split_once(": ").is_some_and(|(_, problem)| text.contains(problem)));
        }
        report.constants.have(number)
            || number.ends.is_none()
                && asked
                    .iter()
                    .position(|asked| *asked == number.text)
                    .is_some_and(|nth| nth < 3 || text.contains("energ"))
            || facts.iter().any(|fact| fact.is_said_by(number, &values))
            || line.experiment.is_none()
                && number.ends.is_none()
                && experiment::claims_have(&everything().experiments, number)
    };
    numbers.iter().filter(|number| !said(number)).cloned().collect()
}

#[test]
fn every_number_of_the_prose_is_in_the_tables() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for report in &everything().reports {
        for line in &report.lines {
            count += prose::numbers(&line.text, report.language).len();
            for number in unexplained(report, line, &line.text) {
                let Number { text, ends, what, .. } = &number;
                wrong.push(format!("{text} {ends:?} {what:?} ({:?})\n    in «{}»", line.experiment, line.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} numbers are in no table:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 1000, "{count}");
}

/// The line with another digit in the place of one of a number's; which and by how much differs from call to call.
fn with_changed_digit(line: &str, number: &Number, nth: usize) -> String {
    let digits: Vec<usize> = number.place.clone().filter(|&place| line.as_bytes()[place].is_ascii_digit()).collect();
    // Not the base of a power of ten.
    let digits = match number.text.find("·10") {
        Some(base) => digits.into_iter().filter(|place| *place < number.place.start + base).collect(),
        None => digits,
    };
    let place = digits[nth % digits.len()];
    let digit = line.as_bytes()[place] - b'0';
    let changed = match (digit + 1 + (nth % 8) as u8) % 10 {
        0 => (digit + 1) % 9 + 1,
        changed => changed,
    };
    let mut text = line.to_owned();
    text.replace_range(place..=place, &changed.to_string());
    text
}

/// One digit of one number changed: the check has to see six in seven. What it cannot see is mostly one small count for another.
#[test]
fn a_changed_digit_is_noticed() {
    let (mut all, mut missed) = (0, Vec::new());
    for report in &everything().reports {
        for line in &report.lines {
            for number in prose::numbers(&line.text, report.language) {
                let text = with_changed_digit(&line.text, &number, all);
                all += 1;
                if text != line.text && unexplained(report, line, &text).is_empty() {
                    missed.push(format!(
                        "{} → {} [{} _ {}]",
                        number.text,
                        &text[number.place.clone()],
                        number.before,
                        number.after
                    ));
                }
            }
        }
    }
    assert!(
        all > 1000 && missed.len() * 7 <= all,
        "{} of {all} changes were missed: {}",
        missed.len(),
        missed.join("; ")
    );
}
