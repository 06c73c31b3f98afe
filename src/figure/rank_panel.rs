//! A panel of series against the target rank, which three of the figures are made of.

use super::{
    axis::Axis,
    canvas::{Pen, Place},
    chart::{Chart, Panel},
    label::{self, Label},
    series::Series,
};

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

/// Draws the panel: unmarked series (references) below, then the others with bars and markers, and their labels. Returns the
/// names of the series that have points the axis masks.
///
/// Marked series are moved sideways by a few pixels each, so that markers and bars at one rank stand beside each other.
pub(super) fn draw(chart: &mut Chart, series: &[Series], x: Axis, y: Axis, height: f64, title: &str) -> Vec<String> {
    let panel = chart.panel(x, y, height, title);
    let spacing = least_spacing(&panel, &ranks(series));
    let marked = series.iter().filter(|series| series.look.marker.is_some()).count();
    let step = if marked > 1 { (spacing * 0.62 / (marked - 1) as f64).min(5.0) } else { 0.0 };
    let mut nth = 0;
    let shifts: Vec<f64> = series
        .iter()
        .map(|series| match series.look.marker {
            None => 0.0,
            Some(_) => {
                nth += 1;
                (nth - 1) as f64 * step - (marked - 1) as f64 * step / 2.0
            }
        })
        .collect();
    // One marker in so many, where the ranks are dense.
    let stride = (12.0 / spacing.max(0.5)).ceil() as usize;

    let mut masked = Vec::new();
    let mut labels = Vec::new();
    for (series, &shift) in series.iter().zip(&shifts) {
        let place = |rank: u64, value: f64| panel.place(rank as f64, value).map(|(x, y)| (x + shift, y));
        if series.points.iter().any(|point| panel.y().masks(point.median)) {
            masked.push(series.name.clone());
        }
        let end = series.points.iter().rev().find_map(|point| place(point.rank, point.median));
        if end.is_some() {
            labels.push(Label::new(&series.name, series.look, end));
        }
    }
    label::draw_column(&mut chart.canvas, labels, panel.right, (panel.top, panel.bottom));

    let drawing_order = [false, true].into_iter().flat_map(|marked| {
        series.iter().zip(&shifts).filter(move |(series, _)| series.look.marker.is_some() == marked)
    });
    for (series, &shift) in drawing_order.clone() {
        let place = |rank: u64, value: f64| panel.place(rank as f64, value).map(|(x, y)| (x + shift, y));
        let pen = Pen { colour: series.look.colour, width: series.look.width, dash: series.look.dash };
        let places: Vec<Option<Place>> =
            series.points.iter().map(|point| place(point.rank, point.median)).collect();
        for run in places.split(Option::is_none) {
            chart.canvas.line(run.iter().copied().flatten().collect(), pen);
        }
        // A reference at a single rank has no line: a short one stands for it.
        if let (None, [Some((x, y))]) = (series.look.marker, places.as_slice()) {
            chart.canvas.line(vec![(x - 14.0, *y), (x + 14.0, *y)], pen);
        }
        for point in &series.points {
            let Some((low, high)) = point.bar else { continue };
            // A bar whose lower end is not positive goes down to the axis.
            let (Some(low), Some(high)) = (place(point.rank, low).or_else(|| foot(&panel, point.rank, shift)), place(point.rank, high))
            else {
                continue;
            };
            chart.canvas.line(vec![low, high], Pen::solid(series.look.colour, 1.6));
            if low.1 - high.1 > 4.0 {
                for (x, y) in [low, high] {
                    chart.canvas.line(vec![(x - 2.5, y), (x + 2.5, y)], Pen::solid(series.look.colour, 1.6));
                }
            }
        }
    }
    for (series, &shift) in drawing_order {
        let Some(marker) = series.look.marker else { continue };
        for point in series.points.iter().rev().step_by(stride) {
            if let Some((x, y)) = panel.place(point.rank as f64, point.median) {
                chart.canvas.marker((x + shift, y), marker, series.look.colour);
            }
        }
    }
    masked
}

fn foot(panel: &Panel, rank: u64, shift: f64) -> Option<Place> {
    let (x, _) = panel.place(rank as f64, panel.y().ticks.first()?.value)?;
    Some((x + shift, panel.bottom))
}

/// Pixels between the two nearest ranks.
fn least_spacing(panel: &Panel, ranks: &[u64]) -> f64 {
    let x = |rank: u64| panel.place(rank as f64, panel.y().ticks.first().map_or(1.0, |tick| tick.value)).map(|(x, _)| x);
    let gaps = ranks.windows(2).filter_map(|pair| Some(x(pair[1])? - x(pair[0])?));
    gaps.fold(panel.right - panel.left, f64::min)
}
