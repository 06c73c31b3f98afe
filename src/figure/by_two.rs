//! The least possible error at one rank over two swept numbers: a map, whose darker fields are the harder matrices.

use super::{
    Figure, FigureError, FigureKind,
    axis::{Axis, extent},
    canvas::Anchor,
    chart::{About, Chart, safe},
    names::{either, label_name, parameter_in_sentence, parameter_title, rank_told, setting_name},
    series::Roster,
    theme::{BACKGROUND, BLUE, INK, TEXT, text_width},
};
use crate::{
    language::Language,
    table::{Lattice, LatticePoint, Results, evenly},
};

/// Values of an axis; of more, evenly many from the first to the last.
const MOST_VALUES: usize = 9;

/// Settings of the other parameters, each a panel.
const MOST_PANELS: usize = 4;

/// Height of a row of fields.
const ROW: f64 = 30.0;

/// The strongest field, over which ink stays readable.
const STRONGEST: f64 = 0.45;

/// A figure for each two swept numbers of each lattice.
pub(super) fn draw_all(results: &Results, _: &Roster, language: Language) -> Result<Vec<Figure>, FigureError> {
    let mut figures = Vec::new();
    for lattice in results.lattices() {
        let Some(rank) = lattice.reference_rank() else { continue };
        let numbers: Vec<usize> =
            (0..lattice.parameters.len()).filter(|&at| lattice.parameters[at].numbers().is_some()).collect();
        for (nth, &first) in numbers.iter().enumerate() {
            for &second in &numbers[nth + 1..] {
                figures.extend(draw(&lattice, [first, second], &rank, language)?);
            }
        }
    }
    Ok(figures)
}

/// At one setting of the other parameters: its name, and its points.
type Map<'l, 'a> = (String, Vec<&'l LatticePoint<'a>>);

fn draw(
    lattice: &Lattice<'_>,
    [across, up]: [usize; 2],
    rank: &str,
    language: Language,
) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let [x, y] = [across, up].map(|at| &lattice.parameters[at]);
    let [columns, rows] = [x, y].map(|parameter| evenly(&parameter.values, MOST_VALUES));
    let maps = maps(lattice, [across, up]);
    let shown = evenly(&maps, MOST_PANELS);
    let errors = || shown.iter().flat_map(|(_, points)| points).filter_map(|point| point.optimum(rank));
    let Some((least, greatest)) = extent(errors().filter(|error| *error > 0.0).map(f64::ln)) else { return Ok(None) };
    let (first, second) = (parameter_in_sentence(&x.name, language), parameter_in_sentence(&y.name, language));
    let title = format!(
        "{} {first} {} {second}, {}: {} ({})",
        say("Least possible error by", "Error mínimo posible según"),
        say("and", "y"),
        rank_told(rank, language),
        label_name(lattice.problem, language),
        lattice.precision
    );
    let y_axis = || axis(&rows, language);
    let mut chart = Chart::new(&title, &[&y_axis()], 0.0, language);
    for (name, points) in &shown {
        let heading = match name.as_str() {
            "" => parameter_title(&y.name, language),
            name => format!("{}: {}", parameter_title(&y.name, language), setting_name(name, language)),
        };
        let panel = chart.panel(axis(&columns, language), y_axis(), ROW * (rows.len() as f64 + 0.2), &heading);
        for (column, value) in columns.iter().enumerate() {
            for (row, other) in rows.iter().enumerate() {
                let is_here = |point: &&&LatticePoint<'_>| point.values[across] == *value && point.values[up] == *other;
                let Some(error) = points.iter().find(is_here).and_then(|point| point.optimum(rank)) else { continue };
                let corner =
                    |right: f64, above: f64| panel.place(column as f64 + 0.5 + right, row as f64 + 0.5 + above);
                let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
                let corners: Vec<_> = corners.into_iter().filter_map(|(right, above)| corner(right, above)).collect();
                let depth = if error > 0.0 { (error.ln() - least) / (greatest - least).max(1e-9) } else { 0.0 };
                // The weakest field keeps a breath of colour: nothing is drawn of none.
                let opacity = (STRONGEST * depth).clamp(0.02, STRONGEST);
                // Over the grid line, which would cross the number out.
                chart.canvas.area(corners.clone(), BACKGROUND, 1.0);
                chart.canvas.area(corners, BLUE, opacity);
                let text = language.percent(Some(error), 2);
                let Some((x, y)) = corner(0.5, 0.5) else { continue };
                // Half a field on either side of the middle.
                let room = corner(1.0, 0.5).map_or(0.0, |(right, _)| 2.0 * (right - x) - 4.0);
                let size = TEXT.min(TEXT * room / text_width(&text, TEXT));
                chart.canvas.text(&text, (x, y + 0.36 * size), Anchor::Middle, size, INK);
            }
        }
    }
    chart.x_title(&parameter_title(&x.name, language));
    let left_out = maps.len() - shown.len();
    let note = match language {
        Language::English => format!("{left_out} other settings lie between those shown."),
        Language::Spanish => format!("Otros {left_out} ajustes quedan entre los que se muestran."),
    };
    let notes: Vec<String> = (left_out > 0).then_some(note).into_iter().collect();
    chart.notes(&notes);
    let description = format!(
        "{} {first} {} {second}.",
        say(
            "A map of the least possible relative Frobenius error, darker where it is greater, by",
            "Un mapa del menor error relativo de Frobenius posible, más oscuro donde es mayor, según"
        ),
        say("and", "y"),
    );
    let id = format!(
        "{}.{}.{}.{}{}",
        FigureKind::ErrorMap.name(),
        safe(lattice.problem),
        safe(&x.name),
        safe(&y.name),
        if lattice.precision == "f64" { String::new() } else { format!(".{}", lattice.precision) }
    );
    let about = About { family: lattice.problem, precision: lattice.precision };
    chart.finish_as(FigureKind::ErrorMap, id, &about, title, description).map(Some)
}

/// The points at each setting of the other parameters; those with one row or one column alone are no map.
fn maps<'l, 'a>(lattice: &'l Lattice<'a>, pair: [usize; 2]) -> Vec<Map<'l, 'a>> {
    let spreads =
        |points: &[&LatticePoint<'_>], at: usize| points.iter().any(|point| point.values[at] != points[0].values[at]);
    let mut maps = lattice.groups(&pair);
    maps.retain(|(_, points)| pair.iter().all(|&at| spreads(points, at)));
    maps
}

/// The values side by side from the least to the greatest, the n-th from n + 1/2 to n + 3/2.
fn axis(values: &[String], language: Language) -> Axis {
    let names: Vec<String> = values.iter().rev().map(|value| language.localise(value)).collect();
    Axis::names(&names)
}
