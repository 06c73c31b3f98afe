//! Times of several machines: they are not one sample. What a report says of time is said of the machine that timed most; what the
//! others took stands beside it, in a table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    chapters::Chapter,
    document::{Item, MethodName, Table, Text, Verdict},
};
use crate::table::{Results, SummaryRow, lead_machine};

/// Rows of the table; of more, those of the largest matrices are told.
const SHOWN: usize = 40;

/// Leaves the times of the machine that took most alone in the results, and returns the summaries of the others'.
pub fn keep_lead(results: &mut Results) -> Vec<SummaryRow> {
    let lead = lead_machine(&results.samples);
    let is_elsewhere = |machine: Option<u64>| machine.is_some() && machine != lead;
    results.samples.retain(|sample| !is_elsewhere(sample.machine));
    let (elsewhere, kept) =
        std::mem::take(&mut results.summary).into_iter().partition(|row: &SummaryRow| is_elsewhere(row.machine));
    results.summary = kept;
    elsewhere
}

/// Where times were taken on several machines: which, and what each took.
pub fn told(chapter: &Chapter<'_>) -> Option<(Text, Table)> {
    let results = chapter.survey.results;
    if chapter.elsewhere.is_empty() {
        return None;
    }
    let machines: Vec<String> = match results.provenance.get("machines") {
        Some(Value::Array(machines)) => machines.iter().map(in_words).collect(),
        _ => return None,
    };
    let lead = lead_machine(&results.samples)?;
    let times = |rows: &'_ [SummaryRow]| -> Vec<SummaryRow> {
        let is_time = |row: &&SummaryRow| row.quantity == "total_seconds" && row.matrices == 1 && row.machine.is_some();
        rows.iter().filter(is_time).cloned().collect()
    };
    let all = [times(&results.summary), times(&chapter.elsewhere)].concat();
    let mut by_place: BTreeMap<_, BTreeMap<u64, f64>> = BTreeMap::new();
    for row in &all {
        let place =
            (&row.problem, &row.problem_variant, &row.precision, &row.method, &row.method_variant, row.target_rank);
        let place = (place, &row.method_kind);
        by_place.entry(place).or_default().extend(row.machine.map(|machine| (machine, row.median)));
    }
    let places = by_place.len();
    let numbers: BTreeSet<u64> = all.iter().filter_map(|row| row.machine).collect();
    let rows = by_place.into_iter().take(SHOWN).map(|(place, medians)| {
        let ((problem, variant, precision, method, method_variant, rank), kind) = place;
        let problem = match variant.as_str() {
            "" => problem.clone(),
            variant => format!("{problem} ({variant})"),
        };
        let method = MethodName { kind: kind.clone(), label: method.clone(), variant: method_variant.clone() };
        let mut row =
            vec![Item::Quoted(problem), Item::Quoted(precision.clone()), Item::Method(method), Item::Count(Some(rank))];
        row.extend(numbers.iter().map(|machine| Item::Seconds(medians.get(machine).copied(), Verdict::Unknown)));
        row
    });
    let rows: Vec<Vec<Item>> = rows.collect();
    let mut header =
        ["column.problem", "column.arithmetic", "column.method", "column.target_rank"].map(Item::Word).to_vec();
    let column = |machine: &u64| Item::Text(Text::new("machines.column", BTreeMap::from([("machine", machine)])));
    header.extend(numbers.iter().map(column));
    let shown = rows.len();
    let name = &results.name;
    let table = Table {
        label: "machines".to_owned(),
        caption: Text::new(
            "machines.caption",
            serde_json::json!({ "shown": shown, "places": places, "experiment": name }),
        ),
        header,
        rows,
    };
    Some((Text::new("machines.told", serde_json::json!({ "machines": machines, "lead": lead })), table))
}

/// `Intel Xeon, 8 cores, 2 threads`, without the words.
fn in_words(machine: &Value) -> String {
    let fact = |key: &str| match machine.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    format!("{} · {} · {}", fact("cpu"), fact("cores"), fact("threads"))
}
