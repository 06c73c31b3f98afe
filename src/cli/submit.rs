//! `submit`: an experiment as an array of jobs of a Slurm cluster.

use factoreo::paths::Shown as _;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::Args;
use factoreo::{
    plan::Plan,
    run,
    slurm::{Request, SlurmError, Submission, scripts, tasks},
    spec::Experiment,
};

use super::{
    Failure,
    experiments::{load, planned},
    print,
};

/// Submit shares of experiments to Slurm: an array of jobs, and one after them that combines their journals and writes the report
///
/// The scripts are written to results/NAME/journal/, to be read and edited; without Slurm they run under GNU parallel or in a loop.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Submit {
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
    /// In how many shares
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    shares: u32,
    /// The most time a share may take, as Slurm writes it (02:00:00)
    #[arg(long, value_name = "TIME", value_parser = word)]
    time: Option<String>,
    /// Memory of a share, as Slurm writes it (8G)
    #[arg(long, value_name = "SIZE", value_parser = word)]
    mem: Option<String>,
    /// Processors of a share; the spec's threads unless it is given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cpus: Option<u32>,
    #[arg(long, value_name = "NAME", value_parser = word)]
    partition: Option<String>,
    /// Shares that may run at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    array_limit: Option<u32>,
    /// Print the scripts, and what each share has to do; write and submit nothing
    #[arg(long)]
    dry_run: bool,
}

/// What stands in a script as it is given.
fn word(text: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ":_.,+-".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("letters, digits and : _ . , + - are allowed".to_owned()),
    }
}

impl Submit {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let fault = |error: std::io::Error| Failure::of(&error);
        let program = env::current_exe().map_err(fault)?;
        let absolute = fs::canonicalize(root).map_err(fault)?;
        let experiments = planned(load(&self.specs, root)?, root, false)?;
        for ((experiment, plan), spec) in experiments.iter().zip(&self.specs) {
            if plan.cells() < self.shares as usize {
                let (name, cells, shares) = (&experiment.name, plan.cells(), self.shares);
                return Err(Failure::Input(format!("error: {name} has {cells} cells, too few for {shares} shares")));
            }
            let spec = fs::canonicalize(spec).map_err(fault)?;
            let spec = spec.strip_prefix(&absolute).unwrap_or(&spec);
            let scripts = scripts(&experiment.name, &absolute, &program, spec, &self.request(experiment));
            if self.dry_run {
                print(&format!("{}\n{}\n{}", scripts.shares, scripts.combine, work(experiment, plan, self.shares)))?;
                continue;
            }
            let journals = run::journals_of(experiment, root);
            refuse_a_second(&journals, &experiment.name)?;
            let submitted = Submission::submit(root, &journals, &scripts, self.shares).map_err(|error| {
                let folder = format!("results/{}/journal", experiment.name);
                Failure::Run(match error {
                    SlurmError::Absent(program) => format!(
                        "error: `{program}` is not installed on this machine; the scripts are in {folder}, and {folder}/shares.sh \
                         says how to run them without"
                    ),
                    error => format!("error: Slurm did not take it: {error}; the scripts are in {folder}"),
                })
            })?;
            let Submission { shares, array_job, combine_job } = submitted;
            print(&format!(
                "{}: {shares} shares are job {array_job}, and job {combine_job} combines them; `factoreo status {}` says how they stand\n",
                experiment.name,
                spec.shown()
            ))?;
        }
        Ok(())
    }

    fn request(&self, experiment: &Experiment) -> Request {
        Request {
            shares: self.shares,
            time: self.time.clone(),
            memory: self.mem.clone(),
            cpus: self.cpus.map_or(experiment.timing.threads.max(1), |cpus| cpus as usize),
            partition: self.partition.clone(),
            at_once: self.array_limit,
        }
    }
}

/// What each share has to do, in comments of a script.
fn work(experiment: &Experiment, plan: &Plan, shares: u32) -> String {
    let work = plan.work_of_shares(experiment, shares);
    let all = work.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut cells = vec![0; work.len()];
    for share in plan.owners(experiment, shares).values() {
        cells[share.index() as usize - 1] += 1;
    }
    let line = |(index, (work, cells)): (usize, (&f64, usize))| {
        format!("# share {}/{shares}: {cells} cells, {:.1} % of the forecast work\n", index + 1, 100.0 * work / all)
    };
    work.iter().zip(cells).enumerate().map(line).collect()
}

/// Two arrays of one experiment would only wait for each other's locks.
fn refuse_a_second(journals: &Path, name: &str) -> Result<(), Failure> {
    let Some(before) = Submission::read(journals) else { return Ok(()) };
    // What the queue does not know is over.
    let queued = tasks(&before.array_job).unwrap_or_default();
    if queued.values().any(|task| task.is_running() || task.is_waiting()) {
        let job = before.array_job;
        return Err(Failure::Input(format!(
            "error: {name} is submitted already, as job {job}: wait for it, or `scancel {job}`"
        )));
    }
    Ok(())
}
