//! What a key of a table may hold, read from the JSON Schema of the struct behind it.

use serde_json::{Map, Value};

use super::spelling::listed;

/// One field of a parameter struct.
#[derive(Debug, Clone)]
pub(super) struct Property {
    pub name: String,
    /// It has no default.
    pub required: bool,
    pub shape: Shape,
    /// Its schema, without references.
    pub schema: Value,
}

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Integer {
        least: i128,
        most: i128,
    },
    Number,
    /// One of these words; any text if there are none.
    Text(Vec<String>),
    Boolean,
    /// An integer of 1 or more, or the words of a [`Rank`](crate::rank::Rank).
    Rank,
    /// A list is one value.
    List(Box<Self>),
    /// Anything else: the struct itself decides.
    Free,
}

/// The fields of a struct, from its schema.
pub(super) fn properties(schema: &Value) -> Vec<Property> {
    let schema = without_references(schema, schema);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(fields) = schema["properties"].as_object() else { return Vec::new() };
    fields
        .iter()
        .map(|(name, field)| Property {
            name: name.clone(),
            required: required.contains(&name.as_str()),
            shape: Shape::of(field),
            schema: without_null(field),
        })
        .collect()
}

/// The schema with every `$ref` to its own `$defs` replaced by what it names. Parameter structs do not contain themselves.
fn without_references(schema: &Value, root: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut inlined = Map::new();
            if let Some(name) = map.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
                && let Value::Object(target) = without_references(&root["$defs"][name], root)
            {
                inlined = target;
            }
            for (key, value) in map.iter().filter(|(key, _)| *key != "$ref" && *key != "$defs") {
                inlined.insert(key.clone(), without_references(value, root));
            }
            Value::Object(inlined)
        }
        Value::Array(list) => list.iter().map(|item| without_references(item, root)).collect(),
        other => other.clone(),
    }
}

/// The schema of an optional field, without its `null`: TOML has none, one leaves the key out.
fn without_null(schema: &Value) -> Value {
    let Value::Object(mut map) = schema.clone() else { return schema.clone() };
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            map.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = map.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(alternatives)) = map.get_mut("anyOf") {
        alternatives.retain(|alternative| alternative["type"] != "null");
        if let [Value::Object(only)] = alternatives.as_slice() {
            let mut only = only.clone();
            map.remove("anyOf");
            only.extend(map);
            return Value::Object(only);
        }
    }
    Value::Object(map)
}

impl Shape {
    fn of(schema: &Value) -> Self {
        let schema = without_null(schema);
        let words = |key: &str, list: &Value| -> Option<Vec<String>> {
            let word = |item: &Value| (if key.is_empty() { item } else { &item[key] }).as_str().map(str::to_owned);
            list.as_array()?.iter().map(word).collect()
        };
        if schema["rank"] == true {
            return Self::Rank;
        }
        // A Rust enum of unit variants is `enum` when its variants have no docs and `oneOf` of `const` when they have.
        if let Some(words) = words("", &schema["enum"]).or_else(|| words("const", &schema["oneOf"])) {
            return Self::Text(words);
        }
        match schema["type"].as_str() {
            Some("integer") => {
                let (least, most) = match schema["format"].as_str() {
                    Some("uint" | "uint64") => (0, i128::from(u64::MAX)),
                    Some("uint32") => (0, i128::from(u32::MAX)),
                    _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
                };
                let bound = |key: &str| schema[key].as_i64().map(i128::from);
                Self::Integer { least: bound("minimum").unwrap_or(least), most: bound("maximum").unwrap_or(most) }
            }
            Some("number") => Self::Number,
            Some("string") => Self::Text(Vec::new()),
            Some("boolean") => Self::Boolean,
            Some("array") => Self::List(Box::new(Self::of(&schema["items"]))),
            _ => Self::Free,
        }
    }

    /// Whether a list of such values can be told from one value, so that the key can be swept.
    pub fn can_be_listed(&self) -> bool {
        !matches!(self, Self::Free)
    }

    /// Whether `{ from, to, step }` makes sense.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Integer { .. } | Self::Number | Self::Rank)
    }

    /// What it is, with its article, for messages.
    pub fn what(&self) -> String {
        match self {
            Self::Integer { least: 0, .. } => "an integer of 0 or more".to_owned(),
            Self::Integer { least, .. } if *least > 0 => format!("an integer of {least} or more"),
            Self::Integer { .. } => "an integer".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text(words) if words.is_empty() => "a string".to_owned(),
            Self::Text(words) => format!("one of {}", listed(words.iter().map(String::as_str))),
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::List(item) => format!("a list, each entry {}", item.what()),
            Self::Rank => crate::rank::FORMS.to_owned(),
            Self::Free => "a value".to_owned(),
        }
    }

    /// Something that could be written for it.
    pub fn example(&self) -> String {
        match self {
            Self::Integer { least, most } => 16.clamp(*least, *most).to_string(),
            Self::Rank => "16".to_owned(),
            Self::Number => "0.5".to_owned(),
            Self::Text(words) => format!("\"{}\"", words.first().map_or("…", String::as_str)),
            Self::Boolean => "true".to_owned(),
            Self::List(item) => format!("[{}]", item.example()),
            Self::Free => "…".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is read")]
    struct Every {
        count: usize,
        seed: u64,
        offset: i64,
        scale: f64,
        name: String,
        #[serde(default)]
        causal: bool,
        values: Option<Vec<f64>>,
        limit: Option<f64>,
        plain: Plain,
        documented: Option<Documented>,
        decay: Tagged,
    }
    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[allow(dead_code, reason = "only its schema is read")]
    enum Plain {
        OneWord,
        Two,
    }
    /// With docs.
    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[allow(dead_code, reason = "only its schema is read")]
    enum Documented {
        /// The first.
        First,
        /// The second.
        Second,
    }
    #[derive(JsonSchema)]
    #[serde(tag = "law")]
    #[allow(dead_code, reason = "only its schema is read")]
    enum Tagged {
        Power { exponent: f64 },
    }

    #[test]
    fn shapes_are_read_from_the_derived_schema() {
        let properties = properties(schemars::schema_for!(Every).as_value());
        let shape = |name: &str| properties.iter().find(|p| p.name == name).map(|p| (p.required, p.shape.clone()));
        let words = |words: &[&str]| Shape::Text(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(shape("count"), Some((true, Shape::Integer { least: 0, most: i128::from(u64::MAX) })));
        assert_eq!(shape("seed"), Some((true, Shape::Integer { least: 0, most: i128::from(u64::MAX) })));
        assert_eq!(shape("offset"), Some((true, Shape::Integer { least: i64::MIN.into(), most: i64::MAX.into() })));
        assert_eq!(shape("scale"), Some((true, Shape::Number)));
        assert_eq!(shape("name"), Some((true, words(&[]))));
        assert_eq!(shape("causal"), Some((false, Shape::Boolean)));
        assert_eq!(shape("values"), Some((false, Shape::List(Box::new(Shape::Number)))));
        assert_eq!(shape("limit"), Some((false, Shape::Number)));
        assert_eq!(shape("plain"), Some((true, words(&["one_word", "two"]))));
        assert_eq!(shape("documented"), Some((false, words(&["first", "second"]))));
        assert_eq!(shape("decay"), Some((true, Shape::Free)));
    }
}
