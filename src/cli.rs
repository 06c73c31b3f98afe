//! The commands. Nothing else knows clap.

mod models;
mod plan_table;

use std::{
    collections::HashSet,
    fmt,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use factoreo::{
    model::{self, ActivationOptions, ExtractOptions, HeadName},
    plan::{self, Plan, Share},
    report,
    run::{self, RunError},
    spec::{self, Experiment},
};

/// What matrix factorisation does for Transformers, measured.
#[derive(Debug, Parser)]
#[command(name = "factoreo", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

/// Without a subcommand: run experiments and write the report.
#[derive(Debug, Args)]
struct Run {
    /// Experiments to run, such as experiments/rank_sweep.toml; what is in their journals already is not computed again
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
    /// Also write a PNG of every figure
    #[arg(long)]
    png: bool,
    /// Compute only the k-th of n shares, into a journal of its own, and leave the report to `factoreo report`
    #[arg(long, value_name = "K/N")]
    shard: Option<Share>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List every cell of experiments as to be run, cached, stale or skipped, with its cost, and compute nothing
    Plan {
        #[arg(value_name = "SPEC", required = true)]
        specs: Vec<PathBuf>,
    },
    /// Print the JSON Schema of experiments, for editors
    Schema,
    /// Write the report again from results/ alone
    Report {
        /// Also write a PNG of every figure
        #[arg(long)]
        png: bool,
    },
    /// Take queries, keys and values of attention heads out of a BERT model, on a text; or what goes into its linear maps
    Extract(Extract),
    Advise(models::Advise),
    Compress(models::Compress),
    Eval(models::Eval),
}

#[derive(Debug, Args)]
struct Extract {
    /// Folder with config.json, tokenizer.json and model.safetensors
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Text to read, in UTF-8
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Heads to take, such as layer0.head3,layer5.head1; all of them if left out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    heads: Vec<HeadName>,
    /// Instead of heads: the inputs of every linear map on the whole text, in sequences of --tokens
    #[arg(long, conflicts_with = "heads")]
    activations: bool,
    /// With --activations: the first so many sequences of the text; all of them if left out
    #[arg(long, value_name = "N", requires = "activations")]
    sequences: Option<usize>,
    /// Tokens of the text to use, or of a sequence at most, [CLS] and [SEP] included
    #[arg(long, value_name = "N", default_value_t = 512)]
    tokens: usize,
    /// The .safetensors file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
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
            Self::Interrupted(_) => run::INTERRUPTED_EXIT_CODE,
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
        None => run(&arguments.run, root),
        Some(Command::Plan { specs }) => list(&specs, root),
        Some(Command::Schema) => print(&format!("{:#}\n", spec::schema())),
        Some(Command::Report { png }) => write_report(root, png),
        Some(Command::Extract(what)) => extract(what),
        Some(Command::Advise(what)) => what.execute(),
        Some(Command::Compress(what)) => what.execute(),
        Some(Command::Eval(what)) => what.execute(),
    }
}

fn run(arguments: &Run, root: &Path) -> Result<(), Failure> {
    let options = run::Options { root: root.to_owned(), share: arguments.shard };
    for experiment in load(&arguments.specs, root)? {
        let outcome = run::run(&experiment, &planned(&experiment, root)?, &options)?;
        outcome.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        print(&format!("{}: {outcome}\n", experiment.name))?;
    }
    match arguments.shard {
        None => write_report(root, arguments.png),
        Some(share) => {
            print(&format!("share {share} is done; when all are, write the report with `factoreo report`\n"))
        }
    }
}

fn list(specs: &[PathBuf], root: &Path) -> Result<(), Failure> {
    let options = run::Options { root: root.to_owned(), share: None };
    for experiment in load(specs, root)? {
        let plan = planned(&experiment, root)?;
        let states = run::states(&experiment, &plan, &options)?;
        let studied = run::study_states(&experiment, &plan, &options)?;
        print(&plan_table::table(&experiment, &plan, &states, &studied))?;
    }
    Ok(())
}

fn write_report(root: &Path, png: bool) -> Result<(), Failure> {
    let written = report::build(root, png).map_err(|error| Failure::of(&error))?;
    let pages = written.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let pages: Vec<String> = pages.map(|path| path.strip_prefix(root).unwrap_or(path).display().to_string()).collect();
    print(&format!("report: {}\n", pages.join(", ")))
}

fn extract(what: Extract) -> Result<(), Failure> {
    let Extract { model, text, heads, activations, sequences, tokens, out } = what;
    if activations {
        return extract_activations(&ActivationOptions { model, text, tokens, sequences, out });
    }
    let options = ExtractOptions { model, text, heads, tokens, out };
    let extracted = model::extract(&options).map_err(|error| Failure::Input(format!("error: {error}")))?;
    print(&format!(
        "{}: {} heads of {} tokens in {} dimensions, {} bytes, BLAKE3 {}\n",
        options.out.display(),
        extracted.heads,
        extracted.tokens,
        extracted.head_dim,
        extracted.bytes,
        extracted.hash
    ))
}

fn extract_activations(options: &ActivationOptions) -> Result<(), Failure> {
    let extracted = model::extract_activations(options).map_err(|error| Failure::Input(format!("error: {error}")))?;
    print(&format!(
        "{}: inputs of {} linear maps on {} tokens in {} sequences, {} bytes, BLAKE3 {}\n",
        options.out.display(),
        extracted.maps,
        extracted.tokens,
        extracted.sequences,
        extracted.bytes,
        extracted.hash
    ))
}

/// Every spec, or everything that is wrong with any of them.
fn load(specs: &[PathBuf], root: &Path) -> Result<Vec<Experiment>, Failure> {
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (mut experiments, mut faults) = (Vec::new(), Vec::new());
    for path in specs {
        match spec::load(path, root) {
            Ok(experiment) => experiments.push(experiment),
            Err(diagnostics) => faults.push(diagnostics.render(colours)),
        }
    }
    let mut names = HashSet::new();
    if let Some(twice) = experiments.iter().find(|experiment| !names.insert(&experiment.name)) {
        faults.push(format!("error: two specs are named {0}: their results would share results/{0}", twice.name));
    }
    if faults.is_empty() { Ok(experiments) } else { Err(Failure::Input(faults.join("\n\n"))) }
}

fn planned(experiment: &Experiment, root: &Path) -> Result<Plan, Failure> {
    plan::plan(experiment, root, plan::available_memory()).map_err(|error| Failure::of(&error))
}

/// To standard output. Whoever closed it (`| head`) has read enough.
fn print(text: &str) -> Result<(), Failure> {
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
        assert!(run.command.is_none() && run.run.png && run.run.specs.len() == 2);
        assert_eq!(run.run.shard.map(|share| share.to_string()), Some("2/8".to_owned()));
        assert!(matches!(parse(&["plan", "a.toml"]).unwrap().command, Some(Command::Plan { .. })));
        for wrong in [&["a.toml", "--shard", "9/8"][..], &["plan"], &["--pgn", "a.toml"], &["--png"], &[]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
