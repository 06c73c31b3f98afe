use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use factoreo::{
    plan::plan,
    run::{CountingAllocator, INTERRUPTED_EXIT_CODE, Options, RunError, run},
    spec::load,
};

/// Counts the heap, so that every cell can say what its method needed at its peak.
#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    let Some(spec) = std::env::args_os().nth(1) else {
        eprintln!("name a spec, such as `experiments/quick.toml`");
        return ExitCode::from(2);
    };
    let root = PathBuf::from(".");
    let experiment = match load(Path::new(&spec), &root) {
        Ok(experiment) => experiment,
        Err(diagnostics) => {
            eprintln!("{diagnostics}");
            return ExitCode::from(2);
        }
    };
    let plan = match plan(&experiment, &root, u64::MAX) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match run(&experiment, &plan, &Options { root, share: None }) {
        Ok(outcome) => {
            outcome.warnings.iter().for_each(|warning| eprintln!("{warning}"));
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            match error {
                RunError::Interrupted { .. } => ExitCode::from(INTERRUPTED_EXIT_CODE),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
