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
    digits_of(blake3::hash(canonical(value).as_bytes()))
}

fn digits_of(hash: blake3::Hash) -> String {
    hash.to_hex()[..32].to_owned()
}

/// The ids of the cells of one method on one matrix: what [`hashed`] says of
/// `{ block, method, target_rank, trial, timing }`, whose long parts are written once.
pub(super) struct CellIds<'a> {
    /// Up to the rank, hashed.
    head: blake3::Hasher,
    timing: &'a str,
}

impl<'a> CellIds<'a> {
    /// `method` and `timing` are canonical texts.
    pub(super) fn new(block: &str, method: &str, timing: &'a str) -> Self {
        let mut head = blake3::Hasher::new();
        for part in ["{\"block\":\"", block, "\",\"method\":", method, ",\"target_rank\":"] {
            head.update(part.as_bytes());
        }
        Self { head, timing }
    }

    pub(super) fn of(&self, target_rank: usize, trial: usize) -> String {
        let mut hasher = self.head.clone();
        for part in [&*target_rank.to_string(), ",\"timing\":", self.timing, ",\"trial\":", &*trial.to_string(), "}"] {
            hasher.update(part.as_bytes());
        }
        digits_of(hasher.finalize())
    }
}

/// JSON with sorted keys and no spaces.
pub(super) fn canonical(value: &Value) -> String {
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

    #[test]
    fn the_id_of_a_cell_is_the_hash_of_all_it_is_made_of() {
        let method =
            described("cur", 3, Map::from_iter([("b".to_owned(), json!("x\"y")), ("a".to_owned(), json!(0.1))]));
        let timing = json!({ "repeats": 3, "warmup": 1, "threads": 2 });
        let (method_text, timing_text) = (canonical(&method), canonical(&timing));
        for (target_rank, trial) in [(1, 0), (16, 0), (16, 12), (4096, 1)] {
            let whole = json!({
                "block": "00ff", "method": method, "target_rank": target_rank, "trial": trial, "timing": timing,
            });
            assert_eq!(CellIds::new("00ff", &method_text, &timing_text).of(target_rank, trial), hashed(&whole));
        }
    }

    /// Ids live in journals that outlast a version of the program: changing how they are made throws all results away.
    #[test]
    fn an_id_stays_what_it_was() {
        let id = hashed(&described("spectrum", 1, Map::from_iter([("length".to_owned(), json!(0.5))])));
        let text = r#"{"kind":"spectrum","parameters":{"length":0.5},"version":1}"#;
        assert_eq!(id, blake3::hash(text.as_bytes()).to_hex()[..32]);
    }
}
