//! Relative Frobenius error against seconds: what accuracy costs. One curve for each method, along its ranks; the Pareto front
//! joins the points that no other beats in both.

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    canvas::{Anchor, Occupied, Pen, Place},
    chart::{self, Chart, Panel, masked_note},
    label::{self, Label},
    names::either,
    rank_panel,
    series::{Bar, Group, Roster, Series},
    theme::{self, INK, Look, NEUTRAL, TEXT, text_width},
};
use crate::language::Language;

const FRONT: Look = Look { colour: NEUTRAL, width: 8.0, dash: "", marker: None };
/// More rank annotations than this make the figure harder to read, not easier.
const MOST_ANNOTATIONS: usize = 9;

/// A method at a rank.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spot {
    rank: u64,
    seconds: f64,
    error: f64,
}

struct Curve {
    name: String,
    look: Look,
    spots: Vec<Spot>,
}

pub(super) fn draw(group: &Group<'_>, roster: &Roster, language: Language) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let curves = curves(
        &group.series(roster, "relative_frobenius_error", Bar::None),
        &group.series(roster, "total_seconds", Bar::None),
    );
    if curves.is_empty() {
        return Ok(None);
    }
    let spots = || curves.iter().flat_map(|curve| &curve.spots);
    let front_name = say("Pareto front", "Frente de Pareto");
    let names = || curves.iter().map(|curve| curve.name.as_str());
    let height = label::column_height(names().chain([front_name])).max(320.0);
    let x = Axis::log(spots().map(|spot| spot.seconds), 6, language);
    let y = Axis::log(spots().map(|spot| spot.error), (height / 36.0) as usize, language);
    let title = chart::title(say("Error against time", "Error frente a tiempo"), group, language);
    let mut chart = Chart::new(&title, &[&y], label::column_width(names().chain([front_name])), language);
    let y_title = say("relative Frobenius error, median", "error relativo de Frobenius, mediana");
    let panel = chart.panel(x, y, height, y_title);
    let front = front(&panel, &curves);

    let mut labels = vec![Label::new(front_name, FRONT, None)];
    labels.extend(curves.iter().map(|curve| Label::new(&curve.name, curve.look, None)));
    label::draw_column(&mut chart.canvas, labels, panel.right, (panel.top, panel.bottom));
    chart.canvas.line(staircase(&panel, &front), Pen::solid(FRONT.colour, FRONT.width));
    for curve in &curves {
        let pen = Pen::of(curve.look);
        let places: Vec<Option<Place>> = curve.spots.iter().map(|spot| panel.place(spot.seconds, spot.error)).collect();
        for run in places.split(Option::is_none) {
            chart.canvas.line(run.iter().copied().flatten().collect(), pen);
        }
    }
    for curve in &curves {
        let Some(marker) = curve.look.marker else { continue };
        for at in marked(&panel, curve) {
            chart.canvas.marker(at, marker, curve.look.colour);
        }
    }
    annotate(&mut chart, &panel, &curves, &front);
    chart.x_title(say("total time (s), median", "tiempo total (s), mediana"));

    let mut notes = vec![
        say(
            "Each curve joins a method's target ranks k in order.",
            "Cada curva une los rangos objetivo k de un método en orden.",
        )
        .to_owned(),
    ];
    let is_masked =
        |curve: &&Curve| curve.spots.iter().any(|spot| panel.y().masks(spot.error) || panel.x().masks(spot.seconds));
    let masked: Vec<String> = curves.iter().filter(is_masked).map(|curve| curve.name.clone()).collect();
    notes.extend(masked_note(&masked, language));
    chart.notes(&notes);

    let description = format!(
        "{} {}. {}",
        say(
            "Line chart, both axes logarithmic: median relative Frobenius error against median total time in seconds; better is \
             lower and further left. One curve each for",
            "Gráfico de líneas con ambos ejes logarítmicos: mediana del error relativo de Frobenius frente a la mediana del tiempo \
             total en segundos; es mejor cuanto más abajo y más a la izquierda. Una curva para cada método:",
        ),
        names().collect::<Vec<_>>().join(", "),
        say(
            "The thick grey staircase is the Pareto front: no point is both faster and more accurate than one on it.",
            "La escalera gris gruesa es el frente de Pareto: ningún punto es a la vez más rápido y más exacto que uno de ella.",
        )
    );
    chart.finish(FigureKind::ErrorByTime, group, title, description).map(Some)
}

/// Error and time of each instance at the ranks that have both.
fn curves(errors: &[Series], seconds: &[Series]) -> Vec<Curve> {
    let curve = |error: &Series| {
        let time = seconds.iter().find(|time| time.instance == error.instance)?;
        let spot = |point: &super::series::Point| {
            let seconds = time.at(point.rank)?.median;
            Some(Spot { rank: point.rank, seconds, error: point.median })
        };
        let spots: Vec<Spot> = error.points.iter().filter_map(spot).collect();
        (!spots.is_empty()).then(|| Curve { name: error.name.clone(), look: error.look, spots })
    };
    errors.iter().filter_map(curve).collect()
}

/// Where a curve has its markers: at every spot, unless they are too near to the one after.
fn marked(panel: &Panel, curve: &Curve) -> Vec<Place> {
    let mut marked: Vec<Place> = Vec::new();
    for (x, y) in curve.spots.iter().rev().filter_map(|spot| panel.place(spot.seconds, spot.error)) {
        if marked.last().is_none_or(|after| (after.0 - x).hypot(after.1 - y) >= rank_panel::ROOM / 2.0) {
            marked.push((x, y));
        }
    }
    marked
}

/// The drawn spots that no other beats in both time and error, by ascending time.
fn front(panel: &Panel, curves: &[Curve]) -> Vec<Spot> {
    let drawn = |spot: &&Spot| panel.place(spot.seconds, spot.error).is_some();
    let mut spots: Vec<Spot> = curves.iter().flat_map(|curve| &curve.spots).filter(drawn).copied().collect();
    spots.sort_by(|a, b| a.seconds.total_cmp(&b.seconds).then(a.error.total_cmp(&b.error)));
    let mut least = f64::INFINITY;
    spots.retain(|spot| {
        let better = spot.error < least;
        least = least.min(spot.error);
        better
    });
    spots
}

/// Until a more accurate point is reached in time, the error stays that of the last one.
fn staircase(panel: &Panel, front: &[Spot]) -> Vec<Place> {
    let mut stairs: Vec<Place> = Vec::new();
    for (x, y) in front.iter().filter_map(|spot| panel.place(spot.seconds, spot.error)) {
        match stairs.last() {
            Some(&(_, before)) => stairs.push((x, before)),
            None => stairs.push((x, panel.top)),
        }
        stairs.push((x, y));
    }
    if let Some(&(_, y)) = stairs.last() {
        stairs.push((panel.right, y));
    }
    stairs
}

/// Writes the rank beside some points, ends of the front first, then ends of the curves, then the rest of the front: where there
/// is room without covering a marker, another annotation or, if possible, a line.
fn annotate(chart: &mut Chart, panel: &Panel, curves: &[Curve], front: &[Spot]) {
    let place = |spot: &Spot| panel.place(spot.seconds, spot.error);
    let markers: Vec<Occupied> = curves
        .iter()
        .flat_map(|curve| marked(panel, curve))
        .map(|at| Occupied::around(at, theme::MARKER + 2.0, theme::MARKER + 2.0))
        .collect();
    let segments: Vec<(Place, Place)> = curves
        .iter()
        .flat_map(|curve| curve.spots.windows(2))
        .filter_map(|pair| Some((place(&pair[0])?, place(&pair[1])?)))
        .collect();
    let ends = front.first().into_iter().chain(front.last());
    let curve_ends = curves.iter().flat_map(|curve| curve.spots.first().into_iter().chain(curve.spots.last()));
    let mut wanted: Vec<Spot> = Vec::new();
    for spot in ends.chain(curve_ends).chain(front) {
        if !wanted.contains(spot) {
            wanted.push(*spot);
        }
    }
    let mut taken: Vec<Occupied> = Vec::new();
    for spot in &wanted {
        if taken.len() == MOST_ANNOTATIONS {
            break;
        }
        let Some((x, y)) = place(spot) else { continue };
        let text = format!("k={}", spot.rank);
        let half = text_width(&text, TEXT) / 2.0;
        let (near, far) = (half + theme::MARKER + 5.0, 0.5 * TEXT + theme::MARKER + 3.0);
        let around = [
            (near, -far),
            (-near, far),
            (near, far),
            (-near, -far),
            (near, 0.0),
            (-near, 0.0),
            (0.0, -far),
            (0.0, far),
        ];
        let spaces =
            around.map(|(dx, dy)| ((x + dx, y + dy), Occupied::around((x + dx, y + dy), half + 2.0, 0.62 * TEXT)));
        let fits = |space: Occupied| {
            space.left > panel.left
                && space.right < panel.right
                && space.top > panel.top
                && space.bottom < panel.bottom
                && !markers.iter().chain(&taken).any(|other| space.overlaps(*other))
        };
        let crossings = |space: Occupied| segments.iter().filter(|(a, b)| space.is_crossed_by(*a, *b)).count();
        let candidates = spaces.into_iter().filter(|(_, space)| fits(*space));
        let Some(((x, y), space)) = candidates.min_by_key(|(_, space)| crossings(*space)) else { continue };
        if crossings(space) <= 1 {
            chart.canvas.text_on_lines(&text, (x, y + 0.36 * TEXT), Anchor::Middle, TEXT, INK);
            taken.push(space);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nothing_beats() {
        let spot = |rank, seconds, error| Spot { rank, seconds, error };
        let curve = |spots| Curve { name: String::new(), look: FRONT, spots };
        let curves = [
            curve(vec![spot(8, 1e-3, 0.5), spot(16, 2e-3, 0.3), spot(32, 4e-3, 0.0)]),
            curve(vec![spot(8, 1e-3, 0.4), spot(16, 3e-3, 0.35), spot(32, 9e-3, 0.1)]),
        ];
        let axes = || Axis::log([1e-3, 1.0], 6, Language::English);
        let mut chart = Chart::new("", &[], 0.0, Language::English);
        let panel = chart.panel(axes(), axes(), 100.0, "");
        let ranks: Vec<(u64, f64)> = front(&panel, &curves).iter().map(|spot| (spot.rank, spot.error)).collect();
        // The zero error cannot be drawn.
        assert_eq!(ranks, [(8, 0.4), (16, 0.3), (32, 0.1)]);
    }
}
