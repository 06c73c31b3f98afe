//! One test crate, one module per promise: every integration-test file of its own would link the whole program again.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod advise;
mod broken_specs;
mod claims;
mod command_line;
mod compare;
mod compress;
mod encoder;
mod encoder_sample;
mod experience;
mod figures;
mod grids;
mod hostile_files;
mod hostile_names;
mod ill_conditioned_cores;
mod journal;
mod kill;
mod lapack_ratios;
mod methods;
mod metrics;
mod model;
mod plan;
mod problems;
mod published_models;
mod randomized_svd;
mod real_model;
mod report;
mod shares;
mod specs;
mod streaming;
mod studies;
mod tables;
mod tensor_files;
mod weights;

use std::process::Command;

/// The program, as a test starts it: through an emulator where `FACTOREO_RUNNER` names one, with its arguments.
fn program() -> Command {
    let binary = env!("CARGO_BIN_EXE_factoreo");
    let runner = std::env::var("FACTOREO_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace();
    let Some(emulator) = words.next() else { return Command::new(binary) };
    let mut command = Command::new(emulator);
    command.args(words).arg(binary);
    command
}
