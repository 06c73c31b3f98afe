//! The JSON Schema of specs, for editors: generated from the structs behind the tables.

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::{
    Bilingual, Streaming, Timing,
    document::{Draws, SWEPT},
    family::Family,
    property::{Property, properties},
};
use crate::{
    claim::Claim,
    method::MethodSpec,
    parameters::{Belongs, When},
    problem::ProblemSpec,
    study::StudySpec,
};

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
    keys.insert("exclude".to_owned(), exclude());
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
        "anyOf": [{ "required": ["problem", "method"] }, { "required": ["study"] }],
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
        let mut extra = vec![("kind", kind_key), ("together", together())];
        if S::HAS_RANKS {
            extra.push(("target_rank", own_ranks()));
        }
        let mut definition = table(&fields, sweepable, &extra);
        let idle: Vec<Value> = S::belongs(kind).iter().map(|belongs| idle_where(belongs, &fields)).collect();
        if !idle.is_empty() {
            definition["allOf"] = Value::from(idle);
        }
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

/// Where a choice is one value with which the parameter is idle, the parameter is not written.
fn idle_where(belongs: &Belongs, fields: &[Property]) -> Value {
    let default = fields.iter().find(|field| field.name == belongs.choice).map(|field| &field.schema["default"]);
    let chosen = match belongs.when {
        When::Is(values) => json!({ "type": "string", "not": { "enum": values } }),
        When::IsNot(value) => match value.parse::<f64>() {
            Ok(number) => json!({ "const": number }),
            Err(_) => json!({ "const": value }),
        },
    };
    let mut idle = json!({ "properties": { belongs.choice: chosen } });
    if default.is_some_and(|default| belongs.is_read_with(default)) {
        idle["required"] = json!([belongs.choice]);
    }
    json!({ "if": idle, "then": { "properties": { belongs.parameter: false } } })
}

fn together() -> Value {
    json!({
        "description": "Keys whose lists walk together instead of being multiplied.",
        "type": "array",
        "minItems": 2,
        "uniqueItems": true,
        "items": { "type": "string" },
    })
}

/// `target_rank` in a table of its own.
fn own_ranks() -> Value {
    let draws = properties(schemars::schema_for!(Draws).as_value());
    let rank = draws.iter().find(|property| property.name == "target_rank");
    rank.map_or(Value::Null, |rank| {
        described(sweepable(rank), "Target ranks of this table, in the place of the spec's.")
    })
}

/// `[[exclude]]`.
fn exclude() -> Value {
    json!({
        "description": "Cells that are not of the experiment: those that meet every condition of a table.",
        "type": "array",
        "items": {
            "type": "object",
            "minProperties": 1,
            "properties": {
                "problem": { "description": "Label of a problem, or several." },
                "method": { "description": "Label of a method, or several." },
                "target_rank": { "description": "A rank, several, or a comparison such as \"> 128\"." },
            },
            "additionalProperties": { "description": "A parameter of a problem or method: a value, several, or a comparison." },
        },
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
