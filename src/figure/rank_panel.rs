//! A panel of series against the target rank, which three of the figures are made of.

use super::{
    axis::Axis,
    canvas::{Pen, Place},
    chart::{self, Chart, Panel},
    label::{self, Label},
    names::either,
    series::{Point, Series},
    theme::Look,
};
use crate::language::Language;

/// Markers nearer than this cover each other.
const NEAR: f64 = 5.0;
/// Between neighbouring markers of one curve.
pub(super) const ROOM: f64 = 12.0;
/// Lines nearer than this cover each other.
const COVERED: f64 = 1.5;

/// Least height of a panel; a long column of labels makes it higher.
pub(super) const HEIGHT: f64 = 290.0;

/// The height a panel needs for its labels.
pub(super) fn height(series: &[Series], least: f64) -> f64 {
    label::column_height(series.iter().map(|series| series.name.as_str())).max(least)
}

/// The ranks that any of the series has, ascending.
pub(super) fn ranks(series: &[Series]) -> Vec<u64> {
    let mut ranks: Vec<u64> = series.iter().flat_map(|series| &series.points).map(|point| point.rank).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
}

/// What a panel could not show as it is.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Series with points the axis masks.
    pub masked: Vec<String>,
    /// Some markers would cover each other.
    pub turns: bool,
}

impl Remarks {
    pub fn add(&mut self, other: Self) {
        self.turns |= other.turns;
        self.masked.extend(other.masked);
    }

    /// The notes that go with a figure, `bars` being what its bars are.
    pub fn notes(mut self, bars: Option<&str>, language: Language) -> Vec<String> {
        let mut notes: Vec<String> = bars.map(str::to_owned).into_iter().collect();
        if self.turns {
            let turns = either(
                language,
                "Where points coincide, their markers take turns.",
                "Donde los puntos coinciden, sus marcadores se alternan.",
            );
            notes.push(turns.to_owned());
        }
        self.masked.sort();
        self.masked.dedup();
        notes.extend(chart::masked_note(&self.masked, language));
        notes
    }
}

/// Draws the panel: unmarked series (references) below, then the others with bars and markers, and their labels.
pub(super) fn draw(chart: &mut Chart, series: &[Series], x: Axis, y: Axis, height: f64, title: &str) -> Remarks {
    draw_marked(chart, series, &[], x, y, height, title)
}

/// A place on the horizontal axis worth a vertical line.
pub(super) struct Mark {
    pub rank: u64,
    pub name: String,
    pub look: Look,
}

/// As [`draw`], with vertical lines below everything else.
pub(super) fn draw_marked(
    chart: &mut Chart,
    series: &[Series],
    marks: &[Mark],
    x: Axis,
    y: Axis,
    height: f64,
    title: &str,
) -> Remarks {
    let panel = chart.panel(x, y, height, title);
    let place = |rank: u64, value: f64| panel.place(rank as f64, value);
    let mut labels = Vec::new();
    for mark in marks {
        let x = panel.column(mark.rank as f64);
        chart.canvas.line(vec![(x, panel.top), (x, panel.bottom)], Pen::of(mark.look));
        labels.push(Label::new(&mark.name, mark.look, None));
    }
    let mut remarks = Remarks::default();
    for series in series {
        if series.points.iter().any(|point| panel.y().masks(point.median)) {
            remarks.masked.push(series.name.clone());
        }
        let end = series.points.iter().rev().find_map(|point| place(point.rank, point.median));
        labels.extend(end.map(|end| Label::new(&series.name, series.look, Some(end))));
    }
    label::draw_column(&mut chart.canvas, labels, panel.right, (panel.top, panel.bottom));

    let (marked, references): (Vec<&Series>, Vec<&Series>) =
        series.iter().partition(|series| series.look.marker.is_some());
    for series in references {
        let places: Vec<Option<Place>> = series.points.iter().map(|point| place(point.rank, point.median)).collect();
        for run in places.split(Option::is_none) {
            chart.canvas.line(run.iter().copied().flatten().collect(), Pen::of(series.look));
        }
        // A reference at a single rank has no line: a short one stands for it.
        if let [Some((x, y))] = places.as_slice() {
            chart.canvas.line(vec![(x - 14.0, *y), (x + 14.0, *y)], Pen::of(series.look));
        }
    }
    draw_lines(chart, &panel, &marked);
    let (shown, turns) = take_turns(&panel, &marked);
    remarks.turns = turns;
    for &(nth, point) in &shown {
        draw_bar(chart, &panel, marked[nth], point);
    }
    for &(nth, point) in &shown {
        if let (Some(at), Some(marker)) = (place(point.rank, point.median), marked[nth].look.marker) {
            chart.canvas.marker(at, marker, marked[nth].look.colour);
        }
    }
    remarks
}

/// The lines of all series, point to point. Lines that lie on each other between two ranks are drawn in turns, stretch by
/// stretch, so that none hides the others.
fn draw_lines(chart: &mut Chart, panel: &Panel, series: &[&Series]) {
    let segments: Vec<Vec<(Place, Place)>> = series
        .iter()
        .map(|series| {
            let place = |point: &Point| panel.place(point.rank as f64, point.median);
            series.points.windows(2).filter_map(|pair| Some((place(&pair[0])?, place(&pair[1])?))).collect()
        })
        .collect();
    let together = |(a, b): &(Place, Place), (c, d): &(Place, Place)| {
        (a.0, b.0) == (c.0, d.0) && (a.1 - c.1).abs() < COVERED && (b.1 - d.1).abs() < COVERED
    };
    for (nth, series) in series.iter().enumerate() {
        // Stretches alone on their way are drawn as one line, so that its dashes run on.
        let mut run: Vec<Place> = Vec::new();
        for segment in &segments[nth] {
            let shares = |other: &Vec<(Place, Place)>| other.iter().any(|other| together(other, segment));
            let sharing: Vec<usize> =
                (0..segments.len()).filter(|&other| other == nth || shares(&segments[other])).collect();
            if sharing.len() > 1 || run.last() != Some(&segment.0) {
                chart.canvas.line(std::mem::take(&mut run), Pen::of(series.look));
            }
            if sharing.len() > 1 {
                let turn = sharing.iter().position(|&other| other == nth).map(|place| (place, sharing.len()));
                chart.canvas.line(vec![segment.0, segment.1], Pen { turn, ..Pen::of(series.look) });
            } else {
                if run.is_empty() {
                    run.push(segment.0);
                }
                run.push(segment.1);
            }
        }
        chart.canvas.line(run, Pen::of(series.look));
    }
}

fn draw_bar(chart: &mut Chart, panel: &Panel, series: &Series, point: Point) {
    let Some((low, high)) = point.bar else { return };
    let Some((x, high)) = panel.place(point.rank as f64, high) else { return };
    // A bar whose lower end is not positive goes down to the axis.
    let low = panel.place(point.rank as f64, low).map_or(panel.bottom, |(_, low)| low);
    let pen = Pen::solid(series.look.colour, 1.6);
    chart.canvas.line(vec![(x, low), (x, high)], pen);
    if low - high > 4.0 {
        for y in [low, high] {
            chart.canvas.line(vec![(x - 3.0, y), (x + 3.0, y)], pen);
        }
    }
}

/// Which points get a marker (position of the series, point), and whether some do not. Of points that would cover each other one
/// is shown, of the series that was shown least so far: along coinciding curves the markers alternate, and every curve keeps its
/// true place. (Moving them apart would put some below the optimum.)
fn take_turns(panel: &Panel, series: &[&Series]) -> (Vec<(usize, Point)>, bool) {
    let owned: Vec<Series> = series.iter().map(|series| (*series).clone()).collect();
    let ranks = ranks(&owned);
    // Of ranks too near for two markers, the last.
    let mut apart: Vec<u64> = Vec::new();
    for &rank in ranks.iter().rev() {
        if apart.last().is_none_or(|&after| panel.column(after as f64) - panel.column(rank as f64) >= ROOM) {
            apart.push(rank);
        }
    }
    let mut times = vec![0_usize; series.len()];
    let (mut shown, mut turns) = (Vec::new(), false);
    for rank in apart {
        let mut column: Vec<(f64, usize, Point)> = Vec::new();
        for (nth, series) in series.iter().enumerate() {
            let Some(point) = series.at(rank) else { continue };
            column.extend(panel.place(rank as f64, point.median).map(|(_, y)| (y, nth, point)));
        }
        column.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        while let Some(&(first, ..)) = column.first() {
            let together = column.partition_point(|(y, ..)| y - first < NEAR);
            let chosen = column[..together].iter().min_by_key(|(_, nth, _)| (times[*nth], *nth)).copied();
            if let Some((_, nth, point)) = chosen {
                times[nth] += 1;
                shown.push((nth, point));
            }
            turns |= together > 1;
            column.drain(..together);
        }
    }
    (shown, turns)
}
