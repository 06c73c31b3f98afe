//! Quantities of a study against its horizontal axis, medians over trials with their quartiles.

use super::Study;
use crate::{
    figure::{
        Figure, FigureError, FigureKind,
        axis::Axis,
        chart::{About, Chart, safe},
        label,
        names::{either, setting_name, study_name},
        rank_panel::{self, Mark},
        series::{Point, Series},
        theme,
    },
    language::Language,
    table::MeasurementSummary,
};

/// What is drawn of a kind of study.
struct View {
    kind: &'static str,
    /// In one panel together.
    quantities: &'static [&'static str],
    /// Drawn for every point of the grid instead, a curve each: the series, its quantity.
    lead: Option<(&'static str, &'static str)>,
    title: (&'static str, &'static str),
    x: (&'static str, &'static str),
    y: (&'static str, &'static str),
    /// How the horizontal axis is spaced.
    axis: Spacing,
    /// All points of the grid are places on the same curves.
    pooled: bool,
    /// A line joins the points that no other beats on both axes.
    front: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spacing {
    /// Steps from 0 on, evenly.
    Even,
    /// Sizes, by doubling.
    Doubling,
    /// Shares of a whole.
    Shares,
}

const RANK: (&str, &str) = ("rank k of the constraint", "rango k de la restricción");
const ERROR: (&str, &str) = ("relative error, median", "error relativo, mediana");

const SHARE: (&str, &str) = ("rank over break-even rank", "rango respecto del umbral de equilibrio");
const LANDMARKS: (&str, &str) = ("rank k of attention", "rango k de la atención");
const LOSS_TITLE: (&str, &str) = ("Loss of quality", "Pérdida de calidad");
const LOSS: (&str, &str) = ("1 − mean cosine to the exact embedding", "1 − coseno medio con la representación exacta");
const SPEED_TITLE: (&str, &str) = ("Speed", "Velocidad");
const SPEED: (&str, &str) =
    ("tokens per second, over those of the exact model", "tokens por segundo respecto del modelo exacto");

const fn of_model(
    quantities: &'static [&'static str],
    title: (&'static str, &'static str),
    x: (&'static str, &'static str),
    y: (&'static str, &'static str),
) -> View {
    View {
        kind: "light_model",
        quantities,
        lead: None,
        title,
        x,
        y,
        axis: Spacing::Doubling,
        pooled: true,
        front: false,
    }
}

const fn of_denoising(kind: &'static str) -> View {
    View {
        kind,
        quantities: &["test_error"],
        lead: Some(("truncated_svd", "test_error")),
        title: ("Error to the truth by rank", "Error respecto de la verdad según el rango"),
        x: RANK,
        y: ERROR,
        axis: Spacing::Doubling,
        pooled: false,
        front: false,
    }
}

const BYTES: (&str, &str) = ("size stored over the exact model's", "tamaño almacenado respecto del modelo exacto");

const VIEWS: [View; 11] = [
    View {
        kind: "reduced_rank_regression",
        quantities: &["training_error", "test_error"],
        lead: Some(("reduced_rank", "test_error")),
        title: ("Error by rank", "Error según el rango"),
        x: RANK,
        y: ERROR,
        axis: Spacing::Doubling,
        pooled: false,
        front: false,
    },
    of_denoising("denoising"),
    of_denoising("denoised_head"),
    View {
        kind: "reproduction",
        quantities: &["distance"],
        lead: None,
        title: ("Distance from equal rows by depth", "Distancia a filas iguales según la profundidad"),
        x: ("number of layers", "número de capas"),
        y: ("relative distance, median", "distancia relativa, mediana"),
        axis: Spacing::Even,
        pooled: false,
        front: false,
    },
    View {
        kind: "reproduction",
        quantities: &["time"],
        lead: None,
        title: ("Time by length", "Tiempo según la longitud"),
        x: ("sequence length n", "longitud de la secuencia n"),
        y: ("time (s), median", "tiempo (s), mediana"),
        axis: Spacing::Doubling,
        pooled: false,
        front: false,
    },
    View {
        kind: "reproduction",
        quantities: &["memory"],
        lead: None,
        title: ("Memory by length", "Memoria según la longitud"),
        x: ("sequence length n", "longitud de la secuencia n"),
        y: ("peak memory (B), median", "pico de memoria (B), mediana"),
        axis: Spacing::Doubling,
        pooled: false,
        front: false,
    },
    View {
        kind: "model_storage",
        quantities: &["loss_by_bytes"],
        lead: None,
        title: ("Loss of quality against size", "Pérdida de calidad según el tamaño"),
        x: BYTES,
        y: LOSS,
        axis: Spacing::Shares,
        pooled: true,
        front: true,
    },
    of_model(&["loss_by_rank_share"], LOSS_TITLE, SHARE, LOSS),
    of_model(&["loss_by_landmarks"], LOSS_TITLE, LANDMARKS, LOSS),
    of_model(&["speed_by_rank_share"], SPEED_TITLE, SHARE, SPEED),
    of_model(&["speed_by_landmarks"], SPEED_TITLE, LANDMARKS, SPEED),
];

const MARKED: [&str; 2] = ["true_rank", "gavish_donoho_rank"];

/// The curves of one point of the grid, the middle one, and where there are several, one curve of each.
pub fn draw(study: &Study<'_>, language: Language) -> Result<Vec<Figure>, FigureError> {
    let mut figures = Vec::new();
    for view in VIEWS.iter().filter(|view| view.kind == study.kind) {
        let variants = study.variants();
        let shown: Vec<&str> = match view.lead {
            None if view.pooled => vec![""],
            // A grid of the same thing: its middle stands for it.
            Some(_) => variants.get(variants.len() / 2).copied().into_iter().collect(),
            None => variants.clone(),
        };
        for variant in shown {
            let rows: Vec<&MeasurementSummary> =
                if view.pooled { study.rows.clone() } else { study.of_variant(variant).collect() };
            let series = curves(&rows, view, language);
            if series.iter().any(|series| series.look.marker.is_some()) {
                let marks = marks(&rows, &MARKED, language);
                let drawing = Drawing { study, view, name: study.name(variant, language), series, marks };
                let id = match view.lead {
                    Some(_) => safe(study.label),
                    None => format!("{}.{}", safe(study.label), view.quantities[0]),
                };
                figures.push(drawing.finish(FigureKind::StudyCurves, &id, language)?);
            }
        }
        if let Some((series, quantity)) = view.lead.filter(|_| variants.len() > 1) {
            let series = by_variant(study, &variants, series, quantity, language);
            if !series.is_empty() {
                // The truth is that of all points; the chosen rank is each one's own.
                let marks = marks(&study.rows, &MARKED[..1], language);
                let drawing = Drawing { study, view, name: study.name("", language), series, marks };
                figures.push(drawing.finish(FigureKind::StudyVariants, &safe(study.label), language)?);
            }
        }
    }
    Ok(figures)
}

/// One curve for each series and quantity of a view; a number without a place is a level across the whole panel.
fn curves(rows: &[&MeasurementSummary], view: &View, language: Language) -> Vec<Series> {
    let own = |row: &&&MeasurementSummary| view.quantities.contains(&row.quantity.as_str());
    let mut keys: Vec<(&str, &str)> = Vec::new();
    for row in rows.iter().filter(own) {
        let key = (row.series.as_str(), row.quantity.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let places: Vec<u64> = rows.iter().filter(own).filter_map(|row| row.x).map(Axis::key).collect();
    let ends = places.iter().min().copied().zip(places.iter().max().copied());
    let mut curves = Vec::new();
    for (series, quantity) in keys {
        let here: Vec<&MeasurementSummary> =
            rows.iter().copied().filter(|row| row.series == series && row.quantity == quantity).collect();
        let points = points(&here);
        let name = match view.quantities {
            [_] => study_name(series, language),
            _ => format!("{}, {}", study_name(series, language), study_name(quantity, language)),
        };
        if !points.is_empty() {
            let look = theme::series_look(curves.len());
            curves.push(Series { instance: None, name, look, points });
        } else if let (Some(row), Some((first, last))) = (here.first(), ends)
            // A level is worth its line only where it can be compared: not the fit to the training set.
            && (view.quantities.len() == 1 || quantity == "test_error")
        {
            let points = [first, last].map(|rank| Point { rank, median: row.median, bar: None });
            curves.push(Series { instance: None, name, look: theme::LEVEL, points: points.to_vec() });
        }
    }
    if view.front {
        let points = front(&curves);
        let name = either(language, "No point beats it", "Ningún punto lo mejora").to_owned();
        curves.push(Series { instance: None, name, look: theme::LEVEL, points });
    }
    curves
}

/// The points that none beats on both axes, from left to right (the Pareto front).
fn front(curves: &[Series]) -> Vec<Point> {
    let mut all: Vec<Point> = curves.iter().flat_map(|series| &series.points).copied().collect();
    all.sort_by(|a, b| a.rank.cmp(&b.rank).then(a.median.total_cmp(&b.median)));
    let mut least = f64::INFINITY;
    all.retain(|point| {
        let beaten = point.median >= least;
        least = least.min(point.median);
        !beaten
    });
    all.into_iter().map(|point| Point { bar: None, ..point }).collect()
}

fn points(rows: &[&MeasurementSummary]) -> Vec<Point> {
    let point = |row: &&MeasurementSummary| {
        let bar = (row.values.len() > 1).then_some((row.q25, row.q75));
        Some(Point { rank: Axis::key(row.x?), median: row.median, bar })
    };
    let mut points: Vec<Point> = rows.iter().filter_map(point).collect();
    points.sort_by_key(|point| point.rank);
    points
}

fn by_variant(study: &Study<'_>, variants: &[&str], series: &str, quantity: &str, language: Language) -> Vec<Series> {
    let curve = |(nth, variant): (usize, &&str)| {
        let own = |row: &&MeasurementSummary| row.series == series && row.quantity == quantity;
        let rows: Vec<&MeasurementSummary> = study.of_variant(variant).filter(own).collect();
        let points = points(&rows);
        let look = theme::series_look(nth);
        (!points.is_empty()).then(|| Series { instance: None, name: setting_name(variant, language), look, points })
    };
    variants.iter().enumerate().filter_map(curve).collect()
}

/// The true rank and the rank Gavish and Donoho's threshold chooses, where a study knows them.
fn marks(rows: &[&MeasurementSummary], quantities: &[&str], language: Language) -> Vec<Mark> {
    let mark = |(&quantity, look): (&&str, theme::Look)| {
        let row = rows.iter().find(|row| row.quantity == quantity)?;
        let value = language.localise(&row.median.to_string());
        let name = format!("{} ({value})", study_name(quantity, language));
        (row.median >= 1.0).then(|| Mark { rank: Axis::key(row.median), name, look })
    };
    quantities.iter().zip(theme::MARKS).filter_map(mark).collect()
}

struct Drawing<'d, 'a> {
    study: &'d Study<'a>,
    view: &'d View,
    name: String,
    series: Vec<Series>,
    marks: Vec<Mark>,
}

impl Drawing<'_, '_> {
    fn finish(self, kind: FigureKind, id: &str, language: Language) -> Result<Figure, FigureError> {
        let Self { study, view, name, series, marks } = self;
        let say = |(english, spanish): (&'static str, &'static str)| either(language, english, spanish);
        let mut values: Vec<f64> = Vec::new();
        for row in study.rows.iter().filter(|row| view.quantities.contains(&row.quantity.as_str())) {
            values.extend(row.x.filter(|x| series.iter().any(|series| series.at(Axis::key(*x)).is_some())));
        }
        values.sort_by(f64::total_cmp);
        values.dedup();
        let names = || series.iter().map(|series| &*series.name).chain(marks.iter().map(|mark| &*mark.name));
        let height = label::column_height(names()).max(rank_panel::HEIGHT);
        let x = match view.axis {
            Spacing::Even => Axis::evenly(&values, language),
            Spacing::Doubling => Axis::swept(&values, language),
            Spacing::Shares => Axis::shares(&values, language),
        };
        let y = Axis::log(series.iter().flat_map(Series::values), (height / 36.0) as usize, language);
        let title = format!("{}: {name}", say(view.title));
        let mut chart = Chart::new(&title, &[&y], label::column_width(names()), language);
        let has_bars = series.iter().flat_map(|series| &series.points).any(|point| point.bar.is_some());
        let remarks = rank_panel::draw_marked(&mut chart, &series, &marks, x, y, height, say(view.y));
        chart.x_title(say(view.x));
        let note = say((
            "Bars: first to third quartile of the trials.",
            "Barras: del primer al tercer cuartil de los ensayos.",
        ));
        chart.notes(&remarks.notes(has_bars.then_some(note), language));
        let description = format!(
            "{} {} {} {}. {} {}.",
            say(("Line chart:", "Gráfico de líneas:")),
            say(view.y),
            say(("against the", if view.x.1.starts_with("longitud") { "según la" } else { "según el" })),
            say(view.x),
            say(("Lines:", "Líneas:")),
            names().collect::<Vec<_>>().join("; "),
        );
        let about = About { family: study.label, precision: "" };
        chart.finish_as(kind, format!("{}.{id}", kind.name()), &about, title, description)
    }
}
