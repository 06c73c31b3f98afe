//! A deterministic share of a plan, for several processes or machines.

use std::{collections::HashMap, fmt, str::FromStr};

use super::{Block, Cell, Plan, work};
use crate::spec::Experiment;

/// `k/n`: the k-th of n shares, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    index: u32,
    of: u32,
}

impl Share {
    /// The k-th of n shares.
    ///
    /// # Errors
    /// Unless 1 ≤ k ≤ n.
    pub fn new(index: u32, of: u32) -> Result<Self, String> {
        if index == 0 || index > of {
            return Err(format!("there is no share {index} of {of}: write k/n with 1 ≤ k ≤ n, for example `2/8`"));
        }
        Ok(Self { index, of })
    }

    /// k, from 1.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// n.
    #[must_use]
    pub fn of(self) -> u32 {
        self.of
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let (index, of) = parsed.ok_or("write k/n, for example `2/8`")?;
        Self::new(index, of)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.of)
    }
}

impl Plan {
    /// The cells that belong to a share: every cell is in exactly one of n, and all shares have about as much to do.
    #[must_use]
    pub fn shard(&self, experiment: &Experiment, share: Share) -> Self {
        let shares = Shares::of(experiment, self, share.of);
        let own = share.index - 1;
        let keep = |block: &Block| {
            let mut kept = block.clone();
            let owners: HashMap<usize, u32> =
                parts(block).into_iter().map(|part| (part[0].method, shares.owner_of(block, part))).collect();
            kept.cells.retain(|cell| owners.get(&cell.method) == Some(&own));
            (!kept.cells.is_empty()).then_some(kept)
        };
        Self {
            blocks: self.blocks.iter().filter_map(keep).collect(),
            excluded: self.excluded,
            studies: self
                .studies
                .iter()
                .filter(|cell| shares.of_studies.get(&*cell.id) == Some(&own))
                .cloned()
                .collect(),
        }
    }

    /// Which of n shares each cell belongs to, by its id.
    #[must_use]
    pub fn owners(&self, experiment: &Experiment, of: u32) -> HashMap<&str, Share> {
        let shares = Shares::of(experiment, self, of);
        let share = |owner: u32| Share { index: owner + 1, of };
        let of_parts = self.blocks.iter().flat_map(|block| parts(block).into_iter().map(move |part| (block, part)));
        let of_cells = of_parts.flat_map(|(block, part)| {
            let owner = share(shares.owner_of(block, part));
            part.iter().map(move |cell| (cell.id.as_str(), owner))
        });
        let of_studies = shares.of_studies.iter().map(|(cell, owner)| (*cell, share(*owner)));
        of_cells.chain(of_studies).collect()
    }

    /// What each of n shares has to do, in forecast flops, studies apart; in the order of the shares.
    #[must_use]
    pub fn work_of_shares(&self, experiment: &Experiment, of: u32) -> Vec<f64> {
        Shares::of(experiment, self, of).work
    }
}

/// The cells of one method on one matrix: they stay together, because one factorisation may serve all their ranks.
fn parts(block: &Block) -> Vec<&[Cell]> {
    block.cells.chunk_by(|a, b| a.method == b.method).collect()
}

/// What falls to which of n shares, counted from 0.
struct Shares<'p> {
    /// By block, and by the seed of the method's first draw, which names the method whatever its label: what two labels name is
    /// one, and computed once.
    of_parts: HashMap<(&'p str, u64), u32>,
    of_studies: HashMap<&'p str, u32>,
    work: Vec<f64>,
}

impl<'p> Shares<'p> {
    /// The largest part first, each to the share that has least to do (Graham 1969: at most 4/3 of the optimum). A matrix stays
    /// whole where that does no harm, because each share that has a part of it computes its reference.
    fn of(experiment: &Experiment, plan: &'p Plan, shares: u32) -> Self {
        let mut this =
            Self { of_parts: HashMap::new(), of_studies: HashMap::new(), work: vec![0.0; shares.max(1) as usize] };
        let mut wholes: Vec<(f64, &Block)> =
            plan.blocks.iter().map(|block| (work::of_block(experiment, block), block)).collect();
        let fair = wholes.iter().map(|(work, _)| work).sum::<f64>() / f64::from(shares.max(1));
        // The sort is stable, so that equal work keeps the order of the plan.
        wholes.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        for (work, block) in wholes {
            if work <= fair * LARGEST_WHOLE {
                let least = this.least(|_| 0.0);
                this.work[least] += work;
                for part in parts(block) {
                    this.give(block, part, least);
                }
                continue;
            }
            let reference = work::of_reference(experiment, block);
            let mut has_reference = vec![false; this.work.len()];
            let mut sorted: Vec<(f64, &[Cell])> =
                parts(block).into_iter().map(|part| (work::of_cells(experiment, block, part), part)).collect();
            sorted.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            for (work, part) in sorted {
                let least = this.least(|share| if has_reference[share] { 0.0 } else { reference });
                this.work[least] += work + if has_reference[least] { 0.0 } else { reference };
                has_reference[least] = true;
                this.give(block, part, least);
            }
        }
        // What a study costs is not known before; those of one grid are dealt out in turn.
        for (place, cell) in plan.studies.iter().enumerate() {
            let share = u32::try_from(place).unwrap_or_default() % shares.max(1);
            this.of_studies.entry(&cell.id).or_insert(share);
        }
        this
    }

    /// The share that would have least to do, the first of several.
    fn least(&self, beside: impl Fn(usize) -> f64) -> usize {
        let all = |share: &usize| self.work[*share] + beside(*share);
        (0..self.work.len()).min_by(|a, b| all(a).total_cmp(&all(b))).unwrap_or_default()
    }

    fn give(&mut self, block: &'p Block, part: &[Cell], share: usize) {
        let share = u32::try_from(share).unwrap_or_default();
        self.of_parts.entry((&block.id, part[0].seed)).or_insert(share);
    }

    fn owner_of(&self, block: &Block, part: &[Cell]) -> u32 {
        self.of_parts.get(&(&*block.id, part[0].seed)).copied().unwrap_or_default()
    }
}

/// Of what a share should do, the largest part that a matrix may be and stay whole.
const LARGEST_WHOLE: f64 = 0.1;
