//! A table whose keys are the fields of one struct: unknown keys, missing keys and wrong values, all at once.

use serde_json::{Map, Value};

use super::{
    diagnostic::{Diagnostic, Problems},
    property::{Property, properties},
    spelling::{listed, nearest},
    sweep::Axis,
    tree::{Span, Table},
};
use crate::parameters::Invalid;

/// What a section is called in messages, and how it is read.
pub(super) struct Section<'a> {
    /// "`[timing]`", "`qkv`".
    pub name: &'a str,
    /// Underlined when something is missing; `None` for the file itself.
    pub header: Option<&'a Span>,
    pub properties: &'a [Property],
    /// Keys of the table that somebody else reads.
    pub others: &'a [&'a str],
    /// The fields that take lists and ranges.
    pub swept: Swept<'a>,
}

/// Which fields take lists and ranges.
#[derive(Clone, Copy)]
pub(super) enum Swept<'a> {
    /// All, and in the lists of these a value may stand twice: they walk together.
    All {
        walking: &'a [&'a str],
    },
    Only(&'a [&'a str]),
}

impl Section<'_> {
    /// Every key that could be read, as an axis.
    pub fn read(&self, table: &Table, problems: &mut Problems) -> Vec<Axis> {
        let mut axes = Vec::new();
        let mut meant = Vec::new();
        for entry in table.entries.iter().filter(|entry| !self.others.contains(&entry.key.as_str())) {
            let Some(property) = self.properties.iter().find(|property| property.name == entry.key) else {
                let nearest = nearest(&entry.key, self.known());
                meant.extend(nearest);
                problems.push(self.unknown_key(&entry.key, &entry.key_span, nearest));
                continue;
            };
            let name = property.name.as_str();
            let (swept, walks) = match self.swept {
                Swept::All { walking } => (true, walking.contains(&name)),
                Swept::Only(names) => (names.contains(&name), false),
            };
            if swept {
                axes.extend(Axis::read(property, entry, walks, problems));
            } else {
                match Axis::single(property, entry) {
                    Ok(axis) => axes.push(axis),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        let missing = |property: &&Property| property.required && table.get(&property.name).is_none();
        // A key that was only misspelt is not missing too.
        let misspelt = |property: &&Property| meant.contains(&property.name.as_str());
        for missing in self.properties.iter().filter(missing).filter(|property| !misspelt(property)) {
            let title = format!("{} has no `{}`", self.name, missing.name);
            let help = format!("add {}, for example `{}`", missing.shape.what(), missing.example());
            problems.push_absence(match self.header {
                Some(header) => Diagnostic::new(header, title, "incomplete", help),
                None => Diagnostic::of_file(title, help),
            });
        }
        axes
    }

    fn known(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|property| property.name.as_str()).chain(self.others.iter().copied())
    }

    fn unknown_key(&self, key: &str, span: &Span, nearest: Option<&str>) -> Diagnostic {
        let help = match nearest {
            Some(name) => format!("write `{name}`"),
            None => format!("remove it, or write one of {}", listed(self.known())),
        };
        Diagnostic::new(span, format!("`{}` is not a key of {}", key.escape_debug(), self.name), "unknown key", help)
    }
}

/// The fields of a struct that a spec holds as it is.
pub(super) fn properties_of<T: schemars::JsonSchema>() -> Vec<Property> {
    properties(schemars::schema_for!(T).as_value())
}

/// The first value of every axis, as the fields of a struct.
pub(super) fn first_values(axes: &[Axis]) -> Map<String, Value> {
    axes.iter().map(|axis| (axis.name.clone(), axis.value(0))).collect()
}

/// A value that has the right type but no meaning, underlined.
pub(super) fn meaningless(invalid: &Invalid, owner: &str, span: &Span) -> Diagnostic {
    Diagnostic::new(
        span,
        format!("`{}` of {owner} {}", invalid.parameter, invalid.reason),
        "impossible",
        &*invalid.instead,
    )
}
