//! `new`: a spec to start from.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::Path,
};

use clap::Args;
use factoreo::spec;

use super::{Failure, print};

const TEMPLATE: &str = include_str!("new_spec.toml");

/// Write a commented spec to experiments/NAME.toml, to be changed and run
#[derive(Debug, Args)]
pub(super) struct New {
    /// What the experiment is called: letters, digits, `_` and `-`
    #[arg(value_name = "NAME")]
    name: String,
}

impl New {
    /// Writes the file if it is not there and would load.
    pub(super) fn execute(&self, root: &Path) -> Result<(), Failure> {
        let name = self.name.strip_suffix(".toml").unwrap_or(&self.name);
        if !spec::can_name(name) {
            let what = name.escape_debug();
            return Err(Failure::Input(format!(
                "error: `{what}` cannot name an experiment: use letters without accents, digits, `_` and `-`, not ending \
                 in `{}`",
                spec::QUICK_SUFFIX
            )));
        }
        let folder = root.join("experiments");
        let path = folder.join(format!("{name}.toml"));
        let shown = format!("experiments/{name}.toml");
        let fault = |error: std::io::Error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::Input(format!("error: {shown} is there already: choose another name")),
            _ => Failure::Run(format!("error: {shown}: {error}")),
        };
        fs::create_dir_all(&folder).map_err(fault)?;
        // The file system says whether it is there, and nobody can come between.
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(fault)?;
        file.write_all(TEMPLATE.replace("NAME", name).as_bytes()).map_err(fault)?;
        print(&format!("{shown} is written: change it, then `cargo run -- {shown}`\n"))
    }
}
