//! Many values → one row: medians, quartiles and intervals over trials and repeats.
//!
//! polars joins and groups; the statistics of a group are taken here from its sorted values, so that they do not depend on
//! how many threads polars had.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
};

use polars::prelude::{DataFrame, DataType, GroupsIndicator, IdxCa, IdxSize, PolarsResult};

use crate::method::Role;

use super::{
    CellRow, MatrixRow, Meaning, Row, SampleRow, Settings, Status, SummaryRow, TableError,
    column::{Column, Field},
    median_interval,
};

/// Which group a row belongs to.
const KEYS: [&str; 7] =
    ["problem", "problem_variant", "precision", "method", "method_variant", "method_kind", "target_rank"];

/// The key of times alone: which machine took them.
const MACHINE: &str = "machine";

/// Every quantity of `runs` and `samples`, `total_seconds` and `output_seconds`, summarised over the completed cells of each group; once for
/// every matrix, then once over the replicates of each setting that has several ([`Settings`]). What was swept is not pooled.
///
/// Times are summarised for each machine that took some, and never over several.
///
/// `form_seconds` tells of a cell how long it took, on one machine, to form the matrix that its method reads: that is part of its
/// time.
///
/// # Errors
/// polars refuses, which is a mistake of ours.
pub fn summarise(
    matrices: &[MatrixRow],
    cells: &[CellRow],
    samples: &[SampleRow],
    form_seconds: impl Fn(&CellRow, Option<u64>) -> Option<f64>,
) -> Result<Vec<SummaryRow>, TableError> {
    let completed: Vec<_> = cells.iter().filter(|cell| cell.status == Status::Completed).cloned().collect();
    if completed.is_empty() {
        return Ok(Vec::new());
    }
    let timed = Timed::of(&completed, samples, form_seconds);
    let runs = CellRow::to_frame(&completed)?;
    let mut summary = summaries(&runs, &timed).map_err(polars)?;
    let settings = Settings::of(matrices);
    let mut pooled = completed;
    for cell in &mut pooled {
        cell.problem_variant = settings.at(&cell.problem, &cell.problem_variant).to_owned();
    }
    let replicates = replicates(cells.iter().filter(|cell| cell.status == Status::Completed), &settings);
    let pooled = summaries(&CellRow::to_frame(&pooled)?, &timed).map_err(polars)?;
    summary.extend(pooled.into_iter().filter_map(|mut row| {
        row.matrices = replicates.get(&(row.problem.clone(), row.problem_variant.clone())).copied()?;
        (row.matrices > 1).then_some(row)
    }));
    Ok(summary)
}

fn polars(source: polars::error::PolarsError) -> TableError {
    TableError::Polars { table: SummaryRow::TABLE, source }
}

/// How many matrices of each setting have a completed cell.
fn replicates<'a>(cells: impl Iterator<Item = &'a CellRow>, settings: &Settings<'_>) -> HashMap<(String, String), u64> {
    let mut variants: HashMap<(String, String), HashSet<&str>> = HashMap::new();
    for cell in cells {
        let setting = settings.at(&cell.problem, &cell.problem_variant);
        variants.entry((cell.problem.clone(), setting.to_owned())).or_default().insert(&cell.problem_variant);
    }
    variants.into_iter().map(|(setting, variants)| (setting, variants.len() as u64)).collect()
}

/// The samples of completed cells, a column each.
struct Timed {
    /// Position of the sample's cell among the completed ones.
    cell: Vec<IdxSize>,
    factor_seconds: Vec<f64>,
    apply_seconds: Vec<f64>,
    /// To factor, and before it to form the matrix where the method reads one.
    total_seconds: Vec<f64>,
    /// All of that, and to apply the approximation to V.
    output_seconds: Vec<f64>,
    /// Which took the times; nothing where all are of one.
    machine: Vec<Option<u64>>,
}

impl Timed {
    fn of(
        cells: &[CellRow],
        samples: &[SampleRow],
        form_seconds: impl Fn(&CellRow, Option<u64>) -> Option<f64>,
    ) -> Self {
        let positions: HashMap<_, _> = cells.iter().enumerate().map(|(at, cell)| (&cell.cell, at)).collect();
        let several = samples.iter().any(|sample| sample.machine != samples[0].machine);
        let of_completed = samples.iter().filter_map(|sample| Some((*positions.get(&sample.cell)?, sample)));
        let mut timed = Self {
            cell: vec![],
            factor_seconds: vec![],
            apply_seconds: vec![],
            total_seconds: vec![],
            output_seconds: vec![],
            machine: vec![],
        };
        for (at, sample) in of_completed {
            timed.cell.push(at as IdxSize);
            timed.factor_seconds.push(sample.factor_seconds);
            timed.apply_seconds.push(sample.apply_seconds);
            let before = form_seconds(&cells[at], sample.machine).unwrap_or(0.0);
            timed.total_seconds.push(before + sample.factor_seconds);
            timed.output_seconds.push(before + sample.factor_seconds + sample.apply_seconds);
            timed.machine.push(sample.machine.filter(|_| several));
        }
        timed
    }

    /// Each sample's row of `runs`, with the times in place of what else the row says.
    fn frame(&self, runs: &DataFrame) -> PolarsResult<DataFrame> {
        let cells = IdxCa::from_vec("cell".into(), self.cell.clone());
        let mut frame = runs.select(KEYS.into_iter().chain(["role", "asked_rank"]))?.take(&cells)?;
        frame.with_column(Field::column("factor_seconds", self.factor_seconds.iter()))?;
        frame.with_column(Field::column("apply_seconds", self.apply_seconds.iter()))?;
        frame.with_column(Field::column("total_seconds", self.total_seconds.iter()))?;
        frame.with_column(Field::column("output_seconds", self.output_seconds.iter()))?;
        frame.with_column(Field::column(MACHINE, self.machine.iter()))?;
        Ok(frame)
    }
}

/// The summaries of runs and of samples, in the order of the groups' first cells.
fn summaries(runs: &DataFrame, timed: &Timed) -> PolarsResult<Vec<SummaryRow>> {
    let mut times = quantities(&SampleRow::columns());
    times.extend([("total_seconds", "s"), ("output_seconds", "s")]);
    let mut runs_of_none = runs.clone();
    runs_of_none.with_column(Field::column(MACHINE, vec![None::<u64>; runs.height()].iter()))?;
    let mut rows = grouped(&runs_of_none, &quantities(&CellRow::columns()))?;
    let timings = grouped(&timed.frame(runs)?, &times)?;
    rows.extend(timings.into_iter().map(|(sample, row)| (timed.cell[sample] as usize, row)));
    // The sort is stable: within a group, the quantities of runs in column order, then those of samples.
    rows.sort_by_key(|(position, _)| *position);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Names and units of the columns that are quantities.
fn quantities(columns: &[Column]) -> Vec<(&'static str, &'static str)> {
    let quantity = |column: &Column| match column.meaning {
        Meaning::Quantity(unit) => Some((column.name, unit)),
        Meaning::Key | Meaning::Label => None,
    };
    columns.iter().filter_map(quantity).collect()
}

/// One summary for every group and every quantity it has values of, with the position of the group's first row.
fn grouped(frame: &DataFrame, quantities: &[(&'static str, &'static str)]) -> PolarsResult<Vec<(usize, SummaryRow)>> {
    let texts: Vec<Vec<String>> = KEYS[..6].iter().map(|key| values(frame, key)).collect::<PolarsResult<_>>()?;
    let roles = values::<Option<Role>>(frame, "role")?;
    let asked_rank = values::<Option<String>>(frame, "asked_rank")?;
    let target_rank = values::<u64>(frame, KEYS[6])?;
    let columns: Vec<Vec<Option<f64>>> = quantities
        .iter()
        .map(|(name, _)| Ok(frame.column(name)?.cast(&DataType::Float64)?.f64()?.iter().collect()))
        .collect::<PolarsResult<_>>()?;
    let machine = values::<Option<u64>>(frame, MACHINE)?;
    let groups = frame.group_by_stable(KEYS.into_iter().chain([MACHINE]))?.into_groups();
    let mut rows = Vec::new();
    for group in groups.iter() {
        let first = group.first() as usize;
        let members: Vec<usize> = match group {
            GroupsIndicator::Idx((_, members)) => members.iter().map(|&row| row as usize).collect(),
            GroupsIndicator::Slice([start, length]) => (start as usize..(start + length) as usize).collect(),
        };
        let text = |key: usize| texts[key][first].clone();
        for (&(name, unit), column) in quantities.iter().zip(&columns) {
            let Some(statistics) = Statistics::of(members.iter().filter_map(|&row| column[row]).collect()) else {
                continue;
            };
            rows.push((
                first,
                SummaryRow {
                    problem: text(0),
                    problem_variant: text(1),
                    matrices: 1,
                    precision: text(2),
                    method: text(3),
                    method_variant: text(4),
                    method_kind: text(5),
                    role: roles[first],
                    target_rank: target_rank[first],
                    asked_rank: asked_rank[first].clone(),
                    quantity: name.to_owned(),
                    unit: unit.to_owned(),
                    count: statistics.count,
                    median: statistics.median,
                    mean: statistics.mean,
                    q25: statistics.q25,
                    q75: statistics.q75,
                    min: statistics.min,
                    max: statistics.max,
                    ci_low: statistics.interval.map(|(low, _)| low),
                    ci_high: statistics.interval.map(|(_, high)| high),
                    machine: machine[first],
                },
            ));
        }
    }
    Ok(rows)
}

fn values<F: Field>(frame: &DataFrame, name: &str) -> PolarsResult<Vec<F>> {
    F::values(frame.column(name)?)
        .ok_or_else(|| polars::error::polars_err!(SchemaMismatch: "column `{name}` changed its type while grouping"))
}

/// The machine that took most samples, the first of several; `None` where nothing tells machines apart.
#[must_use]
pub fn lead_machine(samples: &[SampleRow]) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for machine in samples.iter().filter_map(|sample| sample.machine) {
        *counts.entry(machine).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(machine, count)| (count, Reverse(machine))).map(|(machine, _)| machine)
}

/// What a summary says of the values of a group.
#[derive(Debug, Clone, PartialEq)]
struct Statistics {
    count: u64,
    median: f64,
    mean: f64,
    q25: f64,
    q75: f64,
    min: f64,
    max: f64,
    interval: Option<(f64, f64)>,
}

impl Statistics {
    /// `None` without values.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        Some(Self {
            count: values.len() as u64,
            median: quantile(&values, 0.5),
            mean: values.iter().sum::<f64>() / values.len() as f64,
            q25: quantile(&values, 0.25),
            q75: quantile(&values, 0.75),
            min,
            max,
            interval: median_interval(values.len()).map(|(low, high)| (values[low - 1], values[high - 1])),
        })
    }
}

/// The quantile of sorted values, interpolated linearly between order statistics (Hyndman & Fan's type 7, numpy's default).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, weight) = (place.floor() as usize, place.fract());
    match sorted.get(below + 1) {
        Some(&above) if weight > 0.0 => sorted[below] + weight * (above - sorted[below]),
        _ => sorted[below],
    }
}
