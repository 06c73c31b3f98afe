//! The `.safetensors` format: the header's length (8 bytes, little-endian), the header in JSON, the entries.
//!
//! The `safetensors` crate wants the whole file in memory, and keeps the last of two tensors of one name; here the header
//! is read alone, and what it says of every tensor must tile the file exactly before any of them is believed.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::{
    encoding::{ByteOrder, Encoding, Extent, reserve, stream},
    fault::{Fault, TensorError, abridged, choice},
    open_regular,
};

/// Far beyond any real header (200 bytes a tensor), far below what would hurt.
const HEADER_LIMIT: u64 = 16 << 20;
const LENGTH_BYTES: u64 = 8;
const KNOWN_TYPES: &str = "F64, F32, F16, BF16";

/// A `.safetensors` file whose header was read and found to tile the file.
pub(crate) struct SafetensorsFile {
    path: String,
    file: File,
    /// Offset of the first entry of the first tensor.
    entries_start: u64,
    /// Sorted by name.
    tensors: Vec<Described>,
    /// What the writer of the file says of it.
    metadata: BTreeMap<String, String>,
}

/// A tensor of a checkpoint, as its file describes it: its type and shape may be of a kind that is only ever copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub name: String,
    /// As the format spells it: `F32`, `I64`, …
    pub dtype: String,
    pub shape: Vec<u64>,
    /// What its entries take in the file.
    pub bytes: u64,
}

/// One tensor as its header describes it. Its type and shape are examined only if it is asked for: files hold integers
/// and single numbers too.
struct Described {
    name: String,
    description: Description,
}

#[derive(Deserialize)]
struct Description {
    dtype: String,
    shape: Vec<u64>,
    /// First byte and the one past the last, from the first entry of the first tensor on.
    data_offsets: (u64, u64),
}

impl SafetensorsFile {
    /// Reads and checks the header. `path` is what messages call the file.
    ///
    /// # Errors
    /// The file is missing or its header is not one we can trust.
    pub(crate) fn open(full_path: &Path, path: &str) -> Result<Self, TensorError> {
        let (mut file, length) = open_regular(full_path, path)?;
        let header = read_header(&mut file, length, path)?;
        let entries_start = LENGTH_BYTES + header.len() as u64;
        let HeaderMap { mut tensors, metadata } = parse(&header).map_err(|fault| fault.of(path))?;
        check_tiling(&mut tensors, length - entries_start).map_err(|fault| fault.of(path))?;
        sort_by_unique_name(&mut tensors).map_err(|fault| fault.of(path))?;
        Ok(Self { path: path.to_owned(), file, entries_start, tensors, metadata })
    }

    /// Names and numbers of dimensions of all tensors, sorted by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.description.shape.len()))
    }

    /// What `__metadata__` says under a key: a stranger's words.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// Every tensor, in the order in which they lie in the file.
    pub(super) fn stored(&self) -> Vec<Stored> {
        let mut tensors: Vec<&Described> = self.tensors.iter().collect();
        tensors.sort_by_key(|tensor| tensor.description.data_offsets);
        let stored =
            |Described { name, description: Description { dtype, shape, data_offsets: (begin, end) } }: &Described| {
                Stored { name: name.clone(), dtype: dtype.clone(), shape: shape.clone(), bytes: end - begin }
            };
        tensors.into_iter().map(stored).collect()
    }

    /// The bytes of one tensor as they lie in the file, a chunk at a time, whatever its type.
    ///
    /// # Errors
    /// There is none of that name, or it cannot be read; or what `sink` says of a chunk.
    pub(super) fn chunks(
        &self,
        name: &str,
        mut sink: impl FnMut(&[u8]) -> Result<(), TensorError>,
    ) -> Result<(), TensorError> {
        // A multiple of every width, so that no entry is torn.
        const CHUNK: u64 = 1 << 20;
        let place = self
            .place(name)
            .map_err(|_| Fault::NoSuchTensor { name: abridged(name), present: self.present() }.of(&self.path))?;
        let (begin, end) = self.tensors[place].description.data_offsets;
        let io = |source| TensorError::io(&self.path, source);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.entries_start + begin)).map_err(io)?;
        let mut chunk = vec![0; CHUNK.min(end - begin) as usize];
        let mut left = end - begin;
        while left > 0 {
            let bytes = &mut chunk[..left.min(CHUNK) as usize];
            file.read_exact(bytes).map_err(io)?;
            left -= bytes.len() as u64;
            sink(bytes)?;
        }
        Ok(())
    }

    /// What messages call the file.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The names to choose from, as a message lists them.
    pub(crate) fn present(&self) -> String {
        choice(self.tensors.iter().map(|tensor| tensor.name.as_str()))
    }

    /// The shape of one tensor.
    ///
    /// # Errors
    /// There is none of that name, or its shape and type are not what its bytes are.
    pub(crate) fn shape(&self, name: &str) -> Result<Vec<usize>, TensorError> {
        self.examine(name).map(|(_, extent, _)| extent.shape).map_err(|fault| fault.of(&self.path))
    }

    /// Shape and entries of one tensor, row-major, each entry as `convert` makes it from f64.
    ///
    /// # Errors
    /// As [`SafetensorsFile::shape`]; or it cannot be read, or does not fit in memory.
    pub(crate) fn read<T>(&self, name: &str, convert: impl Fn(f64) -> T) -> Result<(Vec<usize>, Vec<T>), TensorError> {
        let (encoding, extent, begin) = self.examine(name).map_err(|fault| fault.of(&self.path))?;
        let mut entries = reserve(extent.entries).map_err(|fault| fault.of(&self.path))?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.entries_start + begin))
            .and_then(|_| stream(file, encoding, extent.entries, |entry| entries.push(convert(entry))))
            .map_err(|source| TensorError::io(&self.path, source))?;
        Ok((extent.shape, entries))
    }

    /// Where in the sorted list a name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.tensors.binary_search_by(|tensor| tensor.name.as_str().cmp(name))
    }

    /// Encoding, extent and first byte of one tensor.
    fn examine(&self, name: &str) -> Result<(Encoding, Extent, u64), Fault> {
        let Description { dtype, shape, data_offsets: (begin, end) } = match self.place(name) {
            Ok(place) => &self.tensors[place].description,
            Err(_) => return Err(Fault::NoSuchTensor { name: abridged(name), present: self.present() }),
        };
        let encoding =
            encoding_of(dtype).ok_or_else(|| Fault::ElementType { found: abridged(dtype), known: KNOWN_TYPES })?;
        let extent = Extent::new(shape, encoding)?;
        if extent.bytes != end - begin {
            return Err(Fault::LengthMismatch {
                name: abridged(name),
                shape: format!("{shape:?}"),
                needed: extent.bytes,
                claimed: end - begin,
            });
        }
        Ok((encoding, extent, *begin))
    }
}

/// How entries of a type lie in the file, if they are real numbers.
pub(super) fn encoding_of(dtype: &str) -> Option<Encoding> {
    match dtype {
        "F64" => Some(Encoding::F64(ByteOrder::Little)),
        "F32" => Some(Encoding::F32(ByteOrder::Little)),
        "F16" => Some(Encoding::F16(ByteOrder::Little)),
        "BF16" => Some(Encoding::Bf16),
        _ => None,
    }
}

/// The header's bytes, read only once their number is known to be within the limit and within the file.
fn read_header(file: &mut File, length: u64, path: &str) -> Result<Vec<u8>, TensorError> {
    if length < LENGTH_BYTES {
        return Err(Fault::HeaderCut { needed: LENGTH_BYTES, found: length }.of(path));
    }
    let mut length_bytes = [0; LENGTH_BYTES as usize];
    file.read_exact(&mut length_bytes).map_err(|source| TensorError::io(path, source))?;
    let claimed = u64::from_le_bytes(length_bytes);
    if claimed > HEADER_LIMIT {
        return Err(Fault::HeaderTooLong { found: claimed, limit: HEADER_LIMIT }.of(path));
    }
    if claimed > length - LENGTH_BYTES {
        return Err(Fault::HeaderCut { needed: LENGTH_BYTES + claimed, found: length }.of(path));
    }
    let mut header = vec![0; claimed as usize];
    file.read_exact(&mut header).map_err(|source| TensorError::io(path, source))?;
    Ok(header)
}

fn parse(header: &[u8]) -> Result<HeaderMap, Fault> {
    let text = str::from_utf8(header).map_err(|_| Fault::HeaderNotText)?;
    serde_json::from_str(text).map_err(|error| Fault::HeaderSyntax { problem: abridged(&error.to_string()) })
}

/// Every byte of entries belongs to exactly one tensor.
fn check_tiling(tensors: &mut [Described], available: u64) -> Result<(), Fault> {
    for Described { name, description: Description { data_offsets: (begin, end), .. } } in tensors.iter() {
        if begin > end || *end > available {
            return Err(Fault::OutOfRange { name: abridged(name), begin: *begin, end: *end, available });
        }
    }
    tensors.sort_by_key(|tensor| tensor.description.data_offsets);
    let mut covered = 0;
    let mut last: Option<&Described> = None;
    for tensor in tensors.iter() {
        let (begin, end) = tensor.description.data_offsets;
        if begin > covered {
            return Err(Fault::Hole { name: abridged(&tensor.name), found: begin - covered });
        }
        if let Some(last) = last.filter(|_| begin < covered) {
            return Err(Fault::Overlap { first: abridged(&last.name), second: abridged(&tensor.name) });
        }
        covered = end;
        last = Some(tensor);
    }
    if covered < available {
        return Err(Fault::Trailing { found: available - covered });
    }
    Ok(())
}

fn sort_by_unique_name(tensors: &mut [Described]) -> Result<(), Fault> {
    tensors.sort_by(|left, right| left.name.cmp(&right.name));
    match tensors.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(Fault::Duplicate { name: abridged(&pair[0].name) }),
        None => Ok(()),
    }
}

/// The header's map, in its order and with its repetitions, which a map would hide; and its `__metadata__`, strings by strings
/// as the format has it, no larger than a header may be.
struct HeaderMap {
    tensors: Vec<Described>,
    metadata: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for HeaderMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = HeaderMap;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map from names to tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut tensors, mut metadata) = (Vec::new(), BTreeMap::new());
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        metadata = map.next_value()?;
                    } else {
                        tensors.push(Described { name, description: map.next_value()? });
                    }
                }
                Ok(HeaderMap { tensors, metadata })
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
