//! What Typst may see: one text, the figures, the fonts of this program. No disk, no network, no clock.

use std::collections::{BTreeMap, HashMap};

use typst::{
    Library, LibraryExt, World, WorldExt,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Duration, Smart},
    syntax::{DiagSpan, FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::{figure, report::ReportError};

/// Files by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Letters shown on either side of what Typst refuses.
const CONTEXT: usize = 60;

/// A text set in pages, as PDF. The same text gives the same bytes: no date is written, and the identity is the name.
pub fn pdf(source: String, files: Files, identity: &str) -> Result<Vec<u8>, ReportError> {
    let world =
        Sealed::new(source, files).ok_or_else(|| ReportError::Pdf("a figure has an impossible name".to_owned()))?;
    let told = |errors: &[SourceDiagnostic]| {
        ReportError::Pdf(errors.iter().map(|error| world.told(error)).collect::<Vec<_>>().join("; "))
    };
    let document = typst::compile::<PagedDocument>(&world).output.map_err(|errors| told(&errors))?;
    let options = PdfOptions { ident: Smart::Custom(identity.to_owned()), timestamp: None, ..PdfOptions::default() };
    typst_pdf::pdf(&document, &options).map_err(|errors| told(&errors))
}

struct Sealed {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    main: Source,
    files: HashMap<FileId, Bytes>,
}

impl Sealed {
    fn new(source: String, files: Files) -> Option<Self> {
        let id = |path: &str| Some(RootedPath::new(VirtualRoot::Project, VirtualPath::new(path).ok()?).intern());
        let own = std::iter::once(figure::font());
        let fonts: Vec<Font> = typst_assets::fonts().chain(own).flat_map(|font| Font::iter(Bytes::new(font))).collect();
        let files =
            files.into_iter().map(|(path, bytes)| Some((id(&path)?, Bytes::new(bytes)))).collect::<Option<_>>()?;
        Some(Self {
            library: LazyHash::new(<Library as LibraryExt>::default()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            main: Source::new(id("/report.typ")?, source),
            files,
        })
    }

    /// What Typst says, and the text it says it of: where it failed, and where what failed was called from.
    fn told(&self, error: &SourceDiagnostic) -> String {
        let call = error.trace.last().and_then(|call| self.around(call.span));
        let mut told = error.message.to_string();
        for (word, text) in [("at", self.around(error.span)), ("called from", call)] {
            if let Some(text) = text {
                told += &format!(", {word} `{text}`");
            }
        }
        told
    }

    /// The text at a place and a little on either side of it, on one line.
    fn around(&self, span: impl Into<DiagSpan>) -> Option<String> {
        let span = span.into();
        if span.id() != Some(self.main.id()) {
            return None;
        }
        let range = self.range(span)?;
        let text = self.main.text();
        let start = text.floor_char_boundary(range.start.saturating_sub(CONTEXT));
        // Of a place that is a whole page its beginning says enough.
        let end = text.ceil_char_boundary(range.end.min(range.start + 2 * CONTEXT) + CONTEXT);
        Some(text.get(start..end)?.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl World for Sealed {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.get(&id).cloned().ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_at_which_text() {
        let told = |source: &str| pdf(source.to_owned(), Files::new(), "test").unwrap_err().to_string();
        let error = told(&format!("{}\n\n#\"Núñez\"; $frac(a)$ after", "before ".repeat(200)));
        assert!(error.contains("missing argument") && error.contains("#\"Núñez\"; $frac(a)$ after"), "{error}");
        assert!(error.len() < 500, "{error}");
        let error = told("#let drawn(path) = image(path)\n\n#drawn(\"/figure-7.svg\");");
        assert!(
            error.contains("image(path)") && error.contains("called from `") && error.contains("figure-7"),
            "{error}"
        );
        // What is missing at the very end.
        assert!(told("$ x").contains("at `$ x`"));
    }
}
