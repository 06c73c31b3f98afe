//! The `[claim.LABEL]` tables.

use serde_json::Value;

use super::{
    diagnostic::{Diagnostic, Problems},
    family::header_of,
    section::{Section, Swept, first_values, meaningless, properties_of},
    spelling::{as_label, is_hidden, is_label, listed, nearest},
    sweep::Axis,
    tree::{Content, Entry, Table},
};
use crate::claim::Claim;

/// Every claim; what cannot be read is left out and reported.
pub(super) fn read(document: &Table, problems: &mut Problems) -> Vec<(String, Claim)> {
    let Some(entry) = document.get("claim") else { return Vec::new() };
    let Content::Table(tables) = &entry.node.content else {
        let what = entry.node.content.what();
        let help = "write `[claim.LABEL]` with a label of your choice, and its keys below";
        problems.push(Diagnostic::new(&entry.node.span, "`claim` must be tables", format!("this is {what}"), help));
        return Vec::new();
    };
    tables.entries.iter().filter_map(|entry| claim(document, entry, problems)).collect()
}

fn claim(document: &Table, entry: &Entry, problems: &mut Problems) -> Option<(String, Claim)> {
    let label = &entry.key;
    if !is_label(label) {
        let title = format!("`{}` cannot be a label", label.escape_debug());
        let help = format!("use letters without accents, digits, `_` and `-`: `[claim.{}]`", as_label(label));
        problems.push(Diagnostic::new(&entry.key_span, title, "a character that is not allowed", help));
        return None;
    }
    let Content::Table(table) = &entry.node.content else {
        let what = entry.node.content.what();
        let title = format!("`claim.{label}` must be a table, not {what}");
        let help = format!("write `[claim.{label}]`, and its keys below");
        problems.push(Diagnostic::new(&entry.node.span, title, format!("this is {what}"), help));
        return None;
    };
    let (before, header) = (problems.count(), header_of(entry));
    let name = format!("claim `{label}`");
    let properties = properties_of::<Claim>();
    let section =
        Section { name: &name, header: Some(&header), properties: &properties, others: &[], swept: Swept::Only(&[]) };
    let axes = section.read(table, problems);
    refuse_unreadable_texts(&name, &axes, problems);
    refuse_unknown_labels(document, &name, &axes, problems);
    if problems.count() > before {
        return None;
    }
    let claim: Claim = serde_json::from_value(Value::Object(first_values(&axes))).ok()?;
    if let Err(invalid) = claim.check() {
        let written = axes.iter().find(|axis| axis.name == invalid.parameter);
        let span = written.map_or(&header, |axis| axis.value_span(0));
        problems.push(meaningless(&invalid, &name, span));
        return None;
    }
    Some((label.clone(), claim))
}

/// The report quotes them on one line.
fn refuse_unreadable_texts(name: &str, axes: &[Axis], problems: &mut Problems) {
    let texts = ["en", "es", "beside_en", "beside_es"];
    for axis in axes.iter().filter(|axis| texts.contains(&axis.name.as_str())) {
        let Value::String(text) = axis.value(0) else { continue };
        if text.trim().is_empty() || text.chars().any(|letter| letter.is_control() || is_hidden(letter)) {
            let title = format!("`{}` of {name} is not one line of visible text", axis.name);
            problems.push(Diagnostic::new(axis.value_span(0), title, "here", "say in one line what is claimed"));
        }
    }
}

/// A claim on rows that no run will ever write would never be judged. Tables count as they are written: what is wrong in one of them
/// is no fault of the claim.
fn refuse_unknown_labels(document: &Table, name: &str, axes: &[Axis], problems: &mut Problems) {
    let kinds = [("problem", "problem"), ("method", "method"), ("over_method", "method"), ("study", "study")];
    for (key, family) in kinds {
        let Some(axis) = axes.iter().find(|axis| axis.name == key) else { continue };
        let Value::String(written) = axis.value(0) else { continue };
        let tables = document.get(family).map(|entry| &entry.node.content);
        let tables = if let Some(Content::Table(tables)) = tables { tables.entries.as_slice() } else { &[] };
        let known = || tables.iter().map(|table| table.key.as_str());
        if known().any(|label| label == written) {
            continue;
        }
        let title = format!("`{key}` of {name}: the spec has no `{}`", written.escape_debug());
        let help = match nearest(&written, known()) {
            Some(label) => format!("write `{label}`"),
            None => format!("write the label of one of its tables: {}", listed(known())),
        };
        problems.push(Diagnostic::new(axis.value_span(0), title, "no such label", help));
    }
}
