//! Writes a document as Markdown that GitHub renders.

use super::{
    ReportError, cover,
    document::{Block, Cover, Document, Drawings, Table, Text},
    escape,
    wording::{Numbering, References, Wording},
};
use crate::language::Language;

/// The whole report in one language.
///
/// # Errors
/// A template asks for what its data has not, which a test would have said.
pub fn write(document: &Document, drawings: &Drawings<'_>, language: Language) -> Result<String, ReportError> {
    let wording = Wording::new(language, Numbering::of(document), References::Plain)?;
    let mut writer = Writer { wording, drawings, paragraphs: Vec::new(), tables: 0, figures: 0 };
    for block in &document.blocks {
        writer.block(block)?;
    }
    Ok(writer.paragraphs.join("\n\n") + "\n")
}

struct Writer<'a> {
    wording: Wording,
    drawings: &'a Drawings<'a>,
    paragraphs: Vec<String>,
    tables: usize,
    figures: usize,
}

impl Writer<'_> {
    fn block(&mut self, block: &Block) -> Result<(), ReportError> {
        match block {
            Block::Cover(cover) => self.cover(cover)?,
            Block::Heading { level, text } => {
                let heading = flowing(&self.wording.text(text)?);
                self.paragraphs.push(format!("{} {heading}", "#".repeat(*level)));
            }
            Block::Prose(text) => self.prose(text)?,
            Block::Method { kind, text } => {
                let described = Text { template: format!("method/{kind}"), data: text.data.clone() };
                self.prose(if self.wording.knows(&described.template) { &described } else { text })?;
            }
            Block::List(texts) => {
                let entries: Result<Vec<String>, ReportError> = texts.iter().map(|text| self.entry(text)).collect();
                self.paragraphs.push(entries?.join("\n"));
            }
            Block::Table(table) => self.table(table)?,
            Block::Figure(figure) => {
                self.figures += 1;
                let drawing = self.drawings.get(&figure.experiment, &figure.id);
                let word = self.wording.word("word.figure")?;
                // The words of a figure hold labels of the spec.
                let (alt, title) = drawing.map_or_else(Default::default, |drawing| {
                    (escape::markdown(&drawing.description), escape::markdown(&drawing.title))
                });
                let path = drawing.map(|drawing| drawing.path.clone()).unwrap_or_default();
                self.paragraphs.push(format!("![{alt}]({path})"));
                self.paragraphs.push(format!("**{word} {}.** {}", self.figures, sentence(&title)));
            }
            Block::Fold(summary) => {
                let summary = flowing(&self.wording.text(summary)?);
                self.paragraphs.push(format!("<details>\n<summary>{summary}</summary>"));
            }
            Block::EndFold => self.paragraphs.push("</details>".to_owned()),
            Block::References => {
                let entries = self.wording.references().into_iter().enumerate();
                let list: Vec<String> = entries.map(|(place, entry)| format!("{}. {entry}", place + 1)).collect();
                self.paragraphs.push(list.join("\n"));
            }
        }
        Ok(())
    }

    fn cover(&mut self, cover: &Cover) -> Result<(), ReportError> {
        let mut lines = Vec::new();
        for field in &cover.fields {
            let value = field.value.as_deref().unwrap_or(cover::BLANK);
            lines.push(format!("- **{}:** {}", self.wording.word(field.label)?, escape::markdown(value)));
        }
        self.paragraphs.push(lines.join("\n"));
        self.paragraphs.push("---".to_owned());
        Ok(())
    }

    fn prose(&mut self, text: &Text) -> Result<(), ReportError> {
        let prose = self.wording.text(text)?;
        self.paragraphs.extend(prose.split("\n\n").map(paragraph).filter(|text| !text.is_empty()));
        Ok(())
    }

    fn entry(&self, text: &Text) -> Result<String, ReportError> {
        Ok(format!("- {}", flowing(&self.wording.text(text)?)))
    }

    fn table(&mut self, table: &Table) -> Result<(), ReportError> {
        self.tables += 1;
        let word = self.wording.word("word.table")?;
        let caption = flowing(&self.wording.text(&table.caption)?);
        self.paragraphs.push(format!("**{word} {}.** {caption}", self.tables));
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let cells = |items: &[_]| items.iter().map(|item| self.wording.item(item)).collect::<Result<Vec<_>, _>>();
        let mut lines = vec![line(cells(&table.header)?)];
        lines.push(line((0..table.header.len()).map(|column| table.alignment(column).to_owned()).collect()));
        for row in &table.rows {
            lines.push(line(cells(row)?));
        }
        self.paragraphs.push(lines.join("\n"));
        Ok(())
    }
}

/// The text on one line: a template may be wrapped anywhere.
pub(super) fn flowing(text: &str) -> String {
    // Not `split_whitespace`: it would also take the narrow spaces of numbers.
    text.split([' ', '\n', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A paragraph of prose: on one line, unless its lines mean something.
fn paragraph(text: &str) -> String {
    let text = text.trim_matches('\n');
    let has_lines = ["```", "$$", "- ", "| ", "1. "].iter().any(|start| text.starts_with(start));
    if has_lines { text.trim_end().to_owned() } else { flowing(text) }
}

pub(super) fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!', '…']) { text.to_owned() } else { format!("{text}.") }
}
