//! Puts words to data: the templates of one language, with its numbers, names and references.

use std::{collections::BTreeMap, sync::Arc};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, syntax::SyntaxConfig};

use super::{
    ReportError, clause,
    document::{Block, Document, Item, MethodName, Text, Verdict},
    escape,
    references::Citations,
};
use crate::{figure::names, language::Language};

/// Every template, in both languages.
macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, [
            include_str!(concat!("templates/en/", $name, ".md.jinja")),
            include_str!(concat!("templates/es/", $name, ".md.jinja")),
        ])),*]
    };
}
const TEMPLATES: &[(&str, [&str; 2])] = templates![
    "answer/ends",
    "answer/energy",
    "answer/equal_error",
    "answer/equal_rank",
    "answer/growth",
    "answer/latency",
    "answer/least_rank",
    "answer/nystrom",
    "answer/nystromformer",
    "answer/other",
    "answer/precision",
    "answer/randomized_svd",
    "answer/rank_growth",
    "answer/soundness",
    "answer/weights_gaussian",
    "answer/whitening",
    "coverage",
    "how_to_read",
    "introduction",
    "limits",
    "method/activation_aware_svd",
    "method/block_krylov",
    "method/coreset",
    "method/cur",
    "method/dense",
    "method/exact_attention",
    "method/generalized_nystrom",
    "method/linformer",
    "method/nystrom",
    "method/nystromformer",
    "method/performer",
    "method/randomized_svd",
    "method/scaled_svd",
    "method/skyformer",
    "method/sliding_window",
    "method/top_k",
    "method/truncated_svd",
    "method/unknown",
    "notation",
    "protocol",
    "reproduce",
];

/// Headings, captions, table headers and other short texts: each is a template of its own.
const WORDS: [&str; 2] = [include_str!("templates/en/words.toml"), include_str!("templates/es/words.toml")];

/// The same for what studies are and say.
const STUDY_WORDS: [&str; 2] = [include_str!("templates/en/studies.toml"), include_str!("templates/es/studies.toml")];

/// The same for the verdicts on claims.
const CLAIM_WORDS: [&str; 2] = [include_str!("templates/en/claims.toml"), include_str!("templates/es/claims.toml")];

/// Which number each table and figure has, by label.
#[derive(Debug, Clone, Default)]
pub struct Numbering {
    pub tables: BTreeMap<String, usize>,
    pub figures: BTreeMap<String, usize>,
}

impl Numbering {
    /// Tables and figures are numbered as they come, before any text refers to them.
    pub fn of(document: &Document) -> Self {
        let mut numbering = Self::default();
        for block in &document.blocks {
            match block {
                Block::Table(table) => {
                    numbering.tables.insert(table.label.clone(), numbering.tables.len() + 1);
                }
                Block::Figure(figure) => {
                    let label = format!("{}/{}", figure.experiment, figure.id);
                    numbering.figures.insert(label, numbering.figures.len() + 1);
                }
                _ => {}
            }
        }
        numbering
    }
}

/// Whether words refer to works and tables by links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum References {
    /// `[3]` and `Table 2`, as they are.
    Plain,
    /// Markdown links to `#work-3` and `#table-2`.
    Linked,
}

/// The words of one language.
pub struct Wording {
    language: Language,
    environment: Environment<'static>,
    citations: Citations,
}

impl Wording {
    /// # Errors
    /// A template is not valid, which a test would have said.
    pub fn new(language: Language, numbering: Numbering, references: References) -> Result<Self, ReportError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // A line of a template that holds only `{% … %}` leaves nothing behind.
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        let index = Language::ALL.iter().position(|&known| known == language).unwrap_or(0);
        for (name, sources) in TEMPLATES {
            environment.add_template(name, sources[index])?;
        }
        for (name, source) in
            words(WORDS[index])?.into_iter().chain(words(STUDY_WORDS[index])?).chain(words(CLAIM_WORDS[index])?)
        {
            environment.add_template_owned(name, source)?;
        }
        let citations = Citations::default();
        add_numbers(&mut environment, language);
        add_names(&mut environment, language);
        add_references(&mut environment, language, citations.clone(), Arc::new(numbering), references);
        Ok(Self { language, environment, citations })
    }

    /// Whether there is a template of this name.
    pub fn knows(&self, template: &str) -> bool {
        self.environment.get_template(template).is_ok()
    }

    pub fn text(&self, text: &Text) -> Result<String, ReportError> {
        Ok(self
            .environment
            .get_template(&text.template)?
            .render(text.data.clone())?
            .trim_matches([' ', '\n'])
            .to_owned())
    }

    /// An entry of `words.toml` that needs no data.
    pub fn word(&self, name: &str) -> Result<String, ReportError> {
        self.text(&Text::plain(name))
    }

    /// What a cell of a table shows.
    pub fn item(&self, item: &Item) -> Result<String, ReportError> {
        let language = self.language;
        Ok(match item {
            Item::Absent => language.number(None, 1),
            Item::Word(name) => self.word(name)?,
            Item::Text(text) => self.text(text)?,
            Item::Quoted(text) => escape::markdown(text),
            Item::Clause(clause) => clause::in_language(clause, language),
            Item::Method(method) => method_name(method, language),
            Item::Count(count) => language.count(*count),
            Item::Number(number, digits) => language.number(*number, *digits),
            Item::Percent(share, digits) => language.percent(*share, *digits),
            Item::Seconds(seconds, verdict) => {
                let time = language.seconds(*seconds);
                match verdict {
                    Verdict::Faster => format!("{time} ▼"),
                    Verdict::Slower => format!("{time} ▲"),
                    Verdict::NoMeasurableDifference => format!("{time} ="),
                    Verdict::Unknown => time,
                }
            }
            Item::Bytes(bytes) => language.bytes(*bytes),
            Item::Flops(flops) => language.flops(*flops),
            Item::Size(rows, columns) => {
                format!("{} × {}", language.count(Some(*rows)), language.count(Some(*columns)))
            }
        })
    }

    /// The entries of the works cited so far.
    pub fn references(&self) -> Vec<&'static str> {
        self.citations.entries()
    }
}

/// Name and text of every template and word of both languages.
#[cfg(test)]
pub fn sources() -> Vec<(String, String)> {
    let templates = TEMPLATES.iter().flat_map(|(name, texts)| texts.map(|text| ((*name).to_owned(), text.to_owned())));
    templates.chain(WORDS.into_iter().flat_map(|source| words(source).unwrap_or_default())).collect()
}

/// `[heading] answer = "…"` → `heading.answer`.
fn words(source: &'static str) -> Result<Vec<(String, String)>, ReportError> {
    fn flatten(prefix: &str, table: toml::Table, flat: &mut Vec<(String, String)>) {
        for (key, value) in table {
            let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            match value {
                toml::Value::Table(inner) => flatten(&name, inner, flat),
                toml::Value::String(text) => flat.push((name, text)),
                other => flat.push((name, other.to_string())),
            }
        }
    }
    let mut flat = Vec::new();
    flatten("", source.parse()?, &mut flat);
    Ok(flat)
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
            (Some(_), Some(_)) => {
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
    environment.add_filter("methods", move |list: Value| {
        let names: Result<Vec<String>, Error> = list.try_iter()?.map(|name| method_name_of(&name, language)).collect();
        Ok::<_, Error>(language.join(&names?))
    });
    environment.add_filter("kind", move |kind: &str| match names::kind_name(kind, language) {
        Some(name) => name.to_owned(),
        None => escape::markdown(kind),
    });
    environment.add_filter("study_word", move |word: &str| match names::study_word(word, language) {
        Some(name) => name.to_owned(),
        None => escape::markdown(word),
    });
    environment.add_filter("variant", move |variant: &str| escape::markdown(&names::setting_name(variant, language)));
    // What conditions are looked for along, as formulas write it.
    environment.add_filter("parameter", |name: &str| match name {
        "length" => "n".to_owned(),
        "temperature" => "τ".to_owned(),
        "target_rank" => "k".to_owned(),
        other => escape::markdown(other),
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
            return escape::markdown(&match first.contains('=') {
                true => names::setting_name(name, language),
                false => names::instance_name(first, first, rest, language),
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

fn method_name(method: &MethodName, language: Language) -> String {
    escape::markdown(&names::instance_name(&method.kind, &method.label, &method.variant, language))
}

fn method_name_of(value: &Value, language: Language) -> Result<String, Error> {
    let field = |name: &str| Ok::<_, Error>(value.get_attr(name)?.as_str().unwrap_or_default().to_owned());
    Ok(method_name(&MethodName { kind: field("kind")?, label: field("label")?, variant: field("variant")? }, language))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn both_languages_have_the_same_words() {
        let names = |source| words(source).unwrap().into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
        assert_eq!(names(WORDS[0]), names(WORDS[1]));
        assert_eq!(names(STUDY_WORDS[0]), names(STUDY_WORDS[1]));
    }

    #[test]
    fn every_template_is_valid_in_both_languages() {
        for language in Language::ALL {
            Wording::new(language, Numbering::default(), References::Plain).unwrap();
        }
    }

    /// GitHub takes a backslash before punctuation away before the formula is read.
    #[test]
    fn formulas_hold_nothing_that_markdown_would_change() {
        for (name, sources) in TEMPLATES {
            for source in sources {
                let formulas = source.split('$').skip(1).step_by(2);
                for formula in formulas {
                    let eaten =
                        formula.as_bytes().windows(2).any(|pair| pair[0] == b'\\' && pair[1].is_ascii_punctuation());
                    assert!(!eaten, "{name}: {formula}");
                    assert!(!formula.contains(['<', '>', '|', '*']), "{name}: {formula}");
                    assert!(!formula.contains("operatorname"), "{name}: {formula}");
                }
            }
        }
    }

    /// A method without its paragraph would be used and not explained.
    #[test]
    fn every_registered_method_has_its_paragraph() {
        let wording = Wording::new(Language::English, Numbering::default(), References::Plain).unwrap();
        for kind in crate::method::MethodSpec::KINDS {
            assert!(wording.knows(&format!("method/{kind}")), "{kind}");
        }
        for kind in crate::problem::ProblemSpec::KINDS {
            assert!(wording.knows(&format!("problem.{kind}")), "{kind}");
        }
        for kind in crate::study::StudySpec::KINDS {
            assert!(wording.knows(&format!("study.about.{kind}")), "{kind}");
            assert!(wording.knows(&format!("study.name.{kind}")), "{kind}");
        }
        for (kind, parameter, words) in [("failure", "which", "failure"), ("reproduction", "figure", "reproduction")] {
            let schemas = crate::study::StudySpec::schemas();
            let (_, schema) = schemas.iter().find(|(known, _)| *known == kind).unwrap();
            let text = serde_json::to_string(schema).unwrap();
            let alternatives: Vec<&str> =
                text.split(r#""const":""#).skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert!(alternatives.len() >= 8, "{parameter}: {text}");
            for alternative in alternatives {
                assert!(wording.knows(&format!("{words}.{alternative}")), "{alternative}");
                assert!(names::study_word(alternative, Language::Spanish).is_some(), "{alternative}");
            }
        }
    }
}
