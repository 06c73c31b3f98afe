//! What the TOML parser says, with what to write instead.

use super::diagnostic::Diagnostic;

/// The parser's message, and what to write, by a word of the message.
const HELP: &[(&str, &str)] = &[
    ("duplicate key", "keep one of the two, or give one another name"),
    ("string values must be quoted", "put the text between double quotes: `key = \"text\"`"),
    ("invalid boolean", "write `true` or `false`; put a text between double quotes: `key = \"text\"`"),
    ("invalid basic string", "close the string with a `\"` on the same line"),
    ("invalid literal string", "close the string with a `'` on the same line"),
    ("unclosed array", "close the list with `]`"),
    ("missing comma between array elements", "put a comma between two values: `[4, 8]`"),
    ("unclosed inline table", "close the table with `}`"),
    ("comma", "separate entries with one comma each"),
    ("unclosed table", "close the header with `]`"),
    ("key with no value", "write `key = value`"),
    ("missing value", "write a value after the `=`"),
    ("leading zero", "write the number without the zero in front"),
    ("recurs", "nest less deeply"),
    ("carriage return", "end lines with a line feed, with or without a carriage return before it"),
];

/// Everything the parser found, up to the point where it lost its way.
pub(super) fn syntax_errors(errors: &[toml::de::Error], source: &str) -> Vec<Diagnostic> {
    // After a list or a table that is never closed, every line is an error: only the first of them is one.
    let lost = errors.iter().any(|error| error.message().contains("unclosed"));
    errors.iter().take(if lost { 1 } else { errors.len() }).map(|error| syntax_error(error, source)).collect()
}

fn syntax_error(error: &toml::de::Error, source: &str) -> Diagnostic {
    let span = error.span().unwrap_or(source.len()..source.len());
    let nothing = source.get(span.clone()).is_some_and(|text| text.trim().is_empty());
    let message = match error.message() {
        "string values must be quoted, expected literal string" if nothing => "missing value",
        message => message,
    };
    let help = HELP.iter().find(|(word, _)| message.contains(word)).map(|(_, help)| *help);
    let help = help.unwrap_or("TOML lines are `key = value` or `[table]`; texts stand between double quotes");
    Diagnostic::new(&span, format!("this is not TOML: {message}"), "here", help)
}
