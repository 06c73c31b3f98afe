//! What Typst may see: one text, the figures, the fonts of this program. No disk, no network, no clock.

use std::collections::{BTreeMap, HashMap};

use typst::{
    Library, LibraryExt, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime, Duration, Smart},
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::LazyHash,
};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::{figure, report::ReportError};

/// Files by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A text set in pages, as PDF. The same text gives the same bytes: no date is written, and the identity is the name.
pub fn pdf(source: String, files: Files, identity: &str) -> Result<Vec<u8>, ReportError> {
    let world =
        Sealed::new(source, files).ok_or_else(|| ReportError::Pdf("a figure has an impossible name".to_owned()))?;
    let told = |errors: &[typst::diag::SourceDiagnostic]| {
        ReportError::Pdf(errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>().join("; "))
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
