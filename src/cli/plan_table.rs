//! A plan as a reader sees it: one line per cell, and what they cost together.

use std::ops::RangeInclusive;

use factoreo::{
    plan::{Plan, in_words, memory_needed},
    run::State,
    spec::Experiment,
    terminal,
};
use serde_json::{Value, json};

const HEADINGS: [&str; 9] = ["state", "problem", "precision", "method", "rank", "trial", "flops", "memory", "why"];

/// Columns of numbers, to be aligned at their end.
const NUMBERS: RangeInclusive<usize> = 4..=7;

/// Every cell with its state and forecast, then the totals.
pub fn table(experiment: &Experiment, plan: &Plan, states: &[Vec<State>], studied: &[State]) -> String {
    let mut totals = Totals::default();
    let matrices = matrices(experiment, plan, states, &mut totals);
    let studies = studies(experiment, plan, studied, &mut totals);
    let sections = [matrices, studies].into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>();
    format!("{}{}\n", sections.join("\n"), totals.in_words(&experiment.name, plan.excluded))
}

/// The same for a machine, numbers in full.
pub fn json(experiment: &Experiment, plan: &Plan, states: &[Vec<State>], studied: &[State]) -> Value {
    let mut totals = Totals::default();
    let mut cells = Vec::new();
    for (block, states) in plan.blocks.iter().zip(states) {
        for (cell, state) in block.cells.iter().zip(states) {
            let memory = memory_needed(block.outline, block.formed, block.precision, cell.forecast);
            let (name, why) = in_words_of(state);
            totals.add(state, cell.forecast.flops, memory);
            cells.push(json!({
                "id": cell.id,
                "state": name,
                "problem": experiment.problem_of(block).name(),
                "precision": block.precision.name(),
                "method": experiment.method_of(cell).name(),
                "target_rank": cell.target_rank,
                "asked_rank": cell.asked_rank,
                "trial": cell.trial,
                "flops": cell.forecast.flops,
                "memory_bytes": memory,
                "why": why,
            }));
        }
    }
    for (cell, state) in plan.studies.iter().zip(studied) {
        let (name, why) = in_words_of(state);
        totals.add(state, 0, 0);
        let study = experiment.study_of(cell);
        let (name_of, kind) = (study.name(), study.spec.kind());
        cells.push(
            json!({ "id": cell.id, "state": name, "study": name_of, "kind": kind, "trial": cell.trial, "why": why }),
        );
    }
    let Totals { to_run, stale, cached, skipped, flops, largest } = totals;
    json!({
        "experiment": experiment.name,
        "to_run": to_run,
        "stale": stale,
        "cached": cached,
        "skipped": skipped,
        "excluded": plan.excluded,
        "flops_to_run": flops,
        "largest_memory_bytes": largest,
        "cells": cells,
    })
}

/// The cells of matrices under methods.
fn matrices(experiment: &Experiment, plan: &Plan, states: &[Vec<State>], totals: &mut Totals) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for (block, states) in plan.blocks.iter().zip(states) {
        for (cell, state) in block.cells.iter().zip(states) {
            let memory = memory_needed(block.outline, block.formed, block.precision, cell.forecast);
            let (name, why) = in_words_of(state);
            totals.add(state, cell.forecast.flops, memory);
            rows.push([
                name.to_owned(),
                terminal::name(&experiment.problem_of(block).name()),
                block.precision.name().to_owned(),
                terminal::name(&experiment.method_of(cell).name()),
                match &cell.asked_rank {
                    Some(asked) => format!("{} ({asked})", cell.target_rank),
                    None => cell.target_rank.to_string(),
                },
                cell.trial.to_string(),
                flops(cell.forecast.flops),
                in_words(memory),
                why.to_owned(),
            ]);
        }
    }
    if rows.len() > 1 || plan.studies.is_empty() { aligned(&rows, NUMBERS) } else { String::new() }
}

/// The cells of studies, whose cost nobody forecasts.
fn studies(experiment: &Experiment, plan: &Plan, states: &[State], totals: &mut Totals) -> String {
    let mut rows = vec![["state", "study", "kind", "trial", "why"].map(str::to_owned)];
    for (cell, state) in plan.studies.iter().zip(states) {
        let (name, why) = in_words_of(state);
        let study = experiment.study_of(cell);
        totals.add(state, 0, 0);
        let kind = study.spec.kind();
        rows.push([
            name.to_owned(),
            terminal::name(&study.name()),
            kind.to_owned(),
            cell.trial.to_string(),
            why.to_owned(),
        ]);
    }
    if rows.len() > 1 { aligned(&rows, 3..=3) } else { String::new() }
}

fn in_words_of(state: &State) -> (&'static str, &str) {
    match state {
        State::Run => ("run", ""),
        State::Cached => ("cached", ""),
        State::Skipped(why) => ("skipped", why.as_str()),
        State::Stale(why) => ("stale", why.as_str()),
    }
}

#[derive(Default)]
struct Totals {
    to_run: usize,
    stale: usize,
    cached: usize,
    skipped: usize,
    flops: u64,
    largest: u64,
}

impl Totals {
    fn add(&mut self, state: &State, flops: u64, memory: u64) {
        match state {
            State::Cached => self.cached += 1,
            State::Skipped(_) => self.skipped += 1,
            State::Run | State::Stale(_) => {
                self.to_run += 1;
                self.stale += usize::from(matches!(state, State::Stale(_)));
                self.flops = self.flops.saturating_add(flops);
                self.largest = self.largest.max(memory);
            }
        }
    }

    fn in_words(&self, name: &str, excluded: usize) -> String {
        let Self { to_run, stale, cached, skipped, .. } = self;
        let cells = to_run + cached + skipped;
        let cost = match to_run {
            0 => String::new(),
            // Studies alone.
            _ if self.largest == 0 => String::new(),
            _ => format!("; {} flops per draw of each, at most {} at once", flops(self.flops), in_words(self.largest)),
        };
        let left_out = match excluded {
            0 => String::new(),
            _ => format!("; `[[exclude]]` leaves out {excluded} more"),
        };
        format!(
            "{name}: {cells} cells: {to_run} to run ({stale} of them stale), {cached} cached, {skipped} skipped{left_out}{cost}"
        )
    }
}

/// To two digits: a forecast is no more exact.
#[allow(clippy::cast_precision_loss, reason = "shown to two digits")]
fn flops(count: u64) -> String {
    format!("{:.1e}", count as f64)
}

pub(super) fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]], numbers: RangeInclusive<usize>) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let padding = " ".repeat(widths[column] - cell.chars().count());
            if numbers.contains(&column) { padding + cell } else { cell.clone() + &padding }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_headings_whatever_the_letters() {
        let row = |cells: [&str; 5]| cells.map(str::to_owned);
        let rows = [row(["state", "problem", "p", "m", "rank"]), row(["run", "año", "f64", "svd", "4"])];
        assert_eq!(aligned(&rows, NUMBERS), "state  problem  p    m    rank\nrun    año      f64  svd     4\n");
    }
}
