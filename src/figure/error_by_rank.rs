//! Relative Frobenius error against target rank: how far each method is from the best any matrix of that rank can do
//! (Eckart & Young 1936), and from the bound that theory gives.

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    chart::{self, Chart},
    label,
    names::either,
    rank_panel,
    series::{Bar, Group, Roster, Series},
    theme,
};
use crate::{language::Language, table::Results};

pub(super) fn draw(group: &Group<'_>, roster: &Roster, language: Language) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let methods = group.series(roster, "relative_frobenius_error", Bar::Quartiles);
    if methods.is_empty() {
        return Ok(None);
    }
    let mut series = Vec::new();
    let optimum = group.shared("optimal_frobenius_error");
    if !optimum.is_empty() {
        let name = say("Optimum (Eckart–Young)", "Óptimo (Eckart–Young)").to_owned();
        series.push(Series { instance: None, name, look: theme::OPTIMUM, points: optimum });
    }
    series.extend(bounds(group, roster, language));
    let names: Vec<&str> = methods.iter().map(|series| series.name.as_str()).collect();
    let names = names.join(", ");
    let has_bars = methods.iter().flat_map(|series| &series.points).any(|point| point.bar.is_some());
    series.extend(methods);

    let ranks = rank_panel::ranks(&series);
    let height = rank_panel::height(&series, rank_panel::HEIGHT);
    let x = Axis::ranks(&ranks);
    let y = Axis::log(series.iter().flat_map(Series::values), (height / 36.0) as usize, language);
    let title = chart::title(say("Error by target rank", "Error según el rango objetivo"), group, language);
    let column = label::column_width(series.iter().map(|series| series.name.as_str()));
    let mut chart = Chart::new(&title, &[&y], column, language);
    let y_title = say("relative Frobenius error, median", "error relativo de Frobenius, mediana");
    let remarks = rank_panel::draw(&mut chart, &series, x, y, height, y_title);
    chart.x_title(say("target rank k", "rango objetivo k"));
    let bars = has_bars.then(|| say("Bars: first to third quartile.", "Barras: del primer al tercer cuartil."));
    chart.notes(&remarks.notes(bars, language));

    let description = format!(
        "{} {names}. {}",
        say(
            "Line chart, both axes logarithmic: the median relative Frobenius error falls from left to right as the target rank \
             grows. One line each for",
            "Gráfico de líneas con ambos ejes logarítmicos: mediana del error relativo de Frobenius según el rango objetivo. \
             Una línea para cada método:",
        ),
        say(
            "The thick grey line is the Eckart–Young optimum, below which no matrix of that rank can be; dotted lines are \
             theoretical bounds.",
            "La línea gris gruesa es el óptimo de Eckart–Young, por debajo del cual no hay matriz de ese rango; las líneas de \
             puntos son cotas teóricas.",
        )
    );
    chart.finish(FigureKind::ErrorByRank, group, title, description).map(Some)
}

/// The error of what weights are for, their outputs: there the best weights are not those nearest in the Frobenius norm.
pub(super) fn draw_output(
    results: &Results,
    group: &Group<'_>,
    roster: &Roster,
    language: Language,
) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let series = group.series(roster, "relative_output_error", Bar::Quartiles);
    if series.is_empty() || !group.is_of_kind(results, "weight") {
        return Ok(None);
    }
    let height = rank_panel::height(&series, rank_panel::HEIGHT);
    let x = Axis::ranks(&rank_panel::ranks(&series));
    let y = Axis::log(series.iter().flat_map(Series::values), (height / 36.0) as usize, language);
    let title =
        chart::title(say("Output error by target rank", "Error de salida según el rango objetivo"), group, language);
    let column = label::column_width(series.iter().map(|series| series.name.as_str()));
    let mut chart = Chart::new(&title, &[&y], column, language);
    let axis = say("relative output error, median", "error relativo de la salida, mediana");
    let remarks = rank_panel::draw(&mut chart, &series, x, y, height, axis);
    chart.x_title(say("target rank k", "rango objetivo k"));
    let has_bars = series.iter().flat_map(|series| &series.points).any(|point| point.bar.is_some());
    let bars = has_bars.then(|| say("Bars: first to third quartile.", "Barras: del primer al tercer cuartil."));
    chart.notes(&remarks.notes(bars, language));
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let description = format!(
        "{} {}.",
        say(
            "Line chart, both axes logarithmic: the median relative error of the outputs against target rank. One line each for",
            "Gráfico de líneas con ambos ejes logarítmicos: mediana del error relativo de la salida según el rango objetivo. Una \
             línea para cada método:",
        ),
        names.join(", "),
    );
    chart.finish(FigureKind::OutputErrorByRank, group, title, description).map(Some)
}

/// The theoretical bounds, named by what tells them apart.
fn bounds(group: &Group<'_>, roster: &Roster, language: Language) -> Vec<Series> {
    let mut bounds = group.series(roster, "error_bound", Bar::None);
    let names: Vec<Vec<String>> =
        bounds.iter().map(|bound| bound.name.split(' ').map(str::to_owned).collect()).collect();
    let shared = (0..).take_while(|&word| {
        names.iter().all(|name| name.len() > word && name[word] == names[0][word]) && !names.is_empty()
    });
    // A single bound needs no name of its own: its colour says whose it is.
    let shared = if names.len() == 1 { names[0].len() } else { shared.count() };
    let whose = either(language, "Theoretical bound", "Cota teórica");
    for (bound, name) in bounds.iter_mut().zip(&names) {
        bound.name = format!("{whose} {}", name[shared..].join(" ")).trim_end().to_owned();
        bound.look = theme::bound_look(bound.look);
    }
    bounds
}
