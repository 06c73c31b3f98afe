//! Writes a report in all its languages as one page that needs nothing else: no network, no script to be read, no font.
//!
//! `markup` reads the Markdown of the templates; `style.css` and `script.js` stand in the page.

mod markup;

#[cfg(feature = "pdf")]
pub use markup::{options, target};

use std::fmt::Write as _;

use super::{
    ReportError, cover,
    document::{Block, Cover, Document, Drawings, Table, Text},
    escape,
    markdown::{flowing, sentence},
    wording::{Numbering, References, Wording},
};
use crate::{figure, language::Language};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Letters from which on a cell may break into lines.
const ONE_LINE: usize = 36;

/// The report in one language.
pub struct Edition<'a> {
    pub document: &'a Document,
    pub drawings: &'a Drawings<'a>,
    pub language: Language,
    /// Whether it is short enough to be read from end to end: printed, it needs no contents.
    pub is_brief: bool,
}

/// The whole page. The first edition is the one a reader gets who asks for none.
///
/// # Errors
/// A template asks for what its data has not, or a formula cannot be set, both of which a test would have said.
pub fn write(editions: &[Edition<'_>]) -> Result<String, ReportError> {
    let mut body = String::new();
    let mut titles = Vec::new();
    let mut bars = Vec::new();
    for edition in editions {
        let mut writer = Writer::new(edition)?;
        for block in &edition.document.blocks {
            writer.block(block)?;
        }
        body.push_str(&writer.main()?);
        bars.push((edition.language, writer.wording));
        titles.push(writer.title);
    }
    body.insert_str(0, &bar(&bars)?);
    Ok(page(&titles.join(" · "), editions.first().map_or("", |edition| edition.language.code()), &body))
}

/// The frame around the body.
///
/// The policy lets only what bears the nonce run or style. It is a hash of the page, so that no text inside the page can know it.
fn page(title: &str, language: &str, body: &str) -> String {
    let style = style();
    let hash = blake3::hash([body, &style, SCRIPT].concat().as_bytes()).to_hex();
    let nonce = &hash.as_str()[..32];
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'nonce-{nonce}'; \
         script-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style nonce=\"{nonce}\">\n{style}</style>\n</head>\n<body>\n{body}\
         <script nonce=\"{nonce}\">\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// The style sheet with the colours of the figures, for light and dark pages.
fn style() -> String {
    let (light, dark) = figure::page_colours();
    format!(
        "{}\n{}\n",
        STYLE.replace("/* figures: light */", &light).replace("/* figures: dark */", &dark),
        figure::page_style()
    )
}

/// Languages and themes, above the report: links and radio buttons, which work without a script.
fn bar(wordings: &[(Language, Wording)]) -> Result<String, ReportError> {
    let mut skips = String::new();
    let mut links = String::new();
    for (language, wording) in wordings {
        let code = language.code();
        let _ = write!(
            skips,
            "<a class=\"skip {code}\" lang=\"{code}\" href=\"#{code}-report\">{}</a>",
            wording.word("page.skip")?
        );
        let _ =
            write!(links, "<a href=\"#{code}\" lang=\"{code}\" hreflang=\"{code}\">{}</a>", wording.word("page.name")?);
    }
    let in_all = |word: &str| -> Result<String, ReportError> {
        let one = |(language, wording): &(Language, Wording)| {
            let code = language.code();
            Ok(format!("<span class=\"{code}\" lang=\"{code}\">{}</span>", wording.word(word)?))
        };
        wordings.iter().map(one).collect()
    };
    let mut themes = String::new();
    for (id, word) in [("automatic", "page.automatic"), ("light", "page.light"), ("dark", "page.dark")] {
        let checked = if id == "automatic" { " checked" } else { "" };
        let _ = write!(
            themes,
            "<label><input type=\"radio\" name=\"theme\" id=\"{id}\"{checked}>{}</label>",
            in_all(word)?
        );
    }
    let legend = in_all("page.theme")?;
    Ok(format!(
        "{skips}\n<header class=\"bar\"><nav class=\"languages\">{links}</nav>\
         <fieldset><legend>{legend}</legend>{themes}</fieldset></header>\n"
    ))
}

/// One language of the page.
struct Writer<'a> {
    wording: Wording,
    drawings: &'a Drawings<'a>,
    language: Language,
    /// Before every id: `es-`.
    prefix: String,
    is_brief: bool,
    /// The first page, before the contents.
    cover: String,
    body: String,
    contents: String,
    /// Level of the entry of the contents written last.
    level: usize,
    title: String,
    headings: usize,
    tables: usize,
    figures: usize,
}

impl<'a> Writer<'a> {
    fn new(edition: &Edition<'a>) -> Result<Self, ReportError> {
        Ok(Self {
            wording: Wording::new(edition.language, Numbering::of(edition.document), References::Linked)?,
            drawings: edition.drawings,
            language: edition.language,
            prefix: format!("{}-", edition.language.code()),
            is_brief: edition.is_brief,
            cover: String::new(),
            body: String::new(),
            contents: String::new(),
            level: 1,
            title: String::new(),
            headings: 0,
            tables: 0,
            figures: 0,
        })
    }

    /// Everything written, with its table of contents.
    fn main(&mut self) -> Result<String, ReportError> {
        let code = self.language.code();
        self.close_contents(1);
        let name = self.wording.word("page.contents")?;
        Ok(format!(
            "<div id=\"{code}\" class=\"edition{}\" lang=\"{code}\" data-title=\"{}\">\n{}\
             <nav class=\"contents\" aria-labelledby=\"{code}-contents\">\n<p id=\"{code}-contents\">{name}</p>\n{}</nav>\n\
             <main id=\"{code}-report\" tabindex=\"-1\">\n{}</main>\n</div>\n",
            if self.is_brief { " brief" } else { "" },
            self.title,
            self.cover,
            self.contents,
            self.body
        ))
    }

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
                self.body.push_str("<ul class=\"findings\">\n");
                for text in texts {
                    let entry = self.inline(&flowing(&self.wording.text(text)?))?;
                    let _ = writeln!(self.body, "<li>{entry}</li>");
                }
                self.body.push_str("</ul>\n");
            }
            Block::Table(table) => self.table(table)?,
            Block::Figure(figure) => self.figure(&figure.experiment, &figure.id)?,
            Block::Fold(summary) => {
                // Its words are escaped for HTML already.
                let summary = flowing(&self.wording.text(summary)?);
                let _ = writeln!(self.body, "<details>\n<summary>{summary}</summary>");
            }
            Block::EndFold => self.body.push_str("</details>\n"),
            Block::References => {
                self.body.push_str("<ol class=\"works\">\n");
                for (place, entry) in self.wording.references().into_iter().enumerate() {
                    let entry = self.inline(entry)?;
                    let _ = writeln!(self.body, "<li id=\"{}work-{}\">{entry}</li>", self.prefix, place + 1);
                }
                self.body.push_str("</ol>\n");
            }
        }
        Ok(())
    }

    fn inline(&self, markdown: &str) -> Result<String, ReportError> {
        markup::inline(markdown, &self.prefix)
    }

    fn prose(&mut self, text: &Text) -> Result<(), ReportError> {
        let prose = markup::blocks(&self.wording.text(text)?, &self.prefix)?;
        self.body.push_str(&prose);
        Ok(())
    }

    fn cover(&mut self, cover: &Cover) -> Result<(), ReportError> {
        let title = self.inline(&flowing(&self.wording.text(&cover.title)?))?;
        let _ = writeln!(self.cover, "<header class=\"cover\">\n<p>{title}</p>\n<dl>");
        for field in &cover.fields {
            let label = self.wording.word(field.label)?;
            let value = field.value.as_deref().map_or(cover::BLANK.to_owned(), escape::html);
            let _ = writeln!(self.cover, "<div><dt>{label}</dt><dd>{value}</dd></div>");
        }
        self.cover.push_str("</dl>\n</header>\n");
        Ok(())
    }

    fn heading(&mut self, level: usize, text: &Text) -> Result<(), ReportError> {
        self.headings += 1;
        let heading = self.inline(&flowing(&self.wording.text(text)?))?;
        let id = format!("{}section-{}", self.prefix, self.headings);
        let level = level.clamp(1, 6);
        let _ = writeln!(self.body, "<h{level} id=\"{id}\">{heading}</h{level}>");
        match level {
            1 => self.title.clone_from(&heading),
            2 | 3 => {
                if level > self.level {
                    // Never more than one list deeper: a level that is skipped has no entry to stand under.
                    self.contents.push_str("<ol>\n");
                    self.level += 1;
                } else {
                    self.close_contents(level);
                    self.contents.push_str("</li>\n");
                }
                let _ = write!(self.contents, "<li><a href=\"#{id}\">{heading}</a>");
            }
            _ => {}
        }
        Ok(())
    }

    /// Closes the lists of the contents that are deeper than `level`.
    fn close_contents(&mut self, level: usize) {
        while self.level > level.max(1) {
            self.contents.push_str("</li>\n</ol>\n");
            self.level -= 1;
        }
    }

    fn figure(&mut self, experiment: &str, id: &str) -> Result<(), ReportError> {
        self.figures += 1;
        let Some(drawing) = self.drawings.get(experiment, id) else { return Ok(()) };
        let anchor = format!("{}figure-{}", self.prefix, self.figures);
        let word = self.wording.word("word.figure")?;
        let _ = writeln!(
            self.body,
            "<figure id=\"{anchor}\">\n{}<figcaption><strong>{word} {}.</strong> {}</figcaption>\n</figure>",
            figure::for_page(drawing.svg, &anchor),
            self.figures,
            sentence(&escape::html(&drawing.title))
        );
        Ok(())
    }

    fn table(&mut self, table: &Table) -> Result<(), ReportError> {
        self.tables += 1;
        let number = self.tables;
        let anchor = format!("{}table-{number}", self.prefix);
        let word = self.wording.word("word.table")?;
        let caption = self.inline(&flowing(&self.wording.text(&table.caption)?))?;
        let numbers = (0..table.header.len()).filter(|&column| table.alignment(column) == "---:");
        let classes: Vec<String> = numbers.map(|column| format!("n{}", column + 1)).collect();
        let _ = write!(
            self.body,
            "<div class=\"table\">\n<p class=\"caption\" id=\"{anchor}\"><strong>{word} {number}.</strong> {caption}</p>\n\
             <div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-labelledby=\"{anchor}\">\n\
             <table class=\"{}\" aria-labelledby=\"{anchor}\">\n<thead><tr>",
            classes.join(" ")
        );
        for item in &table.header {
            let cell = self.inline(&self.wording.item(item)?)?;
            let _ = write!(self.body, "<th scope=\"col\">{cell}</th>");
        }
        self.body.push_str("</tr></thead>\n<tbody>\n");
        for row in &table.rows {
            self.body.push_str("<tr>");
            for (place, item) in row.iter().enumerate() {
                let cell = self.inline(&self.wording.item(item)?)?;
                let _ = match place {
                    0 => write!(self.body, "<th scope=\"row\">{cell}</th>"),
                    _ if cell.chars().count() > ONE_LINE => write!(self.body, "<td class=\"long\">{cell}</td>"),
                    _ => write!(self.body, "<td>{cell}</td>"),
                };
            }
            self.body.push_str("</tr>\n");
        }
        self.body.push_str("</tbody></table></div></div>\n");
        Ok(())
    }
}

/// A page cannot hold an unescaped text by accident: everything that is written comes from here or is escaped there.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_nothing_run_that_the_page_did_not_bring() {
        let html = page("T", "es", "<p>x</p>");
        assert!(html.contains("default-src 'none'") && !html.contains("unsafe"));
        assert_ne!(html, page("T", "es", "<p>y</p>"));
        let nonce =
            |html: &str| html.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
        assert_ne!(nonce(&html), nonce(&page("T", "es", "<p>y</p>")));
        assert_eq!(markup::escaped("\"<&>"), "&quot;&lt;&amp;&gt;");
    }

    #[test]
    fn the_style_sheet_knows_every_colour_in_both_themes() {
        let style = style();
        assert!(!style.contains("/* figures"));
        assert!(style.matches("--figure-0:").count() >= 2 && style.contains("var(--figure-11)"));
    }
}
