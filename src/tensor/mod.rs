//! Reading tensors from `.npy` and `.safetensors` files, and writing the latter, whole or tensor by tensor.
//!
//! A header is a stranger's claim: its length is checked against a limit and against the file before it is read, the
//! payload it promises against the file's length before a single entry is allocated. Only the bytes of the tensor that
//! was asked for are read, in chunks, each entry converted once into its final place.

mod checkpoint;
mod encoding;
mod fault;
mod npy;
mod placed;
mod safetensors;
mod stream;
mod write;

use std::{
    fs::{self, File},
    io,
    path::Path,
};

pub use checkpoint::{Checkpoint, INDEX, SINGLE_FILE};
pub use fault::{Fault, TensorError};
pub(crate) use placed::PlacedWriter;
pub(crate) use safetensors::SafetensorsFile;
pub use safetensors::Stored;
pub use stream::{StreamWriter, file_bytes, real_tensor, width};
pub use write::{Entries, NamedEntries, write_safetensors};

use crate::problem::{Tensor, TensorName};

/// Under which metadata tell the BLAKE3 of the text that tensors were computed on.
pub const TEXT_HASH: &str = "text_blake3";

/// The shape of a tensor, from the file's header alone (and the file's length, which must match it).
///
/// # Errors
/// The file is missing or its header is not one we can trust.
pub fn shape(root: &Path, name: &TensorName) -> Result<Vec<usize>, TensorError> {
    match open(root, name)? {
        Opened::Npy(file) => Ok(file.shape()),
        Opened::Safetensors(file, tensor) => file.shape(tensor),
    }
}

/// A tensor's entries, widened to f64, row-major whatever the file's order.
///
/// # Errors
/// As [`shape`]; or the payload does not match the header, or does not fit in memory.
pub fn read(root: &Path, name: &TensorName) -> Result<Tensor, TensorError> {
    match open(root, name)? {
        Opened::Npy(file) => file.read(),
        Opened::Safetensors(file, tensor) => file.read(tensor, |entry| entry),
    }
    .map(|(shape, entries)| Tensor { shape, entries })
}

/// The names of all matrices of a `.safetensors` file, in the order of the alphabet.
///
/// # Errors
/// As [`shape`].
pub fn matrices(root: &Path, path: &str) -> Result<Vec<String>, TensorError> {
    let file = SafetensorsFile::open(&root.join(path), path)?;
    Ok(file.names().filter(|(_, dimensions)| *dimensions == 2).map(|(name, _)| name.to_owned()).collect())
}

/// What the metadata of a `.safetensors` file say under a key.
///
/// # Errors
/// As [`shape`].
pub fn metadata(root: &Path, path: &str, key: &str) -> Result<Option<String>, TensorError> {
    Ok(SafetensorsFile::open(&root.join(path), path)?.metadata(key).map(str::to_owned))
}

/// BLAKE3 of a file's bytes, in hex: part of the identity of every cell that reads it.
///
/// # Errors
/// The file cannot be read.
pub fn file_hash(root: &Path, path: &str) -> Result<String, TensorError> {
    let (file, _) = open_regular(&root.join(path), path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(|source| TensorError::io(path, source))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// A file whose header was read and found sound.
enum Opened<'a> {
    Npy(npy::NpyFile),
    Safetensors(SafetensorsFile, &'a str),
}

fn open<'a>(root: &Path, name: &'a TensorName) -> Result<Opened<'a>, TensorError> {
    let full_path = root.join(&name.path);
    let extension = full_path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match (extension.as_deref(), &name.name) {
        (Some("npy"), None) => npy::NpyFile::open(&full_path, &name.path).map(Opened::Npy),
        (Some("npy"), Some(tensor)) => Err(Fault::NameInNpy { name: fault::abridged(tensor) }.of(&name.path)),
        (Some("safetensors"), Some(tensor)) => {
            SafetensorsFile::open(&full_path, &name.path).map(|file| Opened::Safetensors(file, tensor))
        }
        (Some("safetensors"), None) => {
            let file = SafetensorsFile::open(&full_path, &name.path)?;
            Err(Fault::Nameless { present: file.present() }.of(&name.path))
        }
        _ => Err(Fault::UnknownKind.of(&name.path)),
    }
}

/// Opens a file that has a length and an end: not a folder, a pipe or a device. Gives the length as well.
fn open_regular(full_path: &Path, path: &str) -> Result<(File, u64), TensorError> {
    let metadata = fs::metadata(full_path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fault::Missing.of(path),
        _ => TensorError::io(path, source),
    })?;
    if !metadata.is_file() {
        return Err(Fault::NotRegular.of(path));
    }
    let file = File::open(full_path).map_err(|source| TensorError::io(path, source))?;
    Ok((file, metadata.len()))
}
