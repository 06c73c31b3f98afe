//! From numbers to verdicts: at every place, over all places, over all evidence on one claim of the assignment.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{
    Claim, Threshold,
    condition::{Condition, condition},
    number::{self, Number, RowKey},
};
use crate::table::{Results, mean_log_log_slope};

/// What one number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// The whole interval lies on the claimed side.
    Holds,
    /// The whole interval lies on the other side.
    Fails,
    /// The interval straddles the threshold.
    Inconclusive,
}

/// What all of them say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Holds,
    Fails,
    /// It holds at some places.
    Conditional(Condition),
    Inconclusive,
    /// There is no such row.
    NotMeasured,
}

/// One place and what was found there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// The variant, or the value along which conditions are looked for.
    pub name: String,
    /// That value, if it is a number.
    pub at: Option<f64>,
    pub value: f64,
    pub low: f64,
    pub high: f64,
    /// The quantity that must be on its side too, where the claim has one and it was measured.
    pub proviso: Option<f64>,
    pub ruling: Ruling,
    /// Everything that tells it from other places, name and value: swept parameters, the rank, the method.
    pub settings: Vec<(String, String)>,
}

/// A claim with everything that was found on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    pub verdict: Verdict,
    /// In the order of the places.
    pub places: Vec<Place>,
}

/// Judges a claim on the results of its experiment.
#[must_use]
pub fn judge(claim: &Claim, results: &Results) -> Judgement {
    judge_on(claim, &number::all(results))
}

/// [`judge`], several claims on the same results: their numbers are gathered once.
#[must_use]
pub fn judge_all<'a>(claims: impl IntoIterator<Item = &'a Claim>, results: &Results) -> Vec<Judgement> {
    let mut numbers = None;
    let judged = |claim| judge_on(claim, numbers.get_or_insert_with(|| number::all(results)));
    claims.into_iter().map(judged).collect()
}

fn judge_on(claim: &Claim, numbers: &[Number]) -> Judgement {
    let Some(threshold) = claim.threshold() else {
        return Judgement { verdict: Verdict::NotMeasured, places: Vec::new() };
    };
    let beside = Beside::of(claim, numbers);
    let mut places = if claim.exponent {
        exponents(claim, numbers, &beside, threshold)
    } else {
        numbers
            .iter()
            .filter(|number| selects(claim, number))
            .filter_map(|it| place(claim, it, &beside, threshold))
            .collect()
    };
    places.sort_by(|a, b| match (a.at, b.at) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => natural(&a.name).cmp(&natural(&b.name)),
    });
    Judgement { verdict: verdict(&places, claim.along.as_deref()), places }
}

/// The verdict on a claim of the assignment, from those on all evidence that was measured.
#[must_use]
pub fn overall<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Ruled {
    let measured: Vec<&Verdict> = verdicts.into_iter().filter(|verdict| **verdict != Verdict::NotMeasured).collect();
    let all = |wanted: &Verdict| measured.iter().all(|verdict| *verdict == wanted);
    let some_hold = measured.iter().any(|verdict| matches!(verdict, Verdict::Holds | Verdict::Conditional(_)));
    match measured.as_slice() {
        [] => Ruled::NotMeasured,
        _ if all(&Verdict::Holds) => Ruled::Holds,
        _ if some_hold => Ruled::Conditional,
        _ if all(&Verdict::Fails) => Ruled::Fails,
        _ => Ruled::Inconclusive,
    }
}

/// [`Verdict`] without its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruled {
    Holds,
    Fails,
    Conditional,
    Inconclusive,
    NotMeasured,
}

impl Verdict {
    #[must_use]
    pub fn ruled(&self) -> Ruled {
        match self {
            Self::Holds => Ruled::Holds,
            Self::Fails => Ruled::Fails,
            Self::Conditional(_) => Ruled::Conditional,
            Self::Inconclusive => Ruled::Inconclusive,
            Self::NotMeasured => Ruled::NotMeasured,
        }
    }
}

fn rule(low: f64, high: f64, threshold: Threshold) -> Ruling {
    let Threshold { value, below } = threshold;
    let (inside, outside) = if below { (high < value, low >= value) } else { (low > value, high <= value) };
    match (inside, outside) {
        (true, _) => Ruling::Holds,
        (_, true) => Ruling::Fails,
        _ => Ruling::Inconclusive,
    }
}

fn both(a: Ruling, b: Ruling) -> Ruling {
    match (a, b) {
        (Ruling::Fails, _) | (_, Ruling::Fails) => Ruling::Fails,
        (Ruling::Holds, Ruling::Holds) => Ruling::Holds,
        _ => Ruling::Inconclusive,
    }
}

fn selects(claim: &Claim, number: &Number) -> bool {
    number.quantity == claim.quantity && selects_rows(claim, number)
}

/// Whether a number stands in the rows a claim selects, whatever its quantity.
fn selects_rows(claim: &Claim, number: &Number) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    let at = |wanted: Option<f64>| wanted.is_none_or(|wanted| number.at == Some(wanted));
    if number.is_study {
        let (of, variant, by) = (&claim.study, &claim.study_variant, &claim.series);
        of.is_some() && is(of, &number.of) && is(variant, &number.variant) && is(by, &number.by) && at(claim.x)
    } else {
        claim.study.is_none()
            && is(&claim.problem, &number.of)
            && is(&claim.problem_variant, &number.variant)
            && is(&claim.precision, &number.precision)
            && is(&claim.method, &number.by)
            && is(&claim.method_variant, &number.by_variant)
            && at(claim.target_rank.map(|rank| rank as f64))
    }
}

/// A number, divided if the claim divides, ruled on; `None` where there is nothing to divide by.
fn place(claim: &Claim, number: &Number, beside: &Beside<'_>, threshold: Threshold) -> Option<Place> {
    let (value, low, high) = beside.quotient(number)?;
    let mut ruling = rule(low, high, threshold);
    let mut proviso = None;
    if let Some((_, side)) = claim.proviso() {
        let found = beside.provisos.get(&number.row());
        proviso = found.map(|found| found.value);
        ruling = both(ruling, found.map_or(Ruling::Inconclusive, |it| rule(it.low, it.high, side)));
    }
    let along = claim.along.as_deref();
    let name = match along {
        Some("target_rank" | "x") | None => None,
        Some(parameter) => number.parameter(parameter).map(str::to_owned),
    };
    let at = match along {
        Some("target_rank" | "x") => number.at,
        Some(_) => name.as_ref().and_then(|text| text.parse().ok()),
        None => None,
    };
    let name = name.or_else(|| at.map(|at| at.to_string())).unwrap_or_else(|| name_of(claim, number));
    Some(Place { name, at, value, low, high, proviso, ruling, settings: settings_of(number) })
}

/// Everything that a claim may leave open and that then tells its places apart.
fn settings_of(number: &Number) -> Vec<(String, String)> {
    let mut settings = number.settings.to_vec();
    let axis = if number.is_study { "x" } else { "target_rank" };
    settings.extend(number.at.map(|at| (axis.to_owned(), at.to_string())));
    let (of, by) = if number.is_study { ("study", "series") } else { ("problem", "method") };
    for (name, value) in [(by, &number.by), ("precision", &number.precision), (of, &number.of)] {
        if !value.is_empty() {
            settings.push((name.to_owned(), value.clone()));
        }
    }
    settings
}

/// What tells a number from the others that the claim selects.
fn name_of(claim: &Claim, number: &Number) -> String {
    let mut parts = vec![number.variant.clone()];
    if claim.method.is_none() && claim.series.is_none() {
        parts.push(number.by.clone());
    }
    if claim.method_variant.is_none() {
        parts.push(number.by_variant.clone());
    }
    if let Some(at) = number.at.filter(|_| claim.target_rank.is_none() && claim.x.is_none()) {
        parts.push(if number.is_study { format!("x={at}") } else { format!("k={at}") });
    }
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() { number.of.clone() } else { parts.join(", ") }
}

/// What stands beside the numbers of a claim, by what they are joined on.
struct Beside<'a> {
    claim: &'a Claim,
    /// The quantity that must be on its side too, by row.
    provisos: HashMap<RowKey<'a>, &'a Number>,
    /// What is divided by, by [`Self::divisor_key`].
    divisors: HashMap<(bool, [&'a str; 5]), Vec<&'a Number>>,
}

impl<'a> Beside<'a> {
    fn of(claim: &'a Claim, numbers: &'a [Number]) -> Self {
        let mut beside = Self { claim, provisos: HashMap::new(), divisors: HashMap::new() };
        let proviso = claim.proviso().map(|(quantity, _)| quantity);
        let divisor = claim.is_ratio().then(|| claim.over_quantity.as_ref().unwrap_or(&claim.quantity));
        let over = claim.over_method.as_ref().or(claim.over_series.as_ref());
        for number in numbers {
            if proviso.is_some_and(|wanted| wanted == number.quantity) {
                beside.provisos.entry(number.row()).or_insert(number);
            }
            if divisor == Some(&number.quantity) && over.is_none_or(|wanted| *wanted == number.by) {
                let key = beside.divisor_key(number);
                beside.divisors.entry(key).or_default().push(number);
            }
        }
        beside
    }

    /// The matrix or study, and the method unless the claim names another.
    fn divisor_key<'n>(&self, number: &'n Number) -> (bool, [&'n str; 5]) {
        let (is_study, [of, variant, precision, by, by_variant], _) = number.row();
        let same_method = self.claim.over_method.is_none() && self.claim.over_series.is_none();
        let [by, by_variant] = if same_method { [by, by_variant] } else { ["", ""] };
        (is_study, [of, variant, precision, by, by_variant])
    }

    /// The number over what the claim divides it by, with the interval that follows from both of theirs.
    fn quotient(&self, number: &Number) -> Option<(f64, f64, f64)> {
        let claim = self.claim;
        if claim.over_method.as_ref() == Some(&number.by) || claim.over_series.as_ref() == Some(&number.by) {
            // What everything is divided by is no evidence on itself.
            return None;
        }
        if !claim.is_ratio() {
            return Some((number.value, number.low, number.high));
        }
        let candidates = self.divisors.get(&self.divisor_key(number))?;
        let wanted = claim.over_target_rank.map(|rank| rank as f64).or(claim.over_x);
        let at = |place: Option<f64>| candidates.iter().find(|other| other.at == place).copied();
        let divisor = match wanted {
            Some(place) => at(Some(place))?,
            // A baseline has one rank of its own, and a constant has no place on the axis.
            None => at(number.at).or_else(|| (candidates.len() == 1).then(|| candidates[0]))?,
        };
        if divisor.low <= 0.0 {
            return None;
        }
        Some((number.value / divisor.value, number.low / divisor.high, number.high / divisor.low))
    }
}

/// The exponents with which the selected quantity grows, one for each method: of each matrix by itself, fitted where a sweep is going,
/// over its five largest values, in the mean over the matrices.
fn exponents(claim: &Claim, numbers: &[Number], beside: &Beside<'_>, threshold: Threshold) -> Vec<Place> {
    const FITTED: usize = 5;
    let along = claim.along.as_deref().unwrap_or_default();
    // By method, then by matrix.
    let mut curves: BTreeMap<String, BTreeMap<String, Vec<(f64, f64)>>> = BTreeMap::new();
    for number in numbers.iter().filter(|number| selects(claim, number)) {
        let at = match along {
            "target_rank" | "x" => number.at,
            parameter => number.parameter(parameter).and_then(|text| text.parse().ok()),
        };
        let mut name = vec![number.by.as_str(), number.by_variant.as_str()];
        name.retain(|part| !part.is_empty());
        if let Some((at, (value, ..))) = at.zip(beside.quotient(number)) {
            let matrix = format!("{} {}", number.of, number.other_settings(along));
            curves.entry(name.join(", ")).or_default().entry(matrix).or_default().push((at, value));
        }
    }
    let fit = |(name, curves): (String, BTreeMap<String, Vec<(f64, f64)>>)| {
        let mut values: Vec<f64> = curves.values().flatten().map(|(at, _)| *at).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let from = values.get(values.len().saturating_sub(FITTED)).copied()?;
        let end = |points: Vec<(f64, f64)>| points.into_iter().filter(|(at, _)| *at >= from).collect();
        let slope = mean_log_log_slope(curves.into_values().map(end))?;
        let (low, high) = slope.interval?;
        let ruling = rule(low, high, threshold);
        let settings = vec![("method".to_owned(), name.clone())];
        Some(Place { name, at: None, value: slope.value, low, high, proviso: None, ruling, settings })
    };
    curves.into_iter().filter_map(fit).collect()
}

/// «Holds» everywhere, «fails» nowhere; between them where.
fn verdict(places: &[Place], along: Option<&str>) -> Verdict {
    let count = |wanted| places.iter().filter(|place| place.ruling == wanted).count();
    let (holding, failing) = (count(Ruling::Holds), count(Ruling::Fails));
    match (places.len(), holding) {
        (0, _) => Verdict::NotMeasured,
        (all, holding) if holding == all => Verdict::Holds,
        (all, 0) if failing == all => Verdict::Fails,
        (_, 0) => Verdict::Inconclusive,
        _ => Verdict::Conditional(condition(places, along)),
    }
}

/// Digits as numbers, so that layer 10 comes after layer 9.
pub(super) fn natural(text: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let words = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let digits = rest[words..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len() - words);
        parts.push((0, rest[..words].to_owned()));
        parts.push((rest[words..words + digits].parse().unwrap_or(0), String::new()));
        rest = &rest[words + digits..];
    }
    parts
}
