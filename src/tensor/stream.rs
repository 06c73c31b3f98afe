//! Writing a `.safetensors` file tensor by tensor: the header first, which needs shapes alone, then the entries of each as they
//! are made or copied. Nothing but the tensor at hand is ever in memory, so a checkpoint may be larger than that.

use crate::paths::Shown as _;
use std::{
    collections::VecDeque,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use super::{
    checkpoint::Checkpoint,
    encoding::encode,
    fault::{Fault, TensorError, abridged},
    safetensors::{Stored, encoding_of},
    write::header,
};

/// A file whose header is written and whose tensors are still to come, in the order of the header.
pub struct StreamWriter {
    path: String,
    writer: BufWriter<File>,
    to_come: VecDeque<Stored>,
}

/// A tensor of real numbers that is to be written.
///
/// # Panics
/// If `dtype` is not one of `F64`, `F32`, `F16`, `BF16`.
#[must_use]
pub fn real_tensor(name: String, dtype: &str, shape: [usize; 2]) -> Stored {
    let width = encoding_of(dtype).expect("a pair has the type of the real numbers it replaces").width();
    let shape = shape.map(|side| side as u64);
    Stored { name, dtype: dtype.to_owned(), bytes: shape[0] * shape[1] * width, shape: shape.to_vec() }
}

/// Bytes of one entry of a type of real numbers.
#[must_use]
pub fn width(dtype: &str) -> Option<u64> {
    encoding_of(dtype).map(|encoding| encoding.width())
}

/// The bytes of a file that holds these tensors.
#[must_use]
pub fn file_bytes(tensors: &[Stored], metadata: &[(&str, String)]) -> u64 {
    8 + header(tensors, metadata).len() as u64 + tensors.iter().map(|tensor| tensor.bytes).sum::<u64>()
}

impl StreamWriter {
    /// Creates a file that is to hold `tensors`, in their order.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path, tensors: Vec<Stored>, metadata: &[(&str, String)]) -> Result<Self, TensorError> {
        let name = path.shown();
        let begin = || {
            let mut writer = BufWriter::with_capacity(1 << 20, File::create_new(path)?);
            let header = header(&tensors, metadata);
            writer.write_all(&(header.len() as u64).to_le_bytes())?;
            writer.write_all(header.as_bytes())?;
            Ok(writer)
        };
        let writer = begin().map_err(|source| TensorError::io(&name, source))?;
        Ok(Self { path: name, writer, to_come: tensors.into() })
    }

    /// Copies the next tensor, byte for byte.
    ///
    /// # Errors
    /// It cannot be read or written, or it holds a number that is not finite.
    ///
    /// # Panics
    /// If it is not the next tensor of the header.
    pub fn copy(&mut self, checkpoint: &Checkpoint, name: &str) -> Result<(), TensorError> {
        let stored = self.next(name);
        let Self { path, writer, .. } = self;
        checkpoint.chunks(&stored, |bytes| writer.write_all(bytes).map_err(|source| TensorError::io(path, source)))
    }

    /// Writes the entries of the next tensor, row-major, rounded to its type.
    ///
    /// # Errors
    /// It cannot be written, or an entry is not finite once it is rounded.
    ///
    /// # Panics
    /// If it is not the next tensor of the header, or the entries are not as many as its shape says.
    pub fn write(&mut self, name: &str, entries: impl IntoIterator<Item = f64>) -> Result<(), TensorError> {
        let stored = self.next(name);
        let encoding = encoding_of(&stored.dtype).expect("`real_tensor` made it");
        let (mut bytes, mut index) = (Vec::with_capacity(1 << 16), 0);
        let mut written = 0;
        for entry in entries {
            if encode(entry, encoding, &mut bytes).is_none() {
                return Err(Fault::OutOfType { name: abridged(name), index, dtype: stored.dtype }.of(&self.path));
            }
            index += 1;
            if bytes.len() + 8 > 1 << 16 {
                written += self.flush_chunk(&mut bytes)?;
            }
        }
        written += self.flush_chunk(&mut bytes)?;
        assert_eq!(written, stored.bytes, "{name}: entries and shape disagree");
        Ok(())
    }

    /// Brings the whole file to the disk.
    ///
    /// # Errors
    /// It cannot be written.
    ///
    /// # Panics
    /// If a tensor of the header was not written.
    pub fn finish(self) -> Result<(), TensorError> {
        assert!(self.to_come.is_empty(), "{} tensors of the header were not written", self.to_come.len());
        let Self { path, writer, .. } = self;
        writer
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .map_err(|source| TensorError::io(&path, source))
    }

    fn flush_chunk(&mut self, bytes: &mut Vec<u8>) -> Result<u64, TensorError> {
        self.writer.write_all(bytes).map_err(|source| TensorError::io(&self.path, source))?;
        let written = bytes.len() as u64;
        bytes.clear();
        Ok(written)
    }

    fn next(&mut self, name: &str) -> Stored {
        let next = self.to_come.pop_front();
        assert_eq!(next.as_ref().map(|stored| stored.name.as_str()), Some(name), "tensors come in the header's order");
        next.expect("it was compared with a name")
    }
}
