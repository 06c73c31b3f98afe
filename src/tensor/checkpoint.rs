//! A model's tensors, in one `model.safetensors` or in shards that `model.safetensors.index.json` lists.
//!
//! Headers are read when it is opened, entries only when they are asked for. The index is a stranger's text: a shard it names
//! must be a plain name of a file that lies in the same folder, links followed.

use crate::paths::Shown as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use serde::Deserialize;

use super::{
    SafetensorsFile, TensorError,
    fault::{Fault, abridged},
    file_hash,
    safetensors::{Stored, encoding_of},
};
use crate::problem::Tensor;

/// The file of a checkpoint that is not sharded.
pub const SINGLE_FILE: &str = "model.safetensors";
/// The list of shards of one that is.
pub const INDEX: &str = "model.safetensors.index.json";
/// As much of an index as of a header.
const INDEX_LIMIT: u64 = 16 << 20;

/// The tensors of a model folder.
pub struct Checkpoint {
    path: PathBuf,
    files: Vec<CheckpointFile>,
    /// In the order of the files, and in each in the order of its bytes.
    tensors: Vec<Stored>,
    /// Which of the files holds a tensor.
    home: BTreeMap<String, usize>,
}

struct CheckpointFile {
    path: PathBuf,
    opened: SafetensorsFile,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Reads and checks all headers of a model folder.
    ///
    /// # Errors
    /// There is no checkpoint, a file of it is missing, damaged or outside of the folder, or index and shards disagree.
    pub fn open(folder: &Path) -> Result<Self, TensorError> {
        let single = folder.join(SINGLE_FILE);
        let index = folder.join(INDEX);
        if single.exists() || single.is_symlink() {
            let opened = SafetensorsFile::open(&single, &single.shown())?;
            return Self::of(single.clone(), vec![CheckpointFile { path: single, opened }]);
        }
        if index.exists() {
            return Self::sharded(folder, &index);
        }
        Err(Fault::NoCheckpoint.of(&folder.shown()))
    }

    fn sharded(folder: &Path, index: &Path) -> Result<Self, TensorError> {
        let index_path = index.shown();
        let Index { weight_map } = read_index(index)?;
        let names: BTreeSet<&String> = weight_map.values().collect();
        let mut files = Vec::with_capacity(names.len());
        for &name in &names {
            let path = shard_path(folder, name).map_err(|fault| fault.of(&index_path))?;
            let opened = SafetensorsFile::open(&path, &path.shown())?;
            for stored in opened.stored() {
                if weight_map.get(&stored.name) != Some(name) {
                    return Err(Fault::NotInIndex { name: abridged(&stored.name) }.of(opened.path()));
                }
            }
            files.push(CheckpointFile { path, opened });
        }
        let checkpoint = Self::of(index.to_owned(), files)?;
        match weight_map.iter().find(|(name, _)| !checkpoint.home.contains_key(*name)) {
            Some((name, shard)) => {
                Err(Fault::NotInShard { name: abridged(name), shard: abridged(shard) }.of(&index_path))
            }
            None => Ok(checkpoint),
        }
    }

    /// What the files have, where every tensor of a known type is as long as its shape says.
    fn of(path: PathBuf, files: Vec<CheckpointFile>) -> Result<Self, TensorError> {
        let (mut tensors, mut home) = (Vec::new(), BTreeMap::new());
        for (number, file) in files.iter().enumerate() {
            for stored in file.opened.stored() {
                check_length(&stored).map_err(|fault| fault.of(file.opened.path()))?;
                home.insert(stored.name.clone(), number);
                tensors.push(stored);
            }
        }
        Ok(Self { path, files, tensors, home })
    }

    /// What messages call it: the file, or the index of the shards.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every tensor, in the order of the files.
    #[must_use]
    pub fn tensors(&self) -> &[Stored] {
        &self.tensors
    }

    /// What the files take on the disk.
    ///
    /// # Errors
    /// One of them has gone.
    pub fn bytes(&self) -> Result<u64, TensorError> {
        self.files
            .iter()
            .map(|file| match fs::metadata(&file.path) {
                Ok(metadata) => Ok(metadata.len()),
                Err(source) => Err(TensorError::io(file.opened.path(), source)),
            })
            .sum()
    }

    /// BLAKE3 of every file, by its name.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn hashes(&self) -> Result<BTreeMap<String, String>, TensorError> {
        self.files
            .iter()
            .map(|file| {
                let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok((name, file_hash(Path::new(""), &file.path.to_string_lossy())?))
            })
            .collect()
    }

    /// Whether there is a tensor of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.home.contains_key(name)
    }

    /// The shape of one tensor of real numbers.
    ///
    /// # Errors
    /// There is none of that name, or its shape and type are not what its bytes are.
    pub fn shape(&self, name: &str) -> Result<Vec<usize>, TensorError> {
        self.file_of(name).shape(name)
    }

    /// Shape and entries of one tensor of real numbers, row-major, each entry as `convert` makes it from f64.
    ///
    /// # Errors
    /// As [`Checkpoint::shape`]; or it cannot be read, or does not fit in memory.
    pub fn read_as<T>(&self, name: &str, convert: impl Fn(f64) -> T) -> Result<(Vec<usize>, Vec<T>), TensorError> {
        self.file_of(name).read(name, convert)
    }

    /// One tensor of real numbers, all of them finite.
    ///
    /// # Errors
    /// As [`Checkpoint::read_as`]; or it holds a NaN or an infinity.
    pub fn read(&self, name: &str) -> Result<Tensor, TensorError> {
        let file = self.file_of(name);
        let (shape, entries) = file.read(name, |entry| entry)?;
        match entries.iter().position(|entry: &f64| !entry.is_finite()) {
            Some(index) => Err(not_finite(name, index as u64, entries[index]).of(file.path())),
            None => Ok(Tensor { shape, entries }),
        }
    }

    /// The bytes of one tensor of any type, chunk by chunk. Real numbers among them are finite.
    ///
    /// # Errors
    /// It cannot be read, or holds a NaN or an infinity; or what `sink` says.
    pub(super) fn chunks(
        &self,
        stored: &Stored,
        mut sink: impl FnMut(&[u8]) -> Result<(), TensorError>,
    ) -> Result<(), TensorError> {
        let file = self.file_of(&stored.name);
        let encoding = encoding_of(&stored.dtype);
        let mut index = 0;
        file.chunks(&stored.name, |bytes| {
            if let Some(encoding) = encoding {
                let mut bad = None;
                super::encoding::decode(bytes, encoding, &mut |entry: f64| {
                    if !entry.is_finite() && bad.is_none() {
                        bad = Some((index, entry));
                    }
                    index += 1;
                });
                if let Some((index, entry)) = bad {
                    return Err(not_finite(&stored.name, index, entry).of(file.path()));
                }
            }
            sink(bytes)
        })
    }

    /// Of a name that is nowhere, the first file, which says what it has.
    fn file_of(&self, name: &str) -> &SafetensorsFile {
        &self.files[self.home.get(name).copied().unwrap_or(0)].opened
    }
}

/// Types that are only copied are checked as well, where their width is known.
fn check_length(stored: &Stored) -> Result<(), Fault> {
    let Stored { name, dtype, shape, bytes } = stored;
    let width = match dtype.as_str() {
        "BOOL" | "U8" | "I8" | "F8_E4M3" | "F8_E5M2" => 1,
        "I16" | "U16" | "F16" | "BF16" => 2,
        "I32" | "U32" | "F32" => 4,
        "I64" | "U64" | "F64" => 8,
        _ => return Ok(()),
    };
    match shape.iter().try_fold(width, |product: u64, &side| product.checked_mul(side)) {
        Some(needed) if needed == *bytes => Ok(()),
        Some(needed) => {
            Err(Fault::LengthMismatch { name: abridged(name), shape: format!("{shape:?}"), needed, claimed: *bytes })
        }
        None => Err(Fault::ShapeOverflow { shape: format!("{shape:?}") }),
    }
}

fn not_finite(name: &str, index: u64, value: f64) -> Fault {
    Fault::NotFinite { name: abridged(name), index, value: value.to_string() }
}

fn read_index(index: &Path) -> Result<Index, TensorError> {
    let path = index.shown();
    let length = fs::metadata(index).map_err(|source| TensorError::io(&path, source))?.len();
    if length > INDEX_LIMIT {
        return Err(Fault::HeaderTooLong { found: length, limit: INDEX_LIMIT }.of(&path));
    }
    let text = fs::read(index).map_err(|source| TensorError::io(&path, source))?;
    let syntax = |problem: &str| Fault::IndexSyntax { problem: abridged(problem) }.of(&path);
    let parsed: Index = serde_json::from_slice(&text).map_err(|error| syntax(&error.to_string()))?;
    if parsed.weight_map.is_empty() {
        return Err(syntax("its weight_map is empty"));
    }
    Ok(parsed)
}

/// Where a shard lies, known to be a file of the folder itself.
fn shard_path(folder: &Path, shard: &str) -> Result<PathBuf, Fault> {
    let quoted = || abridged(shard);
    let mut components = Path::new(shard).components();
    let plain =
        matches!((components.next(), components.next()), (Some(Component::Normal(name)), None) if name == shard);
    if !plain || shard.contains(['\\', '\0']) || !shard.ends_with(".safetensors") {
        return Err(Fault::ShardName { shard: quoted() });
    }
    let path = folder.join(shard);
    let (Ok(real), Ok(home)) = (path.canonicalize(), folder.canonicalize()) else {
        return Err(Fault::ShardMissing { shard: quoted() });
    };
    if real.parent() != Some(&home) {
        return Err(Fault::ShardOutside { shard: quoted() });
    }
    Ok(path)
}
