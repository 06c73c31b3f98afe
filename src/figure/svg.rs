//! plotters' SVG, made fit for a page: a title and a description for those who cannot see it, a style sheet for dark pages,
//! dashes, baselines, and numbers at the scale of the view box.

use std::fmt::Write as _;

use super::{FigureError, canvas::SCALE, theme};

/// Attributes to add to one tag.
pub(super) type Additions = Vec<(&'static str, &'static str)>;

/// What the SVG says about itself.
pub(super) struct Page {
    /// Unique among the figures of a report.
    pub id: String,
    pub title: String,
    pub description: String,
    pub language: &'static str,
}

/// Rewrites what plotters' SVG backend wrote, tag by tag. `additions` has one entry for each tag inside `<svg>`.
pub(super) fn finish(
    painted: &str,
    additions: &[Additions],
    (width, height): (f64, f64),
    page: &Page,
) -> Result<String, FigureError> {
    let (title_id, description_id) = (format!("{}-title", page.id), format!("{}-desc", page.id));
    let (width, height) = (number(width), number(height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         style=\"max-width:100%;height:auto\" class=\"factoreo\" role=\"img\" lang=\"{}\" \
         aria-labelledby=\"{title_id} {description_id}\" font-family=\"{}\">\n\
         <title id=\"{title_id}\">{}</title>\n<desc id=\"{description_id}\">{}</desc>\n<style>{}</style>\n",
        page.language,
        theme::FONT_STACK,
        escape(&page.title),
        escape(&page.description),
        dark_style(),
    );
    let mut written = 0;
    // One tag to a line; the content of a <text> is a line of its own.
    for line in painted.lines() {
        if line.starts_with("<svg") || line == "</svg>" {
        } else if line == "</text>" {
            svg.push_str("</text>\n");
        } else if let Some(tag) = line.strip_prefix('<') {
            let Some(additions) = additions.get(written) else { return Err(FigureError::Painted) };
            rewrite(&mut svg, tag, additions);
            written += 1;
        } else {
            svg.push_str(line);
        }
    }
    if written != additions.len() {
        return Err(FigureError::Painted);
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// One start tag, without its `<`.
fn rewrite(svg: &mut String, tag: &str, additions: &Additions) {
    let (tag, closing) = match tag.strip_suffix("/>") {
        Some(tag) => (tag, "/>\n"),
        None => (tag.trim_end_matches('>'), ">"),
    };
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let _ = write!(svg, "<{name}");
    while let Some((attribute, after)) = rest.split_once("=\"") {
        let (value, after) = after.split_once('"').unwrap_or((after, ""));
        rest = after;
        let attribute = attribute.trim();
        let value = match (attribute, value) {
            // Said once at the root, or the default, or replaced by what `additions` says of the baseline.
            ("opacity", "1") | ("stroke", "none") | ("font-family" | "dy" | "text-anchor", _) => continue,
            ("stroke-width", _) if !tag.contains("stroke=\"#") => continue,
            ("x" | "y" | "width" | "height" | "cx" | "cy" | "r" | "stroke-width" | "font-size", value) => {
                value.parse().map_or_else(|_| value.to_owned(), |value: f64| number(value / SCALE))
            }
            ("points", value) => points(value),
            (_, value) => value.to_owned(),
        };
        let _ = write!(svg, " {attribute}=\"{value}\"");
    }
    for (attribute, value) in additions {
        let _ = write!(svg, " {attribute}=\"{value}\"");
    }
    svg.push_str(closing);
}

fn points(value: &str) -> String {
    let scaled = value.split_whitespace().map(|pair| {
        let coordinates = pair.split(',').map(|coordinate| coordinate.parse::<f64>().unwrap_or(0.0) / SCALE);
        coordinates.map(number).collect::<Vec<_>>().join(",")
    });
    scaled.collect::<Vec<_>>().join(" ")
}

/// One decimal, if it is not 0.
fn number(value: f64) -> String {
    let written = format!("{value:.1}");
    written.strip_suffix(".0").map_or(written.clone(), str::to_owned)
}

/// On dark pages every colour gives way to its dark counterpart. Scoped by class, since an SVG may be part of an HTML page.
fn dark_style() -> String {
    let mut style = String::from("@media (prefers-color-scheme:dark){");
    for colour in theme::COLOURS {
        for property in ["fill", "stroke"] {
            let _ =
                write!(style, ".factoreo [{property}=\"#{:06X}\"]{{{property}:#{:06X}}}", colour.light, colour.dark);
        }
    }
    style.push('}');
    style
}

/// Whether XML has a way to write it.
pub(super) fn writable(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{FFFE}' | '\u{FFFF}')
}

/// Text for the inside of an element, whatever a spec's author wrote.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            letter if writable(letter) => escaped.push(letter),
            _ => escaped.push(' '),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page {
            id: "a".to_owned(),
            title: "</title><script>alert(1)</script>".to_owned(),
            description: "x & y".to_owned(),
            language: "en",
        }
    }

    #[test]
    fn tags_are_scaled_and_completed() {
        let painted = "<svg width=\"100\" height=\"50\" viewBox=\"0 0 100 50\" xmlns=\"http://www.w3.org/2000/svg\">\n\
            <polyline fill=\"none\" opacity=\"1\" stroke=\"#0072B2\" stroke-width=\"25\" points=\"10,20 33,-5 \"/>\n\
            <text x=\"105\" y=\"20\" dy=\"0.76em\" text-anchor=\"start\" font-family=\"DejaVu Sans\" \
            font-size=\"160.00000000000003\" opacity=\"1\" fill=\"#1F2328\">\na &lt; b\n</text>\n</svg>\n";
        let additions = [vec![("stroke-dasharray", "3 3")], vec![("text-anchor", "end")]];
        let svg = finish(painted, &additions, (10.0, 5.0), &page()).unwrap();
        let body: Vec<&str> = svg.lines().skip(4).collect();
        assert_eq!(
            body,
            [
                "<polyline fill=\"none\" stroke=\"#0072B2\" stroke-width=\"2.5\" points=\"1,2 3.3,-0.5\" stroke-dasharray=\"3 3\"/>",
                "<text x=\"10.5\" y=\"2\" font-size=\"16\" fill=\"#1F2328\" text-anchor=\"end\">a &lt; b</text>",
                "</svg>",
            ]
        );
        assert!(svg.contains("<title id=\"a-title\">&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;</title>"));
    }

    #[test]
    fn a_tag_too_many_is_noticed() {
        let painted = "<svg>\n<rect x=\"1\"/>\n<rect x=\"1\"/>\n</svg>";
        assert!(finish(painted, &[vec![]], (1.0, 1.0), &page()).is_err());
        assert!(finish(painted, &[vec![], vec![], vec![]], (1.0, 1.0), &page()).is_err());
    }
}
