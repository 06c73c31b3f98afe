//! The LaTeX of templates as a tree, from which every writer sets its formulas: no reader's browser or printer reads LaTeX.

mod mathml;
#[cfg(feature = "pdf")]
mod typst;

use pulldown_latex::{
    Event, Parser, Storage,
    event::{
        Content, DelimiterSize, DelimiterType, Dimension, DimensionUnit, Font, Grouping, ScriptPosition, ScriptType,
        StateChange, Style, Visual,
    },
};

use super::ReportError;
pub use mathml::mathml;
#[cfg(feature = "pdf")]
pub use typst::typst;

/// A part of a formula.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Row(Vec<Node>),
    /// One letter of a variable, in italics unless it is a capital Greek one or of a special alphabet.
    Variable(char),
    /// Letters of a name, upright: `orth`.
    Name(String),
    /// The name of a function, which stands apart from what it is applied to: `exp`.
    Function(String),
    Number(String),
    Text(String),
    /// A relation, an operation or a mark of punctuation.
    Operator(String),
    /// Σ and its like, with limits where there is room.
    Large(char),
    Delimiter {
        mark: char,
        side: DelimiterType,
        /// In em; as high as the letters if `None`.
        height: Option<f32>,
    },
    /// What stands between delimiters that grow with it.
    Fenced(Option<char>, Vec<Node>, Option<char>),
    Fraction(Box<Node>, Box<Node>),
    /// At the size of a line of text.
    Small(Box<Node>),
    SquareRoot(Box<Node>),
    Script {
        base: Box<Node>,
        below: Option<Box<Node>>,
        above: Option<Box<Node>>,
    },
    /// A mark over a letter: a hat, a tilde.
    Accent(Box<Node>, char),
    /// In em.
    Space(f32),
}

/// Reads a formula.
fn read(latex: &str) -> Result<Node, ReportError> {
    let fault = |reason: String| ReportError::Formula { latex: latex.trim().to_owned(), reason };
    let storage = Storage::new();
    let events: Vec<Event<'_>> =
        Parser::new(latex, &storage).collect::<Result<_, _>>().map_err(|error| fault(error.to_string()))?;
    let mut reader = Reader { events: events.into_iter(), font: None };
    reader.row(false).map(one).map_err(fault)
}

struct Reader<'a> {
    events: std::vec::IntoIter<Event<'a>>,
    font: Option<Font>,
}

impl<'a> Reader<'a> {
    /// Elements up to the end of the group, or of the formula.
    fn row(&mut self, in_group: bool) -> Result<Vec<Node>, String> {
        let font = self.font;
        let mut row: Vec<Node> = Vec::new();
        // Where text of a smaller size begins.
        let mut small = None;
        loop {
            match self.events.next() {
                None if in_group => return Err("a group has no end".to_owned()),
                None | Some(Event::End) => break,
                Some(Event::StateChange(StateChange::Font(font))) => self.font = font,
                Some(Event::StateChange(StateChange::Style(Style::Text))) => small = Some(row.len()),
                Some(Event::StateChange(StateChange::Style(Style::Display))) => small = None,
                Some(event) => {
                    let node = self.element(event)?;
                    match (row.last_mut(), node) {
                        (Some(Node::Name(name)), Node::Name(more)) => name.push_str(&more),
                        (_, node) => row.push(node),
                    }
                }
            }
        }
        self.font = font;
        if let Some(start) = small {
            let tail = row.split_off(start);
            row.push(Node::Small(Box::new(one(tail))));
        }
        Ok(row)
    }

    fn next(&mut self) -> Result<Node, String> {
        let event = self.events.next().ok_or("it ends too soon")?;
        self.element(event)
    }

    fn boxed(&mut self) -> Result<Box<Node>, String> {
        self.next().map(Box::new)
    }

    fn element(&mut self, event: Event<'a>) -> Result<Node, String> {
        Ok(match event {
            Event::Content(content) => self.content(content)?,
            Event::Begin(Grouping::Normal) => one(self.row(true)?),
            Event::Begin(Grouping::LeftRight(open, close)) => Node::Fenced(open, self.row(true)?, close),
            Event::Visual(Visual::SquareRoot) => Node::SquareRoot(self.boxed()?),
            Event::Visual(Visual::Fraction(None)) => Node::Fraction(self.boxed()?, self.boxed()?),
            Event::Script { ty: ScriptType::Superscript, position: ScriptPosition::AboveBelow } => {
                let base = self.boxed()?;
                match self.next()? {
                    Node::Variable(mark) => Node::Accent(base, mark),
                    above => Node::Script { base, below: None, above: Some(Box::new(above)) },
                }
            }
            Event::Script { ty, .. } => {
                let base = self.boxed()?;
                let below = if ty == ScriptType::Superscript { None } else { Some(self.boxed()?) };
                let above = if ty == ScriptType::Subscript { None } else { Some(self.boxed()?) };
                Node::Script { base, below, above }
            }
            Event::Space { width, .. } => Node::Space(width.map_or(Ok(0.0), em)?),
            other => return Err(format!("{other:?} is not known here")),
        })
    }

    fn content(&self, content: Content<'a>) -> Result<Node, String> {
        Ok(match content {
            // What the parser makes of `\ `.
            Content::Text("&nbsp;") => Node::Space(0.25),
            Content::Text(text) => Node::Text(text.to_owned()),
            Content::Number(number) => Node::Number(number.to_owned()),
            Content::Function(name) => Node::Function(name.to_owned()),
            Content::Ordinary { content, .. } => self.letter(content)?,
            Content::LargeOp { content, .. } => Node::Large(content),
            Content::BinaryOp { content, .. } => Node::Operator(content.to_string()),
            Content::Relation { content, .. } => {
                let mut buffer = [0; 8];
                Node::Operator(String::from_utf8_lossy(content.encode_utf8_to_buf(&mut buffer)).into_owned())
            }
            Content::Punctuation(mark) => Node::Operator(mark.to_string()),
            Content::Delimiter { content, size, ty } => {
                let height = size.map(|size| match size {
                    DelimiterSize::Big => 1.2,
                    DelimiterSize::BIG => 1.8,
                    DelimiterSize::Bigg => 2.4,
                    DelimiterSize::BIGG => 3.0,
                });
                Node::Delimiter { mark: content, side: ty, height }
            }
        })
    }

    fn letter(&self, letter: char) -> Result<Node, String> {
        let shifted = |first: char, to: u32| char::from_u32(to + letter as u32 - first as u32).unwrap_or(letter);
        Ok(match self.font {
            None | Some(Font::Italic) => Node::Variable(letter),
            Some(Font::UpRight) => Node::Name(letter.to_string()),
            Some(Font::Bold | Font::BoldSymbol) if letter.is_ascii_uppercase() => Node::Variable(shifted('A', 0x1D400)),
            Some(Font::Bold | Font::BoldSymbol) if letter.is_ascii_lowercase() => Node::Variable(shifted('a', 0x1D41A)),
            Some(Font::DoubleStruck) if letter.is_ascii_uppercase() => Node::Variable(match letter {
                'C' => 'ℂ',
                'H' => 'ℍ',
                'N' => 'ℕ',
                'P' => 'ℙ',
                'Q' => 'ℚ',
                'R' => 'ℝ',
                'Z' => 'ℤ',
                _ => shifted('A', 0x1D538),
            }),
            Some(font) => return Err(format!("the letter {letter} in the font {font:?} is not known here")),
        })
    }
}

/// A row of one element is that element.
fn one(mut row: Vec<Node>) -> Node {
    match row.pop() {
        Some(only) if row.is_empty() => only,
        last => Node::Row(row.into_iter().chain(last).collect()),
    }
}

fn em(Dimension { value, unit }: Dimension) -> Result<f32, String> {
    Ok(match unit {
        DimensionUnit::Em => value,
        DimensionUnit::Mu => value / 18.0,
        DimensionUnit::Ex => value * 0.45,
        DimensionUnit::Pt => value / 10.0,
        other => return Err(format!("the unit {other:?} is not known here")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{Event as Markdown, Options, Parser as MarkdownParser};

    /// Every formula of every template of both languages.
    pub(super) fn formulas() -> Vec<(String, String)> {
        let mut formulas = Vec::new();
        for (name, source) in crate::report::wording::sources() {
            for event in MarkdownParser::new_ext(&source, Options::ENABLE_MATH) {
                if let Markdown::InlineMath(latex) | Markdown::DisplayMath(latex) = event {
                    formulas.push((name.clone(), latex.to_string()));
                }
            }
        }
        formulas
    }

    #[test]
    fn every_formula_of_both_languages_is_understood() {
        let formulas = formulas();
        assert!(formulas.len() > 100, "{}", formulas.len());
        for (name, latex) in formulas {
            read(&latex).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for latex in [r"\begin{matrix} a \end{matrix}", r"\frac{a}", r"\unknowncommand", r"\mathfrak{g}"] {
            let words = read(latex).unwrap_err().to_string();
            assert!(words.contains("cannot be set") && words.contains(latex), "{words}");
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let Node::Row(row) = read(r"\hat A = \mathrm{orth}(x)^2").unwrap() else { panic!() };
        assert_eq!(row[0], Node::Accent(Box::new(Node::Variable('A')), '^'));
        assert_eq!(row[2], Node::Name("orth".to_owned()));
        assert!(matches!(&row[5], Node::Script { above: Some(_), below: None, .. }), "{row:?}");
        assert_eq!(read(r"\tfrac12").unwrap().to_owned(), read(r"\tfrac{1}{2}").unwrap());
    }
}
