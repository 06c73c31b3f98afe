//! A deterministic share of a plan, for several processes or machines.

use std::{collections::HashMap, fmt, str::FromStr};

use super::{Block, Plan, StudyCell};
use crate::random::named_seed;

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
    /// The cells that belong to a share. Every cell is in exactly one share of n, whatever else the spec holds; the cells of one
    /// method on one matrix stay together, because one factorisation may serve all their ranks.
    #[must_use]
    pub fn shard(&self, share: Share) -> Self {
        let keep = |block: &Block| {
            let mut owners = HashMap::new();
            for cell in &block.cells {
                // The seed of the first trial is a name for the method that no rank, label or neighbour changes.
                owners.entry(cell.method).or_insert_with(|| owner(&block.id, cell.seed, share.of));
            }
            let mut kept = block.clone();
            kept.cells.retain(|cell| owners.get(&cell.method) == Some(&(share.index - 1)));
            (!kept.cells.is_empty()).then_some(kept)
        };
        // Cells of studies share nothing: each goes its own way.
        let own = |cell: &&StudyCell| owner(&cell.id, cell.seed, share.of) == share.index - 1;
        Self {
            blocks: self.blocks.iter().filter_map(keep).collect(),
            excluded: self.excluded,
            studies: self.studies.iter().filter(own).cloned().collect(),
        }
    }
}

/// Which of `shares` a method's cells on a matrix fall to, from 0.
fn owner(block: &str, seed: u64, shares: u32) -> u32 {
    let hash = named_seed(seed, &["share", block]);
    // The remainder is below `shares`, which is a u32.
    u32::try_from(hash % u64::from(shares)).unwrap_or_default()
}
