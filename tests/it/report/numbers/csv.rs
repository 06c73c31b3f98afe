//! A table as a spreadsheet would read it: nothing of the program's own reader.

use std::{collections::BTreeMap, fs, path::Path};

#[derive(Default)]
pub struct Csv {
    columns: BTreeMap<String, usize>,
    rows: Vec<Vec<String>>,
}

#[derive(Clone, Copy)]
pub struct Row<'a> {
    csv: &'a Csv,
    cells: &'a [String],
}

impl Csv {
    /// A table of `results/NAME`; one too long for a CSV file as the command prints it, one that is not there as empty.
    pub fn of_table(folder: &Path, table: &str) -> Self {
        let path = folder.join(format!("{table}.csv"));
        if path.exists() || !folder.join(format!("{table}.parquet")).exists() {
            return Self::read(&path);
        }
        let (Some(root), Some(name)) = (folder.ancestors().nth(2), folder.file_name()) else { return Self::default() };
        let mut command = crate::program();
        let printed = command.current_dir(root).arg("table").arg(name).arg(table).output().unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        Self::parse(&String::from_utf8(printed.stdout).unwrap())
    }

    pub fn read(path: &Path) -> Self {
        fs::read_to_string(path).map(|text| Self::parse(&text)).unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let mut rows = Vec::new();
        let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' if quoted && letters.peek() == Some(&'"') => {
                    letters.next();
                    cell.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\n' if !quoted => {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                '\r' if !quoted => {}
                other => cell.push(other),
            }
        }
        let mut rows = rows.into_iter();
        let names = rows.next().unwrap_or_default();
        Self {
            columns: names.into_iter().enumerate().map(|(place, name)| (name, place)).collect(),
            rows: rows.collect(),
        }
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { csv: self, cells })
    }
}

impl<'a> Row<'a> {
    pub fn text(&self, column: &str) -> &'a str {
        self.csv.columns.get(column).map_or("", |&place| &self.cells[place])
    }

    pub fn number(&self, column: &str) -> Option<f64> {
        self.text(column).parse().ok()
    }

    /// A parameter of a JSON object.
    pub fn parameter(&self, column: &str, name: &str) -> Option<String> {
        let object: serde_json::Value = serde_json::from_str(self.text(column)).ok()?;
        Some(object.get(name)?.as_str()?.to_owned())
    }
}

/// The middle value, or the mean of the middle two.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[half]),
        _ => Some(0.5 * (values[half - 1] + values[half])),
    }
}

/// The order statistics that hold the median with 95 %: the most of either tail whose probability is at most 2.5 %.
pub fn median_ends(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let (mut term, mut below, mut order) = (0.5_f64.powi(n as i32), 0.0, 0);
    for i in 0..n / 2 {
        below += term;
        if below > 0.025 {
            break;
        }
        order = i + 1;
        term *= (n - i) as f64 / (i + 1) as f64;
    }
    (order > 0).then(|| (values[order - 1], values[n - order]))
}
