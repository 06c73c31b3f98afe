//! Writes a report in one language as a PDF, set by Typst with the fonts of this program: no LaTeX, no browser.

mod markup;
mod world;

use std::fmt::Write as _;

use super::{
    ReportError,
    document::{Block, Cover, Document, Drawings, Table, Text},
    escape,
    markdown::{flowing, sentence},
    wording::{Numbering, References, Wording},
};
use crate::language::Language;
use markup::{blocks, inline, string, text};
use world::Files;

const STYLE: &str = include_str!("style.typ");

/// Tables of no more rows stand on one page.
const WHOLE: usize = 10;

/// Letters of the longest word of a column's head that stands undivided in the narrowest columns.
const LONG_HEAD: usize = 12;

/// Letters of a cell that is prose, and breaks.
const LONG_CELL: usize = 48;

/// The whole report.
///
/// # Errors
/// A template or a formula is wrong, which a test would have said, or Typst cannot set what it is given.
pub fn write(document: &Document, drawings: &Drawings<'_>, language: Language) -> Result<Vec<u8>, ReportError> {
    let (source, files) = source(document, drawings, language)?;
    world::pdf(source, files, &format!("factoreo report {}", language.code()))
}

/// The text for Typst, and the files it names.
fn source(document: &Document, drawings: &Drawings<'_>, language: Language) -> Result<(String, Files), ReportError> {
    let wording = Wording::new(language, Numbering::of(document), References::Linked)?;
    let mut writer =
        Writer { wording, drawings, body: String::new(), files: Files::new(), headings: 0, tables: 0, figures: 0 };
    let title = document.blocks.iter().find_map(|block| match block {
        Block::Heading { level: 1, text } => Some(text),
        _ => None,
    });
    let title = title.map(|title| writer.wording.text(title)).transpose()?.unwrap_or_default();
    let mut head = format!(
        "#set document(title: [{}])\n#set text(lang: \"{}\")\n{STYLE}\n",
        inline(&flowing(&title))?,
        language.code()
    );
    for block in &document.blocks {
        writer.block(block)?;
    }
    head.push_str(&writer.body);
    Ok((head, writer.files))
}

struct Writer<'a> {
    wording: Wording,
    drawings: &'a Drawings<'a>,
    body: String,
    files: Files,
    headings: usize,
    tables: usize,
    figures: usize,
}

impl Writer<'_> {
    fn block(&mut self, block: &Block) -> Result<(), ReportError> {
        match block {
            Block::Cover(cover) => self.cover(cover)?,
            Block::Heading { level, text } => self.heading(*level, text)?,
            Block::Prose(text) => self.prose(text)?,
            Block::Method { kind, text } => {
                let described = Text { template: format!("method/{kind}"), data: text.data.clone() };
                self.prose(if self.wording.knows(&described.template) { &described } else { text })?;
            }
            Block::List(texts) => {
                self.body.push_str("#list(\n");
                for text in texts {
                    let entry = inline(&flowing(&self.wording.text(text)?))?;
                    let _ = writeln!(self.body, "[{entry}],");
                }
                self.body.push_str(");\n\n");
            }
            Block::Table(table) => self.table(table)?,
            Block::Figure(figure) => self.figure(&figure.experiment, &figure.id)?,
            // On paper everything is shown. The words of a fold are text, escaped for HTML.
            Block::Fold(summary) => {
                let summary = flowing(&self.wording.text(summary)?);
                let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
                let summary = text(&marks.iter().fold(summary, |text, (entity, mark)| text.replace(entity, mark)));
                let _ = write!(self.body, "#block(sticky: true, above: 1.6em)[#emph[{summary}]];\n\n");
            }
            Block::EndFold => {}
            Block::References => {
                for (place, entry) in self.wording.references().into_iter().enumerate() {
                    let (number, entry) = (place + 1, inline(entry)?);
                    let _ = write!(
                        self.body,
                        "#block[#grid(columns: (2.2em, 1fr), [{}], [#set par(justify: false); {entry}])] <work-{number}>\n\n",
                        text(&format!("[{number}]"))
                    );
                }
            }
        }
        Ok(())
    }

    fn prose(&mut self, text: &Text) -> Result<(), ReportError> {
        let prose = blocks(&self.wording.text(text)?)?;
        self.body.push_str(&prose);
        Ok(())
    }

    fn cover(&mut self, cover: &Cover) -> Result<(), ReportError> {
        let title = inline(&flowing(&self.wording.text(&cover.title)?))?;
        let _ = write!(
            self.body,
            "#page(numbering: none)[#set par(justify: false)\n#v(1fr)\n#align(center, text(size: 26pt, weight: \"bold\", \
             hyphenate: false)[{title}])\n#v(1.4fr)\n#grid(columns: (auto, 1fr), column-gutter: 1.5em, row-gutter: 1.3em,\n"
        );
        for field in &cover.fields {
            let label = text(&self.wording.word(field.label)?);
            let value = match &field.value {
                Some(value) => text(&escape::one_line(value)),
                None => "#box(width: 70mm, height: 0.8em, stroke: (bottom: 0.5pt));".to_owned(),
            };
            let _ = writeln!(self.body, "[#strong[{label}]], [{value}],");
        }
        self.body.push_str(")\n#v(1fr)];\n#counter(page).update(1);\n\n");
        Ok(())
    }

    fn heading(&mut self, level: usize, text: &Text) -> Result<(), ReportError> {
        self.headings += 1;
        let heading = inline(&flowing(&self.wording.text(text)?))?;
        if (2..=3).contains(&level) {
            // No figure leaves its experiment.
            self.body.push_str("#place.flush();\n");
        }
        let outlined = if level == 1 { ", outlined: false, bookmarked: true" } else { "" };
        let _ = write!(self.body, "#heading(level: {level}{outlined})[{heading}] <section-{}>\n\n", self.headings);
        if level == 1 {
            let contents = markup::text(&self.wording.word("page.contents")?);
            let _ = write!(self.body, "#outline(title: [{contents}], depth: 3, indent: 1em);\n#pagebreak();\n\n");
        }
        Ok(())
    }

    fn figure(&mut self, experiment: &str, id: &str) -> Result<(), ReportError> {
        self.figures += 1;
        let Some(drawing) = self.drawings.get(experiment, id) else { return Ok(()) };
        let path = format!("/figure-{}.svg", self.figures);
        let word = self.wording.word("word.figure")?;
        let _ = write!(
            self.body,
            "#drawn({}, {}, {}, [{}]) <figure-{}>\n\n",
            string(&path),
            string(&drawing.description),
            string(&format!("{word} {}.", self.figures)),
            text(&sentence(&escape::one_line(&drawing.title))),
            self.figures
        );
        self.files.insert(path, drawing.svg.as_bytes().to_vec());
        Ok(())
    }

    fn table(&mut self, table: &Table) -> Result<(), ReportError> {
        self.tables += 1;
        let word = self.wording.word("word.table")?;
        let caption = inline(&flowing(&self.wording.text(&table.caption)?))?;
        let alignment = |column| if table.alignment(column) == "---:" { "right" } else { "left" };
        let alignments: Vec<&str> = (0..table.header.len()).map(alignment).collect();
        let mut shares = Vec::new();
        let mut heads = String::new();
        for item in &table.header {
            let cell = self.wording.item(item)?;
            let longest = cell.split([' ', '-']).map(|word| word.chars().count()).max().unwrap_or(0);
            shares.push(longest.min(LONG_HEAD));
            // Only a word that may be wider than its column is divided.
            let cell = format!("[#text(hyphenate: {}, strong[{}])], ", longest > LONG_HEAD, inline(&cell)?);
            heads.push_str(&cell);
        }
        let mut cells = String::new();
        for row in &table.rows {
            for (place, item) in row.iter().enumerate() {
                let cell = self.wording.item(item)?;
                if let Some(share) = shares.get_mut(place) {
                    *share = cell.replace('\\', "").chars().count().min(LONG_CELL).max(*share);
                }
                let _ = write!(cells, "[{}], ", inline(&if place > 0 { unbroken(cell) } else { cell })?);
            }
            cells.push('\n');
        }
        // Every cell has its margins, too.
        let shares: String = shares.iter().map(|share| format!("{}, ", share + 2)).collect();
        let _ = write!(
            self.body,
            "#captioned({}, [{caption}]) <table-{}>\n#block(width: 100%, breakable: {}, fitted(({shares}), columns => \
             table(columns: columns, align: ({},), table.hline(stroke: 0.8pt), table.header({heads}",
            string(&format!("{word} {}.", self.tables)),
            self.tables,
            table.rows.len() > WHOLE,
            alignments.join(", ")
        );
        self.body.push_str("table.hline(stroke: 0.5pt)),\n");
        self.body.push_str(&cells);
        self.body.push_str("table.hline(stroke: 0.8pt))));\n\n");
        Ok(())
    }
}

/// A short cell on one line: a number keeps its unit and its mark.
fn unbroken(cell: String) -> String {
    const SHORT: usize = 16;
    let breaks = cell.chars().count() > SHORT || cell.contains(['$', '`', '<', '[']);
    if breaks { cell } else { cell.replace(' ', "\u{a0}") }
}

#[cfg(test)]
mod tests;
