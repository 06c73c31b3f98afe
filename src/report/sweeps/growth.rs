//! How the costs of a method, and the ranks of matrices, grow along a sweep.

use std::collections::BTreeMap;

use super::fitted;
use crate::{
    report::{
        comparison::compare,
        document::Verdict,
        survey::{Family, Method, median},
    },
    table::{MatrixRow, Slope, Sweep, log_log_slope, mean_log_log_slope, settings, without_parameter},
};

/// How the costs of one method grow with the length.
#[derive(Debug, Clone)]
pub struct Growth {
    pub time: Option<Slope>,
    pub memory: Option<Slope>,
    pub last_bytes: Option<u64>,
    /// The least length from which on it is faster than exact attention at every length that was run.
    pub crossover: Option<f64>,
    /// How many times faster than exact attention at the longest.
    pub last_speed_up: Option<f64>,
    /// Output error at the longest.
    pub last_error: Option<f64>,
    /// Median ends of its 95 % interval, where rows were sampled.
    pub last_interval: Option<(f64, f64)>,
}

impl Growth {
    pub fn of(family: &Family<'_>, method: &Method<'_>, sweep: &Sweep) -> Self {
        let within = fitted(sweep);
        let from = within.first().copied().unwrap_or(0.0);
        let slope = |quantity| {
            log_log_slope(family.swept(method, sweep, quantity).into_iter().filter(|(value, _)| *value >= from))
        };
        let last = sweep.values().last().copied();
        let at_last = |quantity: &str| {
            family
                .swept(method, sweep, quantity)
                .into_iter()
                .find(|(value, _)| Some(*value) == last)
                .map(|(_, median)| median)
        };
        let exact = family.first_of_kind("exact_attention").filter(|_| method.kind != "exact_attention");
        let time = |method: &Method<'_>, value| family.swept_row(method, sweep, value, "output_seconds");
        let mut crossover = None;
        for value in sweep.values().into_iter().rev() {
            let pair = exact.and_then(|exact| time(method, value).zip(time(exact, value)));
            match pair.map(|(ours, exact)| compare(ours, exact)) {
                Some(Verdict::Faster) => crossover = Some(value),
                _ => break,
            }
        }
        let last_speed_up = exact.zip(last).and_then(|(exact, last)| {
            Some(time(exact, last)?.median / time(method, last).filter(|row| row.median > 0.0)?.median)
        });
        Self {
            time: slope("output_seconds"),
            memory: slope("output_peak_bytes"),
            last_bytes: at_last("output_peak_bytes").map(|bytes| bytes as u64),
            crossover,
            last_speed_up,
            last_error: at_last("relative_output_error"),
            last_interval: at_last("output_error_low").zip(at_last("output_error_high")),
        }
    }
}

/// A share of the energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    Ninety,
    NinetyNine,
    NinetyNinePointNine,
}

impl Share {
    pub const ALL: [Self; 3] = [Self::Ninety, Self::NinetyNine, Self::NinetyNinePointNine];

    pub fn share(self) -> f64 {
        match self {
            Self::Ninety => 0.9,
            Self::NinetyNine => 0.99,
            Self::NinetyNinePointNine => 0.999,
        }
    }

    fn rank(self, matrix: &MatrixRow) -> Option<u64> {
        match self {
            Self::Ninety => matrix.rank_energy_90,
            Self::NinetyNine => matrix.rank_energy_99,
            Self::NinetyNinePointNine => matrix.rank_energy_999,
        }
    }
}

/// Matrices that are told of together: the heads of a layer, or all of a family that has no layers.
pub struct MatrixGroup<'a> {
    /// `layer3`; empty for all.
    pub name: String,
    matrices: Vec<&'a MatrixRow>,
}

/// Fewer heads of a layer than this are examples, not a layer.
const ENOUGH: usize = 3;

/// All matrices together, then by layer (`head=layer3.head5`), where a layer has enough of them at each value of the sweep.
pub fn groups<'a>(family: &Family<'a>, sweep: &Sweep) -> Vec<MatrixGroup<'a>> {
    let mut groups = vec![MatrixGroup { name: String::new(), matrices: family.matrices.clone() }];
    for matrix in &family.matrices {
        let head = settings(&matrix.problem_variant).find(|(name, _)| *name == "head").map(|(_, value)| value);
        let Some((layer, _)) = head.and_then(|head| head.split_once('.')) else { continue };
        match groups.iter_mut().skip(1).find(|group| group.name == layer) {
            Some(group) => group.matrices.push(matrix),
            None => groups.push(MatrixGroup { name: layer.to_owned(), matrices: vec![matrix] }),
        }
    }
    let enough = ENOUGH * sweep.values().len();
    groups.retain(|group| group.name.is_empty() || group.matrices.len() >= enough);
    groups
}

impl MatrixGroup<'_> {
    fn numbers(&self, share: Share) -> impl Iterator<Item = (&str, f64)> {
        let number = move |matrix: &&MatrixRow| share.rank(matrix).map(|rank| rank as f64);
        self.matrices.iter().filter_map(move |matrix| Some((matrix.problem_variant.as_str(), number(matrix)?)))
    }

    /// The median rank at each value of the sweep.
    pub fn ranks(&self, sweep: &Sweep, share: Share) -> Vec<(f64, f64)> {
        let pooled = sweep.pooled(self.numbers(share));
        pooled.into_iter().filter_map(|(value, ranks)| Some((value, median(ranks)?))).collect()
    }

    /// Of each matrix by itself, in the mean over them.
    pub fn slope(&self, sweep: &Sweep, share: Share) -> Option<Slope> {
        let from = fitted(sweep).first().copied()?;
        let mut curves: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (variant, rank) in self.numbers(share) {
            let Some(value) = sweep.value(variant).filter(|value| *value >= from) else { continue };
            curves.entry(without_parameter(variant, &sweep.parameter)).or_default().push((value, rank));
        }
        mean_log_log_slope(curves.into_values())
    }
}
