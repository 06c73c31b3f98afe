//! What `provenance.json` says of the machine and the build, as a table.

use serde_json::Value;

use super::{
    document::{Item, Table, Text},
    survey::Survey,
};

/// Where a fact is in `provenance.json`, and the entry of `words.toml` that names it.
const FACTS: &[(&str, &str)] = &[
    ("fact.date", "/date"),
    ("fact.program", "/program"),
    ("fact.commit", "/commit"),
    ("fact.dirty", "/dirty"),
    ("fact.cpu", "/cpu"),
    ("fact.cores", "/cores"),
    ("fact.logical_cpus", "/logical_cpus"),
    ("fact.memory", "/memory_bytes"),
    ("fact.governor", "/governor"),
    ("fact.turbo", "/turbo"),
    ("fact.load", "/load_average"),
    ("fact.os", "/os"),
    ("fact.threads", "/threads"),
    ("fact.rustc", "/build/rustc"),
    ("fact.profile", "/build/profile"),
    ("fact.opt_level", "/build/opt_level"),
    ("fact.faer", "/build/dependencies/faer"),
    ("fact.earlier_sessions", "/earlier_sessions"),
];

/// The machine of the latest session that gave a row, a line for each fact that was recorded.
pub fn machine(survey: &Survey<'_>) -> Table {
    let rows = FACTS.iter().filter_map(|&(word, pointer)| {
        let fact = survey.results.provenance.pointer(pointer)?;
        Some(vec![Item::Word(word), item(pointer, fact)])
    });
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        rows.push(vec![Item::Word("fact.cpu"), Item::Word("cell.unknown")]);
    }
    Table {
        label: format!("machine/{}", survey.results.name),
        caption: Text::plain("caption.machine"),
        header: ["column.fact", "column.value"].map(Item::Word).to_vec(),
        rows,
    }
}

fn item(pointer: &str, fact: &Value) -> Item {
    match fact {
        Value::String(text) if text == "unknown" => Item::Word("cell.unknown"),
        Value::String(text) if text == "on" => Item::Word("cell.on"),
        Value::String(text) if text == "off" => Item::Word("cell.off"),
        Value::String(text) => Item::Quoted(text.clone()),
        Value::Bool(true) => Item::Word("cell.yes"),
        Value::Bool(false) => Item::Word("cell.no"),
        Value::Number(number) if pointer == "/memory_bytes" => Item::Bytes(number.as_u64()),
        Value::Number(number) if number.is_u64() => Item::Count(number.as_u64()),
        Value::Number(number) => Item::Number(number.as_f64(), 3),
        Value::Array(sessions) if pointer == "/earlier_sessions" => Item::Count(Some(sessions.len() as u64)),
        Value::Array(numbers) => Item::Text(Text::new(
            "cell.numbers",
            std::collections::BTreeMap::from([(
                "numbers",
                numbers.iter().filter_map(Value::as_f64).collect::<Vec<_>>(),
            )]),
        )),
        Value::Null | Value::Object(_) => Item::Absent,
    }
}
