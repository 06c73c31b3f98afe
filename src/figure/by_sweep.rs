//! A family that is swept over a number: time, peak memory, error, and the ranks that keep most of the energy, against it.

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    chart::{self, Chart},
    label,
    names::{either, parameter_in_sentence, parameter_title},
    rank_panel,
    series::{Bar, Group, Point, Roster, Series, median},
    theme,
};
use crate::{
    language::Language,
    table::{MatrixRow, Results, Sweep},
};

/// What one of these figures shows.
struct Subject {
    kind: FigureKind,
    quantity: &'static str,
    bar: Bar,
    title: (&'static str, &'static str),
    axis: (&'static str, &'static str),
    note: Option<(&'static str, &'static str)>,
}

const INTERVAL: (&str, &str) = ("Bars: 95% interval of the median.", "Barras: intervalo del 95 % de la mediana.");
const QUARTILES: (&str, &str) = ("Bars: first to third quartile.", "Barras: del primer al tercer cuartil.");

const SUBJECTS: [Subject; 4] = [
    Subject {
        kind: FigureKind::TimeBySweep,
        quantity: "output_seconds",
        bar: Bar::Interval,
        title: ("Time to the output", "Tiempo hasta la salida"),
        axis: ("time to the output (s), median", "tiempo hasta la salida (s), mediana"),
        note: Some(INTERVAL),
    },
    Subject {
        kind: FigureKind::MemoryBySweep,
        quantity: "output_peak_bytes",
        bar: Bar::None,
        title: ("Peak memory", "Pico de memoria"),
        axis: ("peak memory beside the input (B)", "pico de memoria además de la entrada (B)"),
        note: None,
    },
    Subject {
        kind: FigureKind::ErrorBySweep,
        quantity: "relative_frobenius_error",
        bar: Bar::Quartiles,
        title: ("Error of the matrix", "Error de la matriz"),
        axis: ("relative Frobenius error, median", "error relativo de Frobenius, mediana"),
        note: Some(QUARTILES),
    },
    Subject {
        kind: FigureKind::OutputErrorBySweep,
        quantity: "relative_output_error",
        bar: Bar::Quartiles,
        title: ("Error of the output", "Error de la salida"),
        axis: ("relative output error, median", "error relativo de la salida, mediana"),
        note: Some(QUARTILES),
    },
];

/// `None` where there is no sweep, or nothing to show of it.
pub(super) fn draw(
    kind: FigureKind,
    group: &Group<'_>,
    roster: &Roster,
    language: Language,
) -> Result<Option<Figure>, FigureError> {
    let (Some(subject), Some(sweep)) = (SUBJECTS.iter().find(|subject| subject.kind == kind), &group.part.sweep) else {
        return Ok(None);
    };
    let mut series = group.swept(roster, sweep, subject.quantity, subject.bar);
    if matches!(kind, FigureKind::ErrorBySweep | FigureKind::OutputErrorBySweep) {
        // Exact attention has no error but rounding, which would flatten everything else.
        series.retain(|series| series.points.iter().any(|point| point.median > NOT_ROUNDING));
    }
    if series.is_empty() {
        return Ok(None);
    }
    let has_bars = series.iter().flat_map(|series| &series.points).any(|point| point.bar.is_some());
    let note = subject.note.filter(|_| has_bars).map(|(english, spanish)| either(language, english, spanish));
    let words = Words { title: subject.title, axis: subject.axis, note };
    lines(kind, group, sweep, &series, &words, language).map(Some)
}

/// Errors below this are those of single precision.
const NOT_ROUNDING: f64 = 1e-4;

/// Ranks that keep 90, 99 and 99.9 % of the energy, over all matrices of the family.
pub(super) fn draw_ranks(
    results: &Results,
    group: &Group<'_>,
    language: Language,
) -> Result<Option<Figure>, FigureError> {
    type Rank = fn(&MatrixRow) -> Option<u64>;
    let Some(sweep) = &group.part.sweep else { return Ok(None) };
    let shares: [(&str, Rank); 3] = [
        ("90", |matrix| matrix.rank_energy_90),
        ("99", |matrix| matrix.rank_energy_99),
        ("99.9", |matrix| matrix.rank_energy_999),
    ];
    let own = |row: &&MatrixRow| group.part.holds(&row.problem, &row.problem_variant, &row.precision);
    let mut series = Vec::new();
    for (nth, (share, rank)) in shares.into_iter().enumerate() {
        let ranks = results
            .matrices
            .iter()
            .filter(own)
            .filter_map(|row| Some((row.problem_variant.as_str(), rank(row)? as f64)));
        let points: Vec<Point> =
            sweep.pooled(ranks).into_iter().filter_map(|(value, ranks)| pooled(value, ranks)).collect();
        if !points.is_empty() {
            let share = language.localise(share);
            let name =
                either(language, &format!("{share}% of the energy"), &format!("{share} % de la energía")).to_owned();
            series.push(Series { instance: None, name, look: theme::series_look(nth), points });
        }
    }
    if series.is_empty() {
        return Ok(None);
    }
    let words = Words {
        title: ("Rank that keeps the energy", "Rango que conserva la energía"),
        axis: ("rank, median over the matrices", "rango, mediana sobre las matrices"),
        note: Some(either(language, QUARTILES.0, QUARTILES.1)),
    };
    lines(FigureKind::RankBySweep, group, sweep, &series, &words, language).map(Some)
}

fn pooled(value: f64, mut numbers: Vec<f64>) -> Option<Point> {
    numbers.sort_by(f64::total_cmp);
    let at = |share: f64| numbers[((numbers.len() - 1) as f64 * share).round() as usize];
    let bar = (numbers.len() > 1).then(|| (at(0.25), at(0.75)));
    Some(Point { rank: Axis::key(value), median: median(numbers.clone())?, bar })
}

struct Words<'a> {
    title: (&'static str, &'static str),
    axis: (&'static str, &'static str),
    note: Option<&'a str>,
}

fn lines(
    kind: FigureKind,
    group: &Group<'_>,
    sweep: &Sweep,
    series: &[Series],
    words: &Words<'_>,
    language: Language,
) -> Result<Figure, FigureError> {
    let say = |(english, spanish): (&'static str, &'static str)| either(language, english, spanish);
    let parameter = parameter_title(&sweep.parameter, language);
    let height = rank_panel::height(series, rank_panel::HEIGHT);
    let x = Axis::swept(&sweep.values(), language);
    let y = Axis::log(series.iter().flat_map(Series::values), (height / 36.0) as usize, language);
    let told = parameter_in_sentence(&sweep.parameter, language);
    let heading = format!("{} {} {told}", say(words.title), say(("by", "según")));
    let title = chart::title(&heading, group, language);
    let column = label::column_width(series.iter().map(|series| series.name.as_str()));
    let mut chart = Chart::new(&title, &[&y], column, language);
    let remarks = rank_panel::draw(&mut chart, series, x, y, height, say(words.axis));
    chart.x_title(&parameter);
    chart.notes(&remarks.notes(words.note, language));
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let description = format!(
        "{} {} {} {told}. {} {}.",
        say(("Line chart, both axes logarithmic:", "Gráfico de líneas con ambos ejes logarítmicos:")),
        say(words.axis),
        say(("against", "según")),
        say(("One line each for", "Una línea para cada caso:")),
        names.join(", "),
    );
    chart.finish(kind, group, title, description)
}
