//! Direct labels: the name of a series beside its end, in a column to the right of the plot, none on top of another.

use super::{
    canvas::{Anchor, Canvas, Pen, Place},
    theme::{self, Look, TEXT, text_width},
};

/// From the right edge of the plot to the text: a leader or a sample of the line, then the marker.
const KEY_WIDTH: f64 = 50.0;
const MARKER_ROOM: f64 = 22.0;
/// Longest line of a label; longer names are wrapped.
const WIDEST: f64 = 158.0;
/// Between neighbouring labels.
const GAP: f64 = 5.0;

/// A label before it has a place.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub lines: Vec<String>,
    pub look: Look,
    /// The end of the series, which the label would like to be level with; `None` for a label that is a key only.
    pub end: Option<Place>,
}

impl Label {
    pub fn new(text: &str, look: Look, end: Option<Place>) -> Self {
        Self { lines: wrap(text, WIDEST, 2, TEXT), look, end }
    }

    fn height(&self) -> f64 {
        self.lines.len() as f64 * TEXT * theme::LINE_HEIGHT
    }
}

/// Width of the column that holds such names.
pub(super) fn column_width<'a>(names: impl IntoIterator<Item = &'a str>) -> f64 {
    let widths = names.into_iter().flat_map(|name| wrap(name, WIDEST, 2, TEXT)).map(|line| text_width(&line, TEXT));
    let widest = widths.fold(0.0, f64::max);
    if widest > 0.0 { KEY_WIDTH + widest } else { 0.0 }
}

/// Height of a column with all of these names in it.
pub(super) fn column_height<'a>(names: impl IntoIterator<Item = &'a str>) -> f64 {
    let lines = names.into_iter().map(|name| wrap(name, WIDEST, 2, TEXT).len() as f64 * TEXT * theme::LINE_HEIGHT + GAP);
    lines.sum()
}

/// Puts the labels into a column whose plot ends at `plot_right`, between `top` and `bottom`, as near to their series' ends as
/// they can be without touching; labels without an end go by the order given.
pub(super) fn draw_column(canvas: &mut Canvas, mut labels: Vec<Label>, plot_right: f64, (top, bottom): (f64, f64)) {
    let wish = |label: &Label| label.end.map_or(top, |(_, y)| y);
    // Stable: of series that end together, the order of the legend decides.
    labels.sort_by(|a, b| wish(a).total_cmp(&wish(b)));
    let sizes: Vec<f64> = labels.iter().map(|label| label.height() + GAP).collect();
    let wishes: Vec<f64> = labels.iter().map(wish).collect();
    let centres = spread(&wishes, &sizes, (top, bottom));
    let text_x = plot_right + KEY_WIDTH;
    for (label, &centre) in labels.iter().zip(&centres) {
        let key_x = text_x - MARKER_ROOM / 2.0;
        let pen = Pen { colour: label.look.colour, width: label.look.width.min(4.0) * 0.75, dash: label.look.dash };
        match label.end {
            Some(end) => canvas.line(vec![end, (key_x, centre)], pen),
            None => {
                let pen = Pen { width: label.look.width, ..pen };
                canvas.line(vec![(plot_right + 10.0, centre), (text_x - 5.0, centre)], pen);
            }
        }
    }
    for (label, centre) in labels.iter().zip(centres) {
        if let Some(marker) = label.look.marker {
            let x = if label.end.is_some() { text_x - MARKER_ROOM / 2.0 } else { text_x - 22.0 };
            canvas.marker((x, centre), marker, label.look.colour);
        }
        let first = centre - (label.lines.len() as f64 - 1.0) / 2.0 * TEXT * theme::LINE_HEIGHT + 0.35 * TEXT;
        for (line, text) in label.lines.iter().enumerate() {
            let baseline = first + line as f64 * TEXT * theme::LINE_HEIGHT;
            canvas.text(text, (text_x, baseline), Anchor::Start, TEXT, theme::INK);
        }
    }
}

/// Centres as near as possible (least squares) to ascending `wishes` for boxes of these `sizes` that may not overlap, kept
/// inside `room` if they fit. Pool adjacent violators: boxes that touch move together.
fn spread(wishes: &[f64], sizes: &[f64], (top, bottom): (f64, f64)) -> Vec<f64> {
    struct Block {
        boxes: usize,
        height: f64,
        start: f64,
        /// Sum over its boxes of (wished start of the box − offset of the box in the block).
        pull: f64,
    }
    let place = |block: &mut Block| {
        let lowest = (bottom - block.height).max(top);
        block.start = (block.pull / block.boxes as f64).clamp(top, lowest);
    };
    let mut blocks: Vec<Block> = Vec::new();
    for (&wish, &size) in wishes.iter().zip(sizes) {
        let mut block = Block { boxes: 1, height: size, start: 0.0, pull: wish - size / 2.0 };
        place(&mut block);
        while let Some(above) = blocks.pop_if(|above| above.start + above.height > block.start) {
            block.pull = above.pull + block.pull - block.boxes as f64 * above.height;
            block.boxes += above.boxes;
            block.height += above.height;
            place(&mut block);
        }
        blocks.push(block);
    }
    let mut centres = Vec::with_capacity(sizes.len());
    let mut sizes = sizes.iter();
    for block in blocks {
        let mut start = block.start;
        for &size in sizes.by_ref().take(block.boxes) {
            centres.push(start + size / 2.0);
            start += size;
        }
    }
    centres
}

/// Breaks text at spaces into lines no wider than `width`; what does not fit into `most` lines ends in an ellipsis.
pub(super) fn wrap(text: &str, width: f64, most: usize, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), size) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let cut = lines.len() > most;
    lines.truncate(most);
    if cut && let Some(last) = lines.last_mut() {
        last.push('…');
    }
    for line in &mut lines {
        while text_width(line, size) > width {
            let mut kept: String = line.trim_end_matches('…').to_owned();
            if kept.pop().is_none() {
                break;
            }
            *line = format!("{}…", kept.trim_end());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_apart_stay_where_they_wish() {
        assert_eq!(spread(&[50.0, 100.0, 150.0], &[20.0; 3], (0.0, 200.0)), [50.0, 100.0, 150.0]);
    }

    #[test]
    fn labels_at_one_place_fan_out_around_it() {
        assert_eq!(spread(&[100.0; 4], &[20.0; 4], (0.0, 200.0)), [70.0, 90.0, 110.0, 130.0]);
    }

    #[test]
    fn the_edges_hold() {
        assert_eq!(spread(&[0.0, 5.0, 195.0, 200.0], &[20.0; 4], (0.0, 200.0)), [10.0, 30.0, 170.0, 190.0]);
        // Too many for the room: they go on below rather than on top of each other.
        assert_eq!(spread(&[10.0; 3], &[20.0; 3], (0.0, 40.0)), [10.0, 30.0, 50.0]);
    }

    #[test]
    fn boxes_never_overlap_whatever_they_wish() {
        let sizes: Vec<f64> = (0..12).map(|i| 15.0 + f64::from(i % 3) * 18.0).collect();
        for seed in 0..50 {
            let mut wishes: Vec<f64> = (0..12).map(|i| f64::from((i * 7919 + seed * 104_729) % 400)).collect();
            wishes.sort_by(f64::total_cmp);
            let centres = spread(&wishes, &sizes, (0.0, 450.0));
            for i in 1..12 {
                assert!(centres[i] - centres[i - 1] >= (sizes[i] + sizes[i - 1]) / 2.0 - 1e-9, "{seed} {i}");
            }
        }
    }

    #[test]
    fn long_names_wrap_and_longer_ones_are_cut() {
        assert_eq!(wrap("SVD aleatorizada q=2", WIDEST, 2, TEXT), ["SVD aleatorizada", "q=2"]);
        let lines = wrap(&"interminable".repeat(9), WIDEST, 2, TEXT);
        assert!(lines.len() == 1 && lines[0].ends_with('…') && text_width(&lines[0], TEXT) <= WIDEST);
        let lines = wrap(&"one two three ".repeat(9), WIDEST, 2, TEXT);
        assert!(lines.len() == 2 && lines[1].ends_with('…') && lines.iter().all(|l| text_width(l, TEXT) <= WIDEST));
        assert!(wrap(" ", WIDEST, 2, TEXT).is_empty());
    }
}
