//! A TOML document as a tree of values that know where they stand in the text, in the order of the text.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Where something stands in the spec's text, in bytes.
pub(super) type Span = Range<usize>;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub span: Span,
    pub content: Content,
}

/// What a TOML value can be.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Text(String),
    /// Saturated at the ends of i128; TOML itself promises no more than 64 bits.
    Integer(i128),
    /// Infinite if the literal is beyond the range of f64.
    Float(f64),
    Boolean(bool),
    Date,
    List(Vec<Node>),
    Table(Table),
}

/// The entries of a table, in the order of the text.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub entries: Vec<Entry>,
}

/// `key = value`, or a table under its header.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Table {
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entries of the parser's table, which come sorted by name, in the order of the text.
    pub fn of(table: &DeTable<'_>) -> Self {
        let mut entries: Vec<Entry> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                key_span: key.span(),
                node: Node { span: value.span(), content: Content::of(value.get_ref()) },
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        Self { entries }
    }
}

impl Content {
    fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(integer) => {
                let beyond = if integer.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
                Self::Integer(i128::from_str_radix(integer.as_str(), integer.radix()).unwrap_or(beyond))
            }
            // The parser has checked the syntax; what Rust does not read as a number cannot be one.
            DeValue::Float(float) => Self::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(boolean) => Self::Boolean(*boolean),
            DeValue::Datetime(_) => Self::Date,
            DeValue::Array(list) => Self::List(
                list.iter().map(|value| Node { span: value.span(), content: Self::of(value.get_ref()) }).collect(),
            ),
            DeValue::Table(table) => Self::Table(Table::of(table)),
        }
    }

    /// What it is, with its article, for messages.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a decimal number",
            Self::Boolean(_) => "a boolean",
            Self::Date => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}
