//! `completions` and `man`: what a shell and a manual want to know of the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Failure, print};

/// Print completions for a shell, to be sourced or put where it looks for them
#[derive(Debug, Args)]
pub(super) struct Completions {
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn execute(&self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "factoreo", &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}

/// Prints the manual page, with a section for each command.
pub(super) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    let fault = |error: std::io::Error| Failure::of(&error);
    let mut command = Arguments::command();
    command.build();
    let manual = clap_mangen::Man::new(command.clone());
    manual.render_title(&mut page).map_err(fault)?;
    manual.render_name_section(&mut page).map_err(fault)?;
    manual.render_synopsis_section(&mut page).map_err(fault)?;
    manual.render_description_section(&mut page).map_err(fault)?;
    manual.render_options_section(&mut page).map_err(fault)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let heading = format!(".SH \"FACTOREO {}\"\n", subcommand.get_name().to_uppercase());
        page.extend(heading.bytes());
        let mut section = Vec::new();
        let manual = clap_mangen::Man::new(subcommand.clone());
        manual.render_synopsis_section(&mut section).map_err(fault)?;
        manual.render_description_section(&mut section).map_err(fault)?;
        manual.render_options_section(&mut section).map_err(fault)?;
        // One level down.
        page.extend(String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ").bytes());
    }
    manual.render_version_section(&mut page).map_err(fault)?;
    print(&String::from_utf8_lossy(&page))
}
