//! What an approximate attention matrix loses of being stochastic: rows that do not sum to 1, and negative entries.

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    chart::{self, Chart},
    label,
    names::either,
    rank_panel,
    series::{Bar, Group, Roster, Series},
};
use crate::language::Language;

pub(super) fn draw(group: &Group<'_>, roster: &Roster, language: Language) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let panels: Vec<(&str, Vec<Series>)> = [
        (
            "row_sum_deviation",
            say("deviation of the row sums from 1, median", "desviación de las sumas de filas respecto de 1, mediana"),
        ),
        ("negative_mass", say("negative mass per row, median", "masa negativa por fila, mediana")),
    ]
    .into_iter()
    .map(|(quantity, title)| (title, group.series(roster, quantity, Bar::Quartiles)))
    .filter(|(_, series)| !series.is_empty())
    .collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let all: Vec<Series> = panels.iter().flat_map(|(_, series)| series).cloned().collect();
    let ranks = rank_panel::ranks(&all);
    let axes: Vec<(f64, Axis)> = panels
        .iter()
        .map(|(_, series)| {
            let height = rank_panel::height(series, 230.0);
            (height, Axis::log(series.iter().flat_map(Series::values), (height / 36.0) as usize, language))
        })
        .collect();
    let title = chart::title(say("Row sums and negative mass", "Sumas de filas y masa negativa"), group, language);
    let column = label::column_width(all.iter().map(|series| series.name.as_str()));
    let y_axes: Vec<&Axis> = axes.iter().map(|(_, axis)| axis).collect();
    let mut chart = Chart::new(&title, &y_axes, column, language);
    let mut remarks = rank_panel::Remarks::default();
    for ((panel_title, series), (height, y)) in panels.iter().zip(axes) {
        remarks.add(rank_panel::draw(&mut chart, series, Axis::ranks(&ranks), y, height, panel_title));
    }
    chart.x_title(say("target rank k", "rango objetivo k"));
    let has_bars = all.iter().flat_map(|series| &series.points).any(|point| point.bar.is_some());
    let bars = has_bars.then(|| say("Bars: first to third quartile.", "Barras: del primer al tercer cuartil."));
    chart.notes(&remarks.notes(bars, language));

    let mut names: Vec<&str> = all.iter().map(|series| series.name.as_str()).collect();
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
    let description = format!(
        "{} {}.",
        say(
            "Two line charts one above the other against target rank: the mean deviation of the row sums from 1, and the mass of \
             negative entries in the mean row. An exact attention matrix has 0 of both. One line each for",
            "Dos gráficos de líneas, uno sobre otro, según el rango objetivo: la desviación media de las sumas de filas respecto \
             de 1 y la masa de las entradas negativas en la fila media. En una matriz de atención exacta ambas son 0. Una línea \
             para cada método:",
        ),
        names.join(", ")
    );
    chart.finish(FigureKind::Stochasticity, group, title, description).map(Some)
}
