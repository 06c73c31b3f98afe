//! `table`: any table of the results, or a part of it.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use factoreo::{
    spec,
    table::{Format, PrintError, Stored, TableError, table_names},
    terminal::Escaping,
};

use super::Failure;

/// Print a table of results, or a part of one
#[derive(Debug, Args)]
pub(super) struct Table {
    /// The experiment: a folder of `results/`
    #[arg(value_name = "NAME")]
    name: String,
    #[arg(default_value = "runs", value_parser = PossibleValuesParser::new(table_names()))]
    table: String,
    /// Only rows with this value in this column (nothing: where it is empty); all of several
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = condition)]
    conditions: Vec<(String, String)>,
    /// Only these columns, in this order
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    columns: Vec<String>,
    #[arg(long, value_enum, default_value_t = Shape::Csv)]
    format: Shape,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shape {
    Csv,
    Tsv,
    Markdown,
    Json,
}

fn condition(text: &str) -> Result<(String, String), String> {
    let (column, value) = text.split_once('=').ok_or("write COLUMN=VALUE, such as `status=failed`")?;
    Ok((column.to_owned(), value.to_owned()))
}

impl Table {
    pub(super) fn execute(self, root: &Path) -> Result<(), Failure> {
        if !spec::can_name(&self.name) && !spec::can_name(self.name.trim_end_matches("-quick")) {
            return Err(Failure::Input(format!("error: `{}` is no name of an experiment", self.name.escape_debug())));
        }
        let stored = Stored::open(&root.join("results").join(&self.name), &self.table).map_err(failure)?;
        for column in self.columns.iter().chain(self.conditions.iter().map(|(column, _)| column)) {
            if !stored.names().contains(column) {
                return Err(Failure::Input(self.unknown(column, stored.names())));
            }
        }
        let columns = if self.columns.is_empty() { stored.names().to_vec() } else { self.columns };
        let format = match self.format {
            Shape::Csv => Format::Csv,
            Shape::Tsv => Format::Tsv,
            Shape::Markdown => Format::Markdown,
            Shape::Json => Format::Json,
        };
        let mut output = BufWriter::new(Escaping::new(io::stdout().lock(), matches!(self.format, Shape::Json)));
        stored.print(&columns, &self.conditions, format, &mut output).and_then(|()| Ok(output.flush()?)).or_else(
            |error| match error {
                // Whoever closed it (`| head`) has read enough.
                PrintError::Output(closed) if closed.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                error => Err(failure(error)),
            },
        )
    }

    fn unknown(&self, column: &str, names: &[String]) -> String {
        let shown = column.escape_debug();
        let help = match spec::nearest_name(column, names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("it has {}", names.join(", ")),
        };
        format!("error: table `{}` of `{}` has no column `{shown}`: {help}", self.table, self.name)
    }
}

fn failure(error: PrintError) -> Failure {
    let words = format!("error: {error}");
    match error {
        PrintError::NotANumber { .. } | PrintError::Table(TableError::Missing { .. }) => Failure::Input(words),
        PrintError::Table(_) | PrintError::Polars { .. } | PrintError::Output(_) => Failure::Run(words),
    }
}
