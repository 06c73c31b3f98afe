//! Singular values, and the share of the energy Σσ² in the first j of them: how low the rank of the matrix really is.

use std::collections::BTreeMap;

use super::{
    Figure, FigureError, FigureKind,
    axis::{Axis, extent},
    canvas::{Pen, Place},
    chart::{self, Chart, Panel},
    label::{self, Label},
    names::either,
    series::{Group, median},
    theme::{self, Look, Marker, Shape},
};
use crate::{
    language::Language,
    table::{Part, Results, without_parameter},
};

const THRESHOLDS: [&str; 3] = ["90", "99", "99.9"];
const LINE: Pen = Pen { colour: theme::BLUE, width: 2.5, dash: "", turn: None };
const DOT: Marker = Marker { shape: Shape::Circle, filled: true };
const MARK: Look = Look { colour: theme::MUTED, width: 1.4, dash: "2 3", marker: None };

/// Over the variants of a family, at one index.
pub(super) struct Slice {
    pub index: u64,
    /// σ_j/σ_1, in percent for energy.
    pub median: f64,
    low: f64,
    high: f64,
}

pub(super) fn draw(results: &Results, group: &Group<'_>, language: Language) -> Result<Option<Figure>, FigureError> {
    let say = |english, spanish| either(language, english, spanish);
    let spectra = Spectra::of(results, &group.part);
    let Some(last) = spectra.values.last().map(|slice| slice.index) else { return Ok(None) };
    let many = spectra.variants > 1;

    let shown = |slice: &Slice| [slice.median, slice.low, slice.high];
    let y_values = Axis::log(spectra.values.iter().flat_map(shown), 7, language);
    let y_energy = Axis::percent(language);
    let marks = marks(&spectra.energy, language);
    let column = label::column_width(marks.iter().map(|mark| mark.name.as_str()));
    let title = chart::title(say("Singular values", "Valores singulares"), group, language);
    let mut chart = Chart::new(&title, &[&y_values, &y_energy], column, language);

    let title_values = say("singular value σⱼ/σ₁", "valor singular σⱼ/σ₁");
    let panel = chart.panel(Axis::count(last, 5, language), y_values, 230.0, title_values);
    draw_curve(&mut chart, &panel, &spectra.values, many);
    let masked = spectra.values.iter().any(|slice| panel.y().masks(slice.median));

    let title_energy = say("cumulative energy of the first j", "energía acumulada de los primeros j");
    let panel = chart.panel(Axis::count(last, 5, language), y_energy, 190.0, title_energy);
    draw_curve(&mut chart, &panel, &spectra.energy, many);
    draw_marks(&mut chart, &panel, &marks);
    chart.x_title(say("index j", "índice j"));

    let mut notes = Vec::new();
    if many {
        notes.push(match language {
            Language::English => format!("Line: median of {} matrices; band: least to greatest.", spectra.variants),
            Language::Spanish => {
                format!("Línea: mediana de {} matrices; banda: del mínimo al máximo.", spectra.variants)
            }
        });
    }
    if masked {
        let zero = say(
            "Singular values of 0 have no place on a logarithmic axis and are left out.",
            "Los valores singulares nulos no caben en un eje logarítmico y se omiten.",
        );
        notes.push(zero.to_owned());
    }
    chart.notes(&notes);

    let description = say(
        "Two line charts one above the other against the index j: the singular values relative to the largest, on a logarithmic \
         axis, and the share of the sum of their squares in the first j, with the indices at which it reaches 90, 99 and 99.9%.",
        "Dos gráficos de líneas, uno sobre otro, según el índice j: los valores singulares relativos al mayor, en un eje \
         logarítmico, y la parte de la suma de sus cuadrados que reúnen los primeros j, con los índices en que alcanza el 90, el 99 \
         y el 99,9 %.",
    );
    chart.finish(FigureKind::SpectrumDecay, group, title, description.to_owned()).map(Some)
}

pub(super) struct Spectra {
    variants: usize,
    pub values: Vec<Slice>,
    energy: Vec<Slice>,
}

impl Spectra {
    pub fn of(results: &Results, part: &Part<'_>) -> Self {
        let rows = results.spectra.iter();
        let rows = rows.filter(|row| part.holds(&row.problem, &row.problem_variant, &row.precision));
        let mut variants: BTreeMap<String, BTreeMap<u64, (f64, f64)>> = BTreeMap::new();
        for row in rows {
            // A weight matrix that is run with several batches is one matrix.
            let spectrum = variants.entry(without_parameter(&row.problem_variant, "batch")).or_default();
            spectrum.insert(row.index, (row.singular_value, row.cumulative_energy));
        }
        let mut values: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        let mut energy: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for spectrum in variants.values() {
            let Some((_, (largest, _))) = spectrum.first_key_value() else { continue };
            for (&index, (value, share)) in spectrum {
                values.entry(index).or_default().push(value / largest);
                energy.entry(index).or_default().push(100.0 * share);
            }
        }
        let slices = |by_index: BTreeMap<u64, Vec<f64>>| {
            let slices = by_index.into_iter().filter_map(|(index, mut values)| {
                // A zero matrix has no σ_j/σ_1.
                values.retain(|value| value.is_finite());
                let (low, high) = extent(values.iter().copied())?;
                Some(Slice { index, median: median(values)?, low, high })
            });
            slices.collect::<Vec<_>>()
        };
        Self { variants: variants.len(), values: slices(values), energy: slices(energy) }
    }
}

/// Draws the band, if there is one, and the line.
fn draw_curve(chart: &mut Chart, panel: &Panel, slices: &[Slice], band: bool) {
    let x = |slice: &Slice| panel.place(slice.index as f64, 1.0).map(|(x, _)| x);
    // Closer than a pixel there is nothing to see.
    let mut drawn: Vec<&Slice> = Vec::new();
    for (position, slice) in slices.iter().enumerate() {
        let near = |other: &&Slice| x(other).zip(x(slice)).is_some_and(|(a, b)| b - a < 1.0);
        if position + 1 == slices.len() || !drawn.last().is_some_and(near) {
            drawn.push(slice);
        }
    }
    if band {
        let upper = |slice: &Slice| panel.place(slice.index as f64, slice.high);
        // Where the least value is 0 the band goes down to the axis.
        let lower = |slice: &Slice| {
            panel.place(slice.index as f64, slice.low).or_else(|| Some((upper(slice)?.0, panel.bottom)))
        };
        let upwards = drawn.iter().filter_map(|slice| upper(slice));
        let back = drawn.iter().rev().filter_map(|slice| lower(slice));
        chart.canvas.area(upwards.chain(back).collect(), LINE.colour, 0.22);
    }
    let places: Vec<Option<Place>> = drawn.iter().map(|slice| panel.place(slice.index as f64, slice.median)).collect();
    for run in places.split(Option::is_none) {
        chart.canvas.line(run.iter().copied().flatten().collect(), LINE);
    }
    if let [Some(only)] = places.as_slice() {
        chart.canvas.marker(*only, DOT, LINE.colour);
    }
}

/// Where the median energy reaches a threshold.
struct Mark {
    index: u64,
    energy: f64,
    name: String,
}

fn marks(energy: &[Slice], language: Language) -> Vec<Mark> {
    let mark = |threshold: &&str| {
        let share: f64 = threshold.parse().ok()?;
        // The last share is 1 up to rounding.
        let slice = energy.iter().find(|slice| slice.median >= share - 1e-9)?;
        let sign = either(language, "%", "\u{a0}%");
        let name = format!("{}{sign}: j\u{a0}=\u{a0}{}", language.localise(threshold), slice.index);
        Some(Mark { index: slice.index, energy: slice.median, name })
    };
    THRESHOLDS.iter().filter_map(mark).collect()
}

fn draw_marks(chart: &mut Chart, panel: &Panel, marks: &[Mark]) {
    let pen = Pen::of(MARK);
    let mut labels = Vec::new();
    for mark in marks {
        let Some((x, y)) = panel.place(mark.index as f64, mark.energy) else { continue };
        chart.canvas.line(vec![(x, panel.bottom), (x, y), (panel.right, y)], pen);
        labels.push(Label::new(&mark.name, MARK, Some((panel.right, y))));
    }
    // The nearest the top is the last to be reached; the labels keep that order also where the ends coincide.
    labels.reverse();
    label::draw_column(&mut chart.canvas, labels, panel.right, (panel.top, panel.bottom));
    for mark in marks {
        if let Some(at) = panel.place(mark.index as f64, mark.energy) {
            chart.canvas.marker(at, DOT, LINE.colour);
        }
    }
}
