//! What the TOML parser says, with what to write instead.

use super::diagnostic::Diagnostic;

/// The parser's message, and what to write, by a word of the message.
const HELP: &[(&str, &str)] = &[
    ("duplicate key", "keep one of the two, or give one another name"),
    ("string values must be quoted", "put the text between double quotes: `key = \"text\"`"),
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

pub(super) fn syntax_error(error: &toml::de::Error, source: &str) -> Diagnostic {
    let message = error.message();
    let help = HELP.iter().find(|(word, _)| message.contains(word)).map(|(_, help)| *help);
    let help = help.unwrap_or("TOML lines are `key = value` or `[table]`; texts stand between double quotes");
    let span = error.span().unwrap_or(source.len()..source.len());
    Diagnostic::new(&span, format!("this is not TOML: {message}"), "here", help)
}
