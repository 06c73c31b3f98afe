//! Two runs of experiments against each other: what changed in error, and in time, cell by cell and method by method.
//!
//! Cells are told by the names a spec gives them, so that a method of a new version is compared with the old one; what only one
//! of the runs has is named.

mod error;
mod time;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use error::{ErrorChange, OfMethod};
pub use time::{TimeChange, Times, Verdict};

use crate::table::{CellRow, Results, Status};

/// A cell by the names a spec gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    pub problem: String,
    pub problem_variant: String,
    pub precision: String,
    pub method: String,
    pub method_variant: String,
    pub target_rank: u64,
    pub trial: u64,
}

/// A method at one point of its grid, in one precision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Method {
    pub method: String,
    pub variant: String,
    pub precision: String,
}

impl Place {
    fn of(cell: &CellRow) -> Self {
        Self {
            problem: cell.problem.clone(),
            problem_variant: cell.problem_variant.clone(),
            precision: cell.precision.clone(),
            method: cell.method.clone(),
            method_variant: cell.method_variant.clone(),
            target_rank: cell.target_rank,
            trial: cell.trial,
        }
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> Method {
        Method { method: self.method.clone(), variant: self.method_variant.clone(), precision: self.precision.clone() }
    }
}

/// What is compared, and how strictly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Times nearer than this share are not told apart, whatever the intervals say: two runs of one program differ so much by where
    /// their code and memory lie.
    pub margin: f64,
    /// The chance that any difference at all is told between runs that do not differ.
    pub familywise: f64,
    /// Whether the common drift of all methods stays in: for runs of different machines it does in any case.
    pub absolute: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { margin: 0.05, familywise: 0.01, absolute: false }
    }
}

/// A cell that completed in one run and not in the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndedOtherwise {
    pub place: Place,
    pub before: &'static str,
    pub after: &'static str,
    pub reason: Option<String>,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Cells both runs have.
    pub cells: usize,
    /// What only the one or the other has, in words: problems, methods and their cells.
    pub only_before: Vec<String>,
    pub only_after: Vec<String>,
    pub ended_otherwise: Vec<EndedOtherwise>,
    pub errors: Vec<OfMethod>,
    pub times: Times,
}

impl Comparison {
    /// What became worse by more than a share: in words, one a finding.
    #[must_use]
    pub fn regressions(&self, share: f64) -> Vec<String> {
        let worse_end = |ended: &&EndedOtherwise| ended.before == Status::Completed.name();
        let ended = self.ended_otherwise.iter().filter(worse_end).map(|ended| {
            let Place { problem, method, target_rank, .. } = &ended.place;
            format!("{method} on {problem} at rank {target_rank}: {} instead of {}", ended.after, ended.before)
        });
        let of_errors = self.errors.iter().filter(|of| of.worst_ratio.is_some_and(|worst| worst > 1.0 + share));
        let errors = of_errors.map(|of| {
            format!("{} of {}: {:.3} times as large", of.quantity, in_words(&of.method), of.worst_ratio.unwrap_or(1.0))
        });
        let slower = self.times.methods.iter().filter(|of| of.verdict == Verdict::Slower && of.low > 1.0 + share);
        let times = slower.map(|of| {
            format!("time of {}: {:.3} times as long [{:.3}, {:.3}]", in_words(&of.method), of.ratio, of.low, of.high)
        });
        ended.chain(errors).chain(times).collect()
    }
}

/// `randomized_svd (power_iterations=2), f64`.
#[must_use]
pub fn in_words(method: &Method) -> String {
    let Method { method, variant, precision } = method;
    if variant.is_empty() { format!("{method}, {precision}") } else { format!("{method} ({variant}), {precision}") }
}

/// Compares what two runs have in common.
#[must_use]
pub fn compare(before: &Results, after: &Results, rules: Rules) -> Comparison {
    let by_place = |results: &'_ Results| -> BTreeMap<Place, CellRow> {
        results.cells.iter().map(|cell| (Place::of(cell), cell.clone())).collect()
    };
    let (old, new) = (by_place(before), by_place(after));
    let pairs: Vec<(&Place, &CellRow, &CellRow)> =
        old.iter().filter_map(|(place, cell)| Some((place, cell, new.get(place)?))).collect();
    let ended = pairs.iter().filter(|(_, old, new)| old.status != new.status);
    let ended_otherwise = ended.map(|(place, old, new)| EndedOtherwise {
        place: (*place).clone(),
        before: old.status.name(),
        after: new.status.name(),
        reason: new.reason.clone().or_else(|| old.reason.clone()),
    });
    let ended_otherwise: Vec<EndedOtherwise> = ended_otherwise.collect();
    let (measured, in_both) = error::measurements(before, after);
    let mut errors = error::of_methods(&pairs);
    errors.extend(measured);
    Comparison {
        cells: pairs.len() + in_both,
        only_before: lacking(&old, &new, before, after),
        only_after: lacking(&new, &old, after, before),
        ended_otherwise,
        errors,
        times: time::changes(&pairs, before, after, rules),
    }
}

/// What the first has and the second lacks: whole problems and methods by their names, then how many cells of the rest.
fn lacking(
    cells: &BTreeMap<Place, CellRow>,
    others: &BTreeMap<Place, CellRow>,
    own: &Results,
    other: &Results,
) -> Vec<String> {
    let labels = |cells: &'_ BTreeMap<Place, CellRow>, of: fn(&Place) -> &String| -> BTreeSet<String> {
        cells.keys().map(of).cloned().collect()
    };
    let mut told = Vec::new();
    let mut whole: [BTreeSet<String>; 2] = [BTreeSet::new(), BTreeSet::new()];
    for (kind, whole) in ["problem", "method"].into_iter().zip(&mut whole) {
        let of: fn(&Place) -> &String = if kind == "problem" { |place| &place.problem } else { |place| &place.method };
        *whole = labels(cells, of).difference(&labels(others, of)).cloned().collect();
        told.extend(whole.iter().map(|label| format!("{kind} `{label}`")));
    }
    let studies = |results: &'_ Results| -> BTreeSet<String> {
        results.measurements.iter().map(|row| row.study.clone()).collect()
    };
    told.extend(studies(own).difference(&studies(other)).map(|label| format!("study `{label}`")));
    let is_rest = |place: &&Place| {
        !others.contains_key(*place) && !whole[0].contains(&place.problem) && !whole[1].contains(&place.method)
    };
    let rest = cells.keys().filter(is_rest).count();
    if rest > 0 {
        told.push(format!("{rest} cells at other settings, ranks or draws"));
    }
    told
}
