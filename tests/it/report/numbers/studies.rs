//! What studies say, from the measurements of their draws.

use std::collections::BTreeMap;

use super::{
    csv::median,
    facts::{Fact, Facts, Tables, of_variant, with_interval},
    prose::{Unit, What},
};

/// All draws of one number.
pub struct Drawn {
    pub study: String,
    pub variant: String,
    pub series: String,
    pub quantity: String,
    pub unit: Unit,
    pub x: Option<f64>,
    pub values: Vec<f64>,
}

/// In the order of the draws.
pub fn drawn(tables: &Tables) -> Vec<Drawn> {
    let mut places: BTreeMap<[&str; 5], usize> = BTreeMap::new();
    let mut all: Vec<Drawn> = Vec::new();
    for row in tables.measurements.rows() {
        let Some(value) = row.number("value") else { continue };
        let key = ["study", "study_variant", "series", "quantity", "x"].map(|column| row.text(column));
        let place = *places.entry(key).or_insert_with(|| {
            let unit = match row.text("unit") {
                "s" => Unit::Seconds,
                "B" | "bytes" => Unit::Bytes,
                "flop" => Unit::Flops,
                _ => Unit::Plain,
            };
            let [study, variant, series, quantity] = [key[0], key[1], key[2], key[3]].map(str::to_owned);
            all.push(Drawn { study, variant, series, quantity, unit, x: row.number("x"), values: Vec::new() });
            all.len() - 1
        });
        all[place].values.push(value);
    }
    all
}

/// By the label of the study.
pub fn of_studies(tables: &Tables) -> Facts {
    let drawn = drawn(tables);
    let mut facts = Facts::new();
    for number in &drawn {
        let own = facts.entry(number.study.clone()).or_default();
        if let Some(x) = number.x {
            // Lengths in the names of published figures.
            let largest = drawn
                .iter()
                .filter(|other| {
                    other.study == number.study && other.variant == number.variant && other.unit == number.unit
                })
                .filter_map(|other| other.x)
                .fold(0.0, f64::max);
            own.extend((x == largest && number.unit != Unit::Plain).then(|| Fact::of(x, What::Tokens)));
            continue;
        }
        own.extend(of_variant(&number.variant));
        if let Some(fact) = with_interval(number.values.clone()) {
            own.push(Fact { unit: number.unit, ..fact.clone() });
            if number.quantity.ends_with("rank") {
                own.push(Fact { what: What::Rank, ..fact });
            }
        }
        let ends = [number.values.iter().copied().reduce(f64::min), number.values.iter().copied().reduce(f64::max)];
        own.extend(ends.into_iter().flatten().map(|value| Fact { unit: number.unit, ..Fact::of(value, What::Any) }));
        for what in [What::Seeds, What::Any] {
            own.push(Fact::of(number.values.len() as f64, what));
        }
    }
    for (label, own) in &mut facts {
        let of = |quantity: &str, series: &str| -> Vec<&Drawn> {
            let wanted = |number: &&Drawn| {
                number.study == *label && number.quantity == quantity && number.series == series && number.x.is_none()
            };
            drawn.iter().filter(wanted).collect()
        };
        own.extend(of_constraint(&of));
        own.extend(of_noisy_heads(&of));
        own.extend(of_failures(&of("ratio", "")));
        own.extend(of_published(&drawn, label));
        let mut variants: Vec<&str> =
            drawn.iter().filter(|number| number.study == *label).map(|number| number.variant.as_str()).collect();
        variants.sort_unstable();
        variants.dedup();
        own.extend([What::Settings, What::Any].map(|what| Fact::of(variants.len() as f64, what)));
        let cosines = drawn.iter().filter(|number| number.study == *label && number.quantity == "mean_cosine");
        let kept = cosines.filter(|number| median(number.values.clone()).is_some_and(|cosine| cosine >= 0.95)).count();
        own.push(Fact::of(kept as f64, What::Any));
    }
    facts
}

/// Where the test error is least, and what a constraint is worth.
fn of_constraint<'a>(of: &dyn Fn(&str, &str) -> Vec<&'a Drawn>) -> Vec<Fact> {
    let (truths, full, at_truth) = (of("true_rank", ""), of("unconstrained_error", ""), of("error_at_true_rank", ""));
    let mut facts = Vec::new();
    if truths.is_empty() {
        return facts;
    }
    for quantity in ["best_rank", "gavish_donoho_rank"] {
        let found = of(quantity, "");
        let hits = |(truth, found): (&&Drawn, &&Drawn)| {
            truth.values.iter().zip(&found.values).filter(|(truth, found)| (*truth - *found).abs() <= 1.0).count()
        };
        let hits: Vec<usize> = truths.iter().zip(&found).map(hits).collect();
        facts.push(Fact::of(hits.iter().sum::<usize>() as f64, What::Any));
        facts.extend(hits.iter().min().map(|&worst| Fact::of(worst as f64, What::Any)));
        let all: Vec<f64> = found.iter().flat_map(|found| found.values.clone()).collect();
        facts.extend([What::Draws, What::Any].map(|what| Fact::of(all.len() as f64, what)));
        facts.extend(median(all).map(|rank| Fact::of(rank, What::Rank)));
    }
    let quotients = |over: &[&Drawn], under: &[&Drawn]| -> Vec<f64> {
        let of_draws = |(over, under): (&&Drawn, &&Drawn)| -> Vec<f64> {
            over.values.iter().zip(&under.values).map(|(over, under)| over / under).collect()
        };
        over.iter().zip(under).flat_map(of_draws).collect()
    };
    facts.extend(with_interval(quotients(&at_truth, &full)));
    facts.extend(with_interval(
        of("error_ratio_at_half_rank", "").iter().flat_map(|half| half.values.clone()).collect(),
    ));
    let ridge = of("test_error", "ridge");
    let medians = ridge
        .iter()
        .zip(&at_truth)
        .filter_map(|(ridge, truth)| Some(median(ridge.values.clone())? / median(truth.values.clone())?));
    facts.extend(median(medians.collect()).map(|ratio| Fact::of(ratio, What::Any)));
    facts
}

/// What truncation at the chosen rank leaves of the error, and where the whole interval is on one side of it.
fn of_noisy_heads<'a>(of: &dyn Fn(&str, &str) -> Vec<&'a Drawn>) -> Vec<Fact> {
    let (chosen, full) = (of("gavish_donoho_error", ""), of("unconstrained_error", ""));
    let ratio = |(chosen, full): (&&Drawn, &&Drawn)| {
        with_interval(chosen.values.iter().zip(&full.values).map(|(chosen, full)| chosen / full).collect())
    };
    let mut facts: Vec<Fact> = chosen.iter().zip(&full).filter_map(ratio).collect();
    let count =
        |wanted: fn((f64, f64)) -> bool| facts.iter().filter(|fact| fact.ends.is_some_and(wanted)).count() as f64;
    let counts = [count(|(_, high)| high < 1.0), count(|(low, _)| low > 1.0)];
    facts.extend(counts.map(|count| Fact::of(count, What::Any)));
    facts
}

/// How many failures are ten times worse than their cures, in the median and always.
fn of_failures(ratios: &[&Drawn]) -> Vec<Fact> {
    let count = |wanted: &dyn Fn(&Drawn) -> bool| {
        Fact::of(ratios.iter().filter(|ratio| wanted(ratio)).count() as f64, What::Any)
    };
    vec![
        count(&|ratio| median(ratio.values.clone()).is_some_and(|ratio| ratio >= 10.0)),
        count(&|ratio| ratio.values.iter().all(|&ratio| ratio >= 10.0)),
        Fact::of(ratios.len() as f64, What::Any),
    ]
}

/// How many published figures are met within their tolerance; the rest of what is said is medians.
fn of_published(drawn: &[Drawn], label: &str) -> Vec<Fact> {
    let find = |ours: &Drawn, quantity: &str| {
        let same = |other: &&Drawn| {
            (&other.study, &other.variant, &other.series) == (&ours.study, &ours.variant, &ours.series)
                && other.quantity == quantity
        };
        median(drawn.iter().find(same)?.values.clone())
    };
    let mut silent = 0;
    let (mut met, mut rows) = (0, 0);
    for ours in drawn.iter().filter(|number| number.study == label) {
        silent +=
            usize::from(ours.quantity == "no_answer" && median(ours.values.clone()).is_some_and(|none| none > 0.5));
        if ours.quantity != "ours" {
            continue;
        }
        if let (Some(paper), Some(tolerance), Some(value)) =
            (find(ours, "paper"), find(ours, "tolerance"), median(ours.values.clone()))
        {
            rows += 1;
            met += usize::from((value - paper).abs() <= tolerance * (1.0 + 1e-9));
        }
    }
    [silent, met, rows].map(|count| Fact::of(count as f64, What::Any)).to_vec()
}
