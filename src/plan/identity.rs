//! What makes two cells the same cell: a hash of a text that does not depend on the order of keys.

use serde_json::{Map, Value, json};

/// Kind, version and parameters: everything a spec can say of a problem or a method.
pub(super) fn described(kind: &str, version: u32, parameters: Map<String, Value>) -> Value {
    json!({ "kind": kind, "version": version, "parameters": parameters })
}

/// Kind and parameters in one canonical text.
pub(super) fn name(kind: &str, parameters: Map<String, Value>) -> String {
    format!("{kind} {}", canonical(&Value::Object(parameters)))
}

/// The first 32 hex digits of the BLAKE3 hash of the canonical text.
pub(super) fn hashed(value: &Value) -> String {
    let mut digits = blake3::hash(canonical(value).as_bytes()).to_hex().to_string();
    digits.truncate(32);
    digits
}

/// JSON with sorted keys and no spaces.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter_and_everything_else_does() {
        let value = |text: &str| serde_json::from_str::<Value>(text).map(|value| hashed(&value)).unwrap();
        assert_eq!(
            value(r#"{"a": 1, "b": {"c": [1, 2], "d": "x"}}"#),
            value(r#"{"b": {"d": "x", "c": [1, 2]}, "a": 1}"#)
        );
        assert_ne!(value(r#"{"a": [1, 2]}"#), value(r#"{"a": [2, 1]}"#));
        assert_ne!(value(r#"{"a": 1}"#), value(r#"{"a": "1"}"#));
        assert_ne!(value(r#"{"a": 0.1}"#), value(r#"{"a": 0.10000000000000002}"#));
    }

    /// Ids live in journals that outlast a version of the program: changing how they are made throws all results away.
    #[test]
    fn an_id_stays_what_it_was() {
        let id = hashed(&described("spectrum", 1, Map::from_iter([("length".to_owned(), json!(0.5))])));
        let text = r#"{"kind":"spectrum","parameters":{"length":0.5},"version":1}"#;
        assert_eq!(id, blake3::hash(text.as_bytes()).to_hex()[..32]);
    }
}
