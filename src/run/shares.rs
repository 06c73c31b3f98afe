//! The shares an experiment is computed in, told by their journals, and what is missing of each.

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use serde_json::{Value, json};

use super::{
    Folder, Options, RunError, journal::JournalError, ledger::journals_in, lock::Lock, state::everything,
    wanted_repeats,
};
use crate::{
    plan::{Plan, Share},
    spec::Experiment,
    table::Status,
};

/// The name of a share's journal, without its ending.
pub fn stem(share: Share) -> String {
    format!("shard-{}-of-{}", share.index(), share.of())
}

/// The share whose journal has this name.
fn of_stem(stem: &str) -> Option<Share> {
    let (index, of) = stem.strip_prefix("shard-")?.split_once("-of-")?;
    Share::new(index.parse().ok()?, of.parse().ok()?).ok()
}

/// In how many shares the experiment is computed: as many as the most journals say, the larger number of two; `None` if none is
/// of a share.
///
/// # Errors
/// The folder cannot be read.
pub fn count(journals: &Path) -> Result<Option<u32>, JournalError> {
    let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
    for path in journals_in(journals)? {
        if let Some(share) = path.file_stem().and_then(|stem| of_stem(stem.to_str()?)) {
            *votes.entry(share.of()).or_default() += 1;
        }
    }
    Ok(votes.into_iter().max_by_key(|&(of, votes)| (votes, of)).map(|(of, _)| of))
}

/// How many cells are missing, of how many, and of which shares: `{"cells": 21, "of": 126, "shares": [{"share": "3/6", "cells": 21}]}`.
pub fn missing(experiment: &Experiment, plan: &Plan, missing: &[&str], shares: Option<u32>) -> Value {
    let mut told = json!({ "cells": missing.len(), "of": plan.cells(), "shares": [] });
    if let Some(of) = shares {
        let owners = plan.owners(experiment, of);
        let mut by_share: BTreeMap<u32, u64> = BTreeMap::new();
        for share in missing.iter().filter_map(|id| owners.get(id)) {
            *by_share.entry(share.index()).or_default() += 1;
        }
        let entry = |(index, cells): (u32, u64)| json!({ "share": format!("{index}/{of}"), "cells": cells });
        told["shares"] = by_share.into_iter().map(entry).collect();
    }
    told
}

/// How a share stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareState {
    pub share: Share,
    /// That are not skipped.
    pub cells: usize,
    /// Of them, with all their times, whichever journal has them.
    pub finished: usize,
    /// Of these, those that failed.
    pub failed: usize,
    pub has_journal: bool,
    /// The process that writes its journal now.
    pub holder: Option<String>,
}

/// How each of n shares stands; of as many as the journals say, if no number is given, and of one share, which is all, where they
/// say none.
///
/// # Errors
/// A journal cannot be read or is damaged.
pub fn share_states(
    experiment: &Experiment,
    plan: &Plan,
    options: &Options,
    of: Option<u32>,
) -> Result<Vec<ShareState>, RunError> {
    let folder = Folder::of(experiment, options);
    let journals = &folder.journals;
    let told = if journals.is_dir() { count(journals)? } else { None };
    let of = of.or(told).unwrap_or(1);
    let ledger = everything(&folder)?;
    let repeats = wanted_repeats(experiment);
    let owners = plan.owners(experiment, of);
    let mut states = Vec::new();
    for index in 1..=of {
        let Ok(share) = Share::new(index, of) else { continue };
        let own = |stem: &str| (journals.join(format!("{stem}.jsonl")), journals.join(format!("{stem}.lock")));
        let (journal, lock) = if of == 1 && told.is_none() { own("main") } else { own(&stem(share)) };
        let holder = Lock::holder(&lock);
        states.push(ShareState { share, cells: 0, finished: 0, failed: 0, has_journal: journal.is_file(), holder });
    }
    let mut seen = HashSet::new();
    let due = plan.blocks.iter().flat_map(|block| &block.cells).filter(|cell| cell.skip.is_none());
    let due = due.map(|cell| {
        let entry = ledger.cells.get(&cell.id).filter(|entry| entry.is_finished(repeats));
        (cell.id.as_str(), entry.map(|entry| entry.record.row.status))
    });
    let studied = plan.studies.iter().map(|cell| {
        let first = ledger.studies.get(&cell.id).and_then(|(record, _)| record.rows.first());
        (cell.id.as_str(), first.map(|row| row.status))
    });
    for (id, status) in due.chain(studied).filter(|(id, _)| seen.insert(*id)) {
        let Some(state) = owners.get(id).and_then(|share| states.get_mut(share.index() as usize - 1)) else { continue };
        state.cells += 1;
        state.finished += usize::from(status.is_some());
        state.failed += usize::from(status == Some(Status::Failed));
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_journals_tell_how_many_shares_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let count_with = |names: &[&str]| {
            names.iter().for_each(|name| std::fs::write(folder.path().join(name), "").unwrap());
            count(folder.path()).unwrap()
        };
        assert_eq!(count_with(&["main.jsonl", "shard-7-of-6.jsonl", "shard-a-of-b.jsonl"]), None);
        assert_eq!(count_with(&["shard-1-of-2.jsonl"]), Some(2));
        assert_eq!(count_with(&["shard-1-of-6.jsonl", "shard-4-of-6.jsonl"]), Some(6));
        assert_eq!(of_stem(&stem("3/6".parse().unwrap())), "3/6".parse().ok());
    }
}
