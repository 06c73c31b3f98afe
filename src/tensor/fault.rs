//! What can be wrong with a tensor file, each with what to do about it.

use std::io;

/// Why a tensor could not be read or written; says the file, what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}: {fault}")]
    Fault { path: String, fault: Fault },
}

/// What is wrong with a tensor file, or with what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    // The question.
    #[error("no such file; check the path, which starts from the project's folder")]
    Missing,
    #[error("not a regular file; give the path of a .npy or .safetensors file")]
    NotRegular,
    #[error("neither .npy nor .safetensors by its name; convert it to one of them")]
    UnknownKind,
    #[error("an .npy file holds one tensor, without a name; leave out the name {name}")]
    NameInNpy { name: String },
    #[error("the tensor's name is missing; name one of: {present}")]
    Nameless { present: String },
    #[error("no tensor {name} in this file; name one of: {present}")]
    NoSuchTensor { name: String, present: String },

    // The header as a whole.
    #[error("the first bytes are not those of an .npy file; save it with numpy.save")]
    NotNpy,
    #[error("npy format {major}.{minor} is unknown (1.0, 2.0 and 3.0 are known); save it with numpy.save")]
    NpyVersion { major: u8, minor: u8 },
    #[error(
        "{found} bytes are too few for the {needed} a header takes; the file is cut short: copy it again or write it anew"
    )]
    HeaderCut { needed: u64, found: u64 },
    #[error(
        "a header of {found} bytes is beyond the {limit} that are read; the file is damaged or not what its name says: write it anew"
    )]
    HeaderTooLong { found: u64, limit: u64 },
    #[error("the header is not UTF-8 text; the file is damaged or not what its name says: write it anew")]
    HeaderNotText,
    #[error("the header cannot be understood: {problem}; write the file anew")]
    HeaderSyntax { problem: String },
    #[error("the header names {name} twice; write the file anew with one tensor under each name")]
    Duplicate { name: String },

    // The entries it promises.
    #[error("entries of type {found} cannot be read; convert them to one of: {known}")]
    ElementType { found: String, known: &'static str },
    #[error("its entries are Python objects, which cannot be read; save numbers: array.astype('float64')")]
    PythonObjects,
    #[error("its entries are records of several fields; save one field alone: array['field']")]
    Records,
    #[error("a dimension is negative in the shape {shape}; write the file anew")]
    NegativeDimension { shape: String },
    #[error("the shape {shape} has more entries than this machine can count; the file is damaged: write it anew")]
    ShapeOverflow { shape: String },
    #[error("{found} dimensions are more than the {limit} that are read; reshape the tensor")]
    TooManyDimensions { found: usize, limit: usize },
    #[error("the tensor is a single number, without dimensions; a matrix or a vector is needed")]
    ZeroDimensional,
    #[error("the shape {shape} has no entries; save a tensor that has some")]
    Empty { shape: String },
    #[error(
        "the header promises {promised} bytes of entries and the file has {found}; it is cut short: copy it again or write it anew"
    )]
    PayloadCut { promised: u64, found: u64 },
    #[error(
        "{found} bytes follow the last entry; the file is damaged or holds something else besides: write the tensor alone"
    )]
    Trailing { found: u64 },
    #[error(
        "tensor {name} claims bytes {begin} to {end}, and the file has {available} bytes of entries; it is cut short or damaged: copy it again or write it anew"
    )]
    OutOfRange { name: String, begin: u64, end: u64, available: u64 },
    #[error("tensors {first} and {second} overlap; write the file anew")]
    Overlap { first: String, second: String },
    #[error("{found} bytes before tensor {name} belong to no tensor; write the file anew")]
    Hole { name: String, found: u64 },
    #[error("tensor {name} of shape {shape} takes {needed} bytes and claims {claimed}; write the file anew")]
    LengthMismatch { name: String, shape: String, needed: u64, claimed: u64 },
    #[error(
        "entry {index} of tensor {name} is {value}, not a finite number; a model with such weights is damaged: get it anew"
    )]
    NotFinite { name: String, index: u64, value: String },
    #[error("entry {index} of tensor {name} does not fit in {dtype}; convert the checkpoint to F32 first")]
    OutOfType { name: String, index: u64, dtype: String },

    // Several files as one.
    #[error(
        "neither model.safetensors nor model.safetensors.index.json is here; give the folder of a model that has one"
    )]
    NoCheckpoint,
    #[error("the index cannot be understood: {problem}; get it anew with the shards it belongs to")]
    IndexSyntax { problem: String },
    #[error(
        "the index names the shard {shard}, which is not a plain file name; an index may only name files beside it"
    )]
    ShardName { shard: String },
    #[error("the shard {shard} leads out of the model's folder; put the file itself there, not a link")]
    ShardOutside { shard: String },
    #[error("the index names the shard {shard}, which is not there; get the missing file")]
    ShardMissing { shard: String },
    #[error("the index says that tensor {name} is in {shard}, and it is not; get index and shards anew, together")]
    NotInShard { name: String, shard: String },
    #[error("tensor {name} is in this shard and not in the index under it; get index and shards anew, together")]
    NotInIndex { name: String },
    #[error("the tensor takes {bytes} bytes of memory, which the system refuses; save a part of it")]
    OutOfMemory { bytes: u64 },
}

impl TensorError {
    pub(super) fn io(path: &str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

impl Fault {
    /// The fault of a file.
    pub(super) fn of(self, path: &str) -> TensorError {
        TensorError::Fault { path: path.to_owned(), fault: self }
    }
}

/// Most characters of a stranger's text that a message repeats.
const QUOTED_CHARACTERS: usize = 120;

/// A stranger's text, quoted, control characters escaped, cut to a length that leaves the message readable.
pub(super) fn abridged(text: &str) -> String {
    if text.chars().count() <= QUOTED_CHARACTERS {
        format!("{text:?}")
    } else {
        let beginning: String = text.chars().take(QUOTED_CHARACTERS).collect();
        format!("{beginning:?}…")
    }
}

/// Names to choose from, at most ten of them.
pub(super) fn choice<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const LISTED: usize = 10;
    let count = names.len();
    if count == 0 {
        return "(the file holds no tensors)".to_owned();
    }
    let listed: Vec<String> = names.take(LISTED).map(abridged).collect();
    let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
    listed.join(", ") + &more
}
