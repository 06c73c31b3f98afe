//! Failures beside their cures: one line each, from the error of the cure to that of the failing variant.

use super::Study;
use crate::{
    figure::{
        Figure, FigureError, FigureKind,
        axis::Axis,
        canvas::Pen,
        chart::{About, Chart, safe},
        label::{self, Label},
        names::{either, label_name, study_name},
        theme::{self, Look},
    },
    language::Language,
    table::{MeasurementSummary, settings},
};

/// Height of a line.
const LINE: f64 = 36.0;
/// Between two markers of one line that would cover each other, in lines.
const ASIDE: f64 = 0.36;

struct Row<'a> {
    name: String,
    bad: &'a MeasurementSummary,
    cure: &'a MeasurementSummary,
    no_answer: bool,
}

/// `None` of a study that is no atlas of failures.
pub fn draw(study: &Study<'_>, language: Language) -> Result<Option<Figure>, FigureError> {
    if study.kind != "failure" {
        return Ok(None);
    }
    let rows: Vec<Row<'_>> = study.variants().iter().filter_map(|variant| row(study, variant, language)).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let say = |english, spanish| either(language, english, spanish);
    // Squares fail, discs are cures.
    let looks = [(1, theme::VERMILLION), (0, theme::BLUE)].map(|(nth, colour)| Look {
        colour,
        dash: "",
        ..theme::series_look(nth)
    });
    let words = [study_name("bad", language), study_name("cure", language)];
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let y = Axis::names(&names);
    let errors = rows.iter().flat_map(|row| [row.bad, row.cure]).flat_map(|row| [row.median, row.q25, row.q75]);
    let x = Axis::log(errors, 5, language);
    let title =
        format!("{}: {}", say("Failures and their cures", "Fallos y sus remedios"), label_name(study.label, language));
    let column = label::column_width(words.iter().map(String::as_str));
    let mut chart = Chart::new(&title, &[&y], column, language);
    let axis = say("relative error, median", "error relativo, mediana");
    let panel = chart.panel(x, y, LINE * rows.len() as f64, say("Each failure on a line", "Cada fallo en una línea"));
    for (nth, row) in rows.iter().enumerate() {
        let line = Axis::line(nth, rows.len());
        let ends = [row.cure, row.bad].map(|row| panel.place(row.median, line));
        if let [Some(cure), Some(bad)] = ends {
            chart.canvas.line(vec![cure, bad], Pen::solid(theme::MUTED, 1.6));
        }
        // Where the two coincide, they step aside.
        let near = matches!(ends, [Some(cure), Some(bad)] if (cure.0 - bad.0).abs() < ASIDE * LINE);
        let aside = if near { ASIDE / 2.0 } else { 0.0 };
        for (summary, look, line) in [(row.bad, looks[0], line + aside), (row.cure, looks[1], line - aside)] {
            if let (Some(low), Some(high)) = (panel.place(summary.q25, line), panel.place(summary.q75, line)) {
                chart.canvas.line(vec![low, high], Pen::solid(look.colour, 4.0));
            }
            if let (Some(at), Some(marker)) = (panel.place(summary.median, line), look.marker) {
                chart.canvas.marker(at, marker, look.colour);
            }
        }
    }
    let labels = words.iter().zip(looks).map(|(word, look)| Label::new(word, look, None)).collect();
    label::draw_column(&mut chart.canvas, labels, panel.right, (panel.top, panel.bottom));
    chart.x_title(axis);
    let mut notes = Vec::new();
    let silent: Vec<&str> = rows.iter().filter(|row| row.no_answer).map(|row| row.name.as_str()).collect();
    if !silent.is_empty() {
        let text = say(
            "No answer at all, which counts as the zero matrix, with error 1:",
            "Sin respuesta alguna, que cuenta como la matriz nula, con error 1:",
        );
        notes.push(format!("{text} {}.", silent.join("; ")));
    }
    chart.notes(&notes);
    let description = format!(
        "{} {}.",
        say(
            "Pairs of points on a logarithmic axis of errors, a failing variant and its cure on each line:",
            "Pares de puntos en un eje logarítmico de errores, un fallo y su remedio en cada línea:"
        ),
        names.join("; ")
    );
    let about = About { family: study.label, precision: "" };
    let id = format!("{}.{}", FigureKind::Failures.name(), safe(study.label));
    chart.finish_as(FigureKind::Failures, id, &about, title, description).map(Some)
}

fn row<'a>(study: &Study<'a>, variant: &str, language: Language) -> Option<Row<'a>> {
    let find = |series: &str, quantity: &str| {
        study.of_variant(variant).find(|row| row.series == series && row.quantity == quantity)
    };
    let which = settings(variant).find(|(name, _)| *name == "which").map_or(study.label, |(_, value)| value);
    Some(Row {
        name: study_name(which, language),
        bad: find("bad", "error")?,
        cure: find("cure", "error")?,
        no_answer: find("", "no_answer").is_some_and(|row| row.median > 0.5),
    })
}
