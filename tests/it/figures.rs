//! Promise: every figure can be read. No text on another or over the edge, nothing drawn that is not a number, the same bytes
//! every time, whatever the tables hold.

mod studies;
mod synthetic;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use factoreo::{
    figure::{self, Figure, FigureKind},
    language::Language,
    method::MethodSpec,
    table::Results,
};
use resvg::usvg::{self, fontdb};

/// Every synthetic table with its name.
fn tables() -> Vec<(&'static str, Results)> {
    let mut tables = vec![("sweep", synthetic::sweep()), ("studies", studies::studies())];
    tables.extend(synthetic::edge_cases());
    tables
}

fn each_figure(mut check: impl FnMut(&str, Language, &Figure)) {
    for (name, results) in tables() {
        for language in Language::ALL {
            for figure in figure::draw_all(&results, language).unwrap() {
                check(&format!("{name}/{}.{}", figure.id, language.code()), language, &figure);
            }
        }
    }
}

fn layout(svg: &str) -> usvg::Tree {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../assets/fonts/DejaVuSans-subset.ttf").to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    usvg::Tree::from_str(svg, &usvg::Options { fontdb: Arc::new(fonts), ..usvg::Options::default() }).unwrap()
}

/// Width and height of the view box.
fn size(svg: &str) -> (f64, f64) {
    let numbers = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split('"').next().unwrap();
    let (width, height) = numbers.split_once(' ').unwrap();
    (width.parse().unwrap(), height.parse().unwrap())
}

/// The texts of a figure and the boxes in which an SVG renderer, not our own measuring, sets them.
fn texts(tree: &usvg::Tree) -> Vec<(String, usvg::Rect)> {
    fn collect(group: &usvg::Group, into: &mut Vec<(String, usvg::Rect)>) {
        for node in group.children() {
            match node {
                usvg::Node::Group(group) => collect(group, into),
                usvg::Node::Text(text) => {
                    let written: String = text.chunks().iter().map(|chunk| chunk.text()).collect();
                    into.push((written, text.abs_bounding_box()));
                }
                _ => {}
            }
        }
    }
    let mut into = Vec::new();
    collect(tree.root(), &mut into);
    into
}

fn assert_that_every_text_can_be_read(name: &str, svg: &str) {
    let tree = layout(svg);
    let texts = texts(&tree);
    assert!(texts.len() > 4, "{name}");
    for (i, (text, place)) in texts.iter().enumerate() {
        let inside = place.left() >= 0.0
            && place.top() >= 0.0
            && place.right() <= tree.size().width()
            && place.bottom() <= tree.size().height();
        assert!(inside, "{name}: «{text}» leaves the figure: {place:?} of {:?}", tree.size());
        for (other, another) in &texts[i + 1..] {
            // A letter's box is a line high; neighbouring lines may share the air above the letters.
            let air = 2.5;
            let overlap = place.left() < another.right()
                && another.left() < place.right()
                && place.top() + air < another.bottom()
                && another.top() + air < place.bottom();
            assert!(!overlap, "{name}: «{text}» {place:?} lies on «{other}» {another:?}");
        }
    }
}

#[test]
fn no_text_lies_on_another_or_leaves_the_figure() {
    each_figure(|name, _, figure| assert_that_every_text_can_be_read(name, &figure.svg));
}

/// The figures of real measurements are not as tidy as those of closed formulas.
#[test]
fn nor_does_it_in_the_figures_of_the_committed_results() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in std::fs::read_dir(root.join("results")).unwrap().map(|entry| entry.unwrap().path()) {
        // A journal alone is a run of this machine, of which nothing is committed.
        if folder.join("provenance.json").is_file() {
            let results = Results::read(&folder).unwrap();
            for language in Language::ALL {
                for figure in figure::draw_all(&results, language).unwrap() {
                    let name = format!("{}/{}.{}", results.name, figure.id, language.code());
                    assert_that_every_text_can_be_read(&name, &figure.svg);
                    seen += 1;
                }
            }
        }
    }
    assert!(seen >= 40, "{seen}");
}

#[test]
fn all_text_is_at_least_fifteen_pixels_of_six_hundred_and_forty() {
    each_figure(|name, _, figure| {
        assert!(figure.svg.contains("viewBox=\"0 0 640 "), "{name}");
        for size in figure.svg.split("font-size=\"").skip(1) {
            let size: f64 = size.split('"').next().unwrap().parse().unwrap();
            assert!(size >= 15.0, "{name}: {size}");
        }
    });
}

#[test]
fn nothing_is_drawn_that_is_no_number_or_off_the_canvas() {
    each_figure(|name, _, figure| {
        assert!(!figure.svg.contains("NaN") && !figure.svg.contains("inf"), "{name}");
        let (width, height) = size(&figure.svg);
        for points in figure.svg.split(" points=\"").skip(1) {
            for pair in points.split('"').next().unwrap().split(' ') {
                let (x, y) = pair.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!((0.0..=width).contains(&x), "{name}: {pair}");
                assert!((0.0..=height).contains(&y), "{name}: {pair}");
            }
        }
    });
}

#[test]
fn each_series_of_a_figure_has_a_label() {
    let figures = figure::draw_all(&synthetic::sweep(), Language::Spanish).unwrap();
    for figure in figures.iter().filter(|figure| figure.kind != FigureKind::SpectrumDecay) {
        let written: Vec<String> = texts(&layout(&figure.svg)).into_iter().map(|(text, _)| text).collect();
        let written = written.join(" ");
        for method in synthetic::ten_methods() {
            let name = figure::names::instance_name(method.kind, method.label, method.variant, Language::Spanish);
            assert!(written.contains(&name), "{}: {name} is not in {written}", figure.id);
        }
    }
}

#[test]
fn the_same_tables_give_the_same_bytes() {
    for language in Language::ALL {
        let draw = || figure::draw_all(&synthetic::sweep(), language).unwrap();
        assert_eq!(draw(), draw());
    }
}

/// The order of rows in a table is the order in which shards came in.
#[test]
fn the_order_of_rows_does_not_matter() {
    let results = synthetic::sweep();
    let mut reversed = results.clone();
    reversed.summary.reverse();
    reversed.spectra.reverse();
    let draw = |results: &Results| figure::draw_all(results, Language::English).unwrap();
    assert_eq!(draw(&results), draw(&reversed));
}

#[test]
fn a_sweep_of_attention_has_all_five_figures_and_a_spectrum_four() {
    let mut results = synthetic::sweep();
    let methods = synthetic::ten_methods();
    for precision in ["f32", "f64"] {
        let family = synthetic::Family {
            label: "power",
            precision,
            variants: 1,
            ranks: &synthetic::RANKS,
            methods: &methods,
            attention: false,
        };
        synthetic::add(&mut results, &family);
    }
    let figures = figure::draw_all(&results, Language::English).unwrap();
    let ids: Vec<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "spectrum_decay.minilm",
            "error_by_rank.minilm",
            "time_by_rank.minilm",
            "error_by_time.minilm",
            "stochasticity.minilm",
            "spectrum_decay.power",
            "error_by_rank.power",
            "time_by_rank.power",
            "error_by_time.power",
            "spectrum_decay.power.f32",
            "error_by_rank.power.f32",
            "time_by_rank.power.f32",
            "error_by_time.power.f32",
        ]
    );
}

/// A zero cannot be drawn on a logarithmic axis; that it is missing is said.
#[test]
fn what_is_left_out_is_said() {
    for (name, results) in synthetic::edge_cases() {
        let has_zeros =
            results.summary.iter().any(|row| row.median == 0.0 && row.quantity == "relative_frobenius_error");
        for figure in figure::draw_all(&results, Language::Spanish).unwrap() {
            if figure.kind == FigureKind::ErrorByRank {
                assert_eq!(has_zeros, figure.svg.contains("Los valores nulos o negativos"), "{name}");
            }
        }
    }
}

/// The same kind of method is the same colour everywhere, so that a reader who has seen one figure can read the next.
#[test]
fn a_kind_keeps_its_colour_in_every_figure() {
    let colour_of = |methods: &[synthetic::Method], kind: FigureKind| -> BTreeSet<String> {
        let mut results = synthetic::empty("colours");
        let family = synthetic::Family {
            label: "power",
            precision: "f64",
            variants: 1,
            ranks: &[8, 16],
            methods,
            attention: true,
        };
        synthetic::add(&mut results, &family);
        let figures = figure::draw_all(&results, Language::English).unwrap();
        let figure = figures.into_iter().find(|figure| figure.kind == kind).unwrap();
        let lines = figure.svg.lines().filter(|line| line.contains("stroke-width=\"2.5\""));
        lines.map(|line| line.split("stroke=\"").nth(1).unwrap()[..7].to_owned()).collect()
    };
    let methods = synthetic::ten_methods();
    for method in &methods {
        for kind in
            [FigureKind::ErrorByRank, FigureKind::TimeByRank, FigureKind::ErrorByTime, FigureKind::Stochasticity]
        {
            let alone = colour_of(&[*method], kind);
            assert_eq!(alone.len(), 1, "{}", method.label);
            assert!(alone.is_subset(&colour_of(&methods, FigureKind::TimeByRank)), "{}", method.label);
            assert_eq!(alone, colour_of(&[*method], FigureKind::TimeByRank), "{}", method.label);
        }
    }
}

/// What the author of a spec writes must not become markup, nor a path.
#[test]
fn a_label_is_text_and_nothing_else() {
    for (name, results) in synthetic::edge_cases() {
        for figure in figure::draw_all(&results, Language::English).unwrap() {
            assert!(!figure.svg.contains("<script"), "{name}");
            assert!(!figure.svg.contains('\u{1}'), "{name}");
            assert!(!figure.id.contains(['/', '\\', '<', ' ']), "{name}: {}", figure.id);
        }
    }
}

#[test]
fn labels_that_become_the_same_file_name_are_told_apart() {
    let mut results = synthetic::empty("same");
    let methods = synthetic::ten_methods();
    for label in ["a b", "a/b", "a_b"] {
        let family = synthetic::Family {
            label,
            precision: "f64",
            variants: 1,
            ranks: &[8],
            methods: &methods[..1],
            attention: false,
        };
        synthetic::add(&mut results, &family);
    }
    let figures = figure::draw_all(&results, Language::English).unwrap();
    let ids: BTreeSet<&str> = figures.iter().map(|figure| figure.id.as_str()).collect();
    assert_eq!(ids.len(), 12);
    assert!(ids.contains("error_by_rank.a_b~3"));
}

/// The elements a screen reader and a dark page need.
#[test]
fn a_figure_says_what_it_shows_and_turns_dark() {
    each_figure(|name, language, figure| {
        let svg = &figure.svg;
        let id = svg.split("<title id=\"").nth(1).unwrap().split('"').next().unwrap();
        let description = id.replace("-title", "-desc");
        assert!(svg.contains(&format!("aria-labelledby=\"{id} {description}\"")), "{name}");
        assert!(svg.contains(&format!("<desc id=\"{description}\">")), "{name}");
        assert!(svg.contains("role=\"img\"") && svg.contains(&format!("lang=\"{}\"", language.code())), "{name}");
        // Every colour used has its counterpart in the style sheet.
        let (_, style) = svg.split_once("<style>").unwrap();
        let (style, body) = style.split_once("</style>").unwrap();
        assert!(style.starts_with("@media (prefers-color-scheme:dark){"), "{name}");
        for property in ["fill", "stroke"] {
            for colour in body.split(&format!(" {property}=\"#")).skip(1) {
                let selector = format!("[{property}=\"#{}\"]", &colour[..6]);
                assert!(style.contains(&selector), "{name}: {selector}");
            }
        }
    });
}

#[test]
fn every_registered_method_has_a_name_in_both_languages() {
    for kind in MethodSpec::KINDS {
        for language in Language::ALL {
            assert!(figure::names::kind_name(kind, language).is_some(), "{kind}");
        }
    }
}

#[test]
fn a_png_is_the_light_figure_at_the_width_asked_for() {
    let figures = figure::draw_all(&synthetic::sweep(), Language::English).unwrap();
    let png = figure::to_png(&figures[1].svg, 960).unwrap();
    let pixels = resvg::tiny_skia::Pixmap::decode_png(&png).unwrap();
    assert_eq!(pixels.width(), 960);
    let corner = pixels.pixel(1, 1).unwrap();
    assert_eq!((corner.red(), corner.green(), corner.blue(), corner.alpha()), (255, 255, 255, 255));
    // The title is there: ink in the first lines.
    let ink = (0..60 * 960).filter(|&at| pixels.pixels()[at].red() < 100).count();
    assert!(ink > 500, "{ink} dark pixels");
    assert!(figure::to_png(&figures[1].svg, 0).is_err());
    assert!(figure::to_png("<svg", 100).is_err());
}

/// For looking at: `cargo test --test it -- --ignored gallery` writes every synthetic figure under the target folder.
#[test]
#[ignore = "writes files for looking at"]
fn gallery() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gallery");
    std::fs::create_dir_all(&folder).unwrap();
    each_figure(|name, _, figure| {
        let file = folder.join(name.replace('/', "."));
        std::fs::write(file.with_added_extension("svg"), &figure.svg).unwrap();
        if name.starts_with("sweep") {
            std::fs::write(file.with_added_extension("png"), figure::to_png(&figure.svg, 960).unwrap()).unwrap();
        }
    });
}
