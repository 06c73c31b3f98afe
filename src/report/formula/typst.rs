//! A formula in the mathematics of Typst.
//!
//! Every mark is escaped, so that nothing is an operator of Typst itself: sizes, fractions and scripts are those of the tree.

use pulldown_latex::event::DelimiterType;

use super::{Node, ReportError, read};

/// A formula between dollars, on a line of its own if `display`.
pub fn typst(latex: &str, display: bool) -> Result<String, ReportError> {
    let written = write(&read(latex)?);
    Ok(if display { format!("$ {written} $") } else { format!("${written}$") })
}

fn write(node: &Node) -> String {
    match node {
        Node::Row(row) => joined(row),
        Node::Variable(letter) => marks(&letter.to_string()),
        // A bare string would keep the space behind it.
        Node::Name(name) | Node::Function(name) => format!("op({})", string(name)),
        Node::Text(text) => string(text),
        Node::Number(number) if number.bytes().all(|digit| digit.is_ascii_digit()) => number.clone(),
        Node::Number(number) => string(number),
        Node::Operator(operator) => marks(operator),
        Node::Large(operator) => operator.to_string(),
        Node::Delimiter { mark, side, height } => {
            let class = match side {
                DelimiterType::Open => "opening",
                DelimiterType::Close => "closing",
                DelimiterType::Fence => "fence",
            };
            let mark = marks(&mark.to_string());
            match height {
                None => format!("class(\"{class}\", {mark})"),
                Some(height) => format!("class(\"{class}\", lr({mark}, size: #{height}em))"),
            }
        }
        Node::Fenced(open, row, close) => {
            let mark = |mark: &Option<char>| mark.map(|mark| marks(&mark.to_string())).unwrap_or_default();
            format!("lr({} {} {})", mark(open), joined(row), mark(close))
        }
        Node::Fraction(top, bottom) => format!("frac({}, {})", write(top), write(bottom)),
        Node::Small(node) => format!("inline({})", write(node)),
        Node::SquareRoot(node) => format!("sqrt({})", write(node)),
        Node::Script { base, below, above } => {
            let mut script = format!("attach({}", write(base));
            if let Some(below) = below {
                script += &format!(", b: {}", write(below));
            }
            if let Some(above) = above {
                script += &format!(", t: {}", write(above));
            }
            script + ")"
        }
        Node::Accent(base, mark) => {
            let name = match mark {
                '^' => "hat",
                '~' => "tilde",
                '→' => "arrow",
                '¯' | '‾' | '_' => "macron",
                _ => return format!("accent({}, {})", write(base), string(&mark.to_string())),
            };
            format!("{name}({})", write(base))
        }
        Node::Space(width) => format!("#h({width}em)"),
    }
}

fn joined(row: &[Node]) -> String {
    row.iter().map(write).collect::<Vec<_>>().join(" ")
}

/// Letters and marks, none of which means anything to Typst.
fn marks(text: &str) -> String {
    text.chars()
        .map(|mark| match mark {
            '-' => "−".to_owned(),
            '*' => "∗".to_owned(),
            mark if mark.is_ascii_punctuation() => format!("\\{mark}"),
            mark => mark.to_string(),
        })
        .collect()
}

fn string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_written() {
        let written = |latex| typst(latex, false).unwrap();
        assert_eq!(written(r"\hat A = LR"), r"$hat(A) \= L R$");
        assert_eq!(written(r"O(n_k^2)"), "$O class(\"opening\", \\() attach(n, b: k, t: 2) class(\"closing\", \\))$");
        assert_eq!(written(r"\tfrac{a,b}{2}"), r#"$inline(frac(a \, b, 2))$"#);
        assert_eq!(written(r"\mathrm{orth}\ x"), "$op(\"orth\") #h(0.25em) x$");
    }
}
