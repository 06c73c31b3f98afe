//! Writing `.safetensors` files: the same tensors give the same bytes, and a reader never sees half a file.
//!
//! The `safetensors` crate writes its metadata in the order of a hash map, different in every process.

use crate::paths::Shown as _;
use std::{
    fs,
    io::{self, BufWriter, Write},
    path::Path,
};

use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::{fault::TensorError, safetensors::Stored};

/// A tensor to be written.
#[derive(Debug, Clone)]
pub struct NamedEntries {
    pub name: String,
    pub shape: Vec<usize>,
    /// Row-major; as many as the product of `shape`.
    pub entries: Entries,
}

/// The entries of a tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Entries {
    /// As F32.
    Real(Vec<f32>),
    /// As I64.
    Whole(Vec<i64>),
}

impl FromIterator<f32> for Entries {
    fn from_iter<I: IntoIterator<Item = f32>>(entries: I) -> Self {
        Self::Real(entries.into_iter().collect())
    }
}

/// Writes tensors one after the other in the order given, with `metadata` (key, value) in the header.
///
/// The file appears whole or not at all: it is written beside its place under another name and then renamed.
///
/// # Errors
/// The folder cannot be made or written to.
///
/// # Panics
/// If a tensor's entries are not as many as its shape says.
pub fn write_safetensors(
    path: &Path,
    tensors: &[NamedEntries],
    metadata: &[(&str, String)],
) -> Result<(), TensorError> {
    let folder = folder_of(path);
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let file = unfinished(folder)?;
        let mut writer = BufWriter::new(&file);
        let header = header(&tensors.iter().map(described).collect::<Vec<_>>(), metadata);
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(header.as_bytes())?;
        for tensor in tensors {
            match &tensor.entries {
                Entries::Real(entries) => {
                    entries.iter().try_for_each(|entry| writer.write_all(&entry.to_le_bytes()))?
                }
                Entries::Whole(entries) => {
                    entries.iter().try_for_each(|entry| writer.write_all(&entry.to_le_bytes()))?
                }
            }
        }
        writer.flush()?;
        drop(writer);
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source| TensorError::io(&path.shown(), source))
}

/// Where a file is to be written.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A file under another name, with the permissions an ordinary new file would have.
pub(super) fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".unfinished-").tempfile_in(folder)
}

fn described(tensor: &NamedEntries) -> Stored {
    let NamedEntries { name, shape, entries } = tensor;
    let (dtype, count, bytes) = match entries {
        Entries::Real(entries) => ("F32", entries.len(), size_of_val(entries.as_slice())),
        Entries::Whole(entries) => ("I64", entries.len(), size_of_val(entries.as_slice())),
    };
    assert_eq!(count, shape.iter().product::<usize>(), "{name}: entries and shape disagree");
    let shape = shape.iter().map(|&side| side as u64).collect();
    Stored { name: name.clone(), dtype: dtype.to_owned(), shape, bytes: bytes as u64 }
}

/// The header of a file that holds these tensors, in their order.
pub(super) fn header(tensors: &[Stored], metadata: &[(&str, String)]) -> String {
    let mut map = Map::new();
    if !metadata.is_empty() {
        let metadata: Map<_, _> =
            metadata.iter().map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str()))).collect();
        map.insert("__metadata__".to_owned(), metadata.into());
    }
    let mut begin = 0;
    for Stored { name, dtype, shape, bytes } in tensors {
        let end = begin + bytes;
        map.insert(name.clone(), json!({ "dtype": dtype, "shape": shape, "data_offsets": [begin, end] }));
        begin = end;
    }
    let mut header = Value::from(map).to_string();
    // The format wants the entries to start at a multiple of 8.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    header
}
