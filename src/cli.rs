//! The commands. Nothing else knows clap.

mod clean;
mod compare;
mod experiments;
mod extract;
mod list;
mod models;
mod new;
mod plan;
mod plan_table;
mod report;
mod run;
mod shell;
mod status;
mod submit;
mod table;

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use factoreo::{
    run::{INTERRUPTED_EXIT_CODE, RunError},
    spec, terminal,
};
use serde_json::Value;

/// What matrix factorisation does for Transformers, measured.
#[derive(Debug, Parser)]
#[command(name = "factoreo", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Plan),
    List(list::List),
    Clean(clean::Clean),
    Submit(submit::Submit),
    Status(status::Status),
    Compare(compare::Compare),
    /// Print the JSON Schema of experiments, for editors
    Schema,
    Report(report::Report),
    Table(table::Table),
    New(new::New),
    /// Take queries, keys and values of attention heads out of a BERT model, on a text; or what goes into its linear maps
    Extract(extract::Extract),
    Advise(models::Advise),
    Compress(models::Compress),
    Eval(models::Eval),
    Completions(shell::Completions),
    /// Print the manual page, for `man -l`
    Man,
}

/// Why a command did not succeed; already in words.
#[derive(Debug)]
pub enum Failure {
    /// What was asked for cannot be done; nothing was written.
    Input(String),
    /// It went wrong on the way.
    Run(String),
    /// The user stopped it.
    Interrupted(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Input(words) | Self::Run(words) | Self::Interrupted(words)) = self;
        formatter.write_str(words)
    }
}

impl Failure {
    /// 2 for bad input, 1 for a failed run, 130 for an interrupted one.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Input(_) => 2,
            Self::Run(_) => 1,
            Self::Interrupted(_) => INTERRUPTED_EXIT_CODE,
        })
    }

    fn of(error: &impl fmt::Display) -> Self {
        Self::Run(format!("error: {error}"))
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Interrupted { .. } => Self::Interrupted(error.to_string()),
            error => Self::of(&error),
        }
    }
}

/// The command line, or a usage message and exit code 2.
pub fn parse() -> Arguments {
    Arguments::parse()
}

/// Does what was asked. Paths are relative to the working directory, which is the project folder.
pub fn execute(arguments: Arguments) -> Result<(), Failure> {
    let root = Path::new(".");
    match arguments.command {
        None => arguments.run.execute(root),
        Some(Command::Plan(what)) => what.execute(root),
        Some(Command::List(what)) => what.execute(root),
        Some(Command::Clean(what)) => what.execute(root),
        Some(Command::Submit(what)) => what.execute(root),
        Some(Command::Status(what)) => what.execute(root),
        Some(Command::Compare(what)) => what.execute(),
        Some(Command::Schema) => print(&format!("{:#}\n", spec::schema())),
        Some(Command::Report(what)) => what.execute(root),
        Some(Command::Table(what)) => what.execute(root),
        Some(Command::New(what)) => what.execute(root),
        Some(Command::Extract(what)) => extract::extract(what),
        Some(Command::Advise(what)) => what.execute(),
        Some(Command::Compress(what)) => what.execute(),
        Some(Command::Eval(what)) => what.execute(),
        Some(Command::Completions(what)) => what.execute(),
        Some(Command::Man) => shell::man(),
    }
}

/// Whether errors are written in colours. clap and the progress bar keep to the same rule by themselves.
fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What a machine reads: one JSON document and nothing else.
fn print_json(value: &Value) -> Result<(), Failure> {
    print_exactly(&terminal::json(&format!("{value:#}\n")))
}

/// To standard output, as a terminal may show it.
fn print(text: &str) -> Result<(), Failure> {
    print_exactly(&terminal::lines(text))
}

/// What is going on, to standard error.
fn tell(words: &str) {
    eprintln!("{}", terminal::lines(words));
}

/// Whoever closed standard output (`| head`) has read enough.
fn print_exactly(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::of(&error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_path_is_run_and_a_subcommand_is_not_a_path() {
        let parse = |words: &[&str]| Arguments::try_parse_from(["factoreo"].iter().chain(words));
        let run = parse(&["a.toml", "b.toml", "--png", "--shard", "2/8"]).unwrap();
        assert!(run.command.is_none());
        assert!(matches!(parse(&["plan", "a.toml"]).unwrap().command, Some(Command::Plan(_))));
        for wrong in [
            &["a.toml", "--shard", "9/8"][..],
            &["plan"],
            &["--pgn", "a.toml"],
            &["--png"],
            &[],
            &["a.toml", "--quick", "--shard", "1/2"],
            &["new"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
