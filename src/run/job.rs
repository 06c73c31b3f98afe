//! What is run as one: a cell, or all the cells of a nested method that share its factorisation.

use std::collections::HashMap;

use rand::seq::SliceRandom;

use crate::{method::MethodSpec, plan::Block, problem::StructureKind, random::generator, spec::Experiment};

/// One factorisation and the cells it answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Index into the experiment's methods.
    pub method: usize,
    /// Indices into the block's cells, none of them skipped; several only if the method is nested.
    pub cells: Vec<usize>,
    /// The rank to factor at: the largest of its cells in the whole plan, so that it does not depend on what is pending.
    pub rank: usize,
    pub seed: u64,
    /// Whether cells take the leading part of the factors.
    pub nested: bool,
}

/// All jobs of a block, in the order of its cells.
pub fn jobs(experiment: &Experiment, block: &Block) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut shared: HashMap<(usize, usize), usize> = HashMap::new();
    for (index, cell) in block.cells.iter().enumerate().filter(|(_, cell)| cell.skip.is_none()) {
        let nested = experiment.methods[cell.method].spec.traits().nested;
        if nested && let Some(&job) = shared.get(&(cell.method, cell.trial)) {
            jobs[job].cells.push(index);
            jobs[job].rank = jobs[job].rank.max(cell.target_rank);
            continue;
        }
        shared.insert((cell.method, cell.trial), jobs.len());
        jobs.push(Job { method: cell.method, cells: vec![index], rank: cell.target_rank, seed: cell.seed, nested });
    }
    jobs
}

/// Whether a method reads a matrix that an attention program would have to form first.
pub fn forms_matrix(method: &MethodSpec, block: &Block) -> bool {
    // Where the matrix is not formed beforehand, the method forms it within its own time.
    let attention = matches!(block.outline.structure, StructureKind::Attention { .. });
    block.formed && attention && method.traits().needs_matrix
}

/// The order in which `count` jobs run: the n-th to run is the n-th entry.
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut generator(seed));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_permutation_its_seed_decides() {
        let order = shuffled(20, 7);
        assert_eq!(order, shuffled(20, 7));
        assert_ne!(order, shuffled(20, 8));
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
    }
}
