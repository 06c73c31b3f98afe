//! How entries lie in a file, and their conversion on the way in.

use std::io::{self, Read};

use half::{bf16, f16};

use super::fault::Fault;

/// How one entry is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    F64(ByteOrder),
    F32(ByteOrder),
    F16(ByteOrder),
    /// Little-endian: only `.safetensors` has it.
    Bf16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl Encoding {
    /// Bytes of one entry.
    pub(super) fn width(self) -> u64 {
        match self {
            Self::F64(_) => 8,
            Self::F32(_) => 4,
            Self::F16(_) | Self::Bf16 => 2,
        }
    }
}

/// More dimensions than any tensor has (numpy itself stops at 64).
const DIMENSIONS: usize = 32;

/// A shape whose entries are known to be countable, in this machine's memory and in bytes of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) shape: Vec<usize>,
    /// The product of the shape: at least 1.
    pub(super) entries: usize,
    /// The bytes it takes in the file.
    pub(super) bytes: u64,
}

impl Extent {
    /// Checks a shape found in a header.
    ///
    /// # Errors
    /// It has no dimensions or too many, no entries or more than can be counted.
    pub(super) fn new(shape: &[u64], encoding: Encoding) -> Result<Self, Fault> {
        if shape.is_empty() {
            return Err(Fault::ZeroDimensional);
        }
        if shape.len() > DIMENSIONS {
            return Err(Fault::TooManyDimensions { found: shape.len(), limit: DIMENSIONS });
        }
        if shape.contains(&0) {
            return Err(Fault::Empty { shape: format!("{shape:?}") });
        }
        let overflow = || Fault::ShapeOverflow { shape: format!("{shape:?}") };
        let entries =
            shape.iter().try_fold(1_u64, |product, &length| product.checked_mul(length)).ok_or_else(overflow)?;
        let bytes = entries.checked_mul(encoding.width()).ok_or_else(overflow)?;
        let shape_here =
            shape.iter().map(|&length| usize::try_from(length).map_err(|_| overflow())).collect::<Result<_, _>>()?;
        Ok(Self { shape: shape_here, entries: usize::try_from(entries).map_err(|_| overflow())?, bytes })
    }
}

/// Room for `length` entries, or an error where the system has none: never an abort.
pub(super) fn reserve<T>(length: usize) -> Result<Vec<T>, Fault> {
    let mut entries = Vec::new();
    entries
        .try_reserve_exact(length)
        .map_err(|_| Fault::OutOfMemory { bytes: (length as u64).saturating_mul(size_of::<T>() as u64) })?;
    Ok(entries)
}

/// Reads `entries` entries in the order of the file, widened to f64, one chunk of bytes at a time.
pub(super) fn stream(
    mut reader: impl Read,
    encoding: Encoding,
    entries: usize,
    mut sink: impl FnMut(f64),
) -> io::Result<()> {
    // A multiple of every width, so that no entry is torn.
    const CHUNK: u64 = 1 << 16;
    let mut chunk = vec![0; CHUNK as usize];
    let mut left = entries as u64 * encoding.width();
    while left > 0 {
        let bytes = &mut chunk[..left.min(CHUNK) as usize];
        reader.read_exact(bytes)?;
        left -= bytes.len() as u64;
        decode(bytes, encoding, &mut sink);
    }
    Ok(())
}

pub(super) fn decode(bytes: &[u8], encoding: Encoding, sink: &mut impl FnMut(f64)) {
    use ByteOrder::{Big, Little};
    match encoding {
        Encoding::F64(Little) => each(bytes, sink, f64::from_le_bytes),
        Encoding::F64(Big) => each(bytes, sink, f64::from_be_bytes),
        Encoding::F32(Little) => each(bytes, sink, |entry| f32::from_le_bytes(entry).into()),
        Encoding::F32(Big) => each(bytes, sink, |entry| f32::from_be_bytes(entry).into()),
        Encoding::F16(Little) => each(bytes, sink, |entry| f16::from_le_bytes(entry).to_f64()),
        Encoding::F16(Big) => each(bytes, sink, |entry| f16::from_be_bytes(entry).to_f64()),
        Encoding::Bf16 => each(bytes, sink, |entry| bf16::from_le_bytes(entry).to_f64()),
    }
}

fn each<const WIDTH: usize>(bytes: &[u8], sink: &mut impl FnMut(f64), widen: impl Fn([u8; WIDTH]) -> f64) {
    for &entry in bytes.as_chunks::<WIDTH>().0 {
        sink(widen(entry));
    }
}

/// The bytes of one entry rounded to an encoding, little-endian; `None` if it is not finite once rounded.
pub(super) fn encode(entry: f64, encoding: Encoding, bytes: &mut Vec<u8>) -> Option<()> {
    let finite = match encoding {
        Encoding::F64(_) => {
            bytes.extend(entry.to_le_bytes());
            entry.is_finite()
        }
        Encoding::F32(_) => {
            let rounded = entry as f32;
            bytes.extend(rounded.to_le_bytes());
            rounded.is_finite()
        }
        Encoding::F16(_) => {
            let rounded = f16::from_f64(entry);
            bytes.extend(rounded.to_le_bytes());
            rounded.is_finite()
        }
        Encoding::Bf16 => {
            let rounded = bf16::from_f64(entry);
            bytes.extend(rounded.to_le_bytes());
            rounded.is_finite()
        }
    };
    finite.then_some(())
}
