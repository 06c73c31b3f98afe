//! The `.npy` format (numpy.lib.format, versions 1.0 to 3.0): a magic string, the length of a header, the header as a
//! Python dictionary of three keys, the entries.
//!
//! The dictionary is parsed here, key by key: a general parser of Python literals would recurse as deep as a hostile
//! header asks, and `npyz` allocates the header's claimed length (up to 4 GiB) before it reads.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{
    encoding::{ByteOrder, Encoding, Extent, reserve, stream},
    fault::{Fault, TensorError, abridged},
    open_regular,
};

/// numpy writes headers of 118 bytes; version 1.0 cannot write longer ones than this.
const HEADER_LIMIT: u64 = 65_535;
const KNOWN_TYPES: &str = "float64, float32, float16";

/// An `.npy` file whose header matches its length, at its first entry.
pub(super) struct NpyFile {
    path: String,
    file: File,
    encoding: Encoding,
    fortran_order: bool,
    extent: Extent,
}

impl NpyFile {
    /// Reads and checks the header.
    pub(super) fn open(full_path: &Path, path: &str) -> Result<Self, TensorError> {
        let (mut file, length) = open_regular(full_path, path)?;
        let (text, header_end) = header_text(&mut file, length).map_err(|problem| problem.of(path))?;
        let header = Header::parse(&text).map_err(|fault| fault.of(path))?;
        let extent = Extent::new(&header.shape, header.encoding).map_err(|fault| fault.of(path))?;
        let available = length - header_end;
        if available < extent.bytes {
            return Err(Fault::PayloadCut { promised: extent.bytes, found: available }.of(path));
        }
        if available > extent.bytes {
            return Err(Fault::Trailing { found: available - extent.bytes }.of(path));
        }
        let Header { encoding, fortran_order, .. } = header;
        Ok(Self { path: path.to_owned(), file, encoding, fortran_order, extent })
    }

    pub(super) fn shape(self) -> Vec<usize> {
        self.extent.shape
    }

    /// Shape and entries, row-major.
    pub(super) fn read(self) -> Result<(Vec<usize>, Vec<f64>), TensorError> {
        let Self { path, file, encoding, fortran_order, extent } = self;
        let mut entries = reserve(extent.entries).map_err(|fault| fault.of(&path))?;
        let read = if fortran_order {
            entries.resize(extent.entries, 0.0);
            let mut places = ColumnMajor::new(&extent.shape);
            stream(file, encoding, extent.entries, |entry| entries[places.next_place()] = entry)
        } else {
            stream(file, encoding, extent.entries, |entry| entries.push(entry))
        };
        read.map_err(|source| TensorError::io(&path, source))?;
        Ok((extent.shape, entries))
    }
}

/// The row-major places of the entries of a column-major file, in the file's order: an odometer whose first digit turns
/// fastest.
struct ColumnMajor<'a> {
    shape: &'a [usize],
    /// Row-major distance between neighbours along each dimension.
    strides: Vec<usize>,
    index: Vec<usize>,
    place: usize,
}

impl<'a> ColumnMajor<'a> {
    fn new(shape: &'a [usize]) -> Self {
        let mut strides = vec![1; shape.len()];
        for dimension in (1..shape.len()).rev() {
            strides[dimension - 1] = strides[dimension] * shape[dimension];
        }
        Self { shape, strides, index: vec![0; shape.len()], place: 0 }
    }

    fn next_place(&mut self) -> usize {
        let place = self.place;
        for dimension in 0..self.shape.len() {
            self.index[dimension] += 1;
            self.place += self.strides[dimension];
            if self.index[dimension] < self.shape[dimension] {
                break;
            }
            self.place -= self.strides[dimension] * self.shape[dimension];
            self.index[dimension] = 0;
        }
        place
    }
}

/// What went wrong before the header's text was at hand.
enum Unread {
    Io(io::Error),
    Fault(Fault),
}

impl Unread {
    fn of(self, path: &str) -> TensorError {
        match self {
            Self::Io(source) => TensorError::io(path, source),
            Self::Fault(fault) => fault.of(path),
        }
    }
}

/// The dictionary's text and the offset of the first entry.
fn header_text(file: &mut File, length: u64) -> Result<(String, u64), Unread> {
    let mut take = |needed: u64, count: usize| {
        if length < needed {
            return Err(Unread::Fault(Fault::HeaderCut { needed, found: length }));
        }
        let mut bytes = vec![0; count];
        file.read_exact(&mut bytes).map_err(Unread::Io)?;
        Ok(bytes)
    };
    let start = take(8, 8)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err(Unread::Fault(Fault::NotNpy));
    }
    let (text_start, text_length) = match (start[6], start[7]) {
        (1, 0) => (10, take(10, 2)?.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))),
        (2 | 3, 0) => (12, take(12, 4)?.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))),
        (major, minor) => return Err(Unread::Fault(Fault::NpyVersion { major, minor })),
    };
    if text_length > HEADER_LIMIT {
        return Err(Unread::Fault(Fault::HeaderTooLong { found: text_length, limit: HEADER_LIMIT }));
    }
    let text_end = text_start + text_length;
    let bytes = take(text_end, text_length as usize)?;
    // Versions 1.0 and 2.0 are Latin-1, but the three keys and what we accept as their values are ASCII.
    let text = String::from_utf8(bytes).map_err(|_| Unread::Fault(Fault::HeaderNotText))?;
    Ok((text, text_end))
}

#[derive(Debug, PartialEq, Eq)]
struct Header {
    encoding: Encoding,
    fortran_order: bool,
    shape: Vec<u64>,
}

impl Header {
    fn parse(text: &str) -> Result<Self, Fault> {
        let (mut encoding, mut fortran_order, mut shape) = (None, None, None);
        let mut literal = Literal { rest: text };
        literal.expect('{')?;
        while !literal.accept('}') {
            let key = literal.string()?;
            literal.expect(':')?;
            let repeated = match key {
                "descr" => encoding.replace(literal.element_type()?).is_some(),
                "fortran_order" => fortran_order.replace(literal.boolean()?).is_some(),
                "shape" => shape.replace(literal.shape()?).is_some(),
                _ => return Err(syntax(format!("unknown key {}", abridged(key)))),
            };
            if repeated {
                return Err(syntax(format!("{key} is given twice")));
            }
            if !literal.accept(',') {
                literal.expect('}')?;
                break;
            }
        }
        if !literal.rest.trim().is_empty() {
            return Err(syntax(format!("{} after the dictionary", abridged(literal.rest.trim()))));
        }
        let missing = |key| syntax(format!("{key} is missing"));
        Ok(Self {
            encoding: encoding.ok_or_else(|| missing("descr"))?,
            fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

fn syntax(problem: String) -> Fault {
    Fault::HeaderSyntax { problem }
}

/// What is left of the header's text.
struct Literal<'a> {
    rest: &'a str,
}

impl<'a> Literal<'a> {
    fn accept(&mut self, expected: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, expected: char) -> Result<(), Fault> {
        if self.accept(expected) { Ok(()) } else { Err(self.unexpected(&format!("{expected:?}"))) }
    }

    fn unexpected(&self, expected: &str) -> Fault {
        match self.rest.chars().next() {
            Some(found) => syntax(format!("{expected} expected, {found:?} found")),
            None => syntax(format!("{expected} expected, and the header ends")),
        }
    }

    /// A string in quotes of either kind; escapes are not understood, and no key or type needs them.
    fn string(&mut self) -> Result<&'a str, Fault> {
        let quote = if self.accept('\'') {
            '\''
        } else if self.accept('"') {
            '"'
        } else {
            return Err(self.unexpected("a string"));
        };
        let (string, rest) =
            self.rest.split_once(quote).ok_or_else(|| syntax("a string without its closing quote".to_owned()))?;
        self.rest = rest;
        Ok(string)
    }

    fn element_type(&mut self) -> Result<Encoding, Fault> {
        if self.accept('[') {
            return Err(Fault::Records);
        }
        match self.string()? {
            "<f8" => Ok(Encoding::F64(ByteOrder::Little)),
            ">f8" => Ok(Encoding::F64(ByteOrder::Big)),
            "<f4" => Ok(Encoding::F32(ByteOrder::Little)),
            ">f4" => Ok(Encoding::F32(ByteOrder::Big)),
            "<f2" => Ok(Encoding::F16(ByteOrder::Little)),
            ">f2" => Ok(Encoding::F16(ByteOrder::Big)),
            "|O" | "O" => Err(Fault::PythonObjects),
            other => Err(Fault::ElementType { found: abridged(other), known: KNOWN_TYPES }),
        }
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    /// A tuple of dimensions.
    fn shape(&mut self) -> Result<Vec<u64>, Fault> {
        self.expect('(')?;
        let Some((tuple, rest)) = self.rest.split_once(')') else {
            return Err(syntax("a shape without its closing bracket".to_owned()));
        };
        self.rest = rest;
        let mut dimensions: Vec<&str> = tuple.split(',').map(str::trim).collect();
        if dimensions.last() == Some(&"") {
            // `()`, or the comma Python writes after a lone dimension.
            dimensions.pop();
        }
        dimensions.into_iter().map(|dimension| parse_dimension(dimension, tuple)).collect()
    }
}

fn parse_dimension(dimension: &str, tuple: &str) -> Result<u64, Fault> {
    // Python 2 wrote long integers with an L.
    let digits = dimension.strip_suffix('L').unwrap_or(dimension);
    let magnitude = digits.strip_prefix('-').unwrap_or(digits);
    if magnitude.is_empty() || !magnitude.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(syntax(format!("{} is not a dimension", abridged(dimension))));
    }
    if magnitude.len() < digits.len() {
        return Err(Fault::NegativeDimension { shape: abridged(&format!("({tuple})")) });
    }
    // Only the length of the number can be at fault now.
    digits.parse().map_err(|_| Fault::ShapeOverflow { shape: abridged(&format!("({tuple})")) })
}
