//! Time of y = U(Vx) over that of y = Wx against target rank, with the rank beyond which a pair stores more than the matrix.

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    chart::{self, Chart},
    label,
    names::either,
    rank_panel,
    series::{Group, Point, Series},
    theme,
};
use crate::{
    language::Language,
    method::Role,
    table::{MatrixRow, Results, SummaryRow},
};

/// Curves that can be told apart.
const MOST_CURVES: usize = 6;

pub(super) fn draw(results: &Results, group: &Group<'_>, language: Language) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let timed = |row: &&SummaryRow| {
        row.quantity == "apply_seconds" && group.part.holds(&row.problem, &row.problem_variant, &row.precision)
    };
    let times: Vec<&SummaryRow> = results.summary.iter().filter(timed).collect();
    let own = |row: &&MatrixRow| group.part.holds(&row.problem, &row.problem_variant, &row.precision);
    let matrices: Vec<&MatrixRow> = results.matrices.iter().filter(own).collect();
    // The first method that factors speaks for all: their pairs have one shape.
    let Some(method) =
        times.iter().find(|row| row.role != Some(Role::Baseline)).map(|row| (&row.method, &row.method_variant))
    else {
        return Ok(None);
    };
    let mut lines = Vec::new();
    for (place, matrix) in matrices.iter().enumerate() {
        let here = || times.iter().filter(|row| row.problem_variant == matrix.problem_variant);
        let Some(dense) = here().find(|row| row.role == Some(Role::Baseline)) else { continue };
        let ours = here().filter(|row| (&row.method, &row.method_variant) == method);
        let mut points: Vec<Point> = ours.filter_map(|row| relative(row, dense)).collect();
        points.sort_by_key(|point| point.rank);
        if !points.is_empty() {
            let look = theme::series_look(place);
            lines.push(Series { instance: None, name: name(matrix, language), look, points });
        }
    }
    let shapes: Vec<(u64, u64)> = matrices.iter().map(|matrix| (matrix.rows, matrix.columns)).collect();
    // One vertical line stands for one shape.
    let Some(&(rows, columns)) = shapes.first().filter(|first| shapes.iter().all(|shape| shape == *first)) else {
        return Ok(None);
    };
    if lines.is_empty() || lines.len() > MOST_CURVES {
        return Ok(None);
    }

    let values: Vec<f64> = lines.iter().flat_map(Series::values).chain([1.0]).collect();
    let (low, high) = (values.iter().copied().fold(1.0, f64::min), values.iter().copied().fold(1.0, f64::max));
    let ranks = rank_panel::ranks(&lines);
    let at = |rank: u64, median: f64| Point { rank, median, bar: None };
    let reference = |name: &str, points| Series { instance: None, name: name.to_owned(), look: theme::LIMIT, points };
    let even = rows * columns / (rows + columns).max(1);
    let (first, last) = (ranks.first().copied().unwrap_or(1), ranks.last().copied().unwrap_or(1));
    let mut series = vec![reference(say("y = Wx", "y = Wx"), vec![at(first, 1.0), at(last, 1.0)])];
    if (first..=last).contains(&even) {
        let name = format!("{} {even}", say("equal storage:", "igual memoria:"));
        series.push(reference(&name, vec![at(even, high), at(even, low)]));
    }
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    let names = names.join(", ");
    series.extend(lines);

    let height = rank_panel::height(&series, rank_panel::HEIGHT);
    let x = Axis::ranks(&ranks);
    let y = Axis::log(values, (height / 36.0) as usize, language);
    let heading = format!(
        "{}, {rows}×{columns}",
        say("Time to apply by target rank", "Tiempo de aplicar según el rango objetivo")
    );
    let title = chart::title(&heading, group, language);
    let column = label::column_width(series.iter().map(|series| series.name.as_str()));
    let mut chart = Chart::new(&title, &[&y], column, language);
    let axis = say("time of y = U(Vx) / time of y = Wx", "tiempo de y = U(Vx) / tiempo de y = Wx");
    let remarks = rank_panel::draw(&mut chart, &series, x, y, height, axis);
    chart.x_title(say("target rank k", "rango objetivo k"));
    let bars = say(
        "Bars: what the 95% intervals of both medians leave of the ratio.",
        "Barras: lo que los intervalos del 95 % de ambas medianas dejan del cociente.",
    );
    chart.notes(&remarks.notes(Some(bars), language));
    let description = format!(
        "{} {names}. {}",
        say(
            "Line chart, both axes logarithmic: the time to apply a pair of factors over that of the matrix, against target \
             rank. One line each for",
            "Gráfico de líneas con ambos ejes logarítmicos: tiempo de aplicar el par de factores dividido por el de la matriz, \
             según el rango objetivo. Una línea para cada lote:",
        ),
        say(
            "Below 1 the pair is faster. The vertical line is the rank beyond which it stores more than the matrix.",
            "Por debajo de 1 el par es más rápido. La línea vertical es el rango a partir del cual almacena más que la matriz.",
        )
    );
    chart.finish(FigureKind::LatencyByRank, group, title, description).map(Some)
}

/// The time of a pair over that of the matrix.
fn relative(row: &SummaryRow, dense: &SummaryRow) -> Option<Point> {
    if dense.median <= 0.0 || !row.median.is_finite() {
        return None;
    }
    let low = row.ci_low.zip(dense.ci_high).map(|(low, high)| low / high);
    let high = row.ci_high.zip(dense.ci_low).filter(|(_, low)| *low > 0.0).map(|(high, low)| high / low);
    Some(Point { rank: row.target_rank, median: row.median / dense.median, bar: low.zip(high) })
}

/// `16 tokens`, or what tells the matrix apart.
fn name(matrix: &MatrixRow, language: Language) -> String {
    let parameters: serde_json::Value = serde_json::from_str(&matrix.problem_parameters).unwrap_or_default();
    match parameters["batch"].as_u64() {
        Some(1) => either(language, "1 token", "1 token").to_owned(),
        Some(tokens) => format!("{} tokens", language.count(Some(tokens))),
        None if matrix.problem_variant.is_empty() => matrix.problem.clone(),
        None => matrix.problem_variant.clone(),
    }
}
