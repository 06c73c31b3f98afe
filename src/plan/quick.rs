//! A first look at an experiment: as much of it as fits into half a minute, under a name of its own.

use std::path::Path;

use super::{Block, PlanError, plan};
use crate::spec::{Experiment, Instance, QUICK_SUFFIX};

/// What is kept of each sweep: its ends and its middle, enough to see which way it goes.
const KEPT: usize = 3;

/// Seconds of forecast work for all matrices together.
const BUDGET: f64 = 25.0;

/// Rows on which errors of unformed attention are measured.
const STREAMED_ROWS: usize = 512;

/// A smaller experiment of the same questions: one draw, three ranks, and of every family of problems three matrices that
/// can be afforded. Its name ends in [`QUICK_SUFFIX`], so that it shares nothing with the whole.
///
/// Forecasts are rough: whoever runs it sets a deadline too.
///
/// # Errors
/// As [`plan`].
pub fn quick(whole: &Experiment, root: &Path, available_bytes: u64) -> Result<Experiment, PlanError> {
    let mut look = whole.clone();
    look.name += QUICK_SUFFIX;
    look.trials = 1;
    look.target_ranks = spread(&look.target_ranks, |_| true);
    let own = look.problems.iter_mut().map(|problem| &mut problem.target_ranks);
    for ranks in own.chain(look.methods.iter_mut().map(|method| &mut method.target_ranks)).flatten() {
        *ranks = spread(ranks, |_| true);
    }
    look.timing.warmup = look.timing.warmup.min(1);
    look.timing.repeats = look.timing.repeats.min(10);
    if let Some(streaming) = &mut look.streaming {
        streaming.rows = streaming.rows.min(STREAMED_ROWS);
    }
    // Nobody forecasts what a study costs: of those, the deadline decides.
    look.studies = of_every_family(&look.studies, |members| spread(members, |_| true));
    let mut costs = vec![0.0; look.problems.len()];
    for block in &plan(&look, root, available_bytes)?.blocks {
        costs[block.problem] += seconds(&look, block);
    }
    let each = BUDGET / (families(&look.problems).len().max(1) * KEPT) as f64;
    look.problems = of_every_family(&look.problems, |members| {
        let affordable = spread(members, |&problem| costs[problem] <= each);
        let cheapest = members.iter().copied().min_by(|&a, &b| costs[a].total_cmp(&costs[b]));
        if affordable.is_empty() { cheapest.into_iter().collect() } else { affordable }
    });
    Ok(look)
}

/// Labels in the order of the spec.
fn families<S>(instances: &[Instance<S>]) -> Vec<&str> {
    let mut families: Vec<&str> = instances.iter().map(|instance| instance.family.as_str()).collect();
    families.dedup();
    families
}

/// What is chosen of the places of each family's members.
fn of_every_family<S: Clone>(all: &[Instance<S>], choose: impl Fn(&[usize]) -> Vec<usize>) -> Vec<Instance<S>> {
    let mut kept = Vec::new();
    for family in families(all) {
        let members: Vec<usize> = (0..all.len()).filter(|&place| all[place].family == family).collect();
        kept.extend(choose(&members).into_iter().map(|place| all[place].clone()));
    }
    kept
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
