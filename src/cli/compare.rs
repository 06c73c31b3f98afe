//! `compare`: two folders of results against each other.

use factoreo::paths::Shown as _;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use factoreo::{
    compare::{self, Comparison, Rules, Verdict, in_words},
    table::{Results, TableError},
    terminal,
};
use serde_json::json;

use super::{Failure, plan_table::aligned, print, print_json};

/// Compare two results: what changed in error and in time, by cell and by method; of different specs, what they have in common
///
/// A time has changed where its whole interval lies outside a margin; the chance that anything is told of two runs of one program is
/// 1 %. What all methods share, a machine that is slower today, is taken out and told (--absolute leaves it in).
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Compare {
    /// A folder of results, or the name of an experiment
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// Times nearer than this are not told apart, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    margin: f64,
    /// End with exit code 1 if anything is worse by more than this: an error, a time with its whole interval, a cell that failed
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    fail_on_regression: Option<f64>,
    /// Leave in what all methods have in common
    #[arg(long)]
    absolute: bool,
    #[arg(long, value_enum, default_value_t = Shape::Text)]
    format: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    Text,
    Markdown,
    Json,
}

fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "write a number, such as `5`".to_owned())?;
    if number.is_finite() && number >= 0.0 { Ok(number) } else { Err("write a number that is not negative".to_owned()) }
}

impl Compare {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        let rules = Rules { margin: self.margin / 100.0, absolute: self.absolute, ..Rules::default() };
        let compared = compare::compare(&before, &after, rules);
        if compared.cells == 0 {
            let (before, after) = (self.before.shown(), self.after.shown());
            return Err(Failure::Input(format!("error: {before} and {after} have no cell in common")));
        }
        let regressions = self.fail_on_regression.map(|share| compared.regressions(share / 100.0));
        match self.format {
            Shape::Json => print_json(&json!({
                "before": self.before.shown(), "after": self.after.shown(),
                "comparison": compared, "regressions": regressions,
            }))?,
            shape => print(&self.in_words(&compared, shape))?,
        }
        match regressions {
            Some(found) if !found.is_empty() => {
                Err(Failure::Run(terminal::lines(&format!("worse: {}", found.join("; "))).into_owned()))
            }
            _ => Ok(()),
        }
    }

    fn in_words(&self, compared: &Comparison, shape: Shape) -> String {
        let mut text = format!("{} cells in common.", compared.cells);
        for (which, only) in [(&self.before, &compared.only_before), (&self.after, &compared.only_after)] {
            if !only.is_empty() {
                let _ = write!(text, " Only in {}: {}.", which.shown(), only.join(", "));
            }
        }
        text.push_str("\n\n");
        for ended in &compared.ended_otherwise {
            let place = &ended.place;
            let reason = ended.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            let (problem, method, rank) = (&place.problem, in_words(&place.method()), place.target_rank);
            let _ =
                writeln!(text, "{method} on {problem} at rank {rank}: {} → {}{reason}\n", ended.before, ended.after);
        }
        text.push_str(&errors(compared, shape));
        text.push_str(&times(compared, shape));
        text
    }
}

fn errors(compared: &Comparison, shape: Shape) -> String {
    let changed: Vec<_> = compared.errors.iter().filter(|of| !of.changed.is_empty()).collect();
    let rounding: usize = compared.errors.iter().map(|of| of.rounding).sum();
    let values: usize = compared.errors.iter().map(|of| of.cells).sum();
    let mut text = match changed.len() {
        0 => format!("Errors: none of {values} changed"),
        _ => format!("Errors: {} of {values} changed", changed.iter().map(|of| of.changed.len()).sum::<usize>()),
    };
    if rounding > 0 {
        let _ = write!(text, "; {rounding} differ by rounding alone");
    }
    text.push_str(".\n\n");
    if changed.is_empty() {
        return text;
    }
    let mut rows =
        vec![["method", "error", "cells", "changed", "least ratio", "largest ratio", "there"].map(str::to_owned)];
    for of in changed {
        let ratio = |ratio: Option<f64>| ratio.map(|ratio| format!("{ratio:.4}")).unwrap_or_default();
        let there = of.changed.first().and_then(|change| change.place.as_ref()).map(|place| {
            let variant =
                if place.problem_variant.is_empty() { String::new() } else { format!(" ({})", place.problem_variant) };
            format!("{}{variant}, rank {}, draw {}", place.problem, place.target_rank, place.trial)
        });
        rows.push([
            in_words(&of.method),
            of.quantity.clone(),
            of.cells.to_string(),
            of.changed.len().to_string(),
            ratio(of.best_ratio),
            ratio(of.worst_ratio),
            there.unwrap_or_default(),
        ]);
    }
    text + &table(&rows, shape, 2..=5) + "\n"
}

fn times(compared: &Comparison, shape: Shape) -> String {
    let times = &compared.times;
    if times.methods.is_empty() {
        return "Times: no method was timed in both.\n".to_owned();
    }
    let differ = times.methods.iter().filter(|of| of.verdict != Verdict::NoDifference).count();
    let mut text = format!("Times: {differ} of {} methods changed. ", times.methods.len());
    if !times.same_machine {
        text.push_str("The machines differ, and the ratios are theirs as well. ");
    } else if (times.drift - 1.0).abs() > 1e-12 {
        let _ = write!(text, "All methods together took {:.3} times as long, which is taken out. ", times.drift);
    }
    text = text.trim_end().to_owned() + "\n\n";
    let mut rows = vec![["method", "factorisations", "after / before", "interval", "verdict"].map(str::to_owned)];
    for of in &times.methods {
        let verdict = match of.verdict {
            Verdict::Faster => "faster",
            Verdict::Slower => "slower",
            Verdict::NoDifference => "no difference",
        };
        let end = |end: f64| if end.is_finite() { format!("{end:.3}") } else { "∞".to_owned() };
        rows.push([
            in_words(&of.method),
            of.factorisations.to_string(),
            format!("{:.3}", of.ratio),
            format!("{} – {}", end(of.low), end(of.high)),
            verdict.to_owned(),
        ]);
    }
    text + &table(&rows, shape, 1..=3)
}

fn table<const COLUMNS: usize>(
    rows: &[[String; COLUMNS]],
    shape: Shape,
    numbers: std::ops::RangeInclusive<usize>,
) -> String {
    if shape != Shape::Markdown {
        return aligned(rows, numbers);
    }
    let line = |cells: &[String]| {
        format!("| {} |\n", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
    };
    let rule = (0..COLUMNS).map(|column| if numbers.contains(&column) { "---:" } else { "---" }.to_owned());
    let mut text = line(&rows[0]) + &line(&rule.collect::<Vec<_>>());
    text.extend(rows[1..].iter().map(|row| line(row)));
    text
}

/// The results of a folder, or of an experiment by its name.
fn read(path: &Path) -> Result<Results, Failure> {
    let named = Path::new("results").join(path);
    let folder = if !path.join("provenance.json").is_file() && named.is_dir() { named } else { path.to_owned() };
    Results::read(&folder).map_err(|error| match error {
        TableError::Missing { .. } => Failure::Input(format!("error: {error}")),
        error => Failure::of(&error),
    })
}
