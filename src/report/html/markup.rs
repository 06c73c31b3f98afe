//! The Markdown of templates → HTML. Text is text, links lead to the web or into the page, and nothing else comes through.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::report::{ReportError, formula::mathml};

/// What a template may use beyond plain Markdown.
pub fn options() -> Options {
    Options::ENABLE_MATH
}

/// Paragraphs, lists and code. `prefix` stands before every id of this language.
pub fn blocks(markdown: &str, prefix: &str) -> Result<String, ReportError> {
    render(markdown, prefix, true)
}

/// The same text without paragraphs, for headings, captions and cells.
pub fn inline(markdown: &str, prefix: &str) -> Result<String, ReportError> {
    if !markdown.contains(['\\', '&', '<', '>', '*', '_', '[', '$', '`']) {
        return Ok(markdown.to_owned());
    }
    render(markdown, prefix, false)
}

fn render(markdown: &str, prefix: &str, with_blocks: bool) -> Result<String, ReportError> {
    let mut html = String::with_capacity(markdown.len() * 2);
    // Whether each open link is one.
    let mut links: Vec<bool> = Vec::new();
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(tag) => start(&mut html, tag, prefix, with_blocks, &mut links),
            Event::End(tag) => end(&mut html, tag, with_blocks, &mut links),
            // Markup written by hand is shown, not run.
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => html.push_str(&escaped(&text)),
            Event::Code(code) => {
                let _ = write!(html, "<code>{}</code>", escaped(&code));
            }
            Event::InlineMath(latex) => html.push_str(&mathml(&latex, false)?),
            Event::DisplayMath(latex) => {
                let _ = write!(html, "<span class=\"formula\">{}</span>", mathml(&latex, true)?);
            }
            Event::SoftBreak => html.push(' '),
            Event::HardBreak => html.push_str("<br>"),
            Event::Rule if with_blocks => html.push_str("<hr>"),
            Event::Rule | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }
    Ok(html)
}

fn start(html: &mut String, tag: Tag<'_>, prefix: &str, with_blocks: bool, links: &mut Vec<bool>) {
    match tag {
        Tag::Emphasis => html.push_str("<em>"),
        Tag::Strong => html.push_str("<strong>"),
        Tag::Link { dest_url, .. } => {
            let target = target(&dest_url, prefix);
            links.push(target.is_some());
            if let Some(target) = target {
                let _ = write!(html, "<a href=\"{}\">", escaped(&target));
            }
        }
        _ if !with_blocks => {}
        Tag::Paragraph => html.push_str("<p>"),
        Tag::List(None) => html.push_str("<ul>"),
        Tag::List(Some(_)) => html.push_str("<ol>"),
        Tag::Item => html.push_str("<li>"),
        Tag::BlockQuote(_) => html.push_str("<blockquote>"),
        Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
            html.push_str("<pre tabindex=\"0\"><code>")
        }
        Tag::Heading { level, .. } => {
            let _ = write!(html, "<h{}>", depth(level));
        }
        _ => {}
    }
}

fn end(html: &mut String, tag: TagEnd, with_blocks: bool, links: &mut Vec<bool>) {
    match tag {
        TagEnd::Emphasis => html.push_str("</em>"),
        TagEnd::Strong => html.push_str("</strong>"),
        TagEnd::Link => html.push_str(if links.pop() == Some(true) { "</a>" } else { "" }),
        _ if !with_blocks => {}
        TagEnd::Paragraph => html.push_str("</p>\n"),
        TagEnd::List(false) => html.push_str("</ul>\n"),
        TagEnd::List(true) => html.push_str("</ol>\n"),
        TagEnd::Item => html.push_str("</li>\n"),
        TagEnd::BlockQuote(_) => html.push_str("</blockquote>\n"),
        TagEnd::CodeBlock => html.push_str("</code></pre>\n"),
        TagEnd::Heading(level) => {
            let _ = writeln!(html, "</h{}>", depth(level));
        }
        _ => {}
    }
}

/// The page's own headings are those of the document: what a text heads is below them.
fn depth(level: HeadingLevel) -> usize {
    (level as usize + 3).min(6)
}

/// Where a link may lead: a web address, a place of this page, a file beside it. `javascript:` and its like are no link.
pub fn target(url: &str, prefix: &str) -> Option<String> {
    if let Some(place) = url.strip_prefix('#') {
        return Some(format!("#{prefix}{place}"));
    }
    let before_path = url.split(['/', '?', '#']).next().unwrap_or_default();
    let is_relative = !before_path.contains(':') && !url.starts_with("//");
    (is_relative || url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned())
}

/// Text for the inside of an element or of an attribute between double quotes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::escape;

    #[test]
    fn templates_are_set_as_they_are_meant() {
        let html =
            blocks("It **holds** for $k \\gt 1$ [\\[3\\]](#work-3).\n\n- a\n- b\n\n```text\n<x>\n```", "en-").unwrap();
        assert!(html.starts_with("<p>It <strong>holds</strong> for <math"), "{html}");
        assert!(html.contains("<a href=\"#en-work-3\">[3]</a>.</p>"), "{html}");
        assert!(html.contains("<li>a</li>") && html.contains("<code>&lt;x&gt;\n</code></pre>"), "{html}");
        assert_eq!(inline("*a* b", "").unwrap(), "<em>a</em> b");
        assert_eq!(inline("<https://a.org/b>", "").unwrap(), "<a href=\"https://a.org/b\">https://a.org/b</a>");
    }

    #[test]
    fn what_a_spec_says_comes_through_as_text() {
        for text in [
            "<script>alert(1)</script>",
            "[x](javascript:alert(1))",
            "](javascript:x)",
            "`=cmd()` | **b** _i_ ~s~",
            "$\\frac{1}{2}$",
            "<img src=x onerror=alert(1)> &amp; \"quoted\"",
            "![i](http://x.org/i.png) https://x.org www.x.org me@x.org",
            "12. one",
            "# two",
            "---",
        ] {
            let html = inline(&escape::markdown(text), "en-").unwrap();
            assert_eq!(
                html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"),
                text
            );
            assert!(!html.contains('<'), "{html}");
        }
    }

    #[test]
    fn links_lead_nowhere_they_should_not() {
        for url in
            ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "//evil.org/x", "file:///etc"]
        {
            assert_eq!(target(url, ""), None, "{url}");
        }
        assert_eq!(inline("[x](javascript:alert(1))", "").unwrap(), "x");
        assert_eq!(inline("a <b>c</b>", "").unwrap(), "a &lt;b&gt;c&lt;/b&gt;");
        assert_eq!(target("../results/a.csv", "").as_deref(), Some("../results/a.csv"));
        assert_eq!(target("#table-1", "es-").as_deref(), Some("#es-table-1"));
    }
}
