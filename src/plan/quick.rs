//! A first look at an experiment: as much of it as fits into half a minute, under a name of its own.

use std::{collections::HashSet, path::Path};

use super::{Block, Plan, PlanError, plan};
use crate::spec::{Experiment, QUICK_SUFFIX};

/// What is kept of each sweep: its ends and its middle, enough to see which way it goes.
const KEPT: usize = 3;

/// Seconds of forecast work for all matrices together.
const BUDGET: f64 = 25.0;

/// Rows on which errors of unformed attention are measured.
const STREAMED_ROWS: usize = 512;

/// A smaller experiment of the same questions: one draw, one precision, three ranks, and of every family of problems three
/// matrices that can be afforded. Its name ends in [`QUICK_SUFFIX`], so that it shares nothing with the whole.
///
/// Forecasts are rough: whoever runs it sets a deadline too.
///
/// # Errors
/// As [`plan`].
pub fn quick(whole: &Experiment, root: &Path, available_bytes: u64) -> Result<Experiment, PlanError> {
    let mut look = whole.clone();
    look.name += QUICK_SUFFIX;
    look.trials = 1;
    look.precisions.truncate(1);
    look.target_ranks = spread(&look.target_ranks, |_| true);
    look.timing.warmup = look.timing.warmup.min(1);
    look.timing.repeats = look.timing.repeats.min(10);
    if let Some(streaming) = &mut look.streaming {
        streaming.rows = streaming.rows.min(STREAMED_ROWS);
    }
    let mut families = HashSet::new();
    look.studies.retain(|study| families.insert((study.family.clone(), study.spec.kind())));
    let Plan { blocks, .. } = plan(&look, root, available_bytes)?;
    let costs: Vec<f64> = blocks.iter().map(|block| seconds(&look, block)).collect();
    look.problems = affordable(&look, &costs);
    Ok(look)
}

/// Of every family, problems whose costs fit into its share of the budget; the cheapest if none does.
fn affordable(look: &Experiment, costs: &[f64]) -> Vec<crate::spec::Instance<crate::problem::ProblemSpec>> {
    let mut families: Vec<&str> = Vec::new();
    for problem in &look.problems {
        if !families.contains(&problem.family.as_str()) {
            families.push(&problem.family);
        }
    }
    let each = BUDGET / (families.len().max(1) * KEPT) as f64;
    let mut kept = Vec::new();
    for family in families {
        let members: Vec<usize> =
            (0..look.problems.len()).filter(|&problem| look.problems[problem].family == family).collect();
        let mut chosen = spread(&members, |&problem| costs[problem] <= each);
        if chosen.is_empty() {
            chosen.extend(members.into_iter().min_by(|&a, &b| costs[a].total_cmp(&costs[b])));
        }
        kept.extend(chosen);
    }
    kept.into_iter().map(|problem| look.problems[problem].clone()).collect()
}

/// The first, the last and the middle of those that are wanted.
fn spread<T: Clone>(all: &[T], wanted: impl Fn(&T) -> bool) -> Vec<T> {
    let wanted: Vec<&T> = all.iter().filter(|item| wanted(item)).collect();
    let most = wanted.len().saturating_sub(1);
    let mut places: Vec<usize> = (0..KEPT).map(|place| place * most / (KEPT - 1)).collect();
    places.dedup();
    places.into_iter().filter_map(|place| wanted.get(place).map(|&item| item.clone())).collect()
}

/// A guess at the seconds of a block: its reference, and every cell verified and timed.
fn seconds(look: &Experiment, block: &Block) -> f64 {
    /// Of the kernels here on small matrices, whose memory traffic counts.
    const FLOPS_PER_SECOND: f64 = 2e9;
    let (m, n) = (block.outline.rows as f64, block.outline.columns as f64);
    let short = m.min(n);
    let runs = 1 + look.timing.repeats + if look.timing.repeats > 0 { look.timing.warmup } else { 0 };
    let (reference, verification) = if block.formed {
        (30.0 * m * n * short, 4.0 * m * n * short.min(256.0))
    } else {
        let rows = look.streaming.map_or(m, |streaming| m.min(streaming.rows as f64));
        (0.0, 40.0 * rows * n)
    };
    let cells = block.cells.iter().filter(|cell| cell.skip.is_none());
    let work: f64 = cells.map(|cell| cell.forecast.flops as f64 * runs as f64 + verification).sum();
    (reference + work) / FLOPS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_keeps_its_ends_and_its_middle() {
        let all: Vec<u32> = (0..8).collect();
        assert_eq!(spread(&all, |_| true), [0, 3, 7]);
        assert_eq!(spread(&all, |&item| item < 2), [0, 1]);
        assert_eq!(spread(&all, |&item| item == 5), [5]);
        assert_eq!(spread(&all, |_| false), Vec::<u32>::new());
    }
}
