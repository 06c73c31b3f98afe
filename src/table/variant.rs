//! What the variants of a family differ in, a value a row: nobody has to take `a=b, c=d` apart.

use std::{collections::HashSet, sync::LazyLock};

use polars::prelude::{DataFrame, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Results, TableError,
    column::{
        self, Column, Field,
        Meaning::{Key, Label},
        Row, table,
    },
};
use crate::{method::MethodSpec, problem::ProblemSpec, study::StudySpec};

table! {
    /// One parameter of one variant that differs within its family. Table `variants`.
    pub struct VariantRow in "variants" {
        /// Of which family: `problem`, `method` or `study`.
        pub of: String => Key,
        /// The label of the family's table in the spec.
        pub label: String => Key,
        /// As the other tables write the variant.
        pub variant: String => Key,
        /// The parameter's name in the spec.
        pub parameter: String => Key,
        /// The registered kind of the family.
        pub kind: String => Label,
        /// The parameter's value.
        pub value: String => Label,
        /// The value as a number, if it is one.
        pub number: Option<f64> => Label,
    }
}

/// One point of the grid of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// `problem`, `method` or `study`.
    pub of: &'static str,
    pub label: String,
    pub variant: String,
    pub kind: String,
    pub parameters: Map<String, Value>,
}

/// The parameters in which the points of a family differ: families in the order of their first points.
#[must_use]
pub fn variants(points: &[Point]) -> Vec<VariantRow> {
    let mut rows = Vec::new();
    let mut families: Vec<Vec<&Point>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for point in points {
        let place = *places.entry((point.of, &point.label)).or_insert_with(|| {
            families.push(Vec::new());
            families.len() - 1
        });
        families[place].push(point);
    }
    for family in families {
        let mut names: Vec<&String> = Vec::new();
        for name in family.iter().flat_map(|point| point.parameters.keys()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let differs =
            |name: &&String| family.iter().any(|point| point.parameters.get(*name) != family[0].parameters.get(*name));
        let swept: Vec<&String> = names.into_iter().filter(differs).collect();
        for point in family {
            // A parameter that is published by leaving it out stands in the text of the variant alone.
            let written = |name: &str| {
                settings(&point.variant).find(|(known, _)| *known == name).map(|(_, value)| Value::from(value))
            };
            rows.extend(swept.iter().filter_map(|name| {
                let value = point.parameters.get(*name).cloned().or_else(|| written(name))?;
                Some(row(point, name, &value))
            }));
        }
    }
    rows
}

fn row(point: &Point, parameter: &str, value: &Value) -> VariantRow {
    VariantRow {
        of: point.of.to_owned(),
        label: point.label.clone(),
        variant: point.variant.clone(),
        parameter: parameter.to_owned(),
        kind: point.kind.clone(),
        value: value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        number: value.as_f64(),
    }
}

/// Every name of a parameter that some kind of problem, method or study has.
static PARAMETERS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let schemas = [ProblemSpec::schemas(), MethodSpec::schemas(), StudySpec::schemas()].into_iter().flatten();
    let names = schemas
        .filter_map(|(_, schema)| Some(schema.get("properties")?.as_object()?.keys().cloned().collect::<Vec<_>>()));
    names.flatten().collect()
});

/// The parameters that a variant's text tells, name and value: `length=512, head=layer0.head3`. What follows a comma and is no
/// parameter's name belongs to the value before it, so that a tensor called `a, b=c.weight` is one.
pub fn settings(variant: &str) -> impl Iterator<Item = (&str, &str)> {
    let begins = |part: &str| part.split_once('=').is_some_and(|(name, _)| PARAMETERS.contains(name));
    let mut rest = variant;
    std::iter::from_fn(move || {
        let (name, value) = rest.split_once('=')?;
        let end = value.match_indices(", ").find(|(at, _)| begins(&value[at + 2..])).map_or(value.len(), |(at, _)| at);
        rest = value.get(end + 2..).unwrap_or("");
        Some((name, &value[..end]))
    })
}

/// A variant without one of its parameters: `length=512, head=layer0.head3` → `head=layer0.head3`.
#[must_use]
pub fn without_parameter(variant: &str, parameter: &str) -> String {
    let others = settings(variant).filter(|(name, _)| *name != parameter);
    others.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

impl Results {
    /// The variants as the other tables tell them, for results written before there was a table of them.
    pub(super) fn derived_variants(&self) -> Vec<VariantRow> {
        let problems = self
            .matrices
            .iter()
            .map(|row| ("problem", &row.problem, &row.problem_variant, &row.problem_kind, &row.problem_parameters));
        let methods = self
            .cells
            .iter()
            .map(|row| ("method", &row.method, &row.method_variant, &row.method_kind, &row.method_parameters));
        let studies = self
            .measurements
            .iter()
            .map(|row| ("study", &row.study, &row.study_variant, &row.study_kind, &row.study_parameters));
        let mut seen = HashSet::new();
        let first = problems
            .chain(methods)
            .chain(studies)
            .filter(|(of, label, variant, ..)| seen.insert((*of, *label, *variant)));
        let points: Vec<Point> = first
            .map(|(of, label, variant, kind, parameters)| Point {
                of,
                label: label.clone(),
                variant: variant.clone(),
                kind: kind.clone(),
                parameters: serde_json::from_str(parameters).unwrap_or_default(),
            })
            .collect();
        variants(&points)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn point(of: &'static str, variant: &str, parameters: Value) -> Point {
        let parameters = parameters.as_object().cloned().unwrap_or_default();
        Point { of, label: "a".to_owned(), variant: variant.to_owned(), kind: "k".to_owned(), parameters }
    }

    #[test]
    fn a_value_that_looks_like_several_settings_is_one() {
        let told = |variant: &'static str| settings(variant).collect::<Vec<_>>();
        assert_eq!(told("tensor=a, b=c.weight, batch=16"), [("tensor", "a, b=c.weight"), ("batch", "16")]);
        assert_eq!(told("length=512, head=layer0.head3"), [("length", "512"), ("head", "layer0.head3")]);
        assert_eq!(told(""), []);
        assert_eq!(without_parameter("tensor=a, b=c.weight, batch=16", "batch"), "tensor=a, b=c.weight");
    }

    #[test]
    fn only_what_differs_within_a_family_is_told_whatever_its_text_looks_like() {
        let rows = variants(&[
            point("problem", "x=1, y=a, z=b", json!({ "x": 1, "same": 7, "y": "a, z=b" })),
            point("method", "", json!({ "x": 5 })),
            point("problem", "x=0.5, y=c", json!({ "x": 0.5, "same": 7, "y": "c" })),
        ]);
        let told: Vec<_> = rows.iter().map(|row| (&*row.parameter, &*row.value, row.number)).collect();
        assert_eq!(told, [("x", "1", Some(1.0)), ("y", "a, z=b", None), ("x", "0.5", Some(0.5)), ("y", "c", None)]);
    }
}
