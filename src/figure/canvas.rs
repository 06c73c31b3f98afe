//! What a figure is drawn on: a list of lines, areas, discs and texts, painted by plotters at the end.
//!
//! Coordinates are user units of the finished SVG, y downwards. plotters' SVG backend knows whole pixels only, so it paints
//! [`SCALE`] times larger, and [`super::svg`] brings its numbers back.

use plotters::prelude::*;

use super::{
    FigureError, svg,
    theme::{self, Colour, Marker},
};

/// plotters' pixels per user unit.
pub(super) const SCALE: f64 = 10.0;

pub(super) type Place = (f64, f64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The stroke of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pen {
    pub colour: Colour,
    pub width: f64,
    /// `stroke-dasharray`, empty for a solid line.
    pub dash: &'static str,
}

impl Pen {
    pub fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dash: "" }
    }
}

/// A rectangle that text or a marker occupies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Occupied {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Occupied {
    pub fn around((x, y): Place, half_width: f64, half_height: f64) -> Self {
        Self { left: x - half_width, right: x + half_width, top: y - half_height, bottom: y + half_height }
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// Whether the straight line between two places passes through it (Liang & Barsky's clipping).
    pub fn is_crossed_by(self, (x0, y0): Place, (x1, y1): Place) -> bool {
        let (dx, dy) = (x1 - x0, y1 - y0);
        let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
        for (slope, room) in
            [(-dx, x0 - self.left), (dx, self.right - x0), (-dy, y0 - self.top), (dy, self.bottom - y0)]
        {
            if slope == 0.0 {
                if room < 0.0 {
                    return false;
                }
            } else if slope < 0.0 {
                enter = enter.max(room / slope);
            } else {
                leave = leave.min(room / slope);
            }
        }
        enter <= leave
    }
}

#[derive(Debug)]
enum Shape {
    Line { places: Vec<Place>, pen: Pen },
    Area { corners: Vec<Place>, colour: Colour, opacity: f64 },
    Disc { centre: Place, radius: f64, colour: Colour },
    Text { text: String, at: Place, anchor: Anchor, size: f64, colour: Colour, halo: bool },
}

#[derive(Debug, Default)]
pub(super) struct Canvas {
    shapes: Vec<Shape>,
}

impl Canvas {
    pub fn line(&mut self, places: Vec<Place>, pen: Pen) {
        if places.len() > 1 {
            self.shapes.push(Shape::Line { places, pen });
        }
    }

    /// A filled polygon.
    pub fn area(&mut self, corners: Vec<Place>, colour: Colour, opacity: f64) {
        self.shapes.push(Shape::Area { corners, colour, opacity });
    }

    /// A marker with a rim in the colour of the page, so that it stands out from the lines and markers below it.
    pub fn marker(&mut self, at: Place, marker: Marker, colour: Colour) {
        let half_width = theme::MARKER;
        let mut layer = |half_width: f64, colour: Colour| match marker.shape.corners(half_width) {
            corners if corners.is_empty() => {
                self.shapes.push(Shape::Disc { centre: at, radius: half_width * 1.1, colour });
            }
            corners => {
                let corners = corners.into_iter().map(|(dx, dy)| (at.0 + dx, at.1 + dy)).collect();
                self.shapes.push(Shape::Area { corners, colour, opacity: 1.0 });
            }
        };
        layer(half_width + 1.6, theme::BACKGROUND);
        layer(half_width, colour);
        if !marker.filled {
            layer(half_width * 0.5, theme::BACKGROUND);
        }
    }

    /// One line of text; `at` is where its baseline begins, has its middle, or ends.
    pub fn text(&mut self, text: &str, at: Place, anchor: Anchor, size: f64, colour: Colour) {
        self.push_text(text, at, anchor, size, colour, false);
    }

    /// Text among lines, with a rim in the colour of the page.
    pub fn text_on_lines(&mut self, text: &str, at: Place, anchor: Anchor, size: f64, colour: Colour) {
        self.push_text(text, at, anchor, size, colour, true);
    }

    fn push_text(&mut self, text: &str, at: Place, anchor: Anchor, size: f64, colour: Colour, halo: bool) {
        let text: String = text.chars().filter(|&letter| svg::writable(letter)).collect();
        if !text.trim().is_empty() {
            self.shapes.push(Shape::Text { text, at, anchor, size, colour, halo });
        }
    }

    /// What plotters paints, made an SVG for a page.
    pub fn paint(self, height: f64, page: &svg::Page) -> Result<String, FigureError> {
        let failed = |reason: &dyn std::fmt::Display| FigureError::Draw(reason.to_string());
        let mut painted = String::new();
        {
            let size = ((theme::WIDTH * SCALE) as u32, (height * SCALE) as u32);
            let area = SVGBackend::with_string(&mut painted, size).into_drawing_area();
            area.fill(&rgb(theme::BACKGROUND)).map_err(|error| failed(&error))?;
            for shape in &self.shapes {
                shape.paint(&area).map_err(|error| failed(&error))?;
            }
            area.present().map_err(|error| failed(&error))?;
        }
        // plotters writes one tag for the background and one for each shape.
        let mut additions = vec![svg::Additions::new()];
        additions.extend(self.shapes.iter().map(Shape::additions));
        svg::finish(&painted, &additions, (theme::WIDTH, height), page)
    }
}

fn rgb(colour: Colour) -> RGBColor {
    let (r, g, b) = colour.rgb();
    RGBColor(r, g, b)
}

fn scaled((x, y): Place) -> (i32, i32) {
    ((x * SCALE).round() as i32, (y * SCALE).round() as i32)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type PaintError = DrawingAreaErrorKind<std::io::Error>;

impl Shape {
    /// Exactly one tag.
    fn paint(&self, area: &Area<'_>) -> Result<(), PaintError> {
        match self {
            Self::Line { places, pen } => {
                let places: Vec<_> = places.iter().copied().map(scaled).collect();
                area.draw(&PathElement::new(places, rgb(pen.colour).stroke_width((pen.width * SCALE) as u32)))
            }
            Self::Area { corners, colour, opacity } => {
                let corners: Vec<_> = corners.iter().copied().map(scaled).collect();
                area.draw(&Polygon::new(corners, rgb(*colour).mix(*opacity)))
            }
            Self::Disc { centre, radius, colour } => {
                area.draw(&Circle::new(scaled(*centre), (radius * SCALE) as i32, rgb(*colour).filled()))
            }
            Self::Text { text, at, size, colour, .. } => {
                // plotters divides by 1.24 what it writes as the size.
                let style = theme::font(size * SCALE * 1.24).color(&rgb(*colour));
                area.draw(&Text::new(text.as_str(), scaled(*at), style))
            }
        }
    }

    /// What plotters' SVG backend cannot say.
    fn additions(&self) -> svg::Additions {
        match self {
            Self::Line { pen, .. } => {
                let mut additions = vec![("stroke-linejoin", "round")];
                if !pen.dash.is_empty() {
                    additions.push(("stroke-dasharray", pen.dash));
                }
                additions
            }
            Self::Area { .. } | Self::Disc { .. } => Vec::new(),
            Self::Text { anchor, halo, .. } => {
                let mut additions = match anchor {
                    Anchor::Start => Vec::new(),
                    Anchor::Middle => vec![("text-anchor", "middle")],
                    Anchor::End => vec![("text-anchor", "end")],
                };
                if *halo {
                    additions.extend([
                        ("paint-order", "stroke"),
                        ("stroke", "#FFFFFF"),
                        ("stroke-width", "4"),
                        ("stroke-linejoin", "round"),
                    ]);
                }
                additions
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_seen_to_cross_a_box() {
        let occupied = Occupied::around((0.0, 0.0), 2.0, 1.0);
        assert!(occupied.is_crossed_by((-5.0, 0.0), (5.0, 0.0)));
        assert!(occupied.is_crossed_by((-5.0, -5.0), (5.0, 5.0)));
        assert!(occupied.is_crossed_by((0.5, 0.5), (0.6, 0.5)));
        assert!(!occupied.is_crossed_by((-5.0, 2.0), (5.0, 2.0)));
        assert!(!occupied.is_crossed_by((3.0, -5.0), (5.0, 5.0)));
        assert!(!occupied.is_crossed_by((-5.0, 0.0), (-3.0, 0.0)));
    }
}
