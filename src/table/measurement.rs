//! What studies found, one number a row, and its statistics over trials.

use polars::prelude::{DataFrame, Schema};
use serde::{Deserialize, Serialize};

use super::{
    Status, TableError,
    column::{
        self, Column, Field, Meaning,
        Meaning::{Key, Label},
        Row, table,
    },
    median_interval,
};

const VALUE: Meaning = Meaning::Quantity("see unit");

table! {
    /// One number of one cell of a study; of a cell that did not complete, its reason. Table `measurements`.
    pub struct MeasurementRow in "measurements" {
        /// Hash of everything the cell depends on: 32 hex digits.
        pub cell: String => Key,
        /// The label of its table in the spec.
        pub study: String => Label,
        /// The values of its swept parameters.
        pub study_variant: String => Label,
        /// The registered kind: `reduced_rank_regression`, `failure` ….
        pub study_kind: String => Label,
        /// All parameters as JSON.
        pub study_parameters: String => Label,
        /// Which independent draw, from 0.
        pub trial: u64 => Label,
        /// Decimal digits of a u64.
        pub seed: String => Label,
        /// Whose number it is, such as a method's; empty where the study has only one.
        pub series: String => Key,
        /// Where on the horizontal axis (a rank, a depth, a length), where there is one.
        pub x: Option<f64> => Key,
        /// What the number is; empty of a cell that did not complete.
        pub quantity: String => Key,
        /// Unit of the value; `1` if it has none.
        pub unit: String => Label,
        /// The number; empty of a cell that did not complete.
        pub value: Option<f64> => VALUE,
        /// How the cell ended: `completed`, `skipped` or `failed`.
        pub status: Status => Label,
        /// Why it was skipped or failed.
        pub reason: Option<String> => Label,
    }
}

/// A quantity at one place of one study, over its trials.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasurementSummary {
    pub study: String,
    pub study_variant: String,
    pub study_kind: String,
    pub series: String,
    pub x: Option<f64>,
    pub quantity: String,
    pub unit: String,
    /// In the order of the trials.
    pub values: Vec<f64>,
    pub median: f64,
    pub q25: f64,
    pub q75: f64,
    pub min: f64,
    pub max: f64,
    /// Non-parametric 95 % interval of the median; `None` below 6 values.
    pub interval: Option<(f64, f64)>,
}

/// Every quantity of every study over its trials, in the order of first mention; cells that did not complete count nowhere.
#[must_use]
pub fn summarise_measurements(rows: &[MeasurementRow]) -> Vec<MeasurementSummary> {
    type Place<'a> = (&'a str, &'a str, &'a str, Option<u64>, &'a str);
    let mut places: std::collections::HashMap<Place<'_>, usize> = std::collections::HashMap::new();
    let mut groups: Vec<(&MeasurementRow, Vec<f64>)> = Vec::new();
    for row in rows.iter().filter(|row| row.status == Status::Completed) {
        let Some(value) = row.value else { continue };
        let place = (
            row.study.as_str(),
            row.study_variant.as_str(),
            row.series.as_str(),
            row.x.map(f64::to_bits),
            row.quantity.as_str(),
        );
        let group = *places.entry(place).or_insert_with(|| {
            groups.push((row, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(value);
    }
    groups.into_iter().filter_map(|(row, values)| MeasurementSummary::of(row, values)).collect()
}

impl MeasurementSummary {
    fn of(row: &MeasurementRow, values: Vec<f64>) -> Option<Self> {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = sorted.first().zip(sorted.last())?;
        let at = |share: f64| {
            let place = share * (sorted.len() - 1) as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Some(Self {
            study: row.study.clone(),
            study_variant: row.study_variant.clone(),
            study_kind: row.study_kind.clone(),
            series: row.series.clone(),
            x: row.x,
            quantity: row.quantity.clone(),
            unit: row.unit.clone(),
            median: at(0.5),
            q25: at(0.25),
            q75: at(0.75),
            min,
            max,
            interval: median_interval(sorted.len()).map(|(low, high)| (sorted[low - 1], sorted[high - 1])),
            values,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(trial: u64, x: Option<f64>, value: Option<f64>) -> MeasurementRow {
        MeasurementRow {
            cell: trial.to_string(),
            study: "s".to_owned(),
            study_variant: String::new(),
            study_kind: "failure".to_owned(),
            study_parameters: "{}".to_owned(),
            trial,
            seed: "1".to_owned(),
            series: "bad".to_owned(),
            x,
            quantity: "error".to_owned(),
            unit: "1".to_owned(),
            value,
            status: if value.is_some() { Status::Completed } else { Status::Failed },
            reason: None,
        }
    }

    #[test]
    fn a_summary_is_over_trials_at_one_place_and_failed_cells_count_nowhere() {
        let rows: Vec<_> = (0..6).map(|trial| row(trial, Some(1.0), Some(10.0 - trial as f64))).collect();
        let more = [row(0, Some(2.0), Some(7.0)), row(1, None, Some(8.0)), row(9, Some(1.0), None)];
        let summaries = summarise_measurements(&[rows, more.to_vec()].concat());
        assert_eq!(summaries.len(), 3);
        let first = &summaries[0];
        assert_eq!((first.values.len(), first.median, first.min, first.max), (6, 7.5, 5.0, 10.0));
        assert_eq!((first.q25, first.q75, first.interval), (6.25, 8.75, Some((5.0, 10.0))));
        assert_eq!((summaries[1].x, summaries[1].interval), (Some(2.0), None));
        assert_eq!(summaries[2].x, None);
    }
}
