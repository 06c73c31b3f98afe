//! Puts words to data: the `templates` of one language, with the `filters` that write its numbers, names and references.

mod conditions;
mod filters;
mod templates;

use std::{collections::BTreeMap, sync::Arc};

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig};

use super::{
    ReportError, clause,
    document::{Block, Document, Item, Text, Verdict},
    escape,
    references::Citations,
};
use crate::language::Language;

pub use conditions::in_words;
pub use filters::label;
#[cfg(test)]
pub use templates::sources;

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
        for (name, source) in templates::of(language)? {
            environment.add_template_owned(name, source)?;
        }
        let citations = Citations::default();
        filters::add(&mut environment, language, &citations, Arc::new(numbering), references);
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
            Item::Method(method) => filters::method_name(method, language),
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
