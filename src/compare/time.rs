//! What changed in time: ratios of medians with intervals, judged so that runs of one program do not differ.
//!
//! What is compared is a factorisation and its product with V, once for all ranks that share it. Of a method there are as many
//! ratios as matrices and ranks; its ratio is their median. How far that may be off is taken from their spread and from that of the
//! repeats, whichever says more; robustly, because a neighbour on the machine slows a few of them down. A machine that is slower today
//! is slower for all methods: the median over methods is taken out, and told. What is left must lie outside a margin with its whole
//! interval, whose level shares the familywise error among all methods (Bonferroni).

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Method, Place, Rules};
use crate::table::{CellRow, Results, SampleRow, lead_machine, student};

/// Is it faster?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Faster,
    Slower,
    /// Or the intervals do not tell.
    NoDifference,
}

/// How the time of one method changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeChange {
    pub method: Method,
    /// Factorisations compared: matrices, and ranks where each has its own.
    pub factorisations: usize,
    /// After over before, the drift taken out.
    pub ratio: f64,
    /// Interval of that, at the level that all methods share.
    pub low: f64,
    pub high: f64,
    pub verdict: Verdict,
    pub of_each: Vec<OfEach>,
}

/// One factorisation in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OfEach {
    pub place: Place,
    /// Median seconds to factor and apply.
    pub before: f64,
    pub after: f64,
    /// Timings of each run.
    pub repeats: [usize; 2],
    /// Of the logarithm of their ratio, from the spread of the repeats.
    #[serde(skip)]
    standard_error: f64,
}

/// How times changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// Whether one kind of machine took both runs' times.
    pub same_machine: bool,
    /// By how much all methods together are slower, taken out of the ratios; 1 if nothing was.
    pub drift: f64,
    pub methods: Vec<TimeChange>,
}

/// A median's standard error over that of a mean, and a standard deviation over the median distance from the median: for normal
/// values.
const OF_MEDIAN: f64 = 1.253_314;
const OF_DISTANCES: f64 = 1.482_602;

/// Ratios from which on their spread is used, and methods from which on there is a drift.
const FEWEST_RATIOS: usize = 4;
const FEWEST_METHODS: usize = 3;

/// The times of all methods that both runs timed.
pub fn changes(pairs: &[(&Place, &CellRow, &CellRow)], before: &Results, after: &Results, rules: Rules) -> Times {
    let same_machine = machine(before) == machine(after);
    let (old, new) = (samples(before), samples(after));
    let mut by_method: BTreeMap<Method, Vec<OfEach>> = BTreeMap::new();
    // Cells of one factorisation have the very same times; the one of the largest rank, which comes last, stands for all.
    let mut seen: HashMap<(Method, Vec<u64>), usize> = HashMap::new();
    for (place, cell, other) in pairs {
        let (Some(old), Some(new)) = (old.get(cell.cell.as_str()), new.get(other.cell.as_str())) else { continue };
        let method = place.method();
        let bits: Vec<u64> = old.iter().map(|sample| sample.factor_seconds.to_bits()).collect();
        let own = by_method.entry(method.clone()).or_default();
        let each = OfEach::of(place, old, new);
        match seen.get(&(method.clone(), bits.clone())) {
            Some(&known) => own[known] = each,
            None => {
                seen.insert((method, bits), own.len());
                own.push(each);
            }
        }
    }
    let estimates: Vec<(f64, f64, usize)> = by_method.values().map(|of_each| estimate(of_each)).collect();
    let mut logs: Vec<f64> = estimates.iter().map(|(log, ..)| *log).collect();
    let has_drift = same_machine && !rules.absolute && logs.len() >= FEWEST_METHODS;
    let (drift, drift_error) = if has_drift {
        let drift = median(&mut logs);
        (drift, OF_MEDIAN * deviation(&logs, drift) / (logs.len() as f64).sqrt())
    } else {
        (0.0, 0.0)
    };
    let level = 1.0 - rules.familywise / estimates.len().max(1) as f64;
    let margin = rules.margin.ln_1p();
    let methods = by_method.into_iter().zip(estimates).map(|((method, of_each), (log, error, degrees))| {
        let half = student(level, degrees) * error.hypot(drift_error);
        let log = log - drift;
        let verdict = match () {
            () if log - half > margin => Verdict::Slower,
            () if log + half < -margin => Verdict::Faster,
            () => Verdict::NoDifference,
        };
        let factorisations = of_each.len();
        let [ratio, low, high] = [log, log - half, log + half].map(f64::exp);
        TimeChange { method, factorisations, ratio, low, high, verdict, of_each }
    });
    Times { same_machine, drift: drift.exp(), methods: methods.collect() }
}

impl OfEach {
    fn of(place: &Place, old: &[&SampleRow], new: &[&SampleRow]) -> Self {
        let logs = |samples: &[&SampleRow]| -> Vec<f64> {
            samples.iter().map(|sample| (sample.factor_seconds + sample.apply_seconds).ln()).collect()
        };
        let side = |mut logs: Vec<f64>| {
            let middle = median(&mut logs);
            (middle, OF_MEDIAN * deviation(&logs, middle) / (logs.len() as f64).sqrt())
        };
        let ((before, old_error), (after, new_error)) = (side(logs(old)), side(logs(new)));
        Self {
            place: place.clone(),
            before: before.exp(),
            after: after.exp(),
            repeats: [old.len(), new.len()],
            standard_error: old_error.hypot(new_error),
        }
    }
}

/// The logarithm of a method's ratio, its standard error, and the degrees of freedom of that.
fn estimate(of_each: &[OfEach]) -> (f64, f64, usize) {
    let count = of_each.len() as f64;
    let mut logs: Vec<f64> = of_each.iter().map(|each| (each.after / each.before).ln()).collect();
    let log = median(&mut logs);
    let of_repeats = of_each.iter().map(|each| each.standard_error.powi(2)).sum::<f64>().sqrt() / count;
    let of_spread = OF_MEDIAN * deviation(&logs, log) / count.sqrt();
    let repeats: usize = of_each.iter().map(|each| each.repeats[0] + each.repeats[1] - 2).sum();
    match logs.len() >= FEWEST_RATIOS && of_spread >= of_repeats {
        true => (log, of_spread, logs.len() - 1),
        false => (log, of_repeats, repeats),
    }
}

/// The middle of some values, which are sorted by it.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

/// A standard deviation from the median distance from a middle.
fn deviation(values: &[f64], middle: f64) -> f64 {
    let mut distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    OF_DISTANCES * median(&mut distances)
}

/// What took most of the times: processor, cores and threads.
fn machine(results: &Results) -> Option<serde_json::Value> {
    let provenance = &results.provenance;
    let of_list = || {
        let at = usize::try_from(lead_machine(&results.samples)?).ok()?.checked_sub(1)?;
        provenance.get("machines")?.get(at).cloned()
    };
    of_list().or_else(|| {
        // Results of before machines were told apart.
        let fact = |key: &str| provenance.get(key).cloned().unwrap_or_default();
        Some(serde_json::json!({ "cpu": fact("cpu"), "cores": fact("cores"), "threads": fact("threads") }))
    })
}

/// The times of each cell, of the machine that took most.
fn samples(results: &Results) -> HashMap<&str, Vec<&SampleRow>> {
    let lead = lead_machine(&results.samples);
    let mut by_cell: HashMap<&str, Vec<&SampleRow>> = HashMap::new();
    for sample in results.samples.iter().filter(|sample| sample.machine == lead) {
        by_cell.entry(&sample.cell).or_default().push(sample);
    }
    by_cell
}
