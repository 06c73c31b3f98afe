//! The `[problem.LABEL]`, `[method.LABEL]` and `[study.LABEL]` tables: a kind each, and its parameters.

use serde_json::{Map, Value};

use super::{
    diagnostic::{Diagnostic, Problems},
    document::Draws,
    grid::{self, Grid},
    property::{Property, properties},
    section::{Section, Swept, properties_of},
    spelling::{as_label, is_label, listed, nearest},
    sweep::Axis,
    tree::{Content, Entry, Node, Span, Table},
};
use crate::{
    method::MethodSpec,
    parameters::{Belongs, Invalid},
    problem::ProblemSpec,
    study::StudySpec,
};

/// A registry of kinds: what [`crate::parameters::registry`] declares.
pub(super) trait Family: Sized {
    /// The first half of the tables' names.
    const TABLE: &'static str;
    /// Whether its tables may have target ranks of their own.
    const HAS_RANKS: bool;
    const KINDS: &'static [&'static str];
    fn schemas() -> Vec<(&'static str, schemars::Schema)>;
    fn from_parameters(kind: &str, parameters: Map<String, Value>) -> Option<Result<Self, serde_json::Error>>;
    /// The parameters of a kind that another's value makes idle.
    fn belongs(kind: &str) -> &'static [Belongs];
    fn check(&self) -> Result<(), Invalid>;
    fn kind(&self) -> &'static str;
    fn parameters(&self) -> Map<String, Value>;
}

macro_rules! family {
    ($registry:ty, $table:literal, $has_ranks:literal) => {
        impl Family for $registry {
            const TABLE: &'static str = $table;
            const HAS_RANKS: bool = $has_ranks;
            const KINDS: &'static [&'static str] = <$registry>::KINDS;
            fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                <$registry>::schemas()
            }
            fn from_parameters(kind: &str, parameters: Map<String, Value>) -> Option<Result<Self, serde_json::Error>> {
                <$registry>::from_parameters(kind, parameters)
            }
            fn belongs(kind: &str) -> &'static [Belongs] {
                <$registry>::belongs(kind)
            }
            fn check(&self) -> Result<(), Invalid> {
                self.check()
            }
            fn kind(&self) -> &'static str {
                self.kind()
            }
            fn parameters(&self) -> Map<String, Value> {
                self.parameters()
            }
        }
    };
}
family!(ProblemSpec, "problem", true);
family!(MethodSpec, "method", true);
family!(StudySpec, "study", false);

/// Every table of a family; whatever cannot be read is left out and reported.
pub(super) fn read<S: Family>(document: &Table, problems: &mut Problems) -> Vec<Grid> {
    let family = S::TABLE;
    let help = format!("add a table such as `[{family}.{}]`", S::KINDS.first().unwrap_or(&"label"));
    let Some(entry) = document.get(family) else {
        problems.push_absence(Diagnostic::of_file(format!("the spec has no {family}"), help));
        return Vec::new();
    };
    let Content::Table(tables) = &entry.node.content else {
        let what = entry.node.content.what();
        let title = format!("`{family}` must be tables, not {what}");
        problems.push(Diagnostic::new(&entry.node.span, title, format!("this is {what}"), help));
        return Vec::new();
    };
    if tables.entries.is_empty() {
        problems.push_absence(Diagnostic::new(&entry.node.span, format!("the spec has no {family}"), "empty", help));
    }
    if let Some(lost) = label_lost::<S>(entry, tables) {
        problems.push(lost);
        return Vec::new();
    }
    let kinds: Vec<(&str, Vec<Property>)> =
        S::schemas().iter().map(|(kind, schema)| (*kind, properties(schema.as_value()))).collect();
    tables.entries.iter().filter_map(|entry| grid::<S>(entry, &kinds, problems)).collect()
}

/// `[problem]` with the keys of a problem right below it.
fn label_lost<S: Family>(entry: &Entry, tables: &Table) -> Option<Diagnostic> {
    let value = |entry: &Entry| !matches!(entry.node.content, Content::Table(_) | Content::List(_));
    if tables.entries.is_empty() || !tables.entries.iter().all(value) {
        return None;
    }
    let family = S::TABLE;
    let label = match tables.get("kind").map(|entry| &entry.node.content) {
        Some(Content::Text(kind)) if is_label(kind) => kind,
        _ => "LABEL",
    };
    let help = format!("write `[{family}.{label}]`: any label will do, and there may be several such tables");
    let title = format!("the table of this {family} has no label");
    Some(Diagnostic::new(&header_of(entry), title, "no label", help))
}

fn grid<S: Family>(entry: &Entry, kinds: &[(&str, Vec<Property>)], problems: &mut Problems) -> Option<Grid> {
    let (family, label) = (S::TABLE, &entry.key);
    if !is_label(label) {
        let title = format!("`{}` cannot be a label", label.escape_debug());
        let help = format!("use letters without accents, digits, `_` and `-`: `[{family}.{}]`", as_label(label));
        problems.push(Diagnostic::new(&entry.key_span, title, "a character that is not allowed", help));
    }
    let Content::Table(table) = &entry.node.content else {
        let what = entry.node.content.what();
        let title = format!("`{family}.{}` must be a table, not {what}", label.escape_debug());
        let help = match entry.node.content {
            Content::List(_) => format!("write `[{family}.{}]` once; its keys may hold lists", as_label(label)),
            _ => format!("write `[{family}.LABEL]` with a label of your choice, and its keys below"),
        };
        problems.push(Diagnostic::new(&entry.node.span, title, format!("this is {what}"), help));
        return None;
    };
    let kind = kind::<S>(entry, table, problems)?;
    let (_, properties) = kinds.iter().find(|(known, _)| *known == kind)?;
    let name = format!("{family} kind `{kind}`");
    let header = header_of(entry);
    let walking = grid::walking(table);
    let section = Section {
        name: &name,
        header: Some(&header),
        properties,
        others: &["kind", "together", "target_rank"][..if S::HAS_RANKS { 3 } else { 2 }],
        swept: Swept::All { walking: &walking },
    };
    let before = problems.count();
    let axes = section.read(table, problems);
    let together = grid::together(table, &axes, problems);
    let ranks = table.get("target_rank").filter(|_| S::HAS_RANKS).and_then(|entry| {
        let draws = properties_of::<Draws>();
        let property = draws.iter().find(|property| property.name == entry.key)?;
        Axis::read(property, entry, false, problems)
    });
    let complete = problems.count() == before;
    if properties.iter().any(|property| property.required && !axes.iter().any(|axis| axis.name == property.name)) {
        return None;
    }
    is_label(label).then(|| Grid {
        label: label.clone(),
        header,
        kind,
        axes,
        ranks,
        together,
        properties: properties.clone(),
        complete,
    })
}

/// What to underline when a whole table is meant: its header, or its key if it has none.
pub(super) fn header_of(entry: &Entry) -> Span {
    if entry.node.span.start < entry.key_span.start { entry.node.span.clone() } else { entry.key_span.clone() }
}

/// The registered kind of a table: its `kind`, or its label.
fn kind<S: Family>(entry: &Entry, table: &Table, problems: &mut Problems) -> Option<String> {
    let (written, node) = match table.get("kind").map(|entry| &entry.node) {
        Some(Node { content: Content::Text(kind), span }) => (kind, Some(span)),
        Some(other) => {
            let what = other.content.what();
            let help = format!("write one of {}", listed(S::KINDS.iter().copied()));
            let title = format!("`kind` must be one string, not {what}");
            problems.push(Diagnostic::new(&other.span, title, format!("this is {what}"), help));
            return None;
        }
        None => (&entry.key, None),
    };
    if S::KINDS.contains(&written.as_str()) {
        return Some(written.clone());
    }
    let family = S::TABLE;
    let near = nearest(written, S::KINDS.iter().copied());
    let all = listed(S::KINDS.iter().copied());
    let title = format!("`{}` is not a kind of {family}", written.escape_debug());
    problems.push(match (node, near) {
        (Some(span), Some(near)) => {
            Diagnostic::new(span, title, "unknown kind", format!("write `kind = \"{near}\"`; there are {all}"))
        }
        (Some(span), None) => Diagnostic::new(span, title, "unknown kind", format!("there are {all}")),
        (None, Some(near)) => {
            let help =
                format!("write `[{family}.{near}]`, or keep the label and add `kind = \"{near}\"`; there are {all}");
            Diagnostic::new(&entry.key_span, title, "unknown kind", help)
        }
        (None, None) => {
            let help = format!("add the `kind` of this table: {all}");
            Diagnostic::new(&entry.key_span, title, "neither a kind nor a table with a `kind`", help)
        }
    });
    None
}
