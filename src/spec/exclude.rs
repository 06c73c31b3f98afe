//! `[[exclude]]`: cells of the grid that are not of the experiment.

use serde_json::Value;

use super::{
    Instance,
    diagnostic::{Diagnostic, Problems},
    grid::Grid,
    spelling::{listed, nearest},
    tree::{Content, Entry, Node, Span, Table},
};
use crate::{method::MethodSpec, problem::ProblemSpec};

/// What a cell must be to be left out: all of its conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclude {
    conditions: Vec<(Key, Vec<Condition>)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Problem,
    Method,
    TargetRank,
    Parameter(String),
}

/// One value, or all on one side of a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    Is(Value),
    Compares(Comparison, f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Exclude {
    /// Whether it leaves out the cells of this problem under this method at this rank. A rank that is not known yet, because it
    /// takes the singular values, is every rank; what has none, a baseline, is at no rank.
    #[must_use]
    pub fn leaves_out(
        &self,
        problem: &Instance<ProblemSpec>,
        method: &Instance<MethodSpec>,
        rank: Option<AtRank>,
    ) -> bool {
        let (of_problem, of_method) = (problem.spec.parameters(), method.spec.parameters());
        self.conditions.iter().all(|(key, any)| {
            let meets = |value: &Value| any.iter().any(|condition| condition.is_met_by(value));
            match key {
                Key::Problem => meets(&Value::from(problem.family.as_str())),
                Key::Method => meets(&Value::from(method.family.as_str())),
                Key::TargetRank => match rank {
                    None => false,
                    Some(AtRank::Unknown) => true,
                    Some(AtRank::Of(rank)) => meets(&Value::from(rank)),
                },
                Key::Parameter(name) => of_problem.get(name).or_else(|| of_method.get(name)).is_some_and(meets),
            }
        })
    }
}

/// The rank of a cell, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtRank {
    Of(usize),
    Unknown,
}

impl Condition {
    pub(super) fn is_met_by(&self, value: &Value) -> bool {
        match self {
            Self::Is(wanted) => match (wanted.as_f64(), value.as_f64()) {
                (Some(wanted), Some(value)) => wanted.total_cmp(&value).is_eq(),
                _ => wanted == value,
            },
            Self::Compares(comparison, number) => value.as_f64().is_some_and(|value| match comparison {
                Comparison::Above => value > *number,
                Comparison::AtLeast => value >= *number,
                Comparison::Below => value < *number,
                Comparison::AtMost => value <= *number,
            }),
        }
    }

    /// `"> 128"`; any other text is itself.
    pub(super) fn of(text: &str) -> Self {
        let signs = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ];
        let compared = signs.into_iter().find_map(|(sign, comparison)| {
            let number: f64 = text.trim().strip_prefix(sign)?.trim().parse().ok()?;
            number.is_finite().then_some(Self::Compares(comparison, number))
        });
        compared.unwrap_or_else(|| Self::Is(Value::from(text)))
    }
}

const HELP: &str = "for example `[[exclude]]` with `problem = \"LABEL\"`, `method = \"LABEL\"`, a parameter, or \
                    `target_rank = \"> 128\"` below it";

/// Every `[[exclude]]` that can be read, and where it stands.
pub(super) fn read(document: &Table, grids: [&[Grid]; 2], problems: &mut Problems) -> Vec<(Exclude, Span)> {
    let Some(entry) = document.get("exclude") else { return Vec::new() };
    let tables: Option<Vec<(&Node, &Table)>> = match &entry.node.content {
        Content::List(nodes) => nodes
            .iter()
            .map(|node| if let Content::Table(table) = &node.content { Some((node, table)) } else { None })
            .collect(),
        _ => None,
    };
    let Some(tables) = tables else {
        let what = entry.node.content.what();
        let title = "`exclude` must be tables with two brackets, `[[exclude]]`";
        problems.push(Diagnostic::new(&entry.key_span, title, format!("this is {what}"), HELP));
        return Vec::new();
    };
    let read = |(node, table): (&Node, &Table)| {
        let before = problems.count();
        let conditions: Vec<_> = table.entries.iter().filter_map(|entry| condition(entry, grids, problems)).collect();
        if table.entries.is_empty() {
            let title = "an `[[exclude]]` without keys would leave nothing";
            problems.push(Diagnostic::new(&node.span, title, "empty", HELP));
        }
        (problems.count() == before).then(|| (Exclude { conditions }, node.span.clone()))
    };
    tables.into_iter().filter_map(read).collect()
}

fn condition(entry: &Entry, grids: [&[Grid]; 2], problems: &mut Problems) -> Option<(Key, Vec<Condition>)> {
    let labels = |grids: &[Grid]| -> Vec<String> { grids.iter().map(|grid| grid.label.clone()).collect() };
    let [of_problems, of_methods] = grids;
    let (key, known) = match entry.key.as_str() {
        "problem" => (Key::Problem, Some(labels(of_problems))),
        "method" => (Key::Method, Some(labels(of_methods))),
        "target_rank" => (Key::TargetRank, None),
        name => {
            let all = || grids.into_iter().flatten().flat_map(|grid| &grid.properties).map(|property| &*property.name);
            if !all().any(|known| known == name) {
                let help = match nearest(name, all().chain(["problem", "method", "target_rank"])) {
                    Some(near) => format!("write `{near}`"),
                    None => HELP.to_owned(),
                };
                let title = format!("`{}` is no parameter of a problem or method here", name.escape_debug());
                problems.push(Diagnostic::new(&entry.key_span, title, "unknown key", help));
                return None;
            }
            (Key::Parameter(name.to_owned()), None)
        }
    };
    let nodes = match &entry.node.content {
        Content::List(nodes) if !nodes.is_empty() => nodes.iter().collect(),
        _ => vec![&entry.node],
    };
    let mut any = Vec::new();
    for node in nodes {
        let found = match &node.content {
            Content::Text(text) => Condition::of(text),
            #[allow(clippy::cast_precision_loss, reason = "compared with numbers of f64")]
            Content::Integer(integer) => Condition::Is(Value::from(*integer as f64)),
            Content::Float(float) => Condition::Is(Value::from(*float)),
            Content::Boolean(boolean) => Condition::Is(Value::from(*boolean)),
            other => {
                let title = format!("`{}` of an `[[exclude]]` cannot be {}", entry.key, other.what());
                problems.push(Diagnostic::new(&node.span, title, "not a value", HELP));
                return None;
            }
        };
        let refused = match (&found, &known) {
            (Condition::Is(Value::String(label)), Some(labels)) if labels.contains(label) => None,
            (Condition::Is(Value::String(label)), Some(labels)) => {
                let all = || labels.iter().map(String::as_str);
                let help = match nearest(label, all()) {
                    Some(near) => format!("write `\"{near}\"`"),
                    None => format!("write one of {}", listed(all())),
                };
                Some((format!("the spec has no {} `{}`", entry.key, label.escape_debug()), help))
            }
            (_, Some(_)) => Some((format!("`{}` must be a label", entry.key), HELP.to_owned())),
            (Condition::Is(Value::String(text)), None) if key == Key::TargetRank => {
                let help = "write a number, or a comparison such as `target_rank = \"> 128\"`; relative ranks are compared as \
                            the ranks they give";
                Some((format!("`target_rank` cannot be `{}`", text.escape_debug()), help.to_owned()))
            }
            _ => None,
        };
        if let Some((title, help)) = refused {
            problems.push(Diagnostic::new(&node.span, title, "leaves nothing out", help));
            return None;
        }
        any.push(found);
    }
    Some((key, any))
}
