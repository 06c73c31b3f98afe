//! Direct labels: the name of a series beside its end, in a column to the right of the plot, none on top of another.

use super::{
    canvas::{Anchor, Canvas, Pen, Place},
    theme::{self, Look, TEXT, text_width},
};

/// From the right edge of the plot to the text: room for the leaders, then a sample of the line with its marker.
const KEY_WIDTH: f64 = 64.0;
const SAMPLE: f64 = 30.0;
/// Longest line of a label; longer names are wrapped.
const WIDEST: f64 = 156.0;
const MOST_LINES: usize = 4;
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
        Self { lines: name_lines(text), look, end }
    }

    fn height(&self) -> f64 {
        self.lines.len() as f64 * TEXT * theme::LINE_HEIGHT
    }
}

/// Width of the column that holds such names.
pub(super) fn column_width<'a>(names: impl IntoIterator<Item = &'a str>) -> f64 {
    let widths = names.into_iter().flat_map(name_lines).map(|line| text_width(&line, TEXT));
    let widest = widths.fold(0.0, f64::max);
    if widest > 0.0 { KEY_WIDTH + widest } else { 0.0 }
}

/// Height of a column with all of these names in it.
pub(super) fn column_height<'a>(names: impl IntoIterator<Item = &'a str>) -> f64 {
    let lines = names.into_iter().map(|name| name_lines(name).len() as f64 * TEXT * theme::LINE_HEIGHT + GAP);
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
    let (sample, sample_end) = (text_x - 5.0 - SAMPLE, text_x - 5.0);
    for (label, &centre) in labels.iter().zip(&centres) {
        if let Some(end) = label.end {
            canvas.line(vec![end, (sample, centre)], Pen::solid(label.look.colour, 1.1));
        }
    }
    for (label, centre) in labels.iter().zip(centres) {
        let pen = Pen::of(label.look);
        canvas.line(vec![(sample, centre), (sample_end, centre)], pen);
        if let Some(marker) = label.look.marker {
            canvas.marker(((sample + sample_end) / 2.0, centre), marker, label.look.colour);
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

/// A name on at most four lines of the column. What tells longer names apart is at their end (the variant), so they lose their
/// middle.
fn name_lines(name: &str) -> Vec<String> {
    let mut lines = wrap(name, WIDEST, usize::MAX, TEXT);
    if lines.len() <= MOST_LINES {
        return lines;
    }
    let words: Vec<&str> = name.split_whitespace().collect();
    let fits = |start: &usize| text_width(&format!("… {}", words[*start..].join(" ")), TEXT) <= WIDEST;
    lines.truncate(MOST_LINES - 1);
    if let Some(start) = (1..words.len()).find(fits) {
        lines.push(format!("… {}", words[start..].join(" ")));
    } else {
        lines.extend(wrap(words[words.len() - 1], WIDEST, 1, TEXT));
    }
    lines
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

    #[test]
    fn a_long_name_keeps_what_tells_it_apart() {
        let brackets = "Linformer (untrained, segment means)";
        assert_eq!(name_lines(brackets), ["Linformer", "(untrained,", "segment means)"]);
        let long = "a name of rather very many and uncommonly long words beyond measure (exact) q=2";
        assert_eq!(name_lines(long), ["a name of rather", "very many and", "uncommonly long", "… (exact) q=2"]);
        let lines = name_lines(&format!("one two {}", "interminable".repeat(3)));
        assert!(lines.len() <= MOST_LINES && lines.iter().all(|line| text_width(line, TEXT) <= WIDEST));
    }
}
