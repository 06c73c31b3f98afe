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

impl Number {
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
    let of = |quantity: &str| numbers.iter().filter(|number| number.quantity == quantity).collect::<Vec<_>>();
    let applications = of("apply_flops");
    let total = |factor: &Number| {
        let apply = applications.iter().find(|apply| is_same_cell(apply, factor))?;
        Some(Number {
            quantity: "total_flops".to_owned(),
            value: factor.value + apply.value,
            low: factor.low + apply.low,
            high: factor.high + apply.high,
            ..factor.clone()
        })
    };
    of("factor_flops").into_iter().filter_map(total).collect()
}

/// Whether two numbers are of one matrix under one method at one rank.
fn is_same_cell(a: &Number, b: &Number) -> bool {
    (&a.of, &a.variant, &a.precision, &a.by, &a.by_variant, a.at)
        == (&b.of, &b.variant, &b.precision, &b.by, &b.by_variant, b.at)
}

/// An error estimated from sampled rows is as sure as its interval says, however well its draws agree.
fn widen(numbers: &mut [Number], quantity: &str, low: &str, high: &str) {
    let ends: Vec<Number> = numbers.iter().filter(|one| one.quantity == low || one.quantity == high).cloned().collect();
    for number in numbers.iter_mut().filter(|number| number.quantity == quantity) {
        let own: Vec<&Number> = ends.iter().filter(|end| is_same_cell(end, number)).collect();
        for end in own {
            number.low = number.low.min(end.low);
            number.high = number.high.max(end.high);
        }
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
