//! The scripts of an experiment's shares.

use crate::paths::Shown as _;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// How shares are to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    pub shares: u32,
    /// As Slurm writes it: `02:00:00`.
    pub time: Option<String>,
    pub memory: Option<String>,
    /// Processors of each share.
    pub cpus: usize,
    pub partition: Option<String>,
    /// Shares that may run at once.
    pub at_once: Option<u32>,
}

/// Both scripts of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scripts {
    /// Of the array: a task is a share.
    pub shares: String,
    /// Of the job that comes after all of them.
    pub combine: String,
}

impl Scripts {
    /// Writes both, and says where they are.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self, journals: &Path) -> io::Result<[PathBuf; 2]> {
        fs::create_dir_all(journals)?;
        let paths = ["shares.sh", "combine.sh"].map(|name| journals.join(name));
        fs::write(&paths[0], &self.shares)?;
        fs::write(&paths[1], &self.combine)?;
        Ok(paths)
    }
}

/// The scripts of one experiment. `root` and `program` are absolute, `spec` is as seen from `root`.
#[must_use]
pub fn scripts(name: &str, root: &Path, program: &Path, spec: &Path, request: &Request) -> Scripts {
    let folder = format!("results/{name}/journal");
    let [root, program, spec] = [root, program, spec].map(|path| quoted(&path.shown()));
    let shares = request.shares;
    let at_once = request.at_once.map_or(String::new(), |limit| format!("%{limit}"));
    let mut options = String::new();
    let mut option = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            options.push_str(&format!("#SBATCH --{name}={value}\n"));
        }
    };
    option("partition", &request.partition);
    option("time", &request.time);
    option("mem", &request.memory);
    let cpus = request.cpus;
    Scripts {
        shares: format!(
            "#!/bin/bash
#SBATCH --job-name=factoreo-{name}
#SBATCH --array=1-{shares}{at_once}
#SBATCH --cpus-per-task={cpus}
{options}#SBATCH --output={folder}/share-%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
# A minute before the time is up the share stops between two computations; started again, it goes on from its journal.
#SBATCH --signal=B:TERM@60

# Share k of {shares} of the experiment, into a journal of its own; written by `factoreo submit`, and yours to edit. Without Slurm:
#   seq {shares} | SLURM_CPUS_PER_TASK={cpus} parallel -j 1 SLURM_ARRAY_TASK_ID={{}} bash {folder}/shares.sh
#   for k in $(seq {shares}); do SLURM_ARRAY_TASK_ID=$k bash {folder}/shares.sh; done
# and then `bash {folder}/combine.sh`.
set -euo pipefail
cd {root}
export RAYON_NUM_THREADS=\"${{SLURM_CPUS_PER_TASK:-{cpus}}}\"
exec {program} {spec} --shard \"$SLURM_ARRAY_TASK_ID/{shares}\"
"
        ),
        combine: format!(
            "#!/bin/bash
#SBATCH --job-name=factoreo-{name}-report
{options}#SBATCH --output={folder}/combine.log
#SBATCH --open-mode=append

# When all shares have ended: the tables of all journals, and the report. It names the shares that are missing.
set -euo pipefail
cd {root}
exec {program} {spec} --combine
"
        ),
    }
}

/// One word of a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn scripts_say_what_was_asked_for_and_survive_a_folder_of_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a b'c [ñ] $HOME");
        fs::create_dir(&root).unwrap();
        let request = Request {
            shares: 6,
            time: Some("02:00:00".to_owned()),
            memory: Some("4G".to_owned()),
            cpus: 2,
            partition: None,
            at_once: Some(3),
        };
        let scripts = scripts("small", &root, Path::new("/bin/echo"), Path::new("experiments/o'small.toml"), &request);
        for expected in ["--array=1-6%3\n", "--time=02:00:00\n", "--mem=4G\n", "--cpus-per-task=2\n"] {
            assert!(scripts.shares.contains(expected), "{expected}");
        }
        assert!(!scripts.shares.contains("--partition"));
        let paths = scripts.write(&root).unwrap();
        let run = |path: &Path| {
            let output = Command::new("bash").arg(path).env("SLURM_ARRAY_TASK_ID", "4").output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(run(&paths[0]), "experiments/o'small.toml --shard 4/6\n");
        assert_eq!(run(&paths[1]), "experiments/o'small.toml --combine\n");
    }
}
