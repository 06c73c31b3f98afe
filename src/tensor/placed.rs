//! Writing a `.safetensors` file whose tensors grow side by side, without holding any of them.

use crate::paths::Shown as _;
use std::{
    fs,
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    fault::TensorError,
    stream::real_tensor,
    write::{folder_of, header, unfinished},
};

/// A file of F32 matrices of known sizes, written in runs of rows, in any order.
///
/// Like [`super::write_safetensors`], it appears whole or not at all; one that is dropped before [`Self::finish`] leaves nothing.
pub(crate) struct PlacedWriter {
    path: PathBuf,
    file: NamedTempFile,
    /// Of every matrix: its first byte in the file, and its columns.
    places: Vec<(u64, usize)>,
}

impl PlacedWriter {
    /// A file for matrices of these names, rows and columns, with `metadata` (key, value) in the header.
    ///
    /// # Errors
    /// The folder cannot be made or written to, or has no room.
    pub(crate) fn create(
        path: &Path,
        matrices: &[(String, [usize; 2])],
        metadata: &[(&str, String)],
    ) -> Result<Self, TensorError> {
        let create = || -> io::Result<Self> {
            fs::create_dir_all(folder_of(path))?;
            let mut file = unfinished(folder_of(path))?;
            let tensors: Vec<_> =
                matrices.iter().map(|(name, shape)| real_tensor(name.clone(), "F32", *shape)).collect();
            let header = header(&tensors, metadata);
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(header.as_bytes())?;
            let mut begin = 8 + header.len() as u64;
            let mut places = Vec::with_capacity(matrices.len());
            for (_, [rows, columns]) in matrices {
                places.push((begin, *columns));
                begin += (rows * columns * size_of::<f32>()) as u64;
            }
            file.as_file().set_len(begin)?;
            Ok(Self { path: path.to_owned(), file, places })
        };
        create().map_err(|source| TensorError::io(&path.shown(), source))
    }

    /// Writes rows of one matrix (by its place in the list), from row `first` on: `entries` holds them row by row.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn write_rows(&mut self, matrix: usize, first: usize, entries: &[f32]) -> Result<(), TensorError> {
        let (begin, columns) = self.places[matrix];
        let mut write = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(begin + (first * columns * size_of::<f32>()) as u64))?;
            let mut writer = BufWriter::new(&mut self.file);
            entries.iter().try_for_each(|entry| writer.write_all(&entry.to_le_bytes()))?;
            writer.flush()
        };
        write().map_err(|source| TensorError::io(&self.path.shown(), source))
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn finish(self) -> Result<(), TensorError> {
        let Self { path, file, .. } = self;
        let finish = || -> io::Result<()> {
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        finish().map_err(|source| TensorError::io(&path.shown(), source))
    }
}
