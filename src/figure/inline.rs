//! A finished figure as a part of a page that holds many: its ids made the page's, what the page says once left out.

use std::fmt::Write as _;

use super::theme;

/// The SVG of a figure for a page: ids begin with `prefix`, which must be unique there and need no escaping; dark pages, size
/// and the most common attributes are left to [`page_style`].
#[must_use]
pub fn for_page(svg: &str, prefix: &str) -> String {
    let mut page = String::with_capacity(svg.len());
    let mut rest = svg;
    if let Some((head, after)) = rest.split_once("<style>")
        && let Some((_, after)) = after.split_once("</style>\n")
    {
        page.push_str(&renamed(head, prefix));
        rest = after;
    }
    // Text holds no `"`: only attributes are met.
    let common = [" stroke-linejoin=\"round\"", " font-size=\"16\"", " fill=\"none\""];
    page + &common.iter().fold(rest.to_owned(), |svg, attribute| svg.replace(attribute, ""))
}

/// The start tag, the title and the description with other ids; the page sizes the figure and chooses its font.
fn renamed(head: &str, prefix: &str) -> String {
    let mut written = String::new();
    for (place, line) in head.lines().enumerate() {
        if place == 0 {
            let view_box = attribute(line, "viewBox").unwrap_or_default();
            let width = attribute(line, "width").unwrap_or_default();
            let language = attribute(line, "lang").unwrap_or_default();
            let _ = writeln!(
                written,
                "<svg viewBox=\"{view_box}\" width=\"{width}\" class=\"factoreo\" role=\"img\" lang=\"{language}\" \
                 aria-labelledby=\"{prefix}-title {prefix}-desc\">"
            );
        } else if let Some((_, text)) = line.strip_prefix("<title").and_then(|line| line.split_once('>')) {
            let _ = writeln!(written, "<title id=\"{prefix}-title\">{text}");
        } else if let Some((_, text)) = line.strip_prefix("<desc").and_then(|line| line.split_once('>')) {
            let _ = writeln!(written, "<desc id=\"{prefix}-desc\">{text}");
        }
    }
    written
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split_once('"').map(|(value, _)| value)
}

/// The style sheet of such figures, once for a page: what [`for_page`] left out, and each colour by a custom property
/// `--figure-N`, so that the page decides when it is dark.
#[must_use]
pub fn page_style() -> String {
    let mut style = format!(
        ".factoreo{{font-family:{};font-size:16px;stroke-linejoin:round;max-width:100%;height:auto}}\
         .factoreo :is(polyline,polygon,circle,rect):not([fill]){{fill:none}}",
        theme::FONT_STACK
    );
    for (place, colour) in theme::COLOURS.into_iter().enumerate() {
        for property in ["fill", "stroke"] {
            let _ =
                write!(style, ".factoreo [{property}=\"#{:06X}\"]{{{property}:var(--figure-{place})}}", colour.light);
        }
    }
    style
}

/// The declarations of the custom properties on a light page and on a dark one.
#[must_use]
pub fn page_colours() -> (String, String) {
    let declare = |shade: fn(theme::Colour) -> u32| {
        let one = |(place, colour): (usize, theme::Colour)| format!("--figure-{place}:#{:06X};", shade(colour));
        theme::COLOURS.into_iter().enumerate().map(one).collect::<String>()
    };
    (declare(|colour| colour.light), declare(|colour| colour.dark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_gets_the_ids_of_the_page_and_keeps_its_words() {
        let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 588\" width=\"640\" height=\"588\" \
                   style=\"max-width:100%\" class=\"factoreo\" role=\"img\" lang=\"es\" aria-labelledby=\"a-title a-desc\">\n\
                   <title id=\"a-title\">T &lt;b&gt;</title>\n<desc id=\"a-desc\">D</desc>\n<style>@media{}</style>\n\
                   <text x=\"1\" font-size=\"16\" fill=\"#1F2328\">t</text>\n<text font-size=\"19\">u</text>\n\
                   <polyline fill=\"none\" stroke=\"#DDE1E6\" points=\"1,2\" stroke-linejoin=\"round\"/>\n</svg>\n";
        assert_eq!(
            for_page(svg, "es-figure-3"),
            "<svg viewBox=\"0 0 640 588\" width=\"640\" class=\"factoreo\" role=\"img\" lang=\"es\" \
             aria-labelledby=\"es-figure-3-title es-figure-3-desc\">\n<title id=\"es-figure-3-title\">T &lt;b&gt;</title>\n\
             <desc id=\"es-figure-3-desc\">D</desc>\n<text x=\"1\" fill=\"#1F2328\">t</text>\n<text font-size=\"19\">u</text>\n\
             <polyline stroke=\"#DDE1E6\" points=\"1,2\"/>\n</svg>\n"
        );
    }
}
