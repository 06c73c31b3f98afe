//! The numbers a claim can speak of, whatever table they stand in.

use std::{collections::HashMap, rc::Rc};

use crate::table::{MeasurementSummary, Results, SummaryRow, summarise_measurements};

/// One number with what selects it and how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    /// Label of the problem or study.
    pub of: String,
    pub is_study: bool,
    /// Variant of the problem or study.
    pub variant: String,
    pub precision: String,
    /// Label of the method, or the series of a study.
    pub by: String,
    pub by_variant: String,
    /// Target rank, or the place on a study's horizontal axis.
    pub at: Option<f64>,
    pub quantity: String,
    pub value: f64,
    pub low: f64,
    pub high: f64,
    /// What its variants are made of, name and value, as the table `variants` tells it.
    pub settings: Settings,
}

/// Names and values of swept parameters: those of the problem or study, then those of the method.
pub(super) type Settings = Rc<[(String, String)]>;

/// What numbers of one matrix or study under one method at one place have in common.
pub(super) type RowKey<'a> = (bool, [&'a str; 5], Option<u64>);

impl Number {
    pub fn row(&self) -> RowKey<'_> {
        let names = [&*self.of, &*self.variant, &*self.precision, &*self.by, &*self.by_variant];
        (self.is_study, names, self.at.map(f64::to_bits))
    }

    /// The value of a swept parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }

    /// Its settings but one, as text: what tells its curve from others along that parameter.
    pub fn other_settings(&self, than: &str) -> String {
        let others = self.settings.iter().filter(|(name, _)| name != than);
        others.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
    }

    fn of_summary(row: &SummaryRow) -> Self {
        let (low, high) = row.ci_low.zip(row.ci_high).unwrap_or((row.min, row.max));
        Self {
            of: row.problem.clone(),
            is_study: false,
            variant: row.problem_variant.clone(),
            precision: row.precision.clone(),
            by: row.method.clone(),
            by_variant: row.method_variant.clone(),
            at: Some(row.target_rank as f64),
            quantity: row.quantity.clone(),
            value: row.median,
            low,
            high,
            settings: Rc::default(),
        }
    }

    fn of_measurement(row: &MeasurementSummary) -> Self {
        let (low, high) = row.interval.unwrap_or((row.min, row.max));
        Self {
            of: row.study.clone(),
            is_study: true,
            variant: row.study_variant.clone(),
            precision: String::new(),
            by: row.series.clone(),
            by_variant: String::new(),
            at: row.x,
            quantity: row.quantity.clone(),
            value: row.median,
            low,
            high,
            settings: Rc::default(),
        }
    }
}

/// Every number of an experiment.
pub(super) fn all(results: &Results) -> Vec<Number> {
    // Rows over several matrices would count each of them twice.
    let mut numbers: Vec<Number> =
        results.summary.iter().filter(|row| row.matrices == 1).map(Number::of_summary).collect();
    widen(&mut numbers, "relative_output_error", "output_error_low", "output_error_high");
    widen(&mut numbers, "relative_frobenius_error", "frobenius_error_low", "frobenius_error_high");
    let totals = total_flops(&numbers);
    numbers.extend(totals);
    numbers.extend(of_matrices(results));
    numbers.extend(summarise_measurements(&results.measurements).iter().map(Number::of_measurement));
    settle(&mut numbers, results);
    numbers
}

/// Gives every number the settings of its variants.
fn settle(numbers: &mut [Number], results: &Results) {
    let mut told: HashMap<[&str; 3], Vec<(String, String)>> = HashMap::new();
    for row in &results.variants {
        let value = row.number.map_or_else(|| row.value.clone(), |number| number.to_string());
        let setting = (row.parameter.clone(), value);
        told.entry([&row.of, &row.label, &row.variant]).or_default().push(setting);
    }
    let mut made: HashMap<[String; 4], Settings> = HashMap::new();
    for number in numbers {
        let key = [number.of.clone(), number.variant.clone(), number.by.clone(), number.by_variant.clone()];
        let settings = made.entry(key).or_insert_with(|| {
            let of = if number.is_study { "study" } else { "problem" };
            let places = [[of, &number.of, &number.variant], ["method", &number.by, &number.by_variant]];
            places.iter().filter_map(|place| told.get(place)).flatten().cloned().collect()
        });
        number.settings = Rc::clone(settings);
    }
}

/// What factoring and applying take together: a cheap product owes nothing to a dear factorisation.
fn total_flops(numbers: &[Number]) -> Vec<Number> {
    let of = |quantity: &'static str| numbers.iter().filter(move |number| number.quantity == quantity);
    let applications: HashMap<RowKey<'_>, &Number> = of("apply_flops").map(|apply| (apply.row(), apply)).collect();
    let total = |factor: &Number| {
        let apply = applications.get(&factor.row())?;
        Some(Number {
            quantity: "total_flops".to_owned(),
            value: factor.value + apply.value,
            low: factor.low + apply.low,
            high: factor.high + apply.high,
            ..factor.clone()
        })
    };
    of("factor_flops").filter_map(total).collect()
}

/// An error estimated from sampled rows is as sure as its interval says, however well its draws agree.
fn widen(numbers: &mut [Number], quantity: &str, low: &str, high: &str) {
    let mut widest: HashMap<RowKey<'_>, (f64, f64)> = HashMap::new();
    for end in numbers.iter().filter(|one| one.quantity == low || one.quantity == high) {
        let ends = widest.entry(end.row()).or_insert((end.low, end.high));
        *ends = (ends.0.min(end.low), ends.1.max(end.high));
    }
    let widened: Vec<(usize, (f64, f64))> = numbers
        .iter()
        .enumerate()
        .filter(|(_, number)| number.quantity == quantity)
        .filter_map(|(at, number)| Some((at, *widest.get(&number.row())?)))
        .collect();
    for (at, (low, high)) in widened {
        let number = &mut numbers[at];
        number.low = number.low.min(low);
        number.high = number.high.max(high);
    }
}

/// Ranks of matrices, as shares of what they are held against.
fn of_matrices(results: &Results) -> Vec<Number> {
    let mut numbers = Vec::new();
    for row in &results.matrices {
        let (m, n) = (row.rows as f64, row.columns as f64);
        let break_even = m * n / (m + n);
        let mut add = |quantity: &str, value: Option<f64>| {
            let Some(value) = value else { return };
            numbers.push(Number {
                of: row.problem.clone(),
                is_study: false,
                variant: row.problem_variant.clone(),
                precision: row.precision.clone(),
                by: String::new(),
                by_variant: String::new(),
                at: None,
                quantity: quantity.to_owned(),
                value,
                low: value,
                high: value,
                settings: Rc::default(),
            });
        };
        for (name, rank) in [
            ("rank_energy_90", row.rank_energy_90),
            ("rank_energy_99", row.rank_energy_99),
            ("rank_energy_999", row.rank_energy_999),
        ] {
            let rank = rank.map(|rank| rank as f64);
            add(name, rank);
            add(&format!("{name}_over_break_even"), rank.map(|rank| rank / break_even));
        }
    }
    numbers
}
