//! Against the share of the size: singular values, and errors where sizes are swept. An index or a rank means something else in a
//! matrix of another size; its share does not.

use super::{
    Figure, FigureError, FigureKind,
    axis::{Axis, extent},
    chart::{About, Chart, safe},
    label,
    names::{either, label_name, setting_name},
    rank_panel,
    series::{Point, Roster, Series},
    spectrum_decay::Spectra,
    theme,
};
use crate::{
    language::Language,
    table::{Lattice, LatticePoint, MethodKey, Results, evenly, settings},
};

/// Curves of a panel; of more settings or sizes, evenly many from the first to the last.
const MOST_CURVES: usize = 7;

const MOST_PANELS: usize = 4;

/// Places of a spectrum: more would be closer than a pixel.
const MOST_PLACES: usize = 400;

const HEIGHT: f64 = 210.0;

/// Parameters that make a matrix larger.
const SIZES: [&str; 4] = ["length", "rows", "columns", "points"];

/// For each family of several settings its spectra, and its errors where sizes are swept.
pub(super) fn draw_all(results: &Results, roster: &Roster, language: Language) -> Result<Vec<Figure>, FigureError> {
    let mut figures = Vec::new();
    for lattice in results.lattices() {
        figures.extend(draw_spectra(results, &lattice, language)?);
        figures.extend(draw_errors(results, &lattice, roster, language)?);
    }
    Ok(figures)
}

/// The side a rank is a share of.
fn size_of(results: &Results, point: &LatticePoint<'_>) -> Option<f64> {
    let own = |problem: &str, variant: &str| point.part.problem == problem && point.part.variants.contains(variant);
    let matrix = results.matrices.iter().find(|row| own(&row.problem, &row.problem_variant))?;
    Some(matrix.rows.min(matrix.columns) as f64)
}

fn draw_spectra(results: &Results, lattice: &Lattice<'_>, language: Language) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    // From the matrix that is easiest to approximate to the hardest.
    let mut points: Vec<&LatticePoint<'_>> = lattice.points.iter().collect();
    let reference = lattice.reference_rank();
    let error = |point: &LatticePoint<'_>| reference.as_ref().and_then(|rank| point.optimum(rank)).unwrap_or(f64::MAX);
    points.sort_by(|a, b| error(a).total_cmp(&error(b)));
    let curve = |(nth, point): (usize, &LatticePoint<'_>)| {
        let size = size_of(results, point)?;
        let values = Spectra::of(results, &point.part).values;
        let step = values.len().div_ceil(MOST_PLACES);
        let at = |slice: &super::spectrum_decay::Slice| Point {
            rank: Axis::key(100.0 * slice.index as f64 / size),
            median: slice.median,
            bar: None,
        };
        let points: Vec<Point> = values.iter().step_by(step.max(1)).map(at).collect();
        let look = theme::Look { marker: None, ..theme::series_look(nth) };
        let name = setting_name(&point.part.setting, language);
        (!points.is_empty()).then_some(Series { instance: None, name, look, points })
    };
    let series: Vec<Series> = evenly(&points, MOST_CURVES).into_iter().enumerate().filter_map(curve).collect();
    if series.len() < 2 {
        return Ok(None);
    }
    let left_out = lattice.points.len() - series.len();
    let title = title(say("Singular values", "Valores singulares"), lattice, language);
    let y_title = say("singular value σⱼ/σ₁", "valor singular σⱼ/σ₁");
    let x_title = say("index j as a share of the size", "índice j como parte del tamaño");
    let notes = left_out_note(left_out, language).into_iter().collect::<Vec<_>>();
    let picture = Picture { kind: FigureKind::SpectrumByShare, lattice, title, x_title, notes, language };
    picture.draw(vec![(y_title.to_owned(), series)], &[0.0, 25.0, 50.0, 75.0, 100.0], false)
}

/// Error against the share of the rank, a curve for each size: a panel for each setting of the other parameters, or for each method
/// where there are none.
fn draw_errors(
    results: &Results,
    lattice: &Lattice<'_>,
    roster: &Roster,
    language: Language,
) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let sizes: Vec<f64> = lattice.points.iter().filter_map(|point| size_of(results, point)).collect();
    if sizes.len() < lattice.points.len() || extent(sizes.iter().copied()).is_none_or(|(low, high)| low == high) {
        return Ok(None);
    }
    let others = |point: &LatticePoint<'_>| joined(&point.part.setting, |name| !SIZES.contains(&name));
    let mut groups: Vec<(String, Vec<(f64, &LatticePoint<'_>)>)> = Vec::new();
    for (point, &size) in lattice.points.iter().zip(&sizes) {
        let name = others(point);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, points)) => points.push((size, point)),
            None => groups.push((name, vec![(size, point)])),
        }
    }
    for (_, points) in &mut groups {
        points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    }
    let y_title = say("relative Frobenius error", "error relativo de Frobenius");
    let methods = lattice.methods();
    let optimum = methods.iter().find(|method| method.kind == "truncated_svd").copied();
    let panels: Vec<(String, Vec<Series>)> = match (groups.as_slice(), optimum) {
        ([(_, points)], _) => {
            let shown = nearest(lattice, &methods);
            let panel = |method: MethodKey<'_>| {
                let (_, name, _) = roster.of(method)?;
                Some((format!("{y_title}: {name}"), curves(points, method, language)))
            };
            shown.into_iter().filter_map(panel).collect()
        }
        (_, Some(svd)) => {
            let method = roster.of(svd).map_or_else(String::new, |(_, method, _)| method);
            let panel = |(name, points): (String, Vec<(f64, &LatticePoint<'_>)>)| {
                (format!("{y_title}, {method}: {}", setting_name(&name, language)), curves(&points, svd, language))
            };
            evenly(&groups, MOST_PANELS).into_iter().map(panel).collect()
        }
        _ => return Ok(None),
    };
    let panels: Vec<_> =
        panels.into_iter().filter(|(_, series)| series.iter().any(|series| series.points.len() > 1)).collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let mut shares: Vec<f64> = panels
        .iter()
        .flat_map(|(_, series)| series)
        .flat_map(|series| &series.points)
        .map(|point| point.rank as f64 / Axis::key(1.0) as f64)
        .collect();
    shares.sort_by(f64::total_cmp);
    let title = title(say("Error against the share of the rank", "Error según la parte del rango"), lattice, language);
    let x_title = say("target rank k as a share of the size", "rango objetivo k como parte del tamaño");
    let picture = Picture { kind: FigureKind::ErrorByShare, lattice, title, x_title, notes: Vec::new(), language };
    picture.draw(panels, &round_shares(&shares), true)
}

/// The round shares from the greatest that no share is below to the least that none is above, in percent.
fn round_shares(shares: &[f64]) -> Vec<f64> {
    const ROUND: [f64; 13] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
    let (Some(&least), Some(&most)) = (shares.first(), shares.last()) else { return Vec::new() };
    let from = ROUND.iter().rposition(|&share| share <= least).unwrap_or(0);
    let to = ROUND.iter().position(|&share| share >= most).unwrap_or(ROUND.len() - 1);
    ROUND[from..=to.max(from)].to_vec()
}

/// The part of a setting whose parameters are kept.
fn joined(setting: &str, keeps: impl Fn(&str) -> bool) -> String {
    let kept = settings(setting).filter(|(name, _)| keeps(name));
    kept.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// The truncated SVD, and those whose error is least somewhere.
fn nearest<'a>(lattice: &Lattice<'a>, methods: &[MethodKey<'a>]) -> Vec<MethodKey<'a>> {
    let Some(rank) = lattice.reference_rank() else { return Vec::new() };
    let worst = |method: &MethodKey<'_>| {
        let errors = lattice
            .points
            .iter()
            .filter_map(|point| Some(point.row(*method, &rank, "relative_frobenius_error")?.median));
        errors.fold(0.0, f64::max)
    };
    let mut order: Vec<MethodKey<'a>> = methods.to_vec();
    order.sort_by(|a, b| worst(a).total_cmp(&worst(b)));
    order.truncate(MOST_PANELS);
    order
}

fn curves(points: &[(f64, &LatticePoint<'_>)], method: MethodKey<'_>, language: Language) -> Vec<Series> {
    let curve = |(nth, (size, point)): (usize, (f64, &LatticePoint<'_>))| {
        let rows = point.part.rows.iter().filter(|row| {
            row.quantity == "relative_frobenius_error" && MethodKey::of(row) == method && row.median.is_finite()
        });
        let at = |row: &&crate::table::SummaryRow| Point {
            rank: Axis::key(100.0 * row.target_rank as f64 / size),
            median: row.median,
            bar: None,
        };
        let mut points: Vec<Point> = rows.map(at).collect();
        points.sort_by_key(|point| point.rank);
        let name = setting_name(&joined(&point.part.setting, |name| SIZES.contains(&name)), language);
        (!points.is_empty()).then_some(Series { instance: None, name, look: theme::series_look(nth), points })
    };
    evenly(points, MOST_CURVES).into_iter().enumerate().filter_map(curve).collect()
}

fn title(what: &str, lattice: &Lattice<'_>, language: Language) -> String {
    format!("{what}: {} ({})", label_name(lattice.problem, language), lattice.precision)
}

fn left_out_note(count: usize, language: Language) -> Option<String> {
    (count > 0).then(|| match language {
        Language::English => format!("{count} other settings lie between the first and the last."),
        Language::Spanish => format!("Otros {count} ajustes quedan entre el primero y el último."),
    })
}

/// What both figures share.
struct Picture<'l, 'a> {
    kind: FigureKind,
    lattice: &'l Lattice<'a>,
    title: String,
    x_title: &'static str,
    notes: Vec<String>,
    language: Language,
}

impl Picture<'_, '_> {
    fn draw(
        self,
        panels: Vec<(String, Vec<Series>)>,
        ticks: &[f64],
        logarithmic: bool,
    ) -> Result<Option<Figure>, FigureError> {
        let language = self.language;
        let all: Vec<&Series> = panels.iter().flat_map(|(_, series)| series).collect();
        let height = panels.iter().map(|(_, series)| rank_panel::height(series, HEIGHT)).fold(HEIGHT, f64::max);
        let y = || Axis::log(all.iter().flat_map(|series| series.values()), (height / 36.0) as usize, language);
        let column = label::column_width(all.iter().map(|series| series.name.as_str()));
        let mut chart = Chart::new(&self.title, &[&y()], column, language);
        let sign = either(language, "%", "\u{a0}%");
        let named: Vec<String> =
            ticks.iter().map(|tick| format!("{}{sign}", language.localise(&tick.to_string()))).collect();
        let mut remarks = rank_panel::Remarks::default();
        for (heading, series) in &panels {
            let x = if logarithmic { Axis::swept(ticks, language) } else { Axis::evenly(ticks, language) };
            remarks.add(rank_panel::draw(&mut chart, series, x.labelled(named.iter().cloned()), y(), height, heading));
        }
        chart.x_title(self.x_title);
        let mut notes = remarks.notes(None, language);
        notes.extend(self.notes);
        chart.notes(&notes);
        let mut names: Vec<&str> = Vec::new();
        for series in &all {
            if !names.contains(&series.name.as_str()) {
                names.push(&series.name);
            }
        }
        let description = format!(
            "{}: {}. {} {}.",
            either(language, "Line charts", "Gráficos de líneas"),
            self.x_title,
            either(language, "One line each for", "Una línea para cada caso:"),
            names.join("; ")
        );
        let Lattice { problem, precision, .. } = self.lattice;
        let other = if *precision == "f64" { String::new() } else { format!(".{precision}") };
        let id = format!("{}.{}{other}", self.kind.name(), safe(problem));
        let about = About { family: problem, precision };
        chart.finish_as(self.kind, id, &about, self.title, description).map(Some)
    }
}
