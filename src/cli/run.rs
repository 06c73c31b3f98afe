//! Without a subcommand: run experiments, then write the report.

use factoreo::paths::Shown as _;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use factoreo::{
    plan::{Part, Share},
    report::Scope,
    run::{self, Counts, Detail, Outcome, Progress, Workload},
    spec::{self, Experiment, Only},
};
use serde_json::{Value, json};

use super::{
    Failure, colours, experiments,
    experiments::{load, planned},
    print, print_json, report, tell,
};

/// When a first look begins nothing more.
const QUICK_SECONDS: u64 = 45;

/// Without a subcommand: run experiments and write the report.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Experiments to run, such as experiments/rank_sweep.toml; what is in their journals already is not computed again
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
    /// A first look in under a minute: fewer draws, ranks and matrices, into results/NAME-quick, reported in report/quick
    #[arg(long, conflicts_with = "shard")]
    quick: bool,
    /// Also write a PNG of every figure
    #[arg(long)]
    png: bool,
    /// Compute only the k-th of n shares, into a journal of its own, and leave the report to `--combine`
    #[arg(long, value_name = "K/N")]
    shard: Option<Share>,
    /// Compute nothing: bring the tables up to date with all journals, then write the report
    #[arg(long, conflicts_with_all = ["shard", "quick", "only"])]
    combine: bool,
    /// Compute only cells that meet all conditions, such as method=cur,problem=heads,rank<=64; values of one key are alternatives
    #[arg(long, value_name = "KEY=VALUE,…", conflicts_with = "shard")]
    only: Option<Only>,
    /// Say nothing unless something is wrong
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say how every cell ended, as it ends
    #[arg(short, long)]
    verbose: bool,
    /// End with exit code 0 though cells failed, as an atlas of failures wants it; their rows tell why either way
    #[arg(long)]
    allow_failures: bool,
    /// Print how it ended as JSON: experiments (each with its counts, seconds and warnings) and report (the files written)
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        // Before hours of work, not after them.
        spec::coursework(root).map_err(|diagnostics| Failure::Input(diagnostics.render(colours())))?;
        let deadline = self.quick.then(|| Instant::now() + Duration::from_secs(QUICK_SECONDS));
        let experiments = planned(load(&self.specs, root)?, root, self.quick)?;
        if let Some(only) = &self.only {
            experiments::check(only, &experiments)?;
        }
        let options = run::Options { deadline, part: self.part(), ..run::Options::new(root) };
        let loads: Result<Vec<Workload>, _> =
            experiments.iter().map(|(experiment, plan)| run::workload(experiment, plan, &options)).collect();
        let mut progress = Progress::new(loads?.into_iter().sum(), self.detail());
        let mut ended = Vec::new();
        let mut failed = Vec::new();
        for (experiment, plan) in &experiments {
            if experiments.len() > 1 {
                progress.enter(&experiment.name);
            }
            let outcome = run::run_within(experiment, plan, &options, &mut progress)?;
            outcome.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
            if outcome.counts.failed > 0 {
                let (failures, name) = (outcome.counts.failed, &experiment.name);
                failed.push(format!("{failures} of {} cells of {name}", failures + outcome.counts.completed));
            }
            if self.json {
                ended.push(as_json(experiment, &outcome));
            } else if !self.quiet {
                progress.aside(|| print(&format!("{}: {outcome}\n", experiment.name)))?;
            }
        }
        drop(progress);
        let scope = if self.quick { Scope::Quick } else { Scope::Whole };
        match self.shard {
            Some(_) if self.json => print_json(&json!({ "experiments": ended, "report": [] }))?,
            Some(_) if self.quiet => {}
            Some(share) => {
                let specs: Vec<String> = self.specs.iter().map(|spec| spec.shown()).collect();
                let specs = specs.join(" ");
                print(&format!(
                    "share {share} is done; when all are, `factoreo {specs} --combine` writes the report\n"
                ))?;
            }
            None => {
                let written = report::write(root, &scope, self.png)?;
                if self.json {
                    let report::Written { files, seconds } = written;
                    print_json(&json!({ "experiments": ended, "report": files, "report_seconds": seconds }))?;
                } else if !self.quiet {
                    report::tell(&written)?;
                }
            }
        }
        if failed.is_empty() || self.allow_failures {
            return Ok(());
        }
        Err(Failure::Run(format!(
            "error: {} failed; the column `reason` of the tables says why (`--allow-failures` ends with 0 all the same)",
            failed.join(", ")
        )))
    }
}

impl Run {
    fn part(&self) -> Part {
        match (self.shard, &self.only) {
            _ if self.combine => Part::Nothing,
            (Some(share), _) => Part::Share(share),
            (None, Some(only)) => Part::Only(only.clone()),
            (None, None) => Part::Whole,
        }
    }

    fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Nothing,
            (_, true) => Detail::Cells,
            _ => Detail::Parts,
        }
    }
}

/// The outcome of one experiment.
fn as_json(experiment: &Experiment, outcome: &Outcome) -> Value {
    // Exhaustive: what is added must find its place here.
    let Outcome { directory, counts, computed, cached, published, wall, spent, warnings } = outcome;
    let Counts { completed, skipped, failed, missing } = counts;
    json!({
        "experiment": experiment.name,
        "directory": directory.shown(),
        "completed": completed,
        "skipped": skipped,
        "failed": failed,
        "missing": missing,
        "computed": computed,
        "cached": cached,
        "published": published,
        "seconds": wall.as_secs_f64(),
        "measured_seconds": spent.measured.as_secs_f64(),
        "reference_seconds": spent.reference.as_secs_f64(),
        "warnings": warnings,
    })
}
