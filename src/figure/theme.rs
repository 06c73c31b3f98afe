//! Every colour, marker, dash and letter of the figures.
//!
//! The series colours are those of Okabe & Ito (2008), told apart by people with any of the common colour-vision
//! deficiencies. Their yellow is left out: on white it cannot be read. One colour belongs to one kind of method, in every
//! figure; instances of the same kind differ by marker and dash.

use std::sync::Once;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use serde::{
    Deserialize,
    de::value::{Error, StrDeserializer},
};

use crate::method::words;

/// Width of every figure, in user units (pixels at full size).
pub(super) const WIDTH: f64 = 640.0;
/// Space between the edge of the figure and anything in it.
pub(super) const MARGIN: f64 = 10.0;
/// Ticks, labels, axis titles and notes: 9 px on a telephone 360 px wide.
pub(super) const TEXT: f64 = 16.0;
pub(super) const TITLE: f64 = 19.0;
/// Distance of baselines, in letter sizes.
pub(super) const LINE_HEIGHT: f64 = 1.2;
/// Half the width of a marker.
pub(super) const MARKER: f64 = 5.0;

/// A colour on a light page and on a dark one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    pub light: u32,
    pub dark: u32,
}

impl Colour {
    const fn new(light: u32, dark: u32) -> Self {
        Self { light, dark }
    }

    pub fn rgb(self) -> (u8, u8, u8) {
        let [_, r, g, b] = self.light.to_be_bytes();
        (r, g, b)
    }
}

pub(super) const BACKGROUND: Colour = Colour::new(0xFFFFFF, 0x0D1117);
pub(super) const INK: Colour = Colour::new(0x1F2328, 0xE6EDF3);
pub(super) const MUTED: Colour = Colour::new(0x59636E, 0x9DA7B3);
pub(super) const GRID: Colour = Colour::new(0xDDE1E6, 0x2B323B);
/// The optimum: what every method is measured against, so no method's colour.
pub(super) const NEUTRAL: Colour = Colour::new(0xA3ABB5, 0x6E7986);

const BLACK: Colour = Colour::new(0x000000, 0xFDFDFD);
const ORANGE: Colour = Colour::new(0xE69F00, 0xE69F01);
const SKY_BLUE: Colour = Colour::new(0x56B4E9, 0x56B4EA);
const GREEN: Colour = Colour::new(0x009E73, 0x19B88B);
pub(super) const BLUE: Colour = Colour::new(0x0072B2, 0x3A96DD);
pub(super) const VERMILLION: Colour = Colour::new(0xD55E00, 0xF0742B);
const PURPLE: Colour = Colour::new(0xCC79A7, 0xD98CB7);

/// All of them, for the style sheet that turns a light figure dark.
pub(super) const COLOURS: [Colour; 12] =
    [BACKGROUND, INK, MUTED, GRID, NEUTRAL, BLACK, ORANGE, SKY_BLUE, GREEN, BLUE, VERMILLION, PURPLE];

/// The outline of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
    TriangleDown,
    Plus,
    Star,
    Pentagon,
}

impl Shape {
    const ALL: [Self; 8] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Diamond,
        Self::TriangleDown,
        Self::Plus,
        Self::Star,
        Self::Pentagon,
    ];

    /// Corners around (0, 0), of about equal area for every shape; empty for the circle.
    pub fn corners(self, half_width: f64) -> Vec<(f64, f64)> {
        let ring = |corners: u32, radius: f64, turn: f64| -> Vec<(f64, f64)> {
            (0..corners)
                .map(|corner| {
                    let angle = std::f64::consts::TAU * (f64::from(corner) / f64::from(corners) + turn);
                    (radius * half_width * angle.sin(), -radius * half_width * angle.cos())
                })
                .collect()
        };
        match self {
            Self::Circle => Vec::new(),
            Self::Square => ring(4, 1.3, 0.125),
            Self::Triangle => ring(3, 1.4, 0.0),
            Self::Diamond => ring(4, 1.35, 0.0),
            Self::TriangleDown => ring(3, 1.4, 0.5),
            Self::Pentagon => ring(5, 1.2, 0.0),
            Self::Star => {
                let (outer, inner) = (ring(5, 1.5, 0.0), ring(5, 0.68, 0.1));
                outer.into_iter().zip(inner).flat_map(|(tip, notch)| [tip, notch]).collect()
            }
            Self::Plus => {
                let (long, short) = (1.3 * half_width, 0.45 * half_width);
                vec![
                    (-short, -long),
                    (short, -long),
                    (short, -short),
                    (long, -short),
                    (long, short),
                    (short, short),
                    (short, long),
                    (-short, long),
                    (-short, short),
                    (-long, short),
                    (-long, -short),
                    (-short, -short),
                ]
            }
        }
    }
}

/// A marker: its outline, and whether it is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marker {
    pub shape: Shape,
    pub filled: bool,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub colour: Colour,
    pub width: f64,
    /// `stroke-dasharray`, empty for a solid line.
    pub dash: &'static str,
    pub marker: Option<Marker>,
}

/// The Eckart–Young optimum.
pub(super) const OPTIMUM: Look = Look { colour: NEUTRAL, width: 8.0, dash: "", marker: None };

/// A value that something crosses: as fast as the matrix, as large.
pub(super) const LIMIT: Look = Look { colour: NEUTRAL, width: 3.0, dash: "", marker: None };

/// A bound from theory on the error of the method that looks like `method`.
pub(super) fn bound_look(method: Look) -> Look {
    Look { width: 1.6, dash: "1.6 4", marker: None, ..method }
}

/// The n-th of several series that are no kind of method.
pub(super) fn series_look(nth: usize) -> Look {
    const SERIES: [(Colour, Shape); 7] = [
        (BLUE, Shape::Circle),
        (VERMILLION, Shape::Square),
        (GREEN, Shape::Triangle),
        (ORANGE, Shape::TriangleDown),
        (PURPLE, Shape::Diamond),
        (SKY_BLUE, Shape::Plus),
        (BLACK, Shape::Star),
    ];
    look(SERIES[nth % SERIES.len()], nth / SERIES.len())
}

/// A level that series are held against.
pub(super) const LEVEL: Look = Look { colour: GREEN, width: 2.0, dash: "9 4", marker: None };

/// The first and the second of two places that are marked by vertical lines.
pub(super) const MARKS: [Look; 2] = [
    Look { colour: NEUTRAL, width: 6.0, dash: "", marker: None },
    Look { colour: INK, width: 1.6, dash: "3 3", marker: None },
];

/// What the `ordinal`-th instance of a kind of method looks like.
pub(super) fn method_look(kind: &str, ordinal: usize) -> Look {
    look(kind_style(kind), ordinal)
}

fn look((colour, shape): (Colour, Shape), ordinal: usize) -> Look {
    const DASHES: [&str; 5] = ["", "9 4", "3 3", "12 3 3 3", "6 2 2 2 2 2"];
    // Filled, hollow, then the next outline: instances of one kind share a family likeness.
    let shape = Shape::ALL[(shape as usize + ordinal / 2) % Shape::ALL.len()];
    let marker = Marker { shape, filled: ordinal.is_multiple_of(2) };
    Look { colour, width: 2.5, dash: DASHES[ordinal % DASHES.len()], marker: Some(marker) }
}

/// The colour and first marker of a kind of method. A kind that has no entry gets those its name hashes to, so that it too
/// keeps them in every figure.
pub(super) fn kind_style(kind: &str) -> (Colour, Shape) {
    const COLOURS: [(&str, Colour); 7] = [
        ("blue", BLUE),
        ("vermillion", VERMILLION),
        ("green", GREEN),
        ("purple", PURPLE),
        ("orange", ORANGE),
        ("sky_blue", SKY_BLUE),
        ("black", BLACK),
    ];
    let known = words::of(kind).and_then(|words| {
        let colour = COLOURS.iter().find(|(name, _)| *name == words.colour)?.1;
        let marker = StrDeserializer::<Error>::new(&words.marker);
        Some((colour, Shape::deserialize(marker).ok()?))
    });
    known.unwrap_or_else(|| {
        // FNV-1a: stable across versions and machines, unlike the standard library's hasher.
        let hash = kind
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        (COLOURS[(hash % 7) as usize].1, Shape::Pentagon)
    })
}

/// The family written into the SVG: DejaVu Sans where it is installed, Verdana (which has almost its widths) elsewhere.
pub(super) const FONT_STACK: &str = "DejaVu Sans, Verdana, sans-serif";
pub(super) const FONT_FAMILY: &str = "DejaVu Sans";
/// Letters, figures, superscripts, Greek and mathematical signs of DejaVu Sans; see `assets/fonts/README.md`.
pub(super) const FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf");

/// Makes the embedded font known to plotters; without it plotters refuses to measure or draw text.
pub(super) fn font(size: f64) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // Fails only if the embedded bytes are no font, which a test excludes; text widths then fall back to a guess.
        let _ = register_font(FONT_FAMILY, FontStyle::Normal, FONT);
    });
    FontDesc::new(FontFamily::Name(FONT_FAMILY), size, FontStyle::Normal)
}

/// Width of a line of text set in the embedded font at `size` pixels per em.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    // plotters takes a size to be the height of the font's line box: 2384 of its 2048 units per em.
    const UNITS_PER_EM: f64 = 2048.0;
    const LINE_BOX: f64 = 2384.0;
    let units = match font(LINE_BOX).box_size(text) {
        Ok((width, _)) => f64::from(width),
        Err(_) => 0.65 * UNITS_PER_EM * text.chars().count() as f64,
    };
    // A letter the font lacks is drawn by another font of the reader's, up to one em wide.
    let foreign = text.chars().filter(|&letter| letter > '\u{2C7C}').count() as f64;
    (units / UNITS_PER_EM + foreign) * size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: u32) -> f64 {
        let [_, r, g, b] = colour.to_be_bytes();
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    /// WCAG 2: 3:1 for lines, 4.5:1 for text.
    #[test]
    fn every_series_stands_out_on_a_dark_page_and_text_on_both() {
        for colour in [NEUTRAL, BLACK, ORANGE, SKY_BLUE, GREEN, BLUE, VERMILLION, PURPLE] {
            assert!(contrast(colour.dark, BACKGROUND.dark) >= 3.0, "{:06X}", colour.dark);
        }
        for ink in [INK, MUTED] {
            assert!(contrast(ink.light, BACKGROUND.light) >= 4.5);
            assert!(contrast(ink.dark, BACKGROUND.dark) >= 4.5);
        }
    }

    /// The style sheet finds what to recolour by the light colour, so no two may share one.
    #[test]
    fn no_two_roles_share_a_colour() {
        for (i, a) in COLOURS.iter().enumerate() {
            for b in &COLOURS[i + 1..] {
                assert_ne!(a.light, b.light);
            }
        }
    }

    #[test]
    fn every_registered_method_has_a_colour_and_a_marker() {
        let looks: Vec<(u32, Shape)> = crate::method::MethodSpec::KINDS
            .iter()
            .map(|kind| {
                let words = words::of(kind).unwrap();
                let (colour, shape) = kind_style(kind);
                let written = (words.colour.as_str(), words.marker.as_str());
                assert!(written.1 == "pentagon" || shape != Shape::Pentagon, "{kind}: {written:?} is none");
                (colour.light, shape)
            })
            .collect();
        for (i, look) in looks.iter().enumerate() {
            assert!(!looks[i + 1..].contains(look), "two methods look the same: {look:?}");
        }
    }

    #[test]
    fn ten_instances_of_a_kind_look_different() {
        for kind in ["randomized_svd", "performer"] {
            let looks: Vec<Look> = (0..10).map(|ordinal| method_look(kind, ordinal)).collect();
            for (i, a) in looks.iter().enumerate() {
                assert_eq!(a.colour, looks[0].colour);
                assert!(looks[i + 1..].iter().all(|b| a != b), "{kind} {i}");
            }
        }
    }

    /// Advance widths from the font's own hmtx table.
    #[test]
    fn widths_are_those_of_the_font() {
        assert!((text_width("i", 2048.0) - 569.0).abs() < 1.0);
        assert!((text_width("m", 2048.0) - 1995.0).abs() < 1.0);
        assert!((text_width("0⁻³", 2048.0) - (1303.0 + 1082.0 + 821.0)).abs() < 2.0);
    }
}
