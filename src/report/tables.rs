//! The tables of a report: medians of the summary rows, one line for each method.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    answer::least_rank_within,
    comparison::compare,
    document::{Item, MethodName, Table, Text, Verdict},
    survey::{Family, Method, Survey},
    sweeps, weights,
    wording::label,
};
use crate::table::{Status, evenly};

/// With the method's name that makes eight columns, as many as a page holds.
const RANKS_SHOWN: usize = 7;

/// What the captions of a family's tables speak of.
#[derive(Serialize)]
struct Caption<'a> {
    family: &'a str,
    precision: &'a str,
    target_rank: Option<u64>,
    /// Whom times are compared to.
    baseline: Option<MethodName>,
    /// Not every rank is shown.
    thinned: bool,
    /// Some median has no interval.
    without_intervals: bool,
}

/// What every matrix of the experiment is, in its lead precision; swept families and weights have tables of their own.
pub fn matrices(survey: &Survey<'_>) -> Option<Table> {
    let lead = survey.lead_precision();
    let families = survey
        .families
        .iter()
        .filter(|family| family.precision == lead && family.sweep.is_none() && !family.is_weight());
    let rows = families.flat_map(|family| &family.matrices).map(|matrix| {
        vec![
            Item::Text(Text::new("cell.matrix", matrix)),
            Item::Size(matrix.rows, matrix.columns),
            Item::Count(matrix.numerical_rank),
            Item::Number(matrix.stable_rank, 3),
            Item::Number(matrix.effective_rank, 3),
            Item::Count(matrix.rank_energy_90),
            Item::Count(matrix.rank_energy_99),
            Item::Count(matrix.rank_energy_999),
        ]
    });
    let rows: Vec<Vec<Item>> = rows.collect();
    (!rows.is_empty()).then(|| Table {
        label: format!("matrices/{}", survey.results.name),
        caption: Text::new("caption.matrices", Lead { precision: lead }),
        header: [
            "column.matrix",
            "column.size",
            "column.numerical_rank",
            "column.stable_rank",
            "column.effective_rank",
            "column.energy_90",
            "column.energy_99",
            "column.energy_999",
        ]
        .map(Item::Word)
        .to_vec(),
        rows,
    })
}

#[derive(Serialize)]
struct Lead<'a> {
    precision: &'a str,
}

/// Every table of one family in one precision; those without a single number are left out.
pub fn of_family(survey: &Survey<'_>, family: &Family<'_>) -> Vec<Table> {
    let experiment = survey.results.name.as_str();
    if let Some(sweep) = &family.sweep {
        return sweeps::tables(experiment, family, sweep);
    }
    if family.is_weight() {
        let by_rank = [
            by_rank(experiment, family, "error", "relative_frobenius_error"),
            by_rank(experiment, family, "output_error", "relative_output_error"),
        ];
        return by_rank.into_iter().flatten().chain(weights::tables(survey, family)).collect();
    }
    let tables = [
        by_rank(experiment, family, "error", "relative_frobenius_error"),
        by_rank(experiment, family, "suboptimality", "suboptimality"),
        by_rank(experiment, family, "output_error", "relative_output_error"),
        times(experiment, family),
        stochasticity(experiment, family),
        cost(experiment, family),
    ];
    tables.into_iter().flatten().collect()
}

/// Medians of one quantity: a line for each method, a column for each rank.
fn by_rank(experiment: &str, family: &Family<'_>, topic: &str, quantity: &'static str) -> Option<Table> {
    let ranks = evenly(&family.ranks, RANKS_SHOWN);
    let line = |method: &Method<'_>| {
        // The matrix itself has no error.
        if weights::is_baseline(method) {
            return None;
        }
        let medians: Vec<Option<f64>> = ranks.iter().map(|&rank| family.median(method, rank, quantity)).collect();
        medians.iter().any(Option::is_some).then(|| {
            let numbers = medians.into_iter().map(|median| Item::Number(median, 3));
            std::iter::once(Item::Method(method.name())).chain(numbers).collect::<Vec<_>>()
        })
    };
    let mut rows: Vec<Vec<Item>> = family.methods.iter().filter_map(line).collect();
    if rows.is_empty() {
        return None;
    }
    if quantity == "relative_frobenius_error" {
        let optimum = ranks.iter().map(|&rank| Item::Number(family.optimal_error(rank), 3));
        rows.insert(0, std::iter::once(Item::Word("cell.optimum")).chain(optimum).collect());
    }
    Some(Table {
        label: label(topic, experiment, &family.name, family.precision),
        caption: caption(topic, family, &ranks, None, false),
        header: rank_header(&ranks),
        rows,
    })
}

/// Time to the factors, marked against the first truncated SVD wherever the intervals can tell.
fn times(experiment: &str, family: &Family<'_>) -> Option<Table> {
    let ranks = evenly(&family.ranks, RANKS_SHOWN);
    let baseline = family.first_of_kind("truncated_svd");
    let mut without_intervals = false;
    let mut rows = Vec::new();
    // The matrix itself is not factored.
    for method in family.methods.iter().filter(|method| !weights::is_baseline(method)) {
        let is_baseline = baseline.is_some_and(|baseline| std::ptr::eq(baseline, method));
        let mut row = vec![Item::Method(method.name())];
        for &rank in &ranks {
            let time = family.summary(method, rank, "total_seconds");
            let other = baseline.and_then(|baseline| family.summary(baseline, rank, "total_seconds"));
            let verdict = time.zip(other).filter(|_| !is_baseline).map(|(time, other)| compare(time, other));
            without_intervals |= time.is_some_and(|time| time.ci_low.is_none());
            row.push(Item::Seconds(time.map(|time| time.median), verdict.unwrap_or(Verdict::Unknown)));
        }
        if row.iter().any(|item| matches!(item, Item::Seconds(Some(_), _))) {
            rows.push(row);
        }
    }
    let table = |rows| Table {
        label: label("time", experiment, &family.name, family.precision),
        caption: caption("time", family, &ranks, None, without_intervals),
        header: rank_header(&ranks),
        rows,
    };
    (!rows.is_empty()).then(|| table(rows))
}

/// How far the approximations are from being stochastic, at the family's reference rank.
fn stochasticity(experiment: &str, family: &Family<'_>) -> Option<Table> {
    let rank = reference_rank(family)?;
    let mut rows = Vec::new();
    for method in &family.methods {
        let median = |quantity| family.median(method, rank, quantity);
        let row = vec![
            Item::Method(method.name()),
            Item::Number(median("row_sum_deviation"), 3),
            Item::Number(median("negative_mass"), 3),
            Item::Number(median("kl_divergence"), 3),
            Item::Percent(median("top1_agreement"), 3),
        ];
        if row.iter().any(|item| matches!(item, Item::Number(Some(_), _) | Item::Percent(Some(_), _))) {
            rows.push(row);
        }
    }
    let words = ["column.method", "column.row_sum_deviation", "column.negative_mass", "column.kl", "column.top1"];
    (!rows.is_empty()).then(|| Table {
        label: label("stochasticity", experiment, &family.name, family.precision),
        caption: caption("stochasticity", family, &[], Some(rank), false),
        header: words.map(Item::Word).to_vec(),
        rows,
    })
}

/// What the pair costs to store, to find and to apply, at the family's reference rank.
fn cost(experiment: &str, family: &Family<'_>) -> Option<Table> {
    let rank = reference_rank(family)?;
    // Medians of whole numbers; between two of them the lower is as good.
    let count = |method: &Method<'_>, quantity| family.median(method, rank, quantity).map(|median| median as u64);
    let lines = family.methods.iter().filter_map(|method| {
        let parameters = count(method, "parameters")?;
        Some(vec![
            Item::Method(method.name()),
            Item::Count(Some(parameters)),
            Item::Bytes(count(method, "bytes")),
            Item::Flops(count(method, "factor_flops")),
            Item::Flops(count(method, "apply_flops")),
            Item::Seconds(family.median(method, rank, "apply_seconds"), Verdict::Unknown),
            Item::Bytes(count(method, "peak_bytes")),
        ])
    });
    let rows: Vec<_> = lines.collect();
    let words = [
        "column.method",
        "column.parameters",
        "column.bytes",
        "column.factor_flops",
        "column.apply_flops",
        "column.apply_seconds",
        "column.peak_bytes",
    ];
    (!rows.is_empty()).then(|| Table {
        label: label("cost", experiment, &family.name, family.precision),
        caption: caption("cost", family, &[], Some(rank), false),
        header: words.map(Item::Word).to_vec(),
        rows,
    })
}

/// How the cells of every method ended.
pub fn cells_by_method(survey: &Survey<'_>) -> Table {
    let mut rows: Vec<(MethodName, [u64; 3])> = Vec::new();
    for method in survey.families.iter().flat_map(|family| &family.methods) {
        let name = method.name();
        let place = rows.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            rows.push((name, [0; 3]));
            rows.len() - 1
        });
        for cell in &method.cells {
            rows[place].1[cell.status as usize] += 1;
        }
    }
    let rows = rows.into_iter().map(|(method, counts)| {
        std::iter::once(Item::Method(method)).chain(counts.map(|count| Item::Count(Some(count)))).collect()
    });
    Table {
        label: format!("cells/{}", survey.results.name),
        caption: Text::plain("caption.cells"),
        header: ["column.method", "column.completed", "column.skipped", "column.failed"].map(Item::Word).to_vec(),
        rows: rows.collect(),
    }
}

/// Why cells were skipped, failed or took a fallback, the most frequent first; `None` if all ran their plain course.
pub fn reasons(survey: &Survey<'_>) -> Option<Table> {
    const MOST: usize = 25;
    let mut found: BTreeMap<(u8, &str, &str), u64> = BTreeMap::new();
    for cell in &survey.results.cells {
        let kind = cell.method_kind.as_str();
        match cell.status {
            Status::Completed => {
                for note in cell.notes.iter().flat_map(|notes| notes.split("; ")).filter(|note| !note.is_empty()) {
                    *found.entry((2, kind, note)).or_default() += 1;
                }
            }
            Status::Skipped => *found.entry((1, kind, cell.reason.as_deref().unwrap_or_default())).or_default() += 1,
            Status::Failed => *found.entry((0, kind, cell.reason.as_deref().unwrap_or_default())).or_default() += 1,
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|((a, ..), a_count), ((b, ..), b_count)| a.cmp(b).then(b_count.cmp(a_count)));
    let rest: u64 = found.iter().skip(MOST).map(|(_, count)| count).sum();
    let words = ["cell.failed", "cell.skipped", "cell.fallback"];
    let mut rows: Vec<Vec<Item>> = found
        .iter()
        .take(MOST)
        .map(|&((how, kind, why), count)| {
            let kind = Item::Text(Text::new("cell.kind", BTreeMap::from([("kind", kind)])));
            let why = if why.is_empty() { Item::Absent } else { Item::Clause(why.to_owned()) };
            vec![Item::Word(words[usize::from(how)]), kind, why, Item::Count(Some(count))]
        })
        .collect();
    if rest > 0 {
        rows.push(vec![Item::Word("cell.others"), Item::Absent, Item::Absent, Item::Count(Some(rest))]);
    }
    (!rows.is_empty()).then(|| Table {
        label: format!("reasons/{}", survey.results.name),
        caption: Text::plain("caption.reasons"),
        header: ["column.how", "column.method", "column.reason", "column.cells"].map(Item::Word).to_vec(),
        rows,
    })
}

/// The rank at which methods are compared side by side: the least where the truncated SVD meets the answer's target error,
/// or else the largest.
pub fn reference_rank(family: &Family<'_>) -> Option<u64> {
    least_rank_within(family).or_else(|| family.ranks.last().copied())
}

fn rank_header(ranks: &[u64]) -> Vec<Item> {
    let rank = |&rank: &u64| Item::Text(Text::new("column.rank", BTreeMap::from([("rank", rank)])));
    std::iter::once(Item::Word("column.method")).chain(ranks.iter().map(rank)).collect()
}

fn caption(topic: &str, family: &Family<'_>, ranks: &[u64], target_rank: Option<u64>, without_intervals: bool) -> Text {
    Text::new(
        format!("caption.{topic}"),
        Caption {
            family: &family.name,
            precision: family.precision,
            target_rank,
            baseline: family.first_of_kind("truncated_svd").map(Method::name),
            thinned: !ranks.is_empty() && ranks.len() < family.ranks.len(),
            without_intervals,
        },
    )
}
