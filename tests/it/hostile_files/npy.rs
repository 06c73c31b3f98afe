//! `.npy` files that lie.

use super::message;

pub(super) fn npy_of(version: [u8; 2], header_length: &[u8], header: &[u8], payload: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY".as_slice(), &version, header_length, header, payload].concat()
}

/// A version 1.0 file with an honest header length.
pub(super) fn npy(header: &str, payload: &[u8]) -> Vec<u8> {
    npy_of([1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), payload)
}

/// A version 1.0 file of this type and shape.
pub(super) fn npy_with(descr: &str, shape: &str, payload: &[u8]) -> Vec<u8> {
    npy(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"), payload)
}

#[test]
fn hostile_npy_files_end_in_one_clear_error() {
    let four = [0; 4 * 8];
    let table: &[(&str, Vec<u8>, &str)] = &[
        (
            "an empty file",
            vec![],
            "0 bytes are too few for the 8 a header takes; the file is cut short: copy it again or write it anew",
        ),
        (
            "another format",
            b"PK\x03\x04 and so on".to_vec(),
            "the first bytes are not those of an .npy file; save it with numpy.save",
        ),
        (
            "a version to come",
            npy_of([9, 1], &[], b"          ", &[]),
            "npy format 9.1 is unknown (1.0, 2.0 and 3.0 are known); save it with numpy.save",
        ),
        (
            "no room for the length",
            npy_of([1, 0], &[], &[], &[]),
            "8 bytes are too few for the 10 a header takes; the file is cut short: copy it again or write it anew",
        ),
        (
            "a header longer than the file",
            npy_of([1, 0], &[0xff, 0xff], b"{'descr'", &[]),
            "18 bytes are too few for the 65545 a header takes; the file is cut short: copy it again or write it anew",
        ),
        (
            "a header of 4 GiB",
            npy_of([2, 0], &[0xff; 4], b"{'descr'", &[]),
            "a header of 4294967295 bytes is beyond the 65535 that are read; the file is damaged or not what its name \
             says: write it anew",
        ),
        (
            "not text",
            npy_of([1, 0], &[4, 0], b"\xff\xfe\xfd\n", &[]),
            "the header is not UTF-8 text; the file is damaged or not what its name says: write it anew",
        ),
        (
            "not a dictionary",
            npy("[1, 2]\n", &[]),
            "the header cannot be understood: '{' expected, '[' found; write the file anew",
        ),
        (
            "brackets as deep as the header",
            npy(&"(".repeat(60_000), &[]),
            "the header cannot be understood: '{' expected, '(' found; write the file anew",
        ),
        (
            "a shape as deep as the header",
            npy_with("'<f8'", &"(".repeat(60_000), &[]),
            "the header cannot be understood: a shape without its closing bracket; write the file anew",
        ),
        (
            "an end in the middle",
            npy("{'descr': '<f8', 'fortran_order': ", &[]),
            "the header cannot be understood: True or False expected, and the header ends; write the file anew",
        ),
        (
            "an open string",
            npy("{'descr: ", &[]),
            "the header cannot be understood: a string without its closing quote; write the file anew",
        ),
        (
            "a key missing",
            npy("{'descr': '<f8', 'shape': (4,)}", &four),
            "the header cannot be understood: fortran_order is missing; write the file anew",
        ),
        (
            "a key twice",
            npy("{'shape': (2,), 'descr': '<f8', 'fortran_order': False, 'shape': (4,)}", &four),
            "the header cannot be understood: shape is given twice; write the file anew",
        ),
        (
            "an unknown key",
            npy("{'descr': '<f8', 'allow_pickle': True}", &four),
            "the header cannot be understood: unknown key \"allow_pickle\"; write the file anew",
        ),
        (
            "more after the dictionary",
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (4,)} import os", &four),
            "the header cannot be understood: \"import os\" after the dictionary; write the file anew",
        ),
        (
            "Python objects",
            npy_with("'|O'", "(4,)", &four),
            "its entries are Python objects, which cannot be read; save numbers: array.astype('float64')",
        ),
        (
            "records",
            npy_with("[('x', '<f8'), ('y', '<f8')]", "(2,)", &four),
            "its entries are records of several fields; save one field alone: array['field']",
        ),
        (
            "integers",
            npy_with("'<i8'", "(4,)", &four),
            "entries of type \"<i8\" cannot be read; convert them to one of: float64, float32, float16",
        ),
        (
            "no such type",
            npy_with("'<f99999999999999999999'", "(4,)", &four),
            "entries of type \"<f99999999999999999999\" cannot be read; convert them to one of: float64, float32, \
             float16",
        ),
        (
            "a negative dimension",
            npy_with("'<f8'", "(-4, -1)", &four),
            "a dimension is negative in the shape \"(-4, -1)\"; write the file anew",
        ),
        (
            "a dimension that is no number",
            npy_with("'<f8'", "(4, None)", &four),
            "the header cannot be understood: \"None\" is not a dimension; write the file anew",
        ),
        (
            "a dimension beyond 64 bits",
            npy_with("'<f8'", "(99999999999999999999999,)", &four),
            "the shape \"(99999999999999999999999,)\" has more entries than this machine can count; the file is \
             damaged: write it anew",
        ),
        (
            "dimensions whose product wraps to 4",
            npy_with("'<f8'", "(4294967296, 4294967296, 4)", &four),
            "the shape [4294967296, 4294967296, 4] has more entries than this machine can count; the file is damaged: \
             write it anew",
        ),
        (
            "bytes that wrap to 32",
            npy_with("'<f8'", "(2305843009213693956,)", &four),
            "the shape [2305843009213693956] has more entries than this machine can count; the file is damaged: write \
             it anew",
        ),
        (
            "one terabyte",
            npy_with("'<f8'", "(131072, 1048576)", &four),
            "the header promises 1099511627776 bytes of entries and the file has 32; it is cut short: copy it again or \
             write it anew",
        ),
        (
            "a byte short",
            npy_with("'<f8'", "(4,)", &four[1..]),
            "the header promises 32 bytes of entries and the file has 31; it is cut short: copy it again or write it \
             anew",
        ),
        (
            "a byte over",
            npy_with("'<f8'", "(4,)", &[0; 33]),
            "1 bytes follow the last entry; the file is damaged or holds something else besides: write the tensor alone",
        ),
        (
            "no dimensions",
            npy_with("'<f8'", "()", &four[..8]),
            "the tensor is a single number, without dimensions; a matrix or a vector is needed",
        ),
        (
            "no entries",
            npy_with("'<f8'", "(3, 0)", &[]),
            "the shape [3, 0] has no entries; save a tensor that has some",
        ),
        (
            "ten thousand dimensions",
            npy_with("'<f8'", &format!("({})", "1,".repeat(10_000)), &four[..8]),
            "10000 dimensions are more than the 32 that are read; reshape the tensor",
        ),
    ];
    for (what, bytes, expected) in table {
        assert_eq!(message("q.npy", bytes, None), format!("q.npy: {expected}"), "{what}");
    }
}
