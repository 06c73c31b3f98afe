//! What is said of a family that is swept over a number (its length, its temperature): tables with a column for each value, and
//! how fast a quantity grows.

use serde::Serialize;

use super::{
    comparison::compare,
    document::{Item, MethodName, Table, Text, Verdict},
    survey::{Family, Method, median, spread},
    wording::label,
};
use crate::table::{MatrixRow, Slope, SummaryRow, Sweep, log_log_slope};

/// With the method's name that makes seven columns.
const VALUES_SHOWN: usize = 6;

/// Slopes are fitted over so many of the largest values: what counts is where a cost is going, not where it starts.
const FITTED: usize = 5;

/// The tables of one swept family; those without a single number are left out.
pub fn tables(experiment: &str, family: &Family<'_>, sweep: &Sweep) -> Vec<Table> {
    let paper = Paper { experiment, family, sweep };
    let tables = [
        paper.numbers("sweep_error", "relative_frobenius_error"),
        paper.numbers("sweep_output_error", "relative_output_error"),
        paper.times(),
        paper.growth(),
        paper.energy(),
    ];
    tables.into_iter().flatten().collect()
}

struct Paper<'p, 'a> {
    experiment: &'p str,
    family: &'p Family<'a>,
    sweep: &'p Sweep,
}

#[derive(Serialize)]
struct Caption<'a> {
    family: &'a str,
    precision: &'a str,
    parameter: &'a str,
    /// The ranks of the methods that have one to choose.
    ranks: Vec<u64>,
    /// Slopes hold from here to the largest value.
    fitted_from: f64,
    fitted_to: f64,
    /// Most rows on which errors were measured, where they were sampled.
    sampled_rows: Option<u64>,
}

impl Paper<'_, '_> {
    fn table(&self, topic: &str, header: Vec<Item>, rows: Vec<Vec<Item>>) -> Option<Table> {
        let family = self.family;
        let fitted = fitted(self.sweep);
        let sampled = |cell: &&&crate::table::CellRow| cell.output_error_low.is_some();
        let cells = || family.methods.iter().flat_map(|method| &method.cells);
        let caption = Caption {
            family: family.name,
            precision: family.precision,
            parameter: &self.sweep.parameter,
            ranks: chosen_ranks(family),
            fitted_from: fitted.first().copied().unwrap_or(0.0),
            fitted_to: fitted.last().copied().unwrap_or(0.0),
            sampled_rows: cells().filter(sampled).filter_map(|cell| cell.measured_rows).max(),
        };
        (!rows.is_empty()).then(|| Table {
            label: label(topic, self.experiment, family.name, family.precision),
            caption: Text::new(format!("caption.{topic}"), caption),
            header,
            rows,
        })
    }

    /// The values that get a column.
    fn shown(&self) -> Vec<f64> {
        let all = self.sweep.values();
        let places: Vec<u64> = (0..all.len() as u64).collect();
        spread(&places, VALUES_SHOWN).into_iter().map(|place| all[place as usize]).collect()
    }

    fn header(&self) -> Vec<Item> {
        #[derive(Serialize)]
        struct Column<'a> {
            parameter: &'a str,
            value: f64,
        }
        let column = |value: f64| Text::new("column.swept", Column { parameter: &self.sweep.parameter, value });
        let columns = self.shown().into_iter().map(|value| Item::Text(column(value)));
        std::iter::once(Item::Word("column.method")).chain(columns).collect()
    }

    /// Medians of one quantity: a line for each method.
    fn numbers(&self, topic: &str, quantity: &str) -> Option<Table> {
        let line = |method: &Method<'_>| {
            let medians = self.family.swept(method, self.sweep, quantity);
            let at = |value: f64| medians.iter().find(|(known, _)| *known == value).map(|(_, median)| *median);
            let numbers: Vec<Option<f64>> = self.shown().into_iter().map(at).collect();
            numbers.iter().any(Option::is_some).then(|| {
                let items = numbers.into_iter().map(|number| Item::Number(number, 3));
                std::iter::once(Item::Method(method.name())).chain(items).collect()
            })
        };
        self.table(topic, self.header(), self.family.methods.iter().filter_map(line).collect())
    }

    /// Time from Q, K, V to the output, marked against exact attention wherever the intervals can tell.
    fn times(&self) -> Option<Table> {
        let exact = self.family.first_of_kind("exact_attention");
        let line = |method: &Method<'_>| {
            let is_exact = method.kind == "exact_attention";
            let item = |value: f64| {
                let time = self.family.swept_row(method, self.sweep, value, "output_seconds");
                let other = exact.and_then(|exact| self.family.swept_row(exact, self.sweep, value, "output_seconds"));
                let verdict = time.zip(other).filter(|_| !is_exact).map(|(time, other)| compare(time, other));
                Item::Seconds(time.map(|time| time.median), verdict.unwrap_or(Verdict::Unknown))
            };
            let items: Vec<Item> = self.shown().into_iter().map(item).collect();
            items
                .iter()
                .any(|item| matches!(item, Item::Seconds(Some(_), _)))
                .then(|| std::iter::once(Item::Method(method.name())).chain(items).collect())
        };
        self.table("sweep_time", self.header(), self.family.methods.iter().filter_map(line).collect())
    }

    /// Slopes of time and memory, and from where on a method is faster than exact attention.
    fn growth(&self) -> Option<Table> {
        if self.sweep.parameter != "length" {
            return None;
        }
        let line = |method: &Method<'_>| {
            let growth = Growth::of(self.family, method, self.sweep);
            let time = growth.time?;
            Some(vec![
                Item::Method(method.name()),
                slope_item(Some(time)),
                slope_item(growth.memory),
                Item::Bytes(growth.last_bytes),
                growth.crossover.map_or(Item::Absent, |length| Item::Count(Some(length as u64))),
                interval_item(growth.last_error, growth.last_interval),
            ])
        };
        let words = [
            "column.method",
            "column.time_slope",
            "column.memory_slope",
            "column.last_bytes",
            "column.crossover",
            "column.last_error",
        ];
        let rows = self.family.methods.iter().filter_map(line).collect();
        self.table("growth", words.map(Item::Word).to_vec(), rows)
    }

    /// Ranks that keep 90, 99 and 99.9 % of the energy; of a model with layers, a line for each layer and share.
    fn energy(&self) -> Option<Table> {
        let mut header = self.header();
        header[0] = Item::Word("column.energy_of");
        header.push(Item::Word("column.slope"));
        let mut rows = Vec::new();
        for group in groups(self.family) {
            for share in Share::ALL {
                let medians = group.ranks(self.sweep, share);
                if medians.is_empty() {
                    continue;
                }
                let mut row =
                    vec![Item::Text(Text::new("cell.energy", EnergyOf { group: &group.name, share: share.share() }))];
                for value in self.shown() {
                    let rank = medians.iter().find(|(known, _)| *known == value).map(|(_, rank)| *rank);
                    row.push(Item::Number(rank, 4));
                }
                row.push(slope_item(group.slope(self.sweep, share)));
                rows.push(row);
            }
        }
        self.table("sweep_energy", header, rows)
    }
}

#[derive(Serialize)]
struct EnergyOf<'a> {
    group: &'a str,
    share: f64,
}

/// The largest values of a sweep, over which slopes are fitted.
fn fitted(sweep: &Sweep) -> Vec<f64> {
    let values = sweep.values();
    values[values.len().saturating_sub(FITTED)..].to_vec()
}

/// Ranks of the methods that have one to choose.
fn chosen_ranks(family: &Family<'_>) -> Vec<u64> {
    let ranked = family.methods.iter().filter(|method| method.kind != "exact_attention");
    let mut ranks: Vec<u64> = ranked.flat_map(|method| &method.cells).map(|cell| cell.target_rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

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

/// The matrices by layer (`head=layer3.head5`), and all together first.
pub fn groups<'a>(family: &Family<'a>) -> Vec<MatrixGroup<'a>> {
    let mut groups = vec![MatrixGroup { name: String::new(), matrices: family.matrices.clone() }];
    for matrix in &family.matrices {
        let head = matrix.problem_variant.split(", ").find_map(|part| part.strip_prefix("head="));
        let Some((layer, _)) = head.and_then(|head| head.split_once('.')) else { continue };
        match groups.iter_mut().skip(1).find(|group| group.name == layer) {
            Some(group) => group.matrices.push(matrix),
            None => groups.push(MatrixGroup { name: layer.to_owned(), matrices: vec![matrix] }),
        }
    }
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

    /// Over every matrix, not over medians.
    pub fn slope(&self, sweep: &Sweep, share: Share) -> Option<Slope> {
        let from = fitted(sweep).first().copied()?;
        let point = |(variant, rank): (&str, f64)| Some((sweep.value(variant).filter(|value| *value >= from)?, rank));
        log_log_slope(self.numbers(share).filter_map(point))
    }
}

#[derive(Serialize)]
struct Interval {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

fn slope_item(slope: Option<Slope>) -> Item {
    interval_item(slope.map(|slope| slope.value), slope.and_then(|slope| slope.interval))
}

fn interval_item(value: Option<f64>, interval: Option<(f64, f64)>) -> Item {
    let (low, high) = (interval.map(|(low, _)| low), interval.map(|(_, high)| high));
    if value.is_none() { Item::Absent } else { Item::Text(Text::new("cell.interval", Interval { value, low, high })) }
}

/// How time grows with length, for the answer.
#[derive(Serialize)]
struct GrowthFinding<'a> {
    family: &'a str,
    from: f64,
    to: f64,
    exact: Interval,
    /// Least and greatest slope of the low-rank methods, and how many there are.
    least: f64,
    greatest: f64,
    count: usize,
    /// Of them, those that are faster than exact attention from some length on, the earliest first.
    faster: usize,
    earliest: Option<Earliest>,
    best: Option<Best>,
}

#[derive(Serialize)]
struct Earliest {
    method: MethodName,
    length: f64,
}

/// The low-rank method with the least output error at the longest.
#[derive(Serialize)]
struct Best {
    method: MethodName,
    error: Interval,
    speed_up: Option<f64>,
    crossover: Option<f64>,
}

/// Controls and the baseline: whatever is not a pair of factors, or reads the matrix.
fn is_low_rank(method: &Method<'_>) -> bool {
    !matches!(
        method.kind,
        "exact_attention" | "top_k" | "sliding_window" | "truncated_svd" | "randomized_svd" | "block_krylov"
    )
}

/// How time and error develop with the length.
pub fn growth(family: &Family<'_>, sweep: &Sweep) -> Option<Text> {
    if sweep.parameter != "length" {
        return None;
    }
    let exact = Growth::of(family, family.first_of_kind("exact_attention")?, sweep).time?;
    let methods = family.methods.iter().filter(|method| is_low_rank(method));
    let grown: Vec<(MethodName, Growth)> =
        methods.map(|method| (method.name(), Growth::of(family, method, sweep))).collect();
    let slopes: Vec<f64> = grown.iter().filter_map(|(_, growth)| Some(growth.time?.value)).collect();
    let crossing = || grown.iter().filter_map(|(name, growth)| Some((name, growth.crossover?)));
    let earliest = crossing().min_by(|a, b| a.1.total_cmp(&b.1));
    let accurate = grown.iter().filter_map(|(name, growth)| Some((name, growth, growth.last_error?)));
    let best = accurate.min_by(|a, b| a.2.total_cmp(&b.2));
    let within = fitted(sweep);
    Some(Text::new(
        "answer/growth",
        GrowthFinding {
            family: family.name,
            from: *within.first()?,
            to: *within.last()?,
            exact: Interval {
                value: Some(exact.value),
                low: exact.interval.map(|(low, _)| low),
                high: exact.interval.map(|(_, high)| high),
            },
            least: slopes.iter().copied().reduce(f64::min)?,
            greatest: slopes.iter().copied().reduce(f64::max)?,
            count: slopes.len(),
            faster: crossing().count(),
            earliest: earliest.map(|(name, length)| Earliest { method: name.clone(), length }),
            best: best.map(|(name, growth, error)| Best {
                method: name.clone(),
                error: Interval {
                    value: Some(error),
                    low: growth.last_interval.map(|(low, _)| low),
                    high: growth.last_interval.map(|(_, high)| high),
                },
                speed_up: growth.last_speed_up,
                crossover: growth.crossover,
            }),
        },
    ))
}

/// Errors at both ends of a sweep that is not over lengths.
#[derive(Serialize)]
struct EndsFinding<'a> {
    family: &'a str,
    parameter: &'a str,
    ranks: Vec<u64>,
    ends: Vec<End>,
}

#[derive(Serialize)]
struct End {
    value: f64,
    optimum: Option<f64>,
    method: MethodName,
    error: f64,
}

/// The least error any low-rank method has at either end of a sweep, beside the optimum.
pub fn ends(family: &Family<'_>, sweep: &Sweep) -> Option<Text> {
    if sweep.parameter == "length" {
        return None;
    }
    let errors = |method: &Method<'_>| family.swept(method, sweep, "relative_frobenius_error");
    let at = |pairs: Vec<(f64, f64)>, value: f64| pairs.into_iter().find(|pair| pair.0 == value).map(|pair| pair.1);
    let end = |value: f64| {
        let candidates = family.methods.iter().filter(|method| is_low_rank(method));
        let found = candidates.filter_map(|method| Some((method.name(), at(errors(method), value)?)));
        let (method, error) = found.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let optimum = family.first_of_kind("truncated_svd").and_then(|svd| at(errors(svd), value));
        Some(End { value, optimum, method, error })
    };
    let values = sweep.values();
    let ends: Vec<End> =
        [values.first(), values.last()].into_iter().flatten().filter_map(|&value| end(value)).collect();
    (ends.len() == 2).then(|| {
        let ranks = chosen_ranks(family);
        Text::new("answer/ends", EndsFinding { family: family.name, parameter: &sweep.parameter, ranks, ends })
    })
}

/// Whether the rank that keeps most of the energy grows with the length.
#[derive(Serialize)]
struct RankGrowth<'a> {
    family: &'a str,
    matrices: usize,
    slopes: Vec<RankSlope>,
    from: f64,
    to: f64,
}

#[derive(Serialize)]
struct RankSlope {
    share: f64,
    first: f64,
    last: f64,
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
}

pub fn rank_growth(family: &Family<'_>, sweep: &Sweep) -> Option<Text> {
    if sweep.parameter != "length" {
        return None;
    }
    let groups = groups(family);
    let all = groups.first()?;
    let of_share = |share: Share| {
        let (ranks, slope) = (all.ranks(sweep, share), all.slope(sweep, share)?);
        let (low, high) = (slope.interval.map(|(low, _)| low), slope.interval.map(|(_, high)| high));
        Some(RankSlope {
            share: share.share(),
            first: ranks.first()?.1,
            last: ranks.last()?.1,
            value: slope.value,
            low,
            high,
        })
    };
    let slopes: Vec<RankSlope> = Share::ALL.into_iter().filter_map(of_share).collect();
    let within = fitted(sweep);
    let (from, to) = (*within.first()?, *within.last()?);
    let matrices = family.matrices.len();
    (!slopes.is_empty())
        .then(|| Text::new("answer/rank_growth", RankGrowth { family: family.name, matrices, slopes, from, to }))
}

impl<'a> Family<'a> {
    /// The median of a quantity at each value of a sweep, at the least rank the method was run at: pooled over the other swept
    /// parameters.
    pub fn swept(&self, method: &Method<'_>, sweep: &Sweep, quantity: &str) -> Vec<(f64, f64)> {
        let rows = self.at_least_rank(method, quantity).into_iter();
        let pooled = sweep.pooled(rows.map(|row| (row.problem_variant.as_str(), row.median)));
        pooled.into_iter().filter_map(|(value, medians)| Some((value, median(medians)?))).collect()
    }

    /// The only row of a quantity at a value of a sweep; `None` where several matrices share the value.
    pub fn swept_row(&self, method: &Method<'_>, sweep: &Sweep, value: f64, quantity: &str) -> Option<&'a SummaryRow> {
        let mut rows = self.at_least_rank(method, quantity).into_iter();
        let row = rows.find(|row| sweep.value(&row.problem_variant) == Some(value))?;
        rows.all(|row| sweep.value(&row.problem_variant) != Some(value)).then_some(row)
    }

    fn at_least_rank(&self, method: &Method<'_>, quantity: &str) -> Vec<&'a SummaryRow> {
        let of_method = |row: &&&SummaryRow| {
            row.method == method.label && row.method_variant == method.variant && row.quantity == quantity
        };
        let rows: Vec<&SummaryRow> = self.by_variant.iter().filter(of_method).copied().collect();
        let least = |row: &SummaryRow| {
            let same = rows.iter().filter(|other| other.problem_variant == row.problem_variant);
            same.map(|other| other.target_rank).min()
        };
        rows.iter().filter(|row| least(row) == Some(row.target_rank)).copied().collect()
    }
}
