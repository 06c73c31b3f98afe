//! What Slurm's queue says of the tasks of an array.

use std::{collections::BTreeMap, io, path::Path, process::Command};

use super::SlurmError;

/// A task as the queue, or the accounts, have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// `PENDING`, `RUNNING`, `FAILED` …
    pub state: String,
    pub node: String,
    /// Why it waits or has ended.
    pub reason: String,
}

impl Queued {
    /// Whether it is on a machine, beginning or ending there too.
    #[must_use]
    pub fn is_running(&self) -> bool {
        ["RUNNING", "CONFIGURING", "COMPLETING", "STAGE_OUT", "SIGNALING"].contains(&self.state.as_str())
    }

    /// Whether it will be.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        ["PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SUSPENDED", "STOPPED", "RESIZING"]
            .contains(&self.state.as_str())
    }
}

/// By their index in the array.
pub type Tasks = BTreeMap<u32, Queued>;

/// The tasks of an array: of the queue, and those it has forgotten from the accounts, where there are some.
///
/// # Errors
/// `squeue` is not there, or cannot reach the controller.
pub fn tasks(job: &str) -> Result<Tasks, SlurmError> {
    let here = Path::new(".");
    let accounts =
        ["--noheader", "--parsable2", "--allocations", "--format=JobID,State,NodeList,ExitCode", "--jobs", job];
    let accounts = slurm(here, "sacct", &accounts.map(str::to_owned)).unwrap_or_default();
    let queue = ["--noheader", "--array", "--states=all", "--format=%i|%T|%N|%r", "--jobs", job].map(str::to_owned);
    let queue = match slurm(here, "squeue", &queue) {
        // It forgets jobs some minutes after they end.
        Err(SlurmError::Refused(words)) if words.contains("Invalid job id") => String::new(),
        queue => queue?,
    };
    let mut tasks = parsed(&accounts);
    tasks.extend(parsed(&queue));
    Ok(tasks)
}

/// Lines of `JOB_TASK|STATE|NODE|REASON`; tasks that are told together, `17_[2-6%3]`, are all of them.
fn parsed(text: &str) -> Tasks {
    let mut tasks = Tasks::new();
    for line in text.lines() {
        let mut fields = line.split('|').map(str::trim);
        let (Some(id), Some(state)) = (fields.next(), fields.next()) else { continue };
        let mut next = || fields.next().unwrap_or_default().to_owned();
        // `CANCELLED by 1000` in the accounts.
        let state = state.split_whitespace().next().unwrap_or_default().to_owned();
        let task = Queued { state, node: next(), reason: next() };
        let Some((_, of_array)) = id.split_once('_') else { continue };
        for index in indices(of_array) {
            tasks.insert(index, task.clone());
        }
    }
    tasks
}

/// `3`, or `[2-4,6%3]`.
fn indices(text: &str) -> Vec<u32> {
    let inner = text.trim_start_matches('[').trim_end_matches(']').split('%').next().unwrap_or_default();
    let range = |part: &str| -> Option<Vec<u32>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        (last.saturating_sub(first) <= 1_000_000).then(|| (first..=last).collect())
    };
    inner.split(',').filter_map(range).flatten().collect()
}

/// What one of Slurm's programs prints, run in a folder.
pub(super) fn slurm(folder: &Path, program: &'static str, arguments: &[String]) -> Result<String, SlurmError> {
    let output =
        Command::new(program).args(arguments).current_dir(folder).output().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => SlurmError::Absent(program),
            _ => SlurmError::Io(error),
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(SlurmError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_read_one_by_one_and_together() {
        let tasks = parsed(
            "17_[4-5,7%2]|PENDING||Resources\n17_1|RUNNING|n1|None\n17|RUNNING|n2|None\n17_2|CANCELLED by 0|n2|\n",
        );
        assert_eq!(tasks.keys().copied().collect::<Vec<_>>(), [1, 2, 4, 5, 7]);
        assert!(tasks[&1].is_running() && tasks[&1].node == "n1");
        assert!(tasks[&7].is_waiting() && tasks[&7].reason == "Resources");
        assert_eq!(tasks[&2].state, "CANCELLED");
        assert!(!tasks[&2].is_running() && !tasks[&2].is_waiting());
    }
}
