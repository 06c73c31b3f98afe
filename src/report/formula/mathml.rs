//! A formula as MathML Core, which browsers set themselves.

use std::fmt::Write as _;

use pulldown_latex::event::DelimiterType;

use super::{Node, ReportError, read};

/// A formula as `<math>`, on a line of its own if `display`, with its LaTeX for whoever copies it.
pub fn mathml(latex: &str, display: bool) -> Result<String, ReportError> {
    let node = read(latex)?;
    let mut out = String::from(if display { "<math display=\"block\">" } else { "<math>" });
    several(&mut out, "semantics", &[&node]);
    // The annotation stands beside the formula, inside.
    out.truncate(out.len() - "</semantics>".len());
    let _ = write!(
        out,
        "<annotation encoding=\"application/x-tex\">{}</annotation></semantics></math>",
        escaped(latex.trim())
    );
    Ok(out)
}

fn write(out: &mut String, node: &Node) {
    match node {
        Node::Row(row) => group(out, row),
        // MathML slants a single letter by itself.
        Node::Variable(letter) if is_upright(*letter) => {
            let _ = write!(out, "<mi mathvariant=\"normal\">{letter}</mi>");
        }
        Node::Variable(letter) => element(out, "mi", &letter.to_string()),
        Node::Name(name) if name.chars().count() == 1 => {
            let _ = write!(out, "<mi mathvariant=\"normal\">{}</mi>", escaped(name));
        }
        Node::Name(name) => element(out, "mi", name),
        Node::Function(name) => {
            element(out, "mi", name);
            // Function application: nothing to see, something to hear.
            out.push_str("<mo>\u{2061}</mo>");
        }
        Node::Number(number) => element(out, "mn", number),
        Node::Text(text) => element(out, "mtext", text),
        Node::Operator(operator) => element(out, "mo", operator),
        Node::Large(operator) => element(out, "mo", &operator.to_string()),
        Node::Delimiter { mark, side, height } => {
            let form = match side {
                DelimiterType::Open => "prefix",
                DelimiterType::Close => "postfix",
                DelimiterType::Fence => "infix",
            };
            let _ = match height {
                None => write!(out, "<mo form=\"{form}\" stretchy=\"false\">{}</mo>", escaped(&mark.to_string())),
                Some(height) => write!(
                    out,
                    "<mo form=\"{form}\" minsize=\"{height}em\" maxsize=\"{height}em\">{}</mo>",
                    escaped(&mark.to_string())
                ),
            };
        }
        Node::Fenced(open, row, close) => {
            out.push_str("<mrow>");
            let fence = |out: &mut String, mark: &Option<char>, form: &str| {
                if let Some(mark) = mark {
                    let _ = write!(out, "<mo form=\"{form}\">{}</mo>", escaped(&mark.to_string()));
                }
            };
            fence(out, open, "prefix");
            row.iter().for_each(|node| write(out, node));
            fence(out, close, "postfix");
            out.push_str("</mrow>");
        }
        Node::Fraction(top, bottom) => several(out, "mfrac", &[top, bottom]),
        Node::Small(node) => {
            out.push_str("<mstyle displaystyle=\"false\">");
            write(out, node);
            out.push_str("</mstyle>");
        }
        Node::SquareRoot(node) => several(out, "msqrt", &[node]),
        Node::Script { base, below, above } => {
            let limits = matches!(**base, Node::Large(_));
            match (below, above) {
                (Some(below), Some(above)) => {
                    several(out, if limits { "munderover" } else { "msubsup" }, &[base, below, above]);
                }
                (Some(below), None) => several(out, if limits { "munder" } else { "msub" }, &[base, below]),
                (None, Some(above)) => several(out, if limits { "mover" } else { "msup" }, &[base, above]),
                (None, None) => write(out, base),
            }
        }
        Node::Accent(base, mark) => {
            out.push_str("<mover accent=\"true\">");
            write(out, base);
            let _ = write!(out, "<mo stretchy=\"false\">{mark}</mo></mover>");
        }
        Node::Space(width) => {
            let _ = write!(out, "<mspace width=\"{width}em\"/>");
        }
    }
}

fn group(out: &mut String, row: &[Node]) {
    out.push_str("<mrow>");
    row.iter().for_each(|node| write(out, node));
    out.push_str("</mrow>");
}

/// An element that takes exactly these.
fn several(out: &mut String, name: &str, nodes: &[&Node]) {
    let _ = write!(out, "<{name}>");
    for node in nodes {
        // A function is two elements.
        if matches!(node, Node::Function(_)) {
            group(out, std::slice::from_ref(node));
        } else {
            write(out, node);
        }
    }
    let _ = write!(out, "</{name}>");
}

fn element(out: &mut String, name: &str, text: &str) {
    let _ = write!(out, "<{name}>{}</{name}>", escaped(text));
}

/// Capital Greek letters, as TeX sets them, and what is no letter.
fn is_upright(letter: char) -> bool {
    !letter.is_alphabetic() || (letter.is_uppercase() && !letter.is_ascii() && (letter as u32) < 0x2100)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(latex: &str) -> String {
        let written = mathml(latex, false).unwrap();
        let inside = written.strip_prefix("<math><semantics>").unwrap();
        inside.split_once("<annotation").unwrap().0.to_owned()
    }

    #[test]
    fn formulas_are_set() {
        assert_eq!(inside("n"), "<mi>n</mi>");
        assert_eq!(inside(r"\Omega"), "<mi mathvariant=\"normal\">Ω</mi>");
        assert_eq!(inside(r"\hat A"), "<mover accent=\"true\"><mi>A</mi><mo stretchy=\"false\">^</mo></mover>");
        assert_eq!(inside(r"a \gt 1"), "<mrow><mi>a</mi><mo>&gt;</mo><mn>1</mn></mrow>");
        assert_eq!(
            inside(r"\sum_j \sqrt{x}"),
            "<mrow><munder><mo>∑</mo><mi>j</mi></munder><msqrt><mi>x</mi></msqrt></mrow>"
        );
        assert_eq!(inside(r"\tfrac12"), "<mstyle displaystyle=\"false\"><mfrac><mn>1</mn><mn>2</mn></mfrac></mstyle>");
        assert!(
            inside(r"\mathrm{orth}\bigl(x\bigr)")
                .starts_with("<mrow><mi>orth</mi><mo form=\"prefix\" minsize=\"1.2em\"")
        );
    }

    #[test]
    fn every_formula_has_as_many_ends_as_beginnings() {
        for (name, latex) in super::super::tests::formulas() {
            let written = mathml(&latex, true).unwrap();
            let (ends, all) = (written.matches("</").count(), written.matches('<').count());
            let empty = written.matches("/>").count();
            assert_eq!(ends * 2 + empty, all, "{name}: {written}");
            assert!(!written.contains("&amp;nbsp"), "{name}");
        }
    }
}
