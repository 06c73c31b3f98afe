//! What is wrong with a spec, where, and what to write instead.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use super::tree::Span;

/// No more than these are printed; a file with more has one cause.
const PRINTED: usize = 40;

/// No more than these are kept: every new one is compared with those before it.
const TOLD: usize = 1000;

/// One problem of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Bytes of the spec to underline; `None` if the problem is the file itself.
    span: Option<Span>,
    /// What is wrong, in one clause, in lower case.
    title: String,
    /// What stands beside the underline.
    label: String,
    /// What to write instead.
    help: String,
}

impl Diagnostic {
    pub(super) fn new(
        span: &Span,
        title: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self { span: Some(span.clone()), title: title.into(), label: label.into(), help: help.into() }
    }

    /// A problem of the file as a whole.
    pub(super) fn of_file(title: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span: None, title: title.into(), label: String::new(), help: help.into() }
    }

    fn render(&self, renderer: &Renderer, path: &str, source: &str) -> String {
        let title = Level::ERROR.primary_title(&self.title);
        let group = match &self.span {
            None => Group::with_title(title).element(Origin::path(path)),
            Some(span) => {
                let annotation = AnnotationKind::Primary.span(on_one_line(span, source)).label(&self.label);
                Group::with_title(title).element(Snippet::source(source).path(path).annotation(annotation))
            }
        };
        renderer.render(&[group.element(Level::HELP.message(normalize_untrusted_str(&self.help)))])
    }
}

/// The part of a span that stands on its first line, without the line's end: the whole of a long list would bury the message.
fn on_one_line(span: &Span, source: &str) -> Span {
    let start = source.floor_char_boundary(span.start.min(source.len()));
    let end = source.ceil_char_boundary(span.end.min(source.len())).max(start);
    let line = source[start..end].lines().next().unwrap_or_default();
    start..start + line.trim_end().len()
}

/// Every problem of one spec, in the order of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    path: String,
    source: String,
    problems: Vec<Diagnostic>,
    /// What was not done because of them.
    not_done: &'static str,
}

impl Diagnostics {
    pub(super) fn new(path: String, source: String, mut problems: Vec<Diagnostic>) -> Self {
        problems.sort_by_key(|problem| problem.span.as_ref().map(|span| (span.start, span.end)));
        Self { path, source, problems, not_done: "nothing was run" }
    }

    /// The same problems, of a file that is not run.
    pub(super) fn nothing_written(self) -> Self {
        Self { not_done: "nothing was written", ..self }
    }

    /// How many problems there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Every problem with file:line:column, its line underlined and what to write instead; with colours or plain.
    #[must_use]
    pub fn render(&self, colours: bool) -> String {
        let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for problem in self.problems.iter().take(PRINTED) {
            text += &problem.render(&renderer, &self.path, &self.source);
            text += "\n\n";
        }
        if let Some(more @ 1..) = self.count().checked_sub(PRINTED) {
            text += &format!("… and {more} more like these\n\n");
        }
        let errors = if self.count() == 1 { "1 error".to_owned() } else { format!("{} errors", self.count()) };
        text + &format!("{errors} in {}: {}", self.path, self.not_done)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// Where the readers leave what they find wrong, each problem once.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Diagnostic>,
    /// Which of them say that something is absent.
    absences: Vec<bool>,
}

impl Problems {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.push_as(diagnostic, false);
    }

    /// Something is missing: not worth saying where the text could not be read to its end.
    pub fn push_absence(&mut self, diagnostic: Diagnostic) {
        self.push_as(diagnostic, true);
    }

    fn push_as(&mut self, diagnostic: Diagnostic, absence: bool) {
        if self.found.len() < TOLD && !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
            self.absences.push(absence);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether a part of this span is underlined already.
    pub fn has_within(&self, span: &Span) -> bool {
        self.found.iter().filter_map(|found| found.span.as_ref()).any(|at| span.start <= at.start && at.end <= span.end)
    }

    /// Adds what the parser found, and drops what follows from it: absences, and anything on the same lines.
    pub fn after_syntax_errors(self, syntax: Vec<Diagnostic>, source: &str) -> Vec<Diagnostic> {
        if syntax.is_empty() {
            return self.found;
        }
        let line = |diagnostic: &Diagnostic| {
            let start = diagnostic.span.as_ref().map_or(0, |span| span.start.min(source.len()));
            source.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count()
        };
        let broken: Vec<usize> = syntax.iter().map(line).collect();
        let independent = self
            .found
            .into_iter()
            .zip(self.absences)
            .filter(|(found, absence)| !absence && !broken.contains(&line(found)));
        let independent: Vec<Diagnostic> = independent.map(|(found, _)| found).collect();
        syntax.into_iter().chain(independent).collect()
    }
}
