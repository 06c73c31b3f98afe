//! The templates of both languages: one file for each longer text, and short ones by their keys.

use crate::{
    language::Language,
    method::{self, MethodSpec},
    report::ReportError,
};

/// Every template, in both languages.
macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, [
            include_str!(concat!("../templates/en/", $name, ".md.jinja")),
            include_str!(concat!("../templates/es/", $name, ".md.jinja")),
        ])),*]
    };
}
const TEMPLATES: &[(&str, [&str; 2])] = templates![
    "answer/ends",
    "answer/energy",
    "answer/parameter",
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
    "answer/replicates",
    "answer/soundness",
    "answer/vectors",
    "answer/weights_gaussian",
    "answer/whitening",
    "coverage",
    "handin/answer",
    "handin/methods",
    "handin/question",
    "how_to_read",
    "introduction",
    "limits",
    "method/unknown",
    "notation",
    "protocol",
    "reproduce",
];

/// Short texts, each a template of its own: headings, captions and headers of tables; what studies are and say; verdicts on claims.
const WORDS: [[&str; 2]; 4] = [
    [include_str!("../templates/en/words.toml"), include_str!("../templates/es/words.toml")],
    [include_str!("../templates/en/studies.toml"), include_str!("../templates/es/studies.toml")],
    [include_str!("../templates/en/claims.toml"), include_str!("../templates/es/claims.toml")],
    [include_str!("../templates/en/handin.toml"), include_str!("../templates/es/handin.toml")],
];

/// Name and text of every template of one language.
///
/// # Errors
/// A file of short texts is no TOML, which a test would have said.
pub(super) fn of(language: Language) -> Result<Vec<(String, String)>, ReportError> {
    let index = Language::ALL.iter().position(|&known| known == language).unwrap_or(0);
    let mut templates: Vec<(String, String)> =
        TEMPLATES.iter().map(|(name, texts)| ((*name).to_owned(), texts[index].to_owned())).collect();
    for sources in WORDS {
        templates.extend(words(sources[index])?);
    }
    let paragraph = |kind: &&str| {
        let words = method::words::of(kind)?;
        Some((format!("method/{kind}"), words.about.of(language).to_owned()))
    };
    templates.extend(MethodSpec::KINDS.iter().filter_map(paragraph));
    Ok(templates)
}

/// Name and text of every template of both languages.
#[cfg(test)]
pub fn sources() -> Vec<(String, String)> {
    Language::ALL.into_iter().flat_map(|language| of(language).unwrap_or_default()).collect()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        figure::names,
        report::wording::{Numbering, References, Wording},
    };

    #[test]
    fn both_languages_have_the_same_words() {
        let names = |language| of(language).unwrap().into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
        assert_eq!(names(Language::English), names(Language::Spanish));
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
        for (name, source) in sources() {
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

    /// A method without its paragraph would be used and not explained.
    #[test]
    fn every_registered_method_has_its_paragraph() {
        let wording = Wording::new(Language::English, Numbering::default(), References::Plain).unwrap();
        for kind in MethodSpec::KINDS {
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
