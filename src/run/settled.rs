//! Whether everything is done already, told from the bytes that decide it: a run with nothing to compute reads no record.

use std::{fs, io, path::Path, time::UNIX_EPOCH};

use super::{Folder, ledger::journals_in};
use crate::{plan::Plan, spec::Experiment};

/// Hash of all that the tables are made from: the program, the spec, the plan, the timings wanted, and every byte of the
/// journals. `None` where one of them cannot be read, which whoever needs it will say.
///
/// Take it before the journals are read: what another share adds in between is then seen the next time.
pub fn inputs(experiment: &Experiment, plan: &Plan, folder: &Folder, repeats: u64) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(program().ok()?.as_bytes());
    add(experiment.source.as_bytes());
    for number in [experiment.seed, experiment.trials as u64, repeats, plan.blocks.len() as u64] {
        add(&number.to_le_bytes());
    }
    for block in &plan.blocks {
        let problem = experiment.problem_of(block);
        for text in [&problem.family, &problem.variant, &block.id] {
            add(text.as_bytes());
        }
        for cell in &block.cells {
            add(cell.id.as_bytes());
            add(cell.skip.as_deref().unwrap_or_default().as_bytes());
        }
    }
    for cell in &plan.studies {
        add(cell.id.as_bytes());
    }
    let mut journals = journals_in(&folder.journals).ok()?;
    journals.sort();
    for journal in journals {
        add(journal.file_name()?.as_encoded_bytes());
        add(hash_of_file(&journal).ok()?.as_bytes());
    }
    Some(hasher.finalize().to_hex().to_string())
}

/// This build of the program: another may write other tables of the same journals.
fn program() -> io::Result<String> {
    let file = fs::metadata(std::env::current_exe()?)?;
    let built = file.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    Ok(format!("{} {} {}", env!("CARGO_PKG_VERSION"), file.len(), built.as_nanos()))
}

/// Read in pieces, so that its size does not matter.
fn hash_of_file(path: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize())
}
