//! How a language writes what a template is given: its numbers, the names of things, and references to works and tables.

use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, Value};
use serde::Deserialize;

use super::{Numbering, References, conditions};
use crate::{
    claim::Condition,
    figure::names,
    language::Language,
    report::{document::MethodName, escape, references::Citations},
};

/// Gives templates their filters and functions.
pub(super) fn add(
    environment: &mut Environment<'static>,
    language: Language,
    citations: &Citations,
    numbering: Arc<Numbering>,
    references: References,
) {
    add_numbers(environment, language);
    add_names(environment, language);
    add_references(environment, language, citations.clone(), numbering, references);
}

fn add_numbers(environment: &mut Environment<'static>, language: Language) {
    environment.add_filter("number", move |value: Option<f64>, digits: Option<usize>| {
        language.number(value, digits.unwrap_or(3))
    });
    environment.add_filter("percent", move |share: Option<f64>, digits: Option<usize>| {
        language.percent(share, digits.unwrap_or(3))
    });
    environment.add_filter("count", move |value: Option<u64>| language.count(value));
    // A value of a swept parameter: whole, or to four digits.
    environment.add_filter("swept", move |value: f64| match value.fract() == 0.0 && value >= 0.0 {
        true => language.count(Some(value as u64)),
        false => language.localise(&value.to_string()),
    });
    // A count that came as a number of a table.
    environment.add_filter("count_of", move |value: f64| language.count(Some(value.max(0.0) as u64)));
    // A number of any kind: counts whole, the rest to three digits.
    environment.add_filter("any", move |value: f64| match value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        true => language.count(Some(value as u64)),
        false => language.number(Some(value), 3),
    });
    // A share of the energy: as many digits as it has.
    environment.add_filter("share", move |share: f64| language.percent(Some(share), if share > 0.99 { 3 } else { 2 }));
    environment.add_filter("seconds", move |value: Option<f64>| language.seconds(value));
    environment.add_filter("bytes", move |value: Option<u64>| language.bytes(value));
    // A median of counts may lie half-way between two.
    environment.add_filter("middle", move |value: f64| language.middle(value));
    environment.add_filter("seconds_interval", move |low: Option<f64>, high: Option<f64>| match (low, high) {
        (Some(_), Some(_)) => format!(" {}", language.interval(&language.seconds(low), &language.seconds(high))),
        _ => String::new(),
    });
    environment.add_filter("number_interval", move |low: Option<f64>, high: Option<f64>, digits: usize| {
        match (low, high) {
            // What does not vary has no interval.
            (Some(least), Some(most)) if least < most => {
                format!(" {}", language.interval(&language.number(low, digits), &language.number(high, digits)))
            }
            _ => String::new(),
        }
    });
}

fn add_names(environment: &mut Environment<'static>, language: Language) {
    environment.add_filter("quoted", |text: &str| escape::markdown(text));
    environment.add_filter("html", |text: &str| escape::html(text));
    environment.add_filter("literal", |text: &str| escape::one_line(text));
    environment.add_filter("method", move |name: Value| method_name_of(&name, language));
    environment.add_filter("the_method", move |name: Value| method_in_sentence(&name, language));
    environment.add_filter("the_method_first", move |name: Value| {
        let name = method_in_sentence(&name, language)?;
        let mut letters = name.chars();
        let first = letters.next().into_iter().flat_map(char::to_uppercase);
        Ok::<_, Error>(first.chain(letters).collect::<String>())
    });
    environment.add_filter("methods", move |list: Value| {
        let names: Result<Vec<String>, Error> = list.try_iter()?.map(|name| method_name_of(&name, language)).collect();
        Ok::<_, Error>(language.join(&names?))
    });
    environment.add_filter("label", move |label: &str| escape::markdown(&names::label_name(label, language)));
    environment.add_filter("kind", move |kind: &str| match names::kind_name(kind, language) {
        Some(name) => name.to_owned(),
        None => escape::markdown(kind),
    });
    environment.add_filter("study_word", move |word: &str| match names::study_word(word, language) {
        Some(name) => name.to_owned(),
        None => escape::markdown(word),
    });
    environment.add_filter("variants", move |list: Vec<String>| {
        let names = list.iter().map(|variant| escape::markdown(&names::setting_name(variant, language)));
        language.join(&names.collect::<Vec<_>>())
    });
    // A rank as it was asked for: `8`, `5 %`.
    environment.add_filter("rank_told", move |rank: &str| names::rank_told(rank, language));
    environment.add_filter("parameter_told", move |name: &str| {
        escape::markdown(&names::parameter_in_sentence(name, language))
    });
    environment
        .add_filter("parameter_title", move |name: &str| escape::markdown(&names::parameter_title(name, language)));
    environment.add_filter("variant", move |variant: &str| escape::markdown(&names::setting_name(variant, language)));
    // What conditions are looked for along, as formulas write it.
    environment.add_filter("parameter", |name: &str| escape::markdown(names::parameter_symbol(name)));
    environment.add_filter("quantity", move |name: &str| escape::markdown(&names::quantity_name(name, language)));
    environment.add_filter("condition", move |condition: Value| {
        let read = Condition::deserialize(condition);
        read.map(|condition| conditions::in_words(&condition, language))
    });
    environment.add_filter("place", move |name: &str, along: Option<&str>| place(name, along, language));
    environment.add_filter("places", move |list: Vec<String>, along: Option<&str>| {
        language.join(&list.iter().map(|name| place(name, along, language)).collect::<Vec<_>>())
    });
    environment.add_filter("counts", move |list: Vec<u64>| {
        language.join(&list.into_iter().map(|count| language.count(Some(count))).collect::<Vec<_>>())
    });
    environment.add_filter("join_words", move |list: Vec<String>| language.join(&list));
}

/// Where a number was found: `n = 512`, the values of its swept parameters, or of an exponent the method it is of.
fn place(name: &str, along: Option<&str>, language: Language) -> String {
    let is_number = name.parse::<f64>().is_ok();
    let symbol = match along {
        Some("length") if is_number => "n",
        Some("temperature") if is_number => "τ",
        Some("target_rank") if is_number => "k",
        Some(parameter) if is_number => {
            return escape::markdown(&names::setting_name(&format!("{parameter}={name}"), language));
        }
        _ => {
            let (first, rest) = name.split_once(", ").unwrap_or((name, ""));
            // A variant begins with a parameter, an instance with its method.
            let is_method = names::kind_name(first, language).is_some();
            return escape::markdown(&match along {
                _ if first.contains('=') => names::setting_name(name, language),
                Some(parameter) if !is_method => names::setting_name(&format!("{parameter}={name}"), language),
                _ => names::instance_name(first, first, rest, language),
            });
        }
    };
    let value = name.parse::<f64>().ok().filter(|value| value.fract() == 0.0 && *value >= 0.0);
    let value = value.map_or_else(|| language.localise(name), |value| language.count(Some(value as u64)));
    format!("{symbol} = {value}")
}

fn add_references(
    environment: &mut Environment<'static>,
    language: Language,
    citations: Citations,
    numbering: Arc<Numbering>,
    references: References,
) {
    environment.add_function("cite", move |key: &str| {
        let unknown = || Error::new(ErrorKind::InvalidOperation, format!("no work has the key `{key}`"));
        let number = citations.cite(key).ok_or_else(unknown)?;
        Ok::<_, Error>(match references {
            References::Plain => format!("[{number}]"),
            References::Linked => format!("[\\[{number}\\]](#work-{number})"),
        })
    });
    // ` (Table 3)`, or nothing where the results left no such table.
    environment.add_function("see_table", move |topic: &str, experiment: &str, family: &str, precision: &str| {
        let label = label(topic, experiment, family, precision);
        numbering.tables.get(&label).map_or_else(String::new, |&number| {
            let shown = language.count(Some(number as u64));
            let name = match language {
                Language::English => format!("Table {shown}"),
                Language::Spanish => format!("tabla {shown}"),
            };
            match references {
                References::Plain => format!(" ({name})"),
                References::Linked => format!(" ([{name}](#table-{number}))"),
            }
        })
    });
}

/// The label of a table about one family.
pub fn label(topic: &str, experiment: &str, family: &str, precision: &str) -> String {
    format!("{topic}/{experiment}/{family}/{precision}")
}

pub(super) fn method_name(method: &MethodName, language: Language) -> String {
    escape::markdown(&names::instance_name(&method.kind, &method.label, &method.variant, language))
}

/// As a sentence takes it: Spanish has an article before a name that is a noun of the language.
fn method_in_sentence(value: &Value, language: Language) -> Result<String, Error> {
    const ARTICLES: [(&str, &str); 5] = [
        ("SVD", "la SVD"),
        ("Filas", "las filas"),
        ("Ventana", "la ventana"),
        ("Atención", "la atención"),
        ("Matriz", "la matriz"),
    ];
    let name = method_name_of(value, language)?;
    let with_article = ARTICLES.iter().find_map(|(noun, words)| Some(format!("{words}{}", name.strip_prefix(noun)?)));
    Ok(with_article.filter(|_| language == Language::Spanish).unwrap_or(name))
}

fn method_name_of(value: &Value, language: Language) -> Result<String, Error> {
    let field = |name: &str| Ok::<_, Error>(value.get_attr(name)?.as_str().unwrap_or_default().to_owned());
    Ok(method_name(&MethodName { kind: field("kind")?, label: field("label")?, variant: field("variant")? }, language))
}
