//! What the `provenance.json` of every experiment says of the machine and the build: what they share, once; then what differs.

use serde_json::Value;

use super::{
    chapters::Chapter,
    document::{Item, Table, Text},
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

/// Columns of facts that stand beside each other.
const BESIDE: usize = 6;

/// The machine of the latest session that gave a row, a line for each fact that was recorded; of several experiments, what is not
/// the same for all in a line for each of them.
pub fn machine(chapters: &[Chapter<'_>]) -> Vec<Table> {
    let recorded = |chapter: &Chapter<'_>, pointer: &str| chapter.survey.results.provenance.pointer(pointer).cloned();
    let (mut shared, mut others): (Vec<Vec<Item>>, Vec<(&str, &str)>) = (Vec::new(), Vec::new());
    for &(word, pointer) in FACTS {
        let mut facts = chapters.iter().map(|chapter| recorded(chapter, pointer));
        let first = facts.next().flatten();
        match first {
            Some(fact) if facts.all(|other| other.as_ref() == Some(&fact)) => {
                shared.push(vec![Item::Word(word), item(pointer, &fact)]);
            }
            None if chapters.iter().all(|chapter| recorded(chapter, pointer).is_none()) => {}
            _ => others.push((word, pointer)),
        }
    }
    if shared.is_empty() && others.is_empty() {
        shared.push(vec![Item::Word("fact.cpu"), Item::Word("cell.unknown")]);
    }
    let mut tables = Vec::new();
    if !shared.is_empty() {
        tables.push(Table {
            label: "machine".to_owned(),
            caption: Text::plain(if others.is_empty() { "caption.machine" } else { "caption.machine_shared" }),
            header: ["column.fact", "column.value"].map(Item::Word).to_vec(),
            rows: shared,
        });
    }
    for (place, facts) in others.chunks(BESIDE).enumerate() {
        let line = |chapter: &Chapter<'_>| {
            let title = Item::Text(Text::new("title.experiment", &chapter.title));
            let facts = facts
                .iter()
                .map(|(_, pointer)| recorded(chapter, pointer).map_or(Item::Absent, |fact| item(pointer, &fact)));
            std::iter::once(title).chain(facts).collect()
        };
        tables.push(Table {
            label: format!("machine/{place}"),
            caption: Text::plain("caption.machine_of_each"),
            header: std::iter::once("column.experiment")
                .chain(facts.iter().map(|(word, _)| *word))
                .map(Item::Word)
                .collect(),
            rows: chapters.iter().map(line).collect(),
        });
    }
    tables
}

/// Digits that tell one commit from another.
const COMMIT: usize = 12;

fn item(pointer: &str, fact: &Value) -> Item {
    match fact {
        Value::String(text) if text == "unknown" => Item::Word("cell.unknown"),
        Value::String(text) if text == "on" => Item::Word("cell.on"),
        Value::String(text) if text == "off" => Item::Word("cell.off"),
        Value::String(text) if pointer == "/commit" => Item::Quoted(text.chars().take(COMMIT).collect()),
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
