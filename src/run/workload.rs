//! How much a run has to do, known before it begins, so that several runs can show one progress.

use std::{collections::HashSet, iter::Sum};

use super::{
    Folder, Options, RunError, State, ledger::due_repeats, publish::settled, settled::inputs, state::states,
    state::study_states, study::parts, wanted_repeats,
};
use crate::{
    plan::{Plan, StudyCell},
    spec::Experiment,
};

/// Work that no journal has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workload {
    pub cells: usize,
    /// Cells that the journals have already; with [`Self::cells`], all that are not skipped.
    pub done: usize,
    /// Matrices, and grids of studies.
    pub parts: usize,
    /// Verifications and timing runs.
    pub steps: u64,
}

impl Sum for Workload {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        loads.fold(Self::default(), |all, load| Self {
            cells: all.cells + load.cells,
            done: all.done + load.done,
            parts: all.parts + load.parts,
            steps: all.steps + load.steps,
        })
    }
}

/// What [`run`](super::run) would have to do. Another process that computes the same may leave it less.
///
/// # Errors
/// A journal cannot be read or is damaged.
pub fn workload(experiment: &Experiment, plan: &Plan, options: &Options) -> Result<Workload, RunError> {
    let (folder, repeats) = (Folder::of(experiment, options), wanted_repeats(experiment));
    if let Some(counts) = settled(&folder, inputs(experiment, plan, &folder, repeats).as_deref()) {
        return Ok(Workload { done: counts.completed + counts.failed, ..Workload::default() });
    }
    let part = plan.part(experiment, &options.part);
    let ours: Option<HashSet<&str>> = part.as_ref().map(|part| {
        let cells = part.blocks.iter().flat_map(|block| &block.cells).map(|cell| cell.id.as_str());
        cells.chain(part.studies.iter().map(|cell| cell.id.as_str())).collect()
    });
    let is_ours = |id: &str| ours.as_ref().is_none_or(|ours| ours.contains(id));
    let is_due = |id: &str, state: &State| matches!(state, State::Run | State::Stale(_)) && is_ours(id);
    let is_done = |id: &str, state: &State| matches!(state, State::Cached) && is_ours(id);
    let mut load = Workload::default();
    // Cells that two labels name are computed once.
    let mut seen = HashSet::new();
    for (block, states) in plan.blocks.iter().zip(states(experiment, plan, options)?) {
        let mut is_part = false;
        for (cell, state) in block.cells.iter().zip(&states) {
            if is_due(&cell.id, state) && seen.insert(&cell.id) {
                let timings = due_repeats(cell.trial as u64, repeats);
                let warmup = if timings > 0 { experiment.timing.warmup as u64 } else { 0 };
                load.cells += 1;
                load.steps += 1 + warmup + timings;
                is_part = true;
            } else if is_done(&cell.id, state) && seen.insert(&cell.id) {
                load.done += 1;
            }
        }
        load.parts += usize::from(is_part);
    }
    let states = study_states(experiment, plan, options)?;
    let due = plan.studies.iter().zip(&states).filter(|(cell, state)| is_due(&cell.id, state));
    let studies: Vec<&StudyCell> = due.map(|(cell, _)| cell).collect();
    load.cells += studies.len();
    load.done += plan.studies.iter().zip(&states).filter(|(cell, state)| is_done(&cell.id, state)).count();
    load.steps += studies.len() as u64;
    load.parts += parts(&studies);
    Ok(load)
}
