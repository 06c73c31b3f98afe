//! The places of a claim: what was found at each against the parameter that tells where it holds, with the threshold.

use std::collections::BTreeMap;

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    chart::{About, Chart, safe},
    label,
    names::{self, either},
    rank_panel::{self, Mark},
    series::{Point, Series},
    theme,
};
use crate::{
    claim::{Claim, Extent, Judgement, Place, Verdict},
    language::Language,
};

/// Curves that can be told apart; of more, their range is drawn.
const MOST_CURVES: usize = 7;
/// Of fewer values there is no curve.
const LEAST: usize = 3;
/// From this ratio of the greatest to the least on, values are drawn on a logarithmic axis.
const DECADE: f64 = 8.0;
const HEIGHT: f64 = 230.0;

/// Draws a claim under a title that says what was found. `None` where its places lie along no number.
///
/// # Errors
/// A fault of the drawing library.
pub fn draw_claim(
    label: &str,
    claim: &Claim,
    judgement: &Judgement,
    title: &str,
    language: Language,
) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let Some(threshold) = claim.threshold() else { return Ok(None) };
    let Some((parameter, values)) = axis_of(claim, judgement) else { return Ok(None) };
    let mut series = curves(judgement, &parameter, language);
    let at = |value: f64, median: f64| Point { rank: Axis::key(value), median, bar: None };
    let (first, last) = (values[0], values[values.len() - 1]);
    let limit = threshold_name(threshold.below, threshold.value, language);
    let points = vec![at(first, threshold.value), at(last, threshold.value)];
    series.insert(0, Series { instance: None, name: limit, look: theme::LIMIT, points });

    let shown = || series.iter().flat_map(Series::values).chain([threshold.value]);
    let (low, high) = (shown().fold(f64::INFINITY, f64::min), shown().fold(f64::NEG_INFINITY, f64::max));
    let height = rank_panel::height(&series, HEIGHT);
    let most = (height / 36.0) as usize;
    let y = if low > 0.0 && high / low > DECADE {
        Axis::log(shown(), most, language)
    } else {
        Axis::linear(low.min(0.0), high, most, language)
    };
    let x = if first > 0.0 && last / first >= 4.0 {
        Axis::swept(&values, language)
    } else {
        Axis::evenly(&values, language)
    };
    let marks = marks(judgement, &parameter, language);
    let names = series.iter().map(|series| series.name.as_str()).chain(marks.iter().map(|mark| mark.name.as_str()));
    let mut chart = Chart::new(title, &[&y], label::column_width(names), language);
    let remarks = rank_panel::draw_marked(&mut chart, &series, &marks, x, y, height, &quantity(claim, language));
    let (name, symbol) = (names::parameter_title(&parameter, language), names::parameter_symbol(&parameter));
    chart.x_title(&match parameter.as_str() {
        "target_rank" => say("target rank k", "rango objetivo k").to_owned(),
        _ if name == parameter && symbol != parameter => symbol.to_owned(),
        _ => name,
    });
    let bars = series.iter().flat_map(|series| &series.points).any(|point| point.bar.is_some());
    let bars = bars.then(|| {
        say("Bars: 95% intervals, or the range of all values.", "Barras: intervalos del 95 %, o todos los valores.")
    });
    chart.notes(&remarks.notes(bars, language));
    let description = format!(
        "{} {}",
        say(
            "Line chart of what a claim is judged by, with the threshold:",
            "Gráfico de líneas de aquello por lo que se juzga una afirmación, con el umbral:"
        ),
        quantity(claim, language)
    );
    let id = claim_id(label);
    let about = About { family: "", precision: "" };
    chart.finish_as(FigureKind::Claim, id, &about, title.to_owned(), description).map(Some)
}

/// The id of the figure of a claim.
#[must_use]
pub fn claim_id(label: &str) -> String {
    format!("{}.{}", FigureKind::Claim.name(), safe(label))
}

/// The parameter whose values make the horizontal axis: that of the condition, else that of the claim, else the one with the most
/// numbers; with them, ascending.
fn axis_of(claim: &Claim, judgement: &Judgement) -> Option<(String, Vec<f64>)> {
    let told = match &judgement.verdict {
        Verdict::Conditional(condition) => condition.clauses.first().map(|clause| clause.parameter.clone()),
        _ => None,
    };
    let all =
        judgement.places.first().into_iter().flat_map(|place| place.settings.iter().map(|(name, _)| name.clone()));
    let candidates = told.into_iter().chain(claim.along.clone()).chain(all);
    let numbers = |parameter: &str| -> Option<Vec<f64>> {
        let all: Option<Vec<f64>> = judgement.places.iter().map(|place| number_of(place, parameter)).collect();
        let mut values = all?;
        values.sort_by(f64::total_cmp);
        values.dedup();
        (values.len() >= LEAST && values[0] >= 0.0).then_some(values)
    };
    candidates.into_iter().find_map(|parameter| Some((parameter.clone(), numbers(&parameter)?)))
}

fn number_of(place: &Place, parameter: &str) -> Option<f64> {
    let (_, text) = place.settings.iter().find(|(name, _)| name == parameter)?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Its settings, name and value, and its points.
type Curve = (Vec<(String, String)>, Vec<Point>);

/// A curve for every combination of the other settings; curves that coincide are one, and of more than can be told apart the
/// medians with their range.
fn curves(judgement: &Judgement, parameter: &str, language: Language) -> Vec<Series> {
    let differs = |name: &str| {
        let value = |place: &Place| place.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let first = judgement.places.first().and_then(value);
        judgement.places.iter().any(|place| value(place) != first)
    };
    let mut found: BTreeMap<Vec<(String, String)>, Vec<Point>> = BTreeMap::new();
    for place in &judgement.places {
        let Some(at) = number_of(place, parameter) else { continue };
        let others = place.settings.iter().filter(|(name, _)| name != parameter && differs(name)).cloned().collect();
        let bar = (place.low < place.high).then_some((place.low, place.high));
        found.entry(others).or_default().push(Point { rank: Axis::key(at), median: place.value, bar });
    }
    let mut different: Vec<Curve> = Vec::new();
    for (settings, mut points) in found {
        points.sort_by_key(|point| point.rank);
        let same = |other: &&mut Curve| {
            other.1.len() == points.len()
                && other.1.iter().zip(&points).all(|(a, b)| (a.rank, a.median) == (b.rank, b.median))
        };
        match different.iter_mut().find(same) {
            // What they differ in makes no difference.
            Some((told, _)) => told.retain(|setting| settings.contains(setting)),
            None => different.push((settings, points)),
        }
    }
    if different.len() > MOST_CURVES {
        let points = pooled(different.iter().flat_map(|(_, points)| points));
        let name = either(language, "median, least, greatest", "mediana, mínimo, máximo").to_owned();
        return vec![Series { instance: None, name, look: theme::series_look(0), points }];
    }
    let only = different.len() == 1;
    let series = |(nth, (settings, points)): (usize, Curve)| {
        let name = if only { either(language, "measured", "medido").to_owned() } else { name(&settings, language) };
        Series { instance: None, name, look: theme::series_look(nth), points }
    };
    different.into_iter().enumerate().map(series).collect()
}

fn pooled<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Point> {
    let mut by_place: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for point in points {
        by_place.entry(point.rank).or_default().push(point.median);
    }
    let pooled = |(rank, mut values): (u64, Vec<f64>)| {
        values.sort_by(f64::total_cmp);
        let bar = values.first().copied().zip(values.last().copied());
        super::series::median(values).map(|median| Point { rank, median, bar })
    };
    by_place.into_iter().filter_map(pooled).collect()
}

fn name(settings: &[(String, String)], language: Language) -> String {
    let part = |(name, value): &(String, String)| match name.as_str() {
        "method" => names::method_name(value, value, language),
        "series" => names::study_word(value, language).map_or_else(|| value.clone(), str::to_owned),
        "batch" if value == "1" => "1 token".to_owned(),
        "batch" => format!("{value} tokens"),
        _ => names::setting_name(&format!("{name}={value}"), language),
    };
    settings.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn threshold_name(below: bool, value: f64, language: Language) -> String {
    let value = language.localise(&value.to_string());
    match (language, below) {
        (Language::English, true) => format!("claimed: below {value}"),
        (Language::English, false) => format!("claimed: above {value}"),
        (Language::Spanish, true) => format!("afirmado: menos de {value}"),
        (Language::Spanish, false) => format!("afirmado: más de {value}"),
    }
}

/// From where on, or up to where, the claim holds.
fn marks(judgement: &Judgement, parameter: &str, language: Language) -> Vec<Mark> {
    let Verdict::Conditional(condition) = &judgement.verdict else { return Vec::new() };
    let Some(clause) = condition.clauses.iter().find(|clause| clause.parameter == parameter) else { return Vec::new() };
    let symbol = names::parameter_symbol(parameter);
    let mark = |value: f64, words: &str| Mark {
        rank: Axis::key(value),
        name: format!("{words} {symbol} = {}", language.localise(&value.to_string())),
        look: theme::LIMIT,
    };
    let (from, to) = (either(language, "from", "desde"), either(language, "up to", "hasta"));
    match clause.extent {
        Extent::From(value) => vec![mark(value, from)],
        Extent::UpTo(value) => vec![mark(value, to)],
        Extent::Between(low, high) => vec![mark(low, from), mark(high, to)],
        Extent::Only(_) | Extent::Except(_) => Vec::new(),
    }
}

/// What the vertical axis shows.
fn quantity(claim: &Claim, language: Language) -> String {
    let name = names::quantity_name(&claim.quantity, language);
    let over = match (&claim.over_method, &claim.over_series, &claim.over_quantity) {
        (Some(method), ..) => names::method_name(method, method, language),
        (_, Some(series), _) => names::study_word(series, language).map_or_else(|| series.clone(), str::to_owned),
        (.., Some(quantity)) => names::quantity_name(quantity, language),
        _ if claim.is_ratio() => either(language, "the reference", "la referencia").to_owned(),
        _ => return name,
    };
    format!("{name} ÷ {over}")
}
