//! A key that takes one value, several, or a range of them: one axis of a grid.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    LARGEST_GRID,
    diagnostic::{Diagnostic, Problems},
    property::{Property, Shape},
    tree::{Content, Entry, Node, Span, Table},
    value::integer_value,
};

/// A key and every value it takes.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub name: String,
    pub key_span: Span,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    /// As written, each in its place.
    Listed(Vec<(Value, Span)>),
    /// from, from + step, …: not expanded until the size of the grid is known.
    Integers {
        from: i128,
        step: i128,
        count: usize,
        span: Span,
    },
    /// from, from·factor, …
    Powers {
        from: i128,
        factor: i128,
        count: usize,
        span: Span,
    },
    /// The same in decimal numbers.
    Decimals {
        from: f64,
        step: f64,
        count: usize,
        span: Span,
    },
    DecimalPowers {
        from: f64,
        factor: f64,
        count: usize,
        span: Span,
    },
}

impl Axis {
    /// How many values, at least one.
    pub fn count(&self) -> usize {
        match &self.values {
            Values::Listed(values) => values.len(),
            Values::Integers { count, .. }
            | Values::Powers { count, .. }
            | Values::Decimals { count, .. }
            | Values::DecimalPowers { count, .. } => *count,
        }
    }

    /// The value at `index` < [`Self::count`].
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "an index below the largest grid")]
    pub fn value(&self, index: usize) -> Value {
        match &self.values {
            Values::Listed(values) => values[index].0.clone(),
            Values::Integers { from, step, .. } => integer_value(from + step * index as i128),
            Values::Powers { from, factor, .. } => integer_value(from * factor.pow(index as u32)),
            Values::Decimals { from, step, .. } => Value::from(rounded(from + step * index as f64)),
            Values::DecimalPowers { from, factor, .. } => Value::from(rounded(from * factor.powi(index as i32))),
        }
    }

    /// Where the value at `index` < [`Self::count`] was written.
    pub fn value_span(&self, index: usize) -> &Span {
        match &self.values {
            Values::Listed(values) => &values[index].1,
            Values::Integers { span, .. }
            | Values::Powers { span, .. }
            | Values::Decimals { span, .. }
            | Values::DecimalPowers { span, .. } => span,
        }
    }

    /// Puts values, each with the place it comes from, in the place of its own.
    pub fn list(&mut self, values: Vec<(Value, Span)>) {
        self.values = Values::Listed(values);
    }

    /// Everything that was written for it.
    pub fn span(&self) -> Span {
        match &self.values {
            Values::Listed(values) => match (values.first(), values.last()) {
                (Some((_, first)), Some((_, last))) => first.start..last.end,
                _ => self.key_span.clone(),
            },
            Values::Integers { span, .. }
            | Values::Powers { span, .. }
            | Values::Decimals { span, .. }
            | Values::DecimalPowers { span, .. } => span.clone(),
        }
    }

    /// Every value, in order.
    pub fn values(&self) -> impl Iterator<Item = (Value, &Span)> {
        (0..self.count()).map(|index| (self.value(index), self.value_span(index)))
    }

    /// Reads a key as one value and nothing else.
    pub fn single(property: &Property, entry: &Entry) -> Result<Self, Diagnostic> {
        let value = property.accept(&entry.node)?;
        Ok(Self::of(entry, Values::Listed(vec![(value, entry.node.span.clone())])))
    }

    /// Reads a key as a value, a list of values or a range.
    /// A value may stand twice in a list that `walks` with another.
    pub fn read(property: &Property, entry: &Entry, walks: bool, problems: &mut Problems) -> Option<Self> {
        let values = match (&entry.node.content, &property.shape) {
            (Content::List(nodes), shape) if sweeps(nodes, shape) => {
                list(property, &entry.node, nodes, walks, problems)?
            }
            (Content::Table(table), shape) if shape.is_numeric() => match range(property, &entry.node.span, table) {
                Ok(values) => values,
                Err(found) => {
                    found.into_iter().for_each(|problem| problems.push(problem));
                    return None;
                }
            },
            _ => match Self::single(property, entry) {
                Ok(axis) => return Some(axis),
                Err(problem) => {
                    problems.push(problem);
                    return None;
                }
            },
        };
        Some(Self::of(entry, values))
    }

    fn of(entry: &Entry, values: Values) -> Self {
        Self { name: entry.key.clone(), key_span: entry.key_span.clone(), values }
    }
}

/// Whether a list is several values, and not one value that is a list.
fn sweeps(nodes: &[Node], shape: &Shape) -> bool {
    match shape {
        Shape::List(_) => nodes.first().is_some_and(|node| matches!(node.content, Content::List(_))),
        shape => shape.can_be_listed(),
    }
}

fn list(property: &Property, whole: &Node, nodes: &[Node], walks: bool, problems: &mut Problems) -> Option<Values> {
    let name = &property.name;
    if nodes.is_empty() {
        let help = format!("write a value, such as `{}`", property.example());
        problems.push(Diagnostic::new(&whole.span, format!("the list of `{name}` is empty"), "no values", help));
        return None;
    }
    let mut seen = HashSet::new();
    let mut values = Vec::with_capacity(nodes.len());
    let before = problems.count();
    for node in nodes {
        match property.accept(node) {
            Ok(value) => {
                if seen.insert(value.to_string()) || walks {
                    values.push((value, node.span.clone()));
                } else {
                    let title = format!("{value} stands twice in the list of `{name}`");
                    problems.push(Diagnostic::new(&node.span, title, "a repetition", "remove one of the two"));
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    (problems.count() == before).then_some(Values::Listed(values))
}

/// `{ from, to, step }` or `{ from, to, factor }`.
fn range(property: &Property, span: &Span, table: &Table) -> Result<Values, Vec<Diagnostic>> {
    let Property { name, shape, .. } = property;
    let help = match shape {
        Shape::Number => format!(
            "for example `{name} = {{ from = 0.1, to = 0.5, step = 0.1 }}` or `{{ from = 0.01, to = 1, factor = 10 }}`"
        ),
        _ => format!(
            "for example `{name} = {{ from = 8, to = 64, step = 8 }}` or `{{ from = 4, to = 256, factor = 2 }}`"
        ),
    };
    let mut found = Vec::new();
    for entry in &table.entries {
        if !["from", "to", "step", "factor"].contains(&entry.key.as_str()) {
            let title = format!("`{}` is not a key of a range", entry.key.escape_debug());
            found.push(Diagnostic::new(&entry.key_span, title, "unknown key", &*help));
        }
    }
    for key in ["from", "to"] {
        if table.get(key).is_none() {
            found.push(Diagnostic::new(span, format!("the range of `{name}` has no `{key}`"), "incomplete", &*help));
        }
    }
    let by = match (table.get("step"), table.get("factor")) {
        (Some(step), None) => Some(step),
        (None, Some(factor)) => Some(factor),
        (Some(_), Some(factor)) => {
            let title = format!("the range of `{name}` has both a `step` and a `factor`");
            found.push(Diagnostic::new(&factor.key_span, title, "one too many", "keep one of the two"));
            None
        }
        (None, None) => {
            let title = format!("the range of `{name}` has neither a `step` nor a `factor`");
            found.push(Diagnostic::new(span, title, "incomplete", &*help));
            None
        }
    };
    let (Some(from), Some(to), Some(by), true) = (table.get("from"), table.get("to"), by, found.is_empty()) else {
        return Err(found);
    };
    let read = |entry: &Entry| {
        let end = Property { name: entry.key.clone(), ..property.clone() };
        end.accept(&entry.node).map_err(|problem| vec![problem])
    };
    let (first, last, amount) = (read(from)?, read(to)?, read(by)?);
    let grows = by.key == "factor";
    let values = match (integer(&first), integer(&last), integer(&amount), shape) {
        (Some(first), Some(last), Some(amount), Shape::Integer { .. } | Shape::Rank) => {
            integers(first, last, amount, grows, span)
        }
        _ => decimals(decimal(&first), decimal(&last), decimal(&amount), grows, span),
    };
    values.map_err(|fault| {
        let (entry, title) = match fault {
            Fault::Backwards => (to, format!("the range of `{name}` ends before it begins")),
            Fault::Still if grows => (by, format!("the factor of `{name}` must be above 1")),
            Fault::Still => (by, format!("the step of `{name}` must be above 0")),
            Fault::NeverGrows => (from, format!("a range of `{name}` by a factor must begin above 0")),
            Fault::TooMany => (to, format!("the range of `{name}` has more than {LARGEST_GRID} values")),
        };
        vec![Diagnostic::new(&entry.node.span, title, "this end of the range", help)]
    })
}

/// Why a range has no values.
enum Fault {
    Backwards,
    Still,
    NeverGrows,
    TooMany,
}

fn integers(from: i128, to: i128, by: i128, grows: bool, span: &Span) -> Result<Values, Fault> {
    if from > to {
        return Err(Fault::Backwards);
    }
    if by <= i128::from(grows) {
        return Err(Fault::Still);
    }
    let span = span.clone();
    if grows {
        if from < 1 {
            return Err(Fault::NeverGrows);
        }
        // Two numbers of 64 bits may leave i128, which ends the range as well.
        let count =
            std::iter::successors(Some(from), |value| value.checked_mul(by)).take_while(|value| *value <= to).count();
        return Ok(Values::Powers { from, factor: by, count, span });
    }
    let count =
        usize::try_from((to - from) / by + 1).ok().filter(|count| *count <= LARGEST_GRID).ok_or(Fault::TooMany)?;
    Ok(Values::Integers { from, step: by, count, span })
}

#[allow(clippy::cast_precision_loss, reason = "the largest grid is exact in f64")]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by the largest grid just before")]
fn decimals(from: f64, to: f64, by: f64, grows: bool, span: &Span) -> Result<Values, Fault> {
    if from > to {
        return Err(Fault::Backwards);
    }
    if by <= if grows { 1.0 } else { 0.0 } {
        return Err(Fault::Still);
    }
    if grows && from <= 0.0 {
        return Err(Fault::NeverGrows);
    }
    // 0.1 + 2 · 0.1 is a little above 0.3: an end missed by rounding alone belongs to the range.
    let steps = if grows { (to / from).ln() / by.ln() } else { (to - from) / by } + 1e-9;
    if steps.is_nan() || steps >= LARGEST_GRID as f64 {
        return Err(Fault::TooMany);
    }
    let (count, span) = (steps as usize + 1, span.clone());
    Ok(if grows {
        Values::DecimalPowers { from, factor: by, count, span }
    } else {
        Values::Decimals { from, step: by, count, span }
    })
}

fn integer(value: &Value) -> Option<i128> {
    value.as_u64().map(i128::from).or_else(|| value.as_i64().map(i128::from))
}

fn decimal(value: &Value) -> f64 {
    // Accepted as a number just before.
    value.as_f64().unwrap_or(f64::NAN)
}

/// To 12 significant digits: what a reader of `{ from = 0.1, to = 0.5, step = 0.1 }` means by its third value is 0.3.
fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use toml::de::DeTable;

    use super::*;

    fn values(text: &str, shape: Shape) -> Result<Vec<Value>, usize> {
        let (table, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty());
        let table = Table::of(table.get_ref());
        let property = Property { name: "x".to_owned(), required: true, shape, schema: Value::Null };
        let mut problems = Problems::default();
        match Axis::read(&property, &table.entries[0], false, &mut problems) {
            Some(axis) => Ok(axis.values().map(|(value, _)| value).collect()),
            None => Err(problems.count()),
        }
    }

    fn integers_of(text: &str) -> Result<Vec<Value>, usize> {
        values(text, Shape::Integer { least: 0, most: i128::from(u64::MAX) })
    }

    #[test]
    fn ranges_hold_what_a_reader_expects() {
        let list = |values: &[u64]| Ok(values.iter().map(|value| Value::from(*value)).collect());
        assert_eq!(integers_of("x = { from = 8, to = 64, step = 8 }"), list(&[8, 16, 24, 32, 40, 48, 56, 64]));
        assert_eq!(integers_of("x = { from = 4, to = 256, factor = 2 }"), list(&[4, 8, 16, 32, 64, 128, 256]));
        assert_eq!(integers_of("x = { from = 3, to = 10, step = 4 }"), list(&[3, 7]));
        assert_eq!(integers_of("x = { from = 5, to = 5, step = 1 }"), list(&[5]));
        assert_eq!(integers_of(&format!("x = {{ from = 1, to = {}, factor = 2 }}", u64::MAX)).map(|v| v.len()), Ok(64));
        let tenths: Vec<Value> = [0.1, 0.2, 0.3, 0.4, 0.5].map(Value::from).into();
        assert_eq!(values("x = { from = 0.1, to = 0.5, step = 0.1 }", Shape::Number), Ok(tenths));
        let powers: Vec<Value> = [0.001, 0.01, 0.1, 1.0].map(Value::from).into();
        assert_eq!(values("x = { from = 1e-3, to = 1, factor = 10 }", Shape::Number), Ok(powers));
    }

    #[test]
    fn a_huge_range_is_refused_before_it_is_expanded() {
        assert_eq!(integers_of("x = { from = 1, to = 9223372036854775807, step = 1 }"), Err(1));
        assert_eq!(values("x = { from = 0, to = 1, step = 1e-300 }", Shape::Number), Err(1));
        assert_eq!(values("x = { from = 0, to = 1e308, step = 5e-324 }", Shape::Number), Err(1));
    }

    #[test]
    fn a_flat_list_is_one_value_where_the_field_is_a_list() {
        let shape = Shape::List(Box::new(Shape::Number));
        assert_eq!(values("x = [1, 2]", shape.clone()), Ok(vec![serde_json::json!([1.0, 2.0])]));
        assert_eq!(
            values("x = [[1], [2, 3]]", shape),
            Ok(vec![serde_json::json!([1.0]), serde_json::json!([2.0, 3.0])])
        );
    }

    #[test]
    fn equal_numbers_are_repetitions_however_they_are_written() {
        assert_eq!(values("x = [1, 1.0]", Shape::Number), Err(1));
        assert_eq!(values("x = [0x10, 16]", Shape::Integer { least: 0, most: 99 }), Err(1));
    }
}
