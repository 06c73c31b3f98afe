//! The Markdown of templates → Typst. Text is written as strings, in which Typst finds no markup.

use std::fmt::Write as _;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::report::{
    ReportError,
    formula::typst,
    html::{options, target},
};

/// Letters from which on a word may not fit into what is left of its line.
const LONG_WORD: usize = 24;

/// Bytes of LaTeX up to which a formula is shorter than a line.
const SHORT_FORMULA: usize = 60;

/// Paragraphs, lists and code.
pub fn blocks(markdown: &str) -> Result<String, ReportError> {
    render(markdown, true)
}

/// The same text without paragraphs, for headings, captions and cells.
pub fn inline(markdown: &str) -> Result<String, ReportError> {
    render(markdown, false)
}

/// A text as an expression of Typst in its markup; a long path or name may break behind its joints.
pub fn text(text: &str) -> String {
    let breakable = |word: &str| {
        if word.chars().count() < LONG_WORD {
            return word.to_owned();
        }
        let joint =
            |letter: char| if "/_.-=".contains(letter) { format!("{letter}\u{200b}") } else { letter.to_string() };
        word.chars().map(joint).collect()
    };
    format!("#{};", string(&text.split(' ').map(breakable).collect::<Vec<_>>().join(" ")))
}

/// A string literal.
pub fn string(text: &str) -> String {
    let mut literal = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                literal.push('\\');
                literal.push(letter);
            }
            '\n' => literal.push_str("\\n"),
            letter if letter.is_control() => literal.push(' '),
            letter => literal.push(letter),
        }
    }
    literal + "\""
}

fn render(markdown: &str, with_blocks: bool) -> Result<String, ReportError> {
    let mut out = String::new();
    // Whether each open link is one.
    let mut links: Vec<bool> = Vec::new();
    let mut code: Option<String> = None;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Text(piece) if code.is_some() => code.iter_mut().for_each(|code| code.push_str(&piece)),
            Event::Text(piece) | Event::Html(piece) | Event::InlineHtml(piece) => out.push_str(&text(&piece)),
            Event::Code(piece) => {
                let _ = write!(out, "#raw({});", string(&piece));
            }
            Event::InlineMath(latex) => {
                let formula = typst(&latex, false)?;
                // It goes to the next line as a whole.
                out.push_str(&if latex.len() <= SHORT_FORMULA { format!("#box({formula});") } else { formula });
            }
            Event::DisplayMath(latex) => out.push_str(&typst(&latex, true)?),
            Event::SoftBreak => out.push(' '),
            Event::HardBreak => out.push_str("#linebreak();"),
            Event::Start(Tag::Emphasis) => out.push_str("#emph["),
            Event::Start(Tag::Strong) => out.push_str("#strong["),
            Event::End(TagEnd::Emphasis | TagEnd::Strong) => out.push_str("];"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let target = target(&dest_url, "");
                links.push(target.is_some());
                match target.as_deref().map(|target| (target, target.strip_prefix('#'))) {
                    Some((_, Some(label))) => {
                        let _ = write!(out, "#link(label({}))[", string(label));
                    }
                    Some((url, None)) => {
                        let _ = write!(out, "#link({})[", string(url));
                    }
                    None => {}
                }
            }
            Event::End(TagEnd::Link) if links.pop() == Some(true) => out.push_str("];"),
            Event::End(TagEnd::Link) => {}
            _ if !with_blocks => {}
            Event::End(TagEnd::Paragraph) => out.push_str("\n\n"),
            Event::Start(Tag::List(None)) => out.push_str("#list("),
            Event::Start(Tag::List(Some(_))) => out.push_str("#enum("),
            Event::Start(Tag::Item) => out.push('['),
            Event::End(TagEnd::Item) => out.push_str("],\n"),
            Event::End(TagEnd::List(_)) => out.push_str(");\n\n"),
            Event::Start(Tag::CodeBlock(_)) => code = Some(String::new()),
            Event::End(TagEnd::CodeBlock) => {
                let _ = write!(out, "#raw(block: true, {});\n\n", string(code.take().unwrap_or_default().trim_end()));
            }
            _ => {}
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_set_as_they_are_meant() {
        let written = blocks("It **holds** [\\[3\\]](#work-3).\n\n- a\n- b\n").unwrap();
        assert_eq!(
            written,
            "#\"It \";#strong[#\"holds\";];#\" \";#link(label(\"work-3\"))[#\"[3\";#\"]\";];#\".\";\n\n\
             #list([#\"a\";],\n[#\"b\";],\n);\n\n"
        );
    }

    #[test]
    fn what_a_spec_says_comes_through_as_text() {
        for hostile in ["#eval(\"1\")", "\"; #read(\"/etc/passwd\")", "$x$ \\ `a` <b> @ref *b* _i_", "]; #panic()"] {
            let written = text(hostile);
            let inside = written.strip_prefix("#\"").unwrap().strip_suffix("\";").unwrap();
            assert_eq!(inside.replace("\\\"", "\"").replace("\\\\", "\\"), hostile);
            assert!(!inside.replace("\\\\", "").replace("\\\"", "").contains('"'), "{written}");
        }
    }
}
