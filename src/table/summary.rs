//! Many values → one row: medians, quartiles and intervals over trials and repeats.
//!
//! polars joins and groups; the statistics of a group are taken here from its sorted values, so that they do not depend on
//! how many threads polars had.

use std::collections::{HashMap, HashSet};

use polars::prelude::{
    DataFrame, DataType, Expr, IntoColumn, IntoLazy, LazyFrame, NamedFrom, PolarsResult, Series, col, lit, when,
};

use super::{
    CellRow, MatrixRow, Meaning, Row, SampleRow, Status, SummaryRow, TableError,
    column::{Column, Field},
    median_interval,
};

/// Which group a row belongs to.
const KEYS: [&str; 7] =
    ["problem", "problem_variant", "precision", "method", "method_variant", "method_kind", "target_rank"];

/// Position of a cell among all cells: groups are written in the order of their first cells.
const POSITION: &str = "position_of_cell";

const FORMS_MATRIX: &str = "forms_matrix";

/// Every quantity of `runs` and `samples`, and `total_seconds`, summarised over the completed cells of each group; once for
/// every variant of a problem, then once over all variants of each family that has several (`problem_variant` empty).
///
/// `forms_matrix` tells of a cell whether its method reads a matrix that had to be formed first, so that the time to form it
/// is part of its time.
///
/// # Errors
/// polars refuses, which is a mistake of ours.
pub fn summarise(
    matrices: &[MatrixRow],
    cells: &[CellRow],
    samples: &[SampleRow],
    forms_matrix: impl Fn(&CellRow) -> bool,
) -> Result<Vec<SummaryRow>, TableError> {
    let completed: Vec<_> = cells.iter().filter(|cell| cell.status == Status::Completed).cloned().collect();
    if completed.is_empty() {
        return Ok(Vec::new());
    }
    let forms: Vec<bool> = completed.iter().map(forms_matrix).collect();
    let frames = [CellRow::to_frame(&completed)?, SampleRow::to_frame(samples)?, MatrixRow::to_frame(matrices)?];
    let mut rows = summaries(&frames, &forms, Variants::Apart).map_err(polars)?;
    let several = families_with_variants(&completed);
    let together = summaries(&frames, &forms, Variants::Together).map_err(polars)?;
    rows.extend(together.into_iter().filter(|row| several.contains(row.problem.as_str())));
    Ok(rows)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variants {
    Apart,
    Together,
}

fn polars(source: polars::error::PolarsError) -> TableError {
    TableError::Polars { table: SummaryRow::TABLE, source }
}

/// Problems of which more than one variant has a completed cell.
fn families_with_variants(cells: &[CellRow]) -> HashSet<&str> {
    let mut variants: HashMap<&str, HashSet<&str>> = HashMap::new();
    for cell in cells {
        variants.entry(&cell.problem).or_default().insert(&cell.problem_variant);
    }
    variants.into_iter().filter(|(_, variants)| variants.len() > 1).map(|(problem, _)| problem).collect()
}

/// The summaries of runs and of samples, in the order of the groups' first cells.
fn summaries(
    [runs, samples, matrices]: &[DataFrame; 3],
    forms: &[bool],
    variants: Variants,
) -> PolarsResult<Vec<SummaryRow>> {
    let mut runs = runs.clone();
    runs.with_column(Series::new(FORMS_MATRIX.into(), forms).into_column())?;
    let runs = runs.lazy().with_row_index(POSITION, None);
    let timings = samples
        .clone()
        .lazy()
        .select([col("cell"), col("factor_seconds"), col("apply_seconds")])
        .inner_join(runs.clone(), col("cell"), col("cell"))
        .join(
            matrices.clone().lazy().select([
                col("problem"),
                col("problem_variant"),
                col("precision"),
                col("form_seconds"),
            ]),
            [col("problem"), col("problem_variant"), col("precision")],
            [col("problem"), col("problem_variant"), col("precision")],
            polars::prelude::JoinArgs::new(polars::prelude::JoinType::Left),
        )
        .with_column(total_seconds());

    let mut grouped = grouped(runs, &quantities(&CellRow::columns()), variants)?;
    grouped.extend(grouped_timings(timings, variants)?);
    // The sort is stable: within a group, the quantities of runs in column order, then those of samples.
    grouped.sort_by_key(|(position, _)| *position);
    Ok(grouped.into_iter().map(|(_, row)| row).collect())
}

fn grouped_timings(timings: LazyFrame, variants: Variants) -> PolarsResult<Vec<(u64, SummaryRow)>> {
    let mut timed = quantities(&SampleRow::columns());
    timed.push(("total_seconds", "s"));
    grouped(timings, &timed, variants)
}

fn total_seconds() -> Expr {
    let form = when(col(FORMS_MATRIX)).then(col("form_seconds").fill_null(lit(0.0))).otherwise(lit(0.0));
    (form + col("factor_seconds")).alias("total_seconds")
}

/// Names and units of the columns that are quantities.
fn quantities(columns: &[Column]) -> Vec<(&'static str, &'static str)> {
    let quantity = |column: &Column| match column.meaning {
        Meaning::Quantity(unit) => Some((column.name, unit)),
        Meaning::Key | Meaning::Label => None,
    };
    columns.iter().filter_map(quantity).collect()
}

/// One summary for every group and every quantity it has values of, with the position of the group's first cell.
fn grouped(
    frame: LazyFrame,
    quantities: &[(&'static str, &'static str)],
    variants: Variants,
) -> PolarsResult<Vec<(u64, SummaryRow)>> {
    let frame = match variants {
        Variants::Apart => frame,
        Variants::Together => frame.with_column(lit("").alias("problem_variant")),
    };
    let mut aggregated = vec![col(POSITION).min().cast(DataType::UInt64)];
    aggregated.extend(quantities.iter().map(|(name, _)| col(*name).cast(DataType::Float64).drop_nulls().implode(true)));
    let groups = frame.group_by_stable(KEYS.map(col)).agg(aggregated).collect()?;

    let position = values::<u64>(&groups, POSITION)?;
    let texts: Vec<Vec<String>> = KEYS[..6].iter().map(|key| values(&groups, key)).collect::<PolarsResult<_>>()?;
    let target_rank = values::<u64>(&groups, KEYS[6])?;
    let mut rows = Vec::new();
    for &(name, unit) in quantities {
        let lists = groups.column(name)?.list()?;
        for group in 0..groups.height() {
            let Some(list) = lists.get_as_series(group) else { continue };
            let Some(statistics) = Statistics::of(list.f64()?.into_no_null_iter().collect()) else { continue };
            let text = |key: usize| texts[key][group].clone();
            rows.push((
                position[group],
                SummaryRow {
                    problem: text(0),
                    problem_variant: text(1),
                    precision: text(2),
                    method: text(3),
                    method_variant: text(4),
                    method_kind: text(5),
                    target_rank: target_rank[group],
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
