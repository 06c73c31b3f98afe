//! What a report consists of, in no language: headings, prose, tables and figures, each as data.
//!
//! The same document is written in every language, so all of them have the same sections, tables, figures and numbers; only
//! templates and [`Language`](crate::language::Language) put words and digits to it.

use std::collections::BTreeMap;

use minijinja::{Value, context, value::Serde};
use serde::Serialize;

/// A report.
#[derive(Debug, Default)]
pub struct Document {
    pub blocks: Vec<Block>,
}

#[derive(Debug)]
pub enum Block {
    Cover(Cover),
    Heading {
        level: usize,
        text: Text,
    },
    Prose(Text),
    /// Prose of one paragraph each, as a list.
    List(Vec<Text>),
    Table(Table),
    Figure(Illustration),
    /// What a kind of method is, or the text that stands in for a kind no template describes.
    Method {
        kind: String,
        text: Text,
    },
    /// What follows, up to [`Block::EndFold`], is shown on demand.
    Fold(Text),
    EndFold,
    /// The works cited so far.
    References,
}

/// The first page of a report that is handed in.
#[derive(Debug)]
pub struct Cover {
    /// The report's title.
    pub title: Text,
    /// In the order of the page.
    pub fields: Vec<Field>,
}

/// A line of the cover.
#[derive(Debug)]
pub struct Field {
    /// The entry of `words.toml` that says what it is.
    pub label: &'static str,
    /// As written by the author; `None` is a line to fill in.
    pub value: Option<String>,
}

/// Words of a template, with the data they speak of.
#[derive(Debug, Clone)]
pub struct Text {
    /// Name of a template or of an entry of `words.toml`.
    pub template: String,
    pub data: Value,
}

/// A numbered table.
#[derive(Debug)]
pub struct Table {
    /// By which prose refers to it; unique within the document.
    pub label: String,
    pub caption: Text,
    /// One item for each column.
    pub header: Vec<Item>,
    pub rows: Vec<Vec<Item>>,
}

/// A numbered figure: which of the drawn ones.
#[derive(Debug)]
pub struct Illustration {
    pub experiment: String,
    /// The drawing's id within its experiment.
    pub id: String,
}

/// What stands in a cell of a table, or in a sentence.
#[derive(Debug, Clone)]
pub enum Item {
    Absent,
    /// An entry of `words.toml`.
    Word(&'static str),
    /// Words with data.
    Text(Text),
    /// Text of a spec or a row: escaped.
    Quoted(String),
    /// A clause the program wrote in English, translated where it is known.
    Clause(String),
    Method(MethodName),
    Count(Option<u64>),
    /// A number with so many significant digits.
    Number(Option<f64>, usize),
    Percent(Option<f64>, usize),
    Seconds(Option<f64>, Verdict),
    Bytes(Option<u64>),
    Flops(Option<u64>),
    /// m × n.
    Size(u64, u64),
}

/// What identifies a method to a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MethodName {
    pub kind: String,
    pub label: String,
    pub variant: String,
}

/// How one time compares to another by the 95 % intervals of their medians.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its whole interval lies below the other's.
    Faster,
    /// Its whole interval lies above.
    Slower,
    /// The intervals overlap.
    NoMeasurableDifference,
    /// Too few repeats for an interval, or nothing to compare to.
    Unknown,
}

impl Text {
    pub fn new(template: impl Into<String>, data: impl Serialize) -> Self {
        Self { template: template.into(), data: Value::from(Serde(data)) }
    }

    /// The same words with more data to speak of.
    #[must_use]
    pub fn with(self, more: impl Serialize) -> Self {
        let more = Value::from(Serde(more));
        Self { data: context! { ..more, ..self.data }, ..self }
    }

    /// Words that need no data.
    pub fn plain(template: impl Into<String>) -> Self {
        Self { template: template.into(), data: Value::from_iter(std::iter::empty::<(String, Value)>()) }
    }
}

impl Document {
    pub fn heading(&mut self, level: usize, text: Text) {
        self.blocks.push(Block::Heading { level, text });
    }

    pub fn prose(&mut self, text: Text) {
        self.blocks.push(Block::Prose(text));
    }
}

impl Table {
    /// How a column is set, as Markdown writes it: words to the left, numbers to the right, and a word of the report that
    /// stands in for a number (`no answer`) as that number would.
    pub fn alignment(&self, column: usize) -> &'static str {
        let cells = || self.rows.iter().filter_map(|row| row.get(column));
        let is_said = |item: &Item| matches!(item, Item::Text(_) | Item::Quoted(_) | Item::Clause(_) | Item::Method(_));
        let is_word = |item: &Item| matches!(item, Item::Word(_));
        let numbers = !cells().any(is_said) && !cells().all(is_word);
        if numbers { "---:" } else { ":---" }
    }
}

/// The drawn figures of all experiments in one language.
#[derive(Debug, Default)]
pub struct Drawings<'a>(pub BTreeMap<(&'a str, String), Drawing<'a>>);

/// What a document says of a figure, whose picture is a file beside it.
#[derive(Debug)]
pub struct Drawing<'a> {
    pub title: String,
    pub description: String,
    /// From the document.
    pub path: String,
    /// The picture itself.
    pub svg: &'a str,
}

impl<'a> Drawings<'a> {
    pub fn get(&self, experiment: &str, id: &str) -> Option<&Drawing<'a>> {
        self.0.iter().find(|((name, known), _)| *name == experiment && known == id).map(|(_, drawing)| drawing)
    }
}
