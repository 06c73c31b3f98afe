//! One value under a key: taken as its struct wants it, or refused with an example.

use serde_json::Value;

use crate::rank::{FORMS, Rank};

use super::{
    diagnostic::Diagnostic,
    property::{Property, Shape},
    spelling::{listed, nearest},
    tree::{Content, Entry, Node},
};

impl Property {
    /// `key = value` with its default, or with something that could be written for it.
    pub fn example(&self) -> String {
        let default = self.schema.get("default").filter(|default| !default.is_array() && !default.is_object());
        format!("{} = {}", self.name, default.map_or_else(|| self.shape.example(), Value::to_string))
    }

    /// The value as the struct takes it: integers widened where a decimal number is asked for.
    ///
    /// # Errors
    /// What is wrong with it, underlined.
    pub fn accept(&self, node: &Node) -> Result<Value, Diagnostic> {
        self.accept_as(&self.shape, node)
    }

    fn accept_as(&self, shape: &Shape, node: &Node) -> Result<Value, Diagnostic> {
        let name = &self.name;
        match (shape, &node.content) {
            (Shape::Rank, Content::Text(text)) => match Rank::read(text) {
                Ok(rank) => Ok(Value::from(rank.to_string())),
                Err(clause) => {
                    let title = format!("`{name}` cannot be `{}`: it {clause}", text.escape_debug());
                    Err(Diagnostic::new(&node.span, title, "not a rank", format!("write {FORMS}")))
                }
            },
            (Shape::Rank, Content::Integer(_) | Content::Float(_)) => {
                self.accept_as(&Shape::Integer { least: 1, most: i128::from(u64::MAX) }, node)
            }
            (Shape::Integer { least, most }, Content::Integer(integer)) if integer < least || integer > most => {
                let title = if integer < least {
                    format!("`{name}` must be {}", shape.what())
                } else {
                    format!("`{name}` is too large: at most {most}")
                };
                Err(self.refused(node, title, "out of range"))
            }
            (Shape::Integer { .. }, Content::Integer(integer)) => Ok(integer_value(*integer)),
            (Shape::Integer { .. }, Content::Float(float)) if float.is_finite() && float.fract() == 0.0 => {
                let help = format!("write `{float:.0}`, without the decimal point");
                let title = format!("`{name}` must be {}", shape.what());
                Err(Diagnostic::new(&node.span, title, "a decimal number", help))
            }
            (Shape::Number | Shape::Integer { .. } | Shape::Free, Content::Float(float)) if !float.is_finite() => {
                let title = format!("`{name}` is not a finite number");
                Err(self.refused(node, title, "NaN, infinite or beyond the range of 64 bits"))
            }
            #[allow(clippy::cast_precision_loss, reason = "a decimal number was asked for")]
            (Shape::Number, Content::Integer(integer)) => Ok(Value::from(*integer as f64)),
            (Shape::Number, Content::Float(float)) => Ok(Value::from(*float)),
            (Shape::Text(words), Content::Text(text)) if words.is_empty() || words.contains(text) => {
                Ok(Value::from(text.as_str()))
            }
            (Shape::Text(words), Content::Text(text)) => {
                let all = words.iter().map(String::as_str);
                let help = match nearest(text, all.clone()) {
                    Some(word) => format!("write `\"{word}\"`"),
                    None => format!("write one of {}", listed(all)),
                };
                let title = format!("`{name}` cannot be `{}`", text.escape_debug());
                Err(Diagnostic::new(&node.span, title, "unknown", help))
            }
            (Shape::Boolean, Content::Boolean(boolean)) => Ok(Value::from(*boolean)),
            (Shape::List(item), Content::List(nodes)) => {
                nodes.iter().map(|node| self.accept_as(item, node)).collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            (Shape::Free, content) if !matches!(content, Content::Date) => self.free_value(content),
            (_, content) => {
                let found = content.what();
                let title = format!("`{name}` must be {}, not {found}", shape.what());
                Err(self.refused(node, title, format!("this is {found}")))
            }
        }
    }

    fn refused(&self, node: &Node, title: String, label: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&node.span, title, label, format!("for example `{}`", self.example()))
    }

    /// Any value, as it stands.
    fn free_value(&self, content: &Content) -> Result<Value, Diagnostic> {
        let accept = |node: &Node| self.accept_as(&Shape::Free, node);
        Ok(match content {
            Content::Text(text) => Value::from(text.as_str()),
            Content::Integer(integer) => integer_value(*integer),
            Content::Float(float) => Value::from(*float),
            Content::Boolean(boolean) => Value::from(*boolean),
            Content::List(nodes) => nodes.iter().map(accept).collect::<Result<_, _>>()?,
            Content::Table(table) => {
                let entry = |entry: &Entry| Ok((entry.key.clone(), accept(&entry.node)?));
                Value::Object(table.entries.iter().map(entry).collect::<Result<_, Diagnostic>>()?)
            }
            Content::Date => Value::Null,
        })
    }
}

/// An integer as JSON.
pub(super) fn integer_value(integer: i128) -> Value {
    match (u64::try_from(integer), i64::try_from(integer)) {
        (Ok(natural), _) => Value::from(natural),
        (_, Ok(negative)) => Value::from(negative),
        // Every bound of a shape lies within one of the two; only a free value can be beyond, and its struct refuses `null`.
        _ => Value::Null,
    }
}
