//! Numbers that stand in the templates themselves, each with the words before and behind it.

use std::{fs, path::Path};

use factoreo::language::Language;

use super::prose::{self, Number};

/// Where a template puts in something.
const HOLE: char = '\u{1}';

pub struct Constants(Vec<Number>);

impl Constants {
    pub fn of(language: Language) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/templates").join(language.code());
        let mut texts = Vec::new();
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let text = || fs::read_to_string(&path).unwrap();
                match path.extension().and_then(|extension| extension.to_str()) {
                    None => folders.push(path),
                    Some("toml") => strings(&toml::Value::Table(text().parse().unwrap()), &mut texts),
                    Some(_) => texts.push(text()),
                }
            }
        }
        // What is said of a method stands beside it.
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/method")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let words: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
                strings(&words["about"][language.code()], &mut texts);
            }
        }
        let numbers = |text: &String| {
            let text = filled(text, language).replace('\n', " ").replace('\\', "");
            prose::numbers(&text, language)
        };
        Self(texts.iter().flat_map(numbers).collect())
    }

    /// The same number between the same words; a word the template leaves open may be any, but not both.
    pub fn have(&self, number: &Number) -> bool {
        let same = |template: &str, found: &str| match template.rsplit_once(HOLE).or(template.split_once(HOLE)) {
            Some(_) => None,
            None => Some(template == found),
        };
        self.0.iter().any(|known| {
            let beside = [same(&known.before, &number.before), same(&known.after, &number.after)];
            known.text == number.text
                && number.ends.is_none()
                && beside.contains(&Some(true))
                && !beside.contains(&Some(false))
        })
    }
}

fn strings(value: &toml::Value, texts: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => table.values().for_each(|value| strings(value, texts)),
        toml::Value::String(text) => texts.push(text.clone()),
        _ => {}
    }
}

/// The template with its literals printed (`{{ 0.95|percent(2) }}`), its conditions gone and a hole for everything else.
fn filled(text: &str, language: Language) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        filled += &rest[..start];
        let (open, close) = match rest[start..].get(..2) {
            Some("{{") => ("{{", "}}"),
            Some("{%") => ("{%", "%}"),
            _ => {
                filled.push('{');
                rest = &rest[start + 1..];
                continue;
            }
        };
        let Some(end) = rest[start..].find(close) else { break };
        let inside = rest[start + 2..start + end].trim();
        if open == "{{" {
            filled += &literal(inside, language).unwrap_or_else(|| HOLE.to_string());
        } else {
            filled.push(HOLE);
        }
        rest = &rest[start + end + 2..];
    }
    filled + rest
}

fn literal(expression: &str, language: Language) -> Option<String> {
    let (value, filter) = expression.split_once('|')?;
    let value: f64 = value.trim().parse().ok()?;
    let digits = filter.split_once('(').and_then(|(_, rest)| rest.trim_end_matches(')').parse().ok()).unwrap_or(3);
    Some(match filter.split('(').next()? {
        "percent" => language.percent(Some(value), digits),
        "number" => language.number(Some(value), digits),
        "count" => language.count(Some(value as u64)),
        "seconds" => language.seconds(Some(value)),
        _ => return None,
    })
}
