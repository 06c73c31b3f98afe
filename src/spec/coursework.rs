//! `coursework.toml` → what the cover of a report says; read like a spec, with the same diagnostics.

use crate::paths::Shown as _;
use std::{io::ErrorKind, path::Path};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::de::DeTable;

use super::{
    diagnostic::{Diagnostic, Diagnostics, Problems},
    document::refuse_hidden_characters,
    read_text,
    section::{Section, Swept, first_values, properties_of},
    syntax::syntax_errors,
    tree::Table,
};

/// Where the data of the cover stand, from the project's folder.
pub const COURSEWORK: &str = "coursework.toml";

/// Who hands a report in, where and for what. Whatever is empty is left for a pen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Coursework {
    pub institution: String,
    pub faculty: String,
    pub course: String,
    pub activity: String,
    /// Left out of the cover if empty.
    pub teacher: String,
    pub author: String,
    /// Left out of the cover if empty.
    pub student_id: String,
    pub date: String,
}

/// The data of the cover; `None` if the project has no such file.
///
/// # Errors
/// Everything that is wrong with the file, at once.
pub fn coursework(root: &Path) -> Result<Option<Coursework>, Diagnostics> {
    let path = root.join(COURSEWORK);
    if std::fs::metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(None);
    }
    let shown = path.strip_prefix(".").unwrap_or(&path).shown();
    let source = read_text(&path, &shown, "the data of the cover", "see README.md for what the file may hold")
        .map_err(Diagnostics::nothing_written)?;
    read(&source).map(Some).map_err(|problems| Diagnostics::new(shown, source, problems).nothing_written())
}

fn read(source: &str) -> Result<Coursework, Vec<Diagnostic>> {
    let (document, syntax) = DeTable::parse_recoverable(source);
    let syntax = syntax_errors(&syntax, source);
    let mut problems = Problems::default();
    refuse_hidden_characters(source, &mut problems);
    let section = Section {
        name: "the cover",
        header: None,
        properties: &properties_of::<Coursework>(),
        others: &[],
        swept: Swept::Only(&[]),
    };
    let axes = section.read(&Table::of(document.get_ref()), &mut problems);
    for axis in &axes {
        let Value::String(text) = axis.value(0) else { continue };
        if text.chars().any(char::is_control) && !problems.has_within(axis.value_span(0)) {
            let title = format!("`{}` holds a line break or another control character", axis.name);
            problems.push(Diagnostic::new(axis.value_span(0), title, "one line of text", "write it on one line"));
        }
    }
    match serde_json::from_value(Value::Object(first_values(&axes))) {
        Ok(read) if syntax.is_empty() && problems.is_empty() => Ok(read),
        _ => Err(problems.after_syntax_errors(syntax, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(source: &str) -> String {
        Diagnostics::new(COURSEWORK.to_owned(), source.to_owned(), read(source).unwrap_err()).render(false)
    }

    #[test]
    fn what_is_not_written_is_empty() {
        let read = read("author = \"Ana Núñez\"\ndate = \"\"\n").unwrap();
        assert_eq!(read, Coursework { author: "Ana Núñez".to_owned(), ..Coursework::default() });
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let words = told("autor = \"A\"\nfaculty = 3\ncourse = \"a\\nb\"\ndate = 2026-01-01\n");
        for part in [
            "coursework.toml:1:1",
            "write `author`",
            "coursework.toml:2:11",
            "this is an integer",
            "coursework.toml:3:10",
            "line break",
            "coursework.toml:4:8",
            "this is a date",
        ] {
            assert!(words.contains(part), "{part} in\n{words}");
        }
        assert!(told("author = \n").contains("coursework.toml:1:"));
        assert!(told("author = \"a\u{202e}b\"").contains("U+202E"));
    }

    #[test]
    fn the_committed_file_is_valid_and_invents_nothing() {
        let committed = coursework(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert_eq!(committed, Some(Coursework::default()));
    }
}
