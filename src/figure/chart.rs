//! The frame of every figure: title, panels with their axes from top to bottom, notes.

use plotters::coord::{CoordTranslate, cartesian::Cartesian2d};

use super::{
    Figure, FigureError, FigureKind,
    axis::Axis,
    canvas::{Anchor, Canvas, Occupied, Pen, Place, SCALE},
    label,
    names::{either, label_name},
    series::Group,
    svg,
    theme::{self, GRID, INK, MARGIN, MUTED, TEXT, text_width},
};
use crate::language::Language;

const LINE: f64 = TEXT * theme::LINE_HEIGHT;
const TICK: f64 = 5.0;

/// A figure while it grows downwards.
pub(super) struct Chart {
    pub canvas: Canvas,
    pub language: Language,
    /// Left and right edge of every panel.
    pub left: f64,
    pub right: f64,
    /// Where the next thing goes.
    y: f64,
}

/// What a figure is about, for those who look for it.
pub(super) struct About<'a> {
    pub family: &'a str,
    pub precision: &'a str,
}

/// One plot: where it is and what its axes say.
pub(super) struct Panel {
    coordinates: Cartesian2d<Axis, Axis>,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Panel {
    /// Where a pair of values is drawn; `None` if one of them has no place on its axis.
    pub fn place(&self, x: f64, y: f64) -> Option<Place> {
        if !(self.x().shows(x) && self.y().shows(y)) {
            return None;
        }
        let (x, y) = self.coordinates.translate(&(x, y));
        Some((f64::from(x) / SCALE, f64::from(y) / SCALE))
    }

    /// Where a value of the x axis is, whatever its y.
    pub fn column(&self, x: f64) -> f64 {
        f64::from(self.coordinates.translate(&(x, 1.0)).0) / SCALE
    }

    pub fn x(&self) -> &Axis {
        self.coordinates.x_spec()
    }

    pub fn y(&self) -> &Axis {
        self.coordinates.y_spec()
    }
}

impl Chart {
    /// A chart with its title, room for the tick labels of these y axes on the left and for a column of labels on the right.
    pub fn new(title: &str, y_axes: &[&Axis], column: f64, language: Language) -> Self {
        let mut canvas = Canvas::default();
        let mut y = MARGIN;
        for line in label::wrap(title, theme::WIDTH - 2.0 * MARGIN, 3, theme::TITLE) {
            y += theme::TITLE * theme::LINE_HEIGHT;
            canvas.text(&line, (MARGIN, y - 0.25 * theme::TITLE), Anchor::Start, theme::TITLE, INK);
        }
        let ticks = y_axes.iter().flat_map(|axis| &axis.ticks).map(|tick| text_width(&tick.label, TEXT));
        let left = MARGIN + ticks.fold(0.0, f64::max) + TICK + 3.0;
        Self { canvas, language, left, right: theme::WIDTH - MARGIN - column.max(MARGIN), y: y + 6.0 }
    }

    /// Draws an empty panel: the title of its y axis above it, grid lines, ticks and their labels.
    pub fn panel(&mut self, x: Axis, y: Axis, height: f64, y_title: &str) -> Panel {
        for line in label::wrap(y_title, theme::WIDTH - 2.0 * MARGIN, 2, TEXT) {
            self.y += LINE;
            self.canvas.text(&line, (MARGIN, self.y - 0.25 * TEXT), Anchor::Start, TEXT, MUTED);
        }
        let (top, bottom) = (self.y + 8.0, self.y + 8.0 + height);
        let pixel = |value: f64| (value * SCALE).round() as i32;
        let coordinates = Cartesian2d::new(x, y, (pixel(self.left)..pixel(self.right), pixel(bottom)..pixel(top)));
        let panel = Panel { coordinates, left: self.left, right: self.right, top, bottom };
        self.draw_y_ticks(&panel);
        self.draw_x_ticks(&panel);
        self.canvas.line(vec![(panel.left, bottom), (panel.right, bottom)], Pen::solid(MUTED, 1.2));
        self.y = bottom + TICK + LINE + 4.0;
        panel
    }

    fn draw_y_ticks(&mut self, panel: &Panel) {
        let mut free_below = f64::INFINITY;
        for tick in &panel.y().ticks {
            let (_, y) = panel.coordinates.translate(&(1.0, tick.value));
            let y = f64::from(y) / SCALE;
            self.canvas.line(vec![(panel.left, y), (panel.right, y)], Pen::solid(GRID, 1.0));
            let baseline = y + 0.36 * TEXT;
            // Ticks ascend, so their labels go upwards.
            if baseline <= free_below {
                self.canvas.text(&tick.label, (panel.left - TICK - 2.0, baseline), Anchor::End, TEXT, MUTED);
                free_below = baseline - LINE;
            }
        }
    }

    /// Labels that would touch are left out: the last and the first go before powers of two, these before the rest.
    fn draw_x_ticks(&mut self, panel: &Panel) {
        let ticks = &panel.x().ticks;
        let importance = |&position: &usize| {
            let value = ticks[position].value;
            let power_of_two = value >= 1.0 && value.log2().fract() == 0.0;
            (position + 1 != ticks.len(), position != 0, !power_of_two, position)
        };
        let mut order: Vec<usize> = (0..ticks.len()).collect();
        order.sort_by_key(importance);
        let mut taken: Vec<Occupied> = Vec::new();
        for tick in order.into_iter().map(|position| &ticks[position]) {
            let x = panel.column(tick.value);
            self.canvas.line(vec![(x, panel.bottom), (x, panel.bottom + TICK)], Pen::solid(MUTED, 1.2));
            let width = text_width(&tick.label, TEXT);
            let occupied = Occupied::around((x, panel.bottom), width / 2.0 + 4.0, 1.0);
            if taken.iter().all(|other| !occupied.overlaps(*other)) {
                let at = (x, panel.bottom + TICK + 0.9 * TEXT);
                self.canvas.text(&tick.label, at, Anchor::Middle, TEXT, MUTED);
                taken.push(occupied);
            }
        }
    }

    /// The title of the x axis below the last panel.
    pub fn x_title(&mut self, text: &str) {
        self.y += LINE - 2.0;
        let width = text_width(text, TEXT);
        // Under the middle of the panel, unless that would take it out of the figure.
        let middle =
            f64::midpoint(self.left, self.right).clamp(MARGIN + width / 2.0, theme::WIDTH - MARGIN - width / 2.0);
        self.canvas.text(text, (middle, self.y - 0.25 * TEXT), Anchor::Middle, TEXT, MUTED);
    }

    /// Remarks at the foot.
    pub fn notes(&mut self, notes: &[String]) {
        self.y += 8.0;
        for note in notes {
            for line in label::wrap(note, theme::WIDTH - 2.0 * MARGIN, 4, TEXT) {
                self.y += LINE;
                self.canvas.text(&line, (MARGIN, self.y - 0.25 * TEXT), Anchor::Start, TEXT, MUTED);
            }
        }
    }

    pub fn finish(
        self,
        kind: FigureKind,
        group: &Group<'_>,
        title: String,
        description: String,
    ) -> Result<Figure, FigureError> {
        let about = About { family: &group.part.name, precision: group.part.precision };
        self.finish_as(kind, figure_id(kind, group), &about, title, description)
    }

    /// As [`Self::finish`], of something that is no family of problems.
    pub fn finish_as(
        self,
        kind: FigureKind,
        id: String,
        about: &About<'_>,
        title: String,
        description: String,
    ) -> Result<Figure, FigureError> {
        let page = svg::Page {
            id: id.replace('.', "-"),
            title: title.clone(),
            description: description.clone(),
            language: self.language.code(),
        };
        let height = (self.y + MARGIN).ceil();
        let svg = self.canvas.paint(height, &page)?;
        let (family, precision) = (about.family.to_owned(), about.precision.to_owned());
        Ok(Figure { id, kind, family, precision, title, description, svg })
    }
}

/// `error_by_rank.minilm`, or `error_by_rank.minilm.f32` where f64 is there too: safe as the name of a file.
fn figure_id(kind: FigureKind, group: &Group<'_>) -> String {
    let safe = safe(&group.part.name);
    let precision = if group.preferred { String::new() } else { format!(".{}", group.part.precision) };
    format!("{}.{safe}{precision}", kind.name())
}

/// A label as part of a file's name, which no file system finds too long.
pub(super) fn safe(label: &str) -> String {
    label
        .chars()
        .take(80)
        .map(|letter| if letter.is_ascii_alphanumeric() || "_-".contains(letter) { letter } else { '_' })
        .collect()
}

/// `Error by target rank: MiniLM (f64)`.
pub(super) fn title(what: &str, group: &Group<'_>, language: Language) -> String {
    format!("{what}: {} ({})", label_name(&group.part.name, language), group.part.precision)
}

/// The note that says which series have values that a logarithmic axis cannot show.
pub(super) fn masked_note(names: &[String], language: Language) -> Option<String> {
    const NAMED: usize = 4;
    if names.is_empty() {
        return None;
    }
    let text = either(
        language,
        "Values of 0 or less have no place on a logarithmic axis and are left out: ",
        "Los valores nulos o negativos no caben en un eje logarítmico y se omiten: ",
    );
    if names.len() <= NAMED {
        return Some(format!("{text}{}.", names.join("; ")));
    }
    let more = names.len() - NAMED + 1;
    let more = match language {
        Language::English => format!("{more} more"),
        Language::Spanish => format!("{more} más"),
    };
    Some(format!("{text}{}; {more}.", names[..NAMED - 1].join("; ")))
}
