//! Error against a swept parameter at one rank: a panel for each value of the other parameters, a curve for each method.

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    chart::{About, Chart, safe},
    label,
    names::{either, label_name, parameter_in_sentence, parameter_title, rank_told, setting_name},
    rank_panel,
    series::{Bar, Point, Roster, Series},
};
use crate::{
    language::Language,
    table::{Lattice, LatticePoint, MethodKey, Parameter, Results, evenly},
};

/// Panels of a figure; of more lines, those that differ most in what the parameter does.
const MOST_PANELS: usize = 4;

/// Curves of a panel: the methods whose error is least somewhere.
const MOST_METHODS: usize = 8;

/// Points of a curve; of more values, as many evenly spread.
const MOST_VALUES: usize = 64;

/// Least height of a panel.
const HEIGHT: f64 = 190.0;

const QUANTITY: &str = "relative_frobenius_error";

/// One figure for each parameter of each lattice.
pub(super) fn draw_all(results: &Results, roster: &Roster, language: Language) -> Result<Vec<Figure>, FigureError> {
    let mut figures = Vec::new();
    for lattice in results.lattices() {
        let Some(rank) = lattice.reference_rank() else { continue };
        for parameter in 0..lattice.parameters.len() {
            figures.extend(draw(&lattice, parameter, &rank, roster, language)?);
        }
    }
    Ok(figures)
}

fn draw(
    lattice: &Lattice<'_>,
    parameter: usize,
    rank: &str,
    roster: &Roster,
    language: Language,
) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let swept = &lattice.parameters[parameter];
    let lines = shown_lines(lattice, parameter, rank);
    let methods = shown_methods(lattice, rank);
    let panels: Vec<(String, Vec<Series>)> = lines
        .iter()
        .map(|(name, points)| (name.clone(), series(points, parameter, swept, &methods, rank, roster)))
        .filter(|(_, series)| !series.is_empty())
        .collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let all: Vec<&Series> = panels.iter().flat_map(|(_, series)| series).collect();
    let height = panels.iter().map(|(_, series)| rank_panel::height(series, HEIGHT)).fold(HEIGHT, f64::max);
    // One scale for all panels: what is higher is worse wherever it stands.
    let y = || Axis::log(all.iter().flat_map(|series| series.values()), (height / 36.0) as usize, language);
    let told = parameter_in_sentence(&swept.name, language);
    let title = format!(
        "{} {told}, {}: {} ({})",
        say("Error against", "Error según"),
        rank_told(rank, language),
        label_name(lattice.problem, language),
        lattice.precision
    );
    let column = label::column_width(all.iter().map(|series| series.name.as_str()));
    let mut chart = Chart::new(&title, &[&y()], column, language);
    let mut remarks = rank_panel::Remarks::default();
    let axis_title = say("relative Frobenius error, median", "error relativo de Frobenius, mediana");
    for (name, series) in &panels {
        let heading = match name.as_str() {
            "" => axis_title.to_owned(),
            name => format!("{axis_title}: {}", setting_name(name, language)),
        };
        let x = axis_of(swept, language);
        remarks.add(rank_panel::draw(&mut chart, series, x, y(), height, &heading));
    }
    chart.x_title(&parameter_title(&swept.name, language));
    let has_bars = all.iter().flat_map(|series| &series.points).any(|point| point.bar.is_some());
    let bars = has_bars.then(|| say("Bars: first to third quartile.", "Barras: del primer al tercer cuartil."));
    let mut notes = remarks.notes(bars, language);
    let left_out = lattice.lines(parameter).len() - lines.len();
    if left_out > 0 {
        notes.push(match language {
            Language::English => {
                format!("{left_out} other settings are in the table; shown are those that differ most.")
            }
            Language::Spanish => {
                format!("Otros {left_out} ajustes están en la tabla; se muestran los que más difieren.")
            }
        });
    }
    chart.notes(&notes);
    let mut names: Vec<&str> = all.iter().map(|series| series.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let description = format!(
        "{} {told}. {} {}.",
        say(
            "Line charts of the relative Frobenius error against",
            "Gráficos de líneas del error relativo de Frobenius según"
        ),
        say("One line each for", "Una línea para cada caso:"),
        names.join(", ")
    );
    let others = lattice.precision != "f64";
    let id = format!(
        "{}.{}.{}{}",
        FigureKind::ErrorByParameter.name(),
        safe(lattice.problem),
        safe(&swept.name),
        if others { format!(".{}", lattice.precision) } else { String::new() }
    );
    let about = About { family: lattice.problem, precision: lattice.precision };
    chart.finish_as(FigureKind::ErrorByParameter, id, &about, title, description).map(Some)
}

/// The lines of a parameter that a figure has room for: evenly spread by what the parameter does to the optimum.
fn shown_lines<'l, 'a>(
    lattice: &'l Lattice<'a>,
    parameter: usize,
    rank: &str,
) -> Vec<(String, Vec<&'l LatticePoint<'a>>)> {
    let mut lines = lattice.lines(parameter);
    if lines.len() <= MOST_PANELS {
        return lines;
    }
    let change = |points: &[&LatticePoint<'_>]| {
        let ends = points.first().zip(points.last());
        let errors = ends.and_then(|(first, last)| Some((first.optimum(rank)?, last.optimum(rank)?)));
        errors.map_or(0.0, |(first, last)| (last / first).ln())
    };
    lines.sort_by(|(_, a), (_, b)| change(a).total_cmp(&change(b)));
    evenly(&lines, MOST_PANELS)
}

/// The methods whose error is least somewhere, in the order of the tables.
fn shown_methods<'a>(lattice: &Lattice<'a>, rank: &str) -> Vec<MethodKey<'a>> {
    let methods = lattice.methods();
    let least = |method: &MethodKey<'a>| {
        let errors = lattice.points.iter().filter_map(|point| Some(point.row(*method, rank, QUANTITY)?.median));
        errors.fold(f64::INFINITY, f64::min)
    };
    let mut order: Vec<(f64, MethodKey<'a>)> = methods.iter().map(|method| (least(method), *method)).collect();
    order.retain(|(error, _)| error.is_finite());
    order.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    order.truncate(MOST_METHODS);
    methods.into_iter().filter(|method| order.iter().any(|(_, kept)| kept == method)).collect()
}

fn series(
    points: &[&LatticePoint<'_>],
    parameter: usize,
    swept: &Parameter,
    methods: &[MethodKey<'_>],
    rank: &str,
    roster: &Roster,
) -> Vec<Series> {
    let numbers = swept.numbers();
    let thin = swept.values.len().div_ceil(MOST_VALUES);
    let place = |point: &LatticePoint<'_>| {
        let nth = swept.values.iter().position(|value| *value == point.values[parameter])?;
        if nth % thin != 0 {
            return None;
        }
        // Words stand side by side, in the order of the spec.
        Some(Axis::key(numbers.as_ref().map_or((nth + 1) as f64, |numbers| numbers[nth])))
    };
    let of_method = |method: &MethodKey<'_>| {
        let (instance, name, look) = roster.of(*method)?;
        let point = |point: &&LatticePoint<'_>| {
            let row = point.row(*method, rank, QUANTITY).filter(|row| row.median.is_finite())?;
            Some(Point { rank: place(point)?, ..Point::of(row, Bar::Quartiles) })
        };
        let mut points: Vec<Point> = points.iter().filter_map(point).collect();
        points.sort_by_key(|point| point.rank);
        (!points.is_empty()).then_some(Series { instance: Some(instance), name, look, points })
    };
    methods.iter().filter_map(of_method).collect()
}

fn axis_of(swept: &Parameter, language: Language) -> Axis {
    match swept.numbers() {
        Some(numbers) if numbers.iter().all(|&number| number > 0.0) => Axis::swept(&numbers, language),
        Some(numbers) => Axis::evenly(&numbers, language),
        None => {
            let places: Vec<f64> = (1..=swept.values.len()).map(|nth| nth as f64).collect();
            let words = swept.values.iter().map(|value| setting_name(&format!("{}={value}", swept.name), language));
            Axis::evenly(&places, language).labelled(words)
        }
    }
}
