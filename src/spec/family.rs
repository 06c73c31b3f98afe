//! The `[problem.LABEL]`, `[method.LABEL]` and `[study.LABEL]` tables: a kind each, and a grid of its parameters.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    Instance,
    diagnostic::{Diagnostic, Problems},
    property::{Property, properties},
    section::{Section, Swept, meaningless},
    spelling::{as_label, is_label, listed, nearest},
    sweep::Axis,
    tree::{Content, Entry, Node, Span, Table},
};
use crate::{method::MethodSpec, parameters::Invalid, problem::ProblemSpec, study::StudySpec};

/// No more problems of one table are listed: its grid repeats them.
const TOLD: usize = 20;

/// A registry of kinds: what [`crate::parameters::registry`] declares.
pub(super) trait Family: Sized {
    /// The first half of the tables' names.
    const TABLE: &'static str;
    const KINDS: &'static [&'static str];
    fn schemas() -> Vec<(&'static str, schemars::Schema)>;
    fn from_parameters(kind: &str, parameters: Map<String, Value>) -> Option<Result<Self, serde_json::Error>>;
    fn check(&self) -> Result<(), Invalid>;
    fn kind(&self) -> &'static str;
    fn parameters(&self) -> Map<String, Value>;
}

macro_rules! family {
    ($registry:ty, $table:literal) => {
        impl Family for $registry {
            const TABLE: &'static str = $table;
            const KINDS: &'static [&'static str] = <$registry>::KINDS;
            fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                <$registry>::schemas()
            }
            fn from_parameters(kind: &str, parameters: Map<String, Value>) -> Option<Result<Self, serde_json::Error>> {
                <$registry>::from_parameters(kind, parameters)
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
family!(ProblemSpec, "problem");
family!(MethodSpec, "method");
family!(StudySpec, "study");

/// One table, read but not expanded.
pub(super) struct Grid {
    pub label: String,
    /// The table's header.
    pub header: Span,
    pub kind: String,
    pub axes: Vec<Axis>,
    /// What its kind can hold.
    pub properties: Vec<Property>,
    /// Every key of the table was read; otherwise defaults stand in for what was written.
    pub complete: bool,
}

/// An instance and the table it came from.
pub(super) struct Placed<S> {
    pub instance: Instance<S>,
    /// Index of its [`Grid`].
    pub grid: usize,
    /// Which value of each axis it holds.
    pub indices: Vec<usize>,
}

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
    let section = Section { name: &name, header: Some(&header), properties, others: &["kind"], swept: Swept::All };
    let before = problems.count();
    let axes = section.read(table, problems);
    let complete = problems.count() == before;
    if properties.iter().any(|property| property.required && !axes.iter().any(|axis| axis.name == property.name)) {
        return None;
    }
    is_label(label).then(|| Grid { label: label.clone(), header, kind, axes, properties: properties.clone(), complete })
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

impl Grid {
    /// Points of the grid, whatever their number.
    pub fn size(&self) -> u128 {
        self.axes.iter().fold(1, |size, axis| size.saturating_mul(axis.count() as u128))
    }

    /// Where the value of a parameter was written, at one point of the grid.
    pub fn place_of(&self, parameter: &str, indices: &[usize]) -> &Span {
        let written = self.axes.iter().zip(indices).find(|(axis, _)| axis.name == parameter);
        written.map_or(&self.header, |(axis, &index)| axis.value_span(index))
    }
}

/// Every point of every grid, in the order of the text; the last key of a table moves fastest.
pub(super) fn expand<S: Family>(grids: &[Grid], problems: &mut Problems) -> Vec<Placed<S>> {
    let mut placed = Vec::new();
    for (number, grid) in grids.iter().enumerate() {
        let before = problems.count();
        let mut indices = Some(vec![0; grid.axes.len()]);
        while let Some(point) = indices
            && problems.count() < before + TOLD
        {
            match spec_at::<S>(grid, &point) {
                Ok(spec) => {
                    let instance = Instance { family: grid.label.clone(), variant: variant(grid, &point), spec };
                    placed.push(Placed { instance, grid: number, indices: point.clone() });
                }
                Err(Refused { parameter, problem }) => {
                    // With a default in the place of what was written, only what was written can be wrong.
                    if grid.complete || parameter.is_some_and(|name| grid.axes.iter().any(|axis| axis.name == name)) {
                        problems.push(problem);
                    }
                }
            }
            indices = next(point, &grid.axes);
        }
    }
    refuse_repetitions(grids, &placed, problems);
    placed
}

fn next(mut point: Vec<usize>, axes: &[Axis]) -> Option<Vec<usize>> {
    for (index, axis) in point.iter_mut().zip(axes).rev() {
        *index += 1;
        if *index < axis.count() {
            return Some(point);
        }
        *index = 0;
    }
    None
}

/// Why a point of a grid has no meaning.
struct Refused {
    /// The parameter to blame, if it is one.
    parameter: Option<String>,
    problem: Diagnostic,
}

fn spec_at<S: Family>(grid: &Grid, point: &[usize]) -> Result<S, Refused> {
    let parameters = grid.axes.iter().zip(point).map(|(axis, &index)| (axis.name.clone(), axis.value(index))).collect();
    let owner = format!("{} `{}`", S::TABLE, grid.label);
    let refused = |parameter: Option<String>, problem| Err(Refused { parameter, problem });
    match S::from_parameters(&grid.kind, parameters) {
        Some(Ok(spec)) => match spec.check() {
            Ok(()) => Ok(spec),
            Err(invalid) => {
                let problem = meaningless(&invalid, &owner, grid.place_of(invalid.parameter, point));
                refused(Some(invalid.parameter.to_owned()), problem)
            }
        },
        // The schema has been satisfied, so this is a rule that only the struct knows.
        Some(Err(error)) => {
            let message = error.to_string();
            let blamed = grid.axes.iter().find(|axis| message.contains(&format!("`{}`", axis.name)));
            let span = blamed.map_or(&grid.header, |axis| grid.place_of(&axis.name, point));
            let help = format!("see `{}.{}` in the JSON Schema (`factoreo schema`)", S::TABLE, grid.kind);
            let problem = Diagnostic::new(span, format!("{owner}: {message}"), "impossible", help);
            refused(blamed.map(|axis| axis.name.clone()), problem)
        }
        None => {
            let help = listed(S::KINDS.iter().copied());
            let title = format!("`{}` is not a kind of {}", grid.kind, S::TABLE);
            refused(None, Diagnostic::new(&grid.header, title, "unknown kind", help))
        }
    }
}

/// The swept parameters of one point: `head=layer0.head3, causal=true`.
fn variant(grid: &Grid, point: &[usize]) -> String {
    let swept = grid.axes.iter().zip(point).filter(|(axis, _)| axis.count() > 1);
    let values = swept.map(|(axis, &index)| match axis.value(index) {
        Value::String(text) => format!("{}={text}", axis.name),
        Value::Number(number) if number.is_f64() => format!("{}={}", axis.name, number.as_f64().unwrap_or(f64::NAN)),
        other => format!("{}={other}", axis.name),
    });
    values.collect::<Vec<_>>().join(", ")
}

/// Two tables that ask for the same thing would be one cell under two names.
fn refuse_repetitions<S: Family>(grids: &[Grid], placed: &[Placed<S>], problems: &mut Problems) {
    let mut first: HashMap<String, usize> = HashMap::with_capacity(placed.len());
    for Placed { instance, grid, .. } in placed {
        let identity = format!("{} {}", instance.spec.kind(), Value::Object(instance.spec.parameters()));
        let earlier = *first.entry(identity).or_insert(*grid);
        if earlier != *grid {
            let (family, label) = (S::TABLE, &grids[earlier].label);
            let title = format!("`{family}.{}` asks for the same as `{family}.{label}`", instance.family);
            let help = "change a parameter of one of the two, or remove it";
            problems.push(Diagnostic::new(&grids[*grid].header, title, "same kind, same parameters", help));
        }
    }
}
