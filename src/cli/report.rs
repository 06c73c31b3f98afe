//! `report`: writes the report again, from the tables alone.

use factoreo::paths::Shown as _;
use std::{path::Path, time::Instant};

use clap::Args;
use factoreo::{
    report::{self, ReportError, Scope},
    spec::Only,
};
use serde_json::json;

use super::{Failure, colours, print, print_json};

/// Write the report again from results/ alone
#[derive(Debug, Args)]
pub(super) struct Report {
    /// Of the first looks that `--quick` took, into report/quick
    #[arg(long)]
    quick: bool,
    /// Of the rows alone that meet all conditions, such as method=cur,problem=heads,rank<=64, into report/only
    #[arg(long, value_name = "KEY=VALUE,…", conflicts_with = "quick")]
    only: Option<Only>,
    /// Also write a PNG of every figure
    #[arg(long)]
    png: bool,
    /// Print the files written as JSON
    #[arg(long)]
    json: bool,
}

impl Report {
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let scope = match (&self.only, self.quick) {
            (Some(only), _) => Scope::Only(only.clone()),
            (None, true) => Scope::Quick,
            (None, false) => Scope::Whole,
        };
        let written = write(root, &scope, self.png)?;
        if self.json {
            print_json(&json!({ "report": written.files, "report_seconds": written.seconds }))
        } else {
            tell(&written)
        }
    }
}

/// What was written, and how long it took, pictures included.
pub(super) struct Written {
    /// By their paths from the project's folder.
    pub files: Vec<String>,
    pub seconds: f64,
}

/// Writes the report.
pub(super) fn write(root: &Path, scope: &Scope, png: bool) -> Result<Written, Failure> {
    let start = Instant::now();
    let written = report::build_of(root, scope, png).map_err(|error| match error {
        error @ ReportError::NothingMeets(_) => Failure::Input(format!("error: {error}")),
        ReportError::Cover(diagnostics) => Failure::Input(diagnostics.render(colours())),
        error => Failure::of(&error),
    })?;
    let files = written.iter().map(|path| path.strip_prefix(root).unwrap_or(path).shown()).collect();
    Ok(Written { files, seconds: start.elapsed().as_secs_f64() })
}

/// Names the pages among the files written.
pub(super) fn tell(written: &Written) -> Result<(), Failure> {
    let is_page = |path: &&String| [".md", ".html", ".pdf"].iter().any(|end| path.ends_with(end));
    let (annexes, pages): (Vec<&str>, Vec<&str>) =
        written.files.iter().filter(is_page).map(String::as_str).partition(|page| page.contains("/experiments/"));
    let folder = annexes.first().and_then(|page| page.rsplit_once('/')).map_or("", |(folder, _)| folder);
    let pictures = written.files.iter().filter(|path| path.ends_with(".svg")).count();
    let seconds = written.seconds;
    print(&format!("report: {}; annexes in {folder}; {pictures} figures; {seconds:.1} s\n", pages.join(", ")))
}
