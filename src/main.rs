//! The command line of factoreo: one command, its exit code.

mod cli;

use std::process::ExitCode;

/// Counts the heap, so that a run can report the peak memory of a method.
#[global_allocator]
static HEAP: factoreo::run::CountingAllocator = factoreo::run::CountingAllocator;

fn main() -> ExitCode {
    factoreo::run::keep_freed_memory();
    match cli::execute(cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}
