//! Seconds against target rank: to form the matrix, where the method needs it, and to factor it.

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
    let series = group.series(roster, "total_seconds", Bar::Interval);
    if series.is_empty() {
        return Ok(None);
    }
    let height = rank_panel::height(&series, rank_panel::HEIGHT);
    let x = Axis::ranks(&rank_panel::ranks(&series));
    let y = Axis::log(series.iter().flat_map(Series::values), (height / 36.0) as usize, language);
    let title = chart::title(say("Time by target rank", "Tiempo según el rango objetivo"), group, language);
    let column = label::column_width(series.iter().map(|series| series.name.as_str()));
    let mut chart = Chart::new(&title, &[&y], column, language);
    let remarks =
        rank_panel::draw(&mut chart, &series, x, y, height, say("total time (s), median", "tiempo total (s), mediana"));
    chart.x_title(say("target rank k", "rango objetivo k"));

    let points = || series.iter().flat_map(|series| &series.points);
    let bars = match (points().any(|point| point.bar.is_some()), points().any(|point| point.bar.is_none())) {
        (true, false) => say("Bars: 95% interval of the median.", "Barras: intervalo del 95 % de la mediana."),
        (false, _) => say(
            "No bars: fewer than 6 values, so the median has no 95% interval.",
            "Sin barras: con menos de 6 valores la mediana no tiene intervalo del 95 %.",
        ),
        (true, true) => say(
            "Bars: 95% interval of the median; none where there are fewer than 6 values.",
            "Barras: intervalo del 95 % de la mediana; sin barra donde hay menos de 6 valores.",
        ),
    };
    chart.notes(&remarks.notes(Some(bars), language));

    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let description = format!(
        "{} {}. {}",
        say(
            "Line chart, both axes logarithmic: median total time in seconds against target rank. One line each for",
            "Gráfico de líneas con ambos ejes logarítmicos: mediana del tiempo total en segundos según el rango objetivo. Una \
             línea para cada método:",
        ),
        names.join(", "),
        say(
            "Total time is the time to factor and, where the method needs the matrix, to form it.",
            "El tiempo total es el de factorizar y, si el método necesita la matriz, el de formarla.",
        )
    );
    chart.finish(FigureKind::TimeByRank, group, title, description).map(Some)
}
