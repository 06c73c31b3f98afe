//! SVG → PNG, in the light theme, with the embedded font.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb},
};

use super::{FigureError, theme};

/// The embedded font, read once.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(theme::FONT.to_vec());
    fonts.set_sans_serif_family(theme::FONT_FAMILY);
    Arc::new(fonts)
});

/// A figure as PNG, `width` pixels wide.
///
/// # Errors
/// A width of 0 or of more pixels than fit into memory; an SVG that is not one of this module's.
pub fn to_png(svg: &str, width: u32) -> Result<Vec<u8>, FigureError> {
    let options =
        Options { fontdb: Arc::clone(&FONTS), font_family: theme::FONT_FAMILY.to_owned(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|error| FigureError::Read(error.to_string()))?;
    let scale = width as f32 / tree.size().width();
    let height = (tree.size().height() * scale).round() as u32;
    // 16384 × 16384 pixels are a gigabyte.
    let mut pixels = if width <= 16_384 && height <= 16_384 { Pixmap::new(width, height) } else { None }
        .ok_or(FigureError::Size(width))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| FigureError::Encode(error.to_string()))
}
