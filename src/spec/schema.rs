//! The JSON Schema of specs, for editors: generated from the structs behind the tables.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::{
    Bilingual, Streaming, Timing,
    document::{Draws, SWEPT},
    family::Family,
    property::{Property, properties},
};
use crate::{claim::Claim, method::MethodSpec, problem::ProblemSpec, study::StudySpec};

/// The JSON Schema (draft 2020-12) of a spec. `experiments/experiment.schema.json` holds it.
#[must_use]
pub fn schema() -> Value {
    let mut keys = Map::new();
    for property in properties(schemars::schema_for!(Draws).as_value()) {
        let swept = SWEPT.contains(&property.name.as_str());
        keys.insert(property.name.clone(), if swept { sweepable(&property) } else { property.schema });
    }
    keys.insert("title".to_owned(), described(plain::<Bilingual>(), "Title of the report."));
    keys.insert("question".to_owned(), described(plain::<Bilingual>(), "The question the experiment answers."));
    keys.insert("timing".to_owned(), described(plain::<Timing>(), "How times are taken."));
    let streaming = "Attention is never formed: errors are measured row by row.";
    keys.insert("streaming".to_owned(), described(plain::<Streaming>(), streaming));
    let mut definitions = Map::new();
    keys.insert(
        "problem".to_owned(),
        tables::<ProblemSpec>("What is approximated: `[problem.LABEL]`.", &mut definitions),
    );
    keys.insert(
        "method".to_owned(),
        tables::<MethodSpec>("How it is approximated: `[method.LABEL]`.", &mut definitions),
    );
    let claim = json!({
        "description": "What is claimed of the results, and what would refute it: `[claim.LABEL]`. The report gives the verdict.",
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z0-9_-]+$" },
        "additionalProperties": plain::<Claim>(),
    });
    keys.insert("claim".to_owned(), claim);
    keys.insert(
        "study".to_owned(),
        tables::<StudySpec>("What is measured that is no matrix under a method: `[study.LABEL]`.", &mut definitions),
    );
    definitions.insert("range".to_owned(), range());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "factoreo experiment",
        "description": "One experiment: problems and methods, or studies, and the grid of their parameters.",
        "type": "object",
        "required": ["seed", "title", "question"],
        "anyOf": [{ "required": ["target_rank", "problem", "method"] }, { "required": ["study"] }],
        "additionalProperties": false,
        "properties": keys,
        "$defs": definitions,
    })
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = Value::from(description);
    schema
}

/// A struct whose fields take one value each.
fn plain<T: JsonSchema>() -> Value {
    let fields = properties(schemars::schema_for!(T).as_value());
    table(&fields, |property| property.schema.clone(), &[])
}

fn table(fields: &[Property], field: impl Fn(&Property) -> Value, extra: &[(&str, Value)]) -> Value {
    let mut entries: Map<String, Value> =
        extra.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    entries.extend(fields.iter().map(|property| (property.name.clone(), field(property))));
    let required: Vec<&str> =
        fields.iter().filter(|property| property.required).map(|property| &*property.name).collect();
    let mut table = json!({ "type": "object", "properties": entries, "additionalProperties": false });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

/// The tables of a family. A table's kind is its `kind`, or else its label.
fn tables<S: Family>(description: &str, definitions: &mut Map<String, Value>) -> Value {
    let reference = |kind: &str| json!({ "$ref": format!("#/$defs/{}.{kind}", S::TABLE) });
    let mut labels = Map::new();
    for (kind, schema) in S::schemas() {
        let fields = properties(schema.as_value());
        let kind_key = json!({ "description": "Which kind; defaults to the label.", "const": kind });
        let mut definition = table(&fields, sweepable, &[("kind", kind_key)]);
        if let Some(text) = schema.get("description") {
            definition["description"] = text.clone();
        }
        definitions.insert(format!("{}.{kind}", S::TABLE), definition);
        let otherwise = json!({ "$ref": format!("#/$defs/{}", S::TABLE) });
        labels.insert(kind.to_owned(), json!({ "anyOf": [reference(kind), otherwise] }));
    }
    let alternatives: Vec<Value> = S::KINDS
        .iter()
        .map(|kind| {
            let mut alternative = reference(kind);
            alternative["properties"] = json!({ "kind": { "const": kind } });
            alternative
        })
        .collect();
    let any = json!({
        "description": format!("A {} under a label of your choice.", S::TABLE),
        "type": "object",
        "required": ["kind"],
        "oneOf": alternatives,
    });
    definitions.insert(S::TABLE.to_owned(), any);
    json!({
        "description": description,
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[A-Za-z0-9_-]+$" },
        "properties": labels,
        "additionalProperties": { "$ref": format!("#/$defs/{}", S::TABLE) },
    })
}

/// A field that takes one value, a list of values or, if numeric, a range.
fn sweepable(property: &Property) -> Value {
    if !property.shape.can_be_listed() {
        return property.schema.clone();
    }
    let Value::Object(mut one) = property.schema.clone() else { return property.schema.clone() };
    let mut whole = Map::new();
    for key in ["description", "default"] {
        if let Some(value) = one.remove(key) {
            whole.insert(key.to_owned(), value);
        }
    }
    let several = json!({ "type": "array", "items": one, "minItems": 1, "uniqueItems": true });
    let mut forms = vec![Value::Object(one), several];
    if property.shape.is_numeric() {
        forms.push(json!({ "$ref": "#/$defs/range" }));
    }
    whole.insert("anyOf".to_owned(), Value::from(forms));
    Value::Object(whole)
}

fn range() -> Value {
    json!({
        "description": "Evenly spaced values by `step`, or powers by `factor`; both ends included.",
        "type": "object",
        "properties": {
            "from": { "type": "number", "description": "The first value." },
            "to": { "type": "number", "description": "No value is above it." },
            "step": { "type": "number", "exclusiveMinimum": 0, "description": "Added to each value to give the next." },
            "factor": { "type": "number", "exclusiveMinimum": 1, "description": "Multiplies each value to give the next." },
        },
        "required": ["from", "to"],
        "oneOf": [{ "required": ["step"] }, { "required": ["factor"] }],
        "additionalProperties": false,
    })
}
