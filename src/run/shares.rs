//! The shares an experiment is computed in, told by their journals, and what is missing of each.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::{journal::JournalError, ledger::journals_in};
use crate::{
    plan::{Plan, Share},
    spec::Experiment,
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
    let mut told = json!({ "cells": missing.len(), "of": plan.cells() });
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
