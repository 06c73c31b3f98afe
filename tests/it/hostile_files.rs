//! Whatever a tensor file claims, reading it ends in the right entries or in one clear error, soon and without a large
//! allocation. Every message is the promise; the files are built here, byte by byte.

use std::{fs, path::Path};

use factoreo::{
    problem::TensorName,
    tensor::{read, shape},
};

/// Reads `tensor` of a file of these bytes and gives the message, having asserted that its shape ends in the same one.
fn message(file_name: &str, bytes: &[u8], tensor: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file_name), bytes).unwrap();
    let name = TensorName { path: file_name.to_owned(), name: tensor.map(str::to_owned) };
    let refused = read(folder.path(), &name).expect_err("a hostile file was read").to_string();
    assert_eq!(shape(folder.path(), &name).expect_err("a hostile header was believed").to_string(), refused);
    refused
}

fn npy_of(version: [u8; 2], header_length: &[u8], header: &[u8], payload: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY".as_slice(), &version, header_length, header, payload].concat()
}

/// A version 1.0 file with an honest header length.
fn npy(header: &str, payload: &[u8]) -> Vec<u8> {
    npy_of([1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), payload)
}

/// A version 1.0 file of this type and shape.
fn npy_with(descr: &str, shape: &str, payload: &[u8]) -> Vec<u8> {
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

fn safetensors_of(header_length: u64, header: &[u8], payload: &[u8]) -> Vec<u8> {
    [header_length.to_le_bytes().as_slice(), header, payload].concat()
}

/// A file with an honest header length.
fn safetensors(header: &str, payload: &[u8]) -> Vec<u8> {
    safetensors_of(header.len() as u64, header.as_bytes(), payload)
}

/// A file of one tensor `w`.
fn safetensors_with(dtype: &str, shape: &str, offsets: &str, payload: &[u8]) -> Vec<u8> {
    let header = format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#);
    safetensors(&header, payload)
}

#[test]
fn hostile_safetensors_files_end_in_one_clear_error() {
    let four = [0; 4 * 4];
    let two_tensors = |first: &str, second: &str| {
        format!(
            r#"{{"v":{{"dtype":"F32","shape":[2],"data_offsets":{first}}},"w":{{"dtype":"F32","shape":[2],"data_offsets":{second}}}}}"#
        )
    };
    let many_names: Vec<String> =
        (10..25).map(|i| format!(r#""t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#)).collect();
    let table: &[(&str, Vec<u8>, &str)] = &[
        (
            "seven bytes",
            vec![0; 7],
            "7 bytes are too few for the 8 a header takes; the file is cut short: copy it again or write it anew",
        ),
        (
            "a header longer than the file",
            safetensors_of(1000, b"{}", &[]),
            "10 bytes are too few for the 1008 a header takes; the file is cut short: copy it again or write it anew",
        ),
        (
            "a header of 1 TB",
            safetensors_of(1 << 40, b"{}", &[]),
            "a header of 1099511627776 bytes is beyond the 16777216 that are read; the file is damaged or not what its \
             name says: write it anew",
        ),
        (
            "a header of 2^64 - 1 bytes",
            safetensors_of(u64::MAX, b"{}", &[]),
            "a header of 18446744073709551615 bytes is beyond the 16777216 that are read; the file is damaged or not \
             what its name says: write it anew",
        ),
        (
            "not UTF-8",
            safetensors_of(4, b"{\"\xff\"", &[]),
            "the header is not UTF-8 text; the file is damaged or not what its name says: write it anew",
        ),
        (
            "not JSON",
            safetensors("{w: 1}", &[]),
            "the header cannot be understood: \"key must be a string at line 1 column 2\"; write the file anew",
        ),
        (
            "an empty header",
            safetensors("", &[]),
            "the header cannot be understood: \"EOF while parsing a value at line 1 column 0\"; write the file anew",
        ),
        (
            "not a map",
            safetensors("[1]", &[]),
            "the header cannot be understood: \"invalid type: sequence, expected a map from names to tensors at line 1 \
             column 0\"; write the file anew",
        ),
        (
            "brackets as deep as the header",
            safetensors(&format!(r#"{{"__metadata__":{}"#, "[".repeat(1_000_000)), &[]),
            "the header cannot be understood: \"EOF while parsing a list at line 1 column 1000016\"; write the file anew",
        ),
        (
            "no offsets",
            safetensors(r#"{"w":{"dtype":"F32","shape":[4]}}"#, &four),
            "the header cannot be understood: \"missing field `data_offsets` at line 1 column 32\"; write the file anew",
        ),
        (
            "a negative dimension",
            safetensors_with("F32", "[-4]", "[0,16]", &four),
            "the header cannot be understood: \"invalid value: integer `-4`, expected u64 at line 1 column 31\"; write \
             the file anew",
        ),
        (
            "a name twice",
            safetensors(
                r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
                &four,
            ),
            "the header names \"w\" twice; write the file anew with one tensor under each name",
        ),
        (
            "integers",
            safetensors_with("I32", "[4]", "[0,16]", &four),
            "entries of type \"I32\" cannot be read; convert them to one of: F64, F32, F16, BF16",
        ),
        (
            "no such type",
            safetensors_with("F7", "[4]", "[0,16]", &four),
            "entries of type \"F7\" cannot be read; convert them to one of: F64, F32, F16, BF16",
        ),
        (
            "dimensions whose product wraps to 4",
            safetensors_with("F32", "[4294967296,4294967296,4]", "[0,16]", &four),
            "the shape [4294967296, 4294967296, 4] has more entries than this machine can count; the file is damaged: \
             write it anew",
        ),
        (
            "one terabyte",
            safetensors_with("F32", "[274877906944]", "[0,1099511627776]", &four),
            "tensor \"w\" claims bytes 0 to 1099511627776, and the file has 16 bytes of entries; it is cut short or \
             damaged: copy it again or write it anew",
        ),
        (
            "one terabyte in sixteen bytes",
            safetensors_with("F32", "[274877906944]", "[0,16]", &four),
            "tensor \"w\" of shape [274877906944] takes 1099511627776 bytes and claims 16; write the file anew",
        ),
        (
            "an end before the beginning",
            safetensors_with("F32", "[4]", "[16,0]", &four),
            "tensor \"w\" claims bytes 16 to 0, and the file has 16 bytes of entries; it is cut short or damaged: copy \
             it again or write it anew",
        ),
        (
            "cut short",
            safetensors_with("F32", "[4]", "[0,16]", &four[1..]),
            "tensor \"w\" claims bytes 0 to 16, and the file has 15 bytes of entries; it is cut short or damaged: copy \
             it again or write it anew",
        ),
        (
            "a byte over",
            safetensors_with("F32", "[4]", "[0,16]", &[0; 17]),
            "1 bytes follow the last entry; the file is damaged or holds something else besides: write the tensor alone",
        ),
        (
            "overlapping tensors",
            safetensors(&two_tensors("[0,8]", "[4,12]"), &four[..12]),
            "tensors \"v\" and \"w\" overlap; write the file anew",
        ),
        (
            "a hole",
            safetensors(&two_tensors("[0,8]", "[9,16]"), &four),
            "1 bytes before tensor \"w\" belong to no tensor; write the file anew",
        ),
        (
            "no dimensions",
            safetensors_with("F32", "[]", "[0,4]", &four[..4]),
            "the tensor is a single number, without dimensions; a matrix or a vector is needed",
        ),
        (
            "no entries",
            safetensors_with("F32", "[3,0]", "[0,0]", &[]),
            "the shape [3, 0] has no entries; save a tensor that has some",
        ),
        (
            "another name",
            safetensors(r#"{"q":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, &four),
            "no tensor \"w\" in this file; name one of: \"q\"",
        ),
        (
            "no tensors at all",
            safetensors(r#"{"__metadata__":{"w":"x"}}  "#, &[]),
            "no tensor \"w\" in this file; name one of: (the file holds no tensors)",
        ),
        (
            "fifteen other names",
            safetensors(&format!("{{{}}}", many_names.join(",")), &[]),
            "no tensor \"w\" in this file; name one of: \"t10\", \"t11\", \"t12\", \"t13\", \"t14\", \"t15\", \"t16\", \
             \"t17\", \"t18\", \"t19\" and 5 more",
        ),
        (
            "a name with control characters",
            safetensors(r#"{"\u001b[31m":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, &four),
            "no tensor \"w\" in this file; name one of: \"\\u{1b}[31m\"",
        ),
    ];
    for (what, bytes, expected) in table {
        assert_eq!(message("model.safetensors", bytes, Some("w")), format!("model.safetensors: {expected}"), "{what}");
    }
}

#[test]
fn a_message_stays_short_however_long_the_name_it_quotes() {
    let header = format!(r#"{{"{}":{{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}}}"#, "n".repeat(1_000_000));
    let message = message("model.safetensors", &safetensors(&header, &[0; 16]), Some("w"));
    assert!(message.len() < 300, "{} characters", message.len());
}

#[test]
fn a_question_that_does_not_fit_the_file_is_answered_with_the_one_that_does() {
    let named = safetensors_with("F32", "[4]", "[0,16]", &[0; 16]);
    assert_eq!(
        message("m.safetensors", &named, None),
        "m.safetensors: the tensor's name is missing; name one of: \"w\""
    );
    assert_eq!(
        message("q.npy", &npy_with("'<f8'", "(1,)", &[0; 8]), Some("w")),
        "q.npy: an .npy file holds one tensor, without a name; leave out the name \"w\""
    );
    assert_eq!(
        message("q.csv", b"1,2", None),
        "q.csv: neither .npy nor .safetensors by its name; convert it to one of them"
    );
}

#[test]
fn what_is_not_a_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let message = |root: &Path, path: &str| {
        read(root, &TensorName { path: path.to_owned(), name: None }).expect_err("something was read").to_string()
    };
    assert_eq!(
        message(folder.path(), "absent.npy"),
        "absent.npy: no such file; check the path, which starts from the project's folder"
    );
    fs::create_dir(folder.path().join("folder.npy")).unwrap();
    let not_regular = "not a regular file; give the path of a .npy or .safetensors file";
    assert_eq!(message(folder.path(), "folder.npy"), format!("folder.npy: {not_regular}"));
    // A pipe would block whoever opens it, and a device never ends.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.npy")).unwrap();
        assert_eq!(message(folder.path(), "zero.npy"), format!("zero.npy: {not_regular}"));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_of_holes_as_long_as_its_claim_is_refused_memory_and_not_the_process_its_life() {
    // 2^50 bytes of F16: a sparse file that keeps its header's promise and asks for four times as much in f64.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.npy");
    let header = npy_with("'<f2'", "(562949953421312,)", &[]);
    let file = fs::File::create(&path).unwrap();
    std::io::Write::write_all(&mut &file, &header).unwrap();
    if file.set_len(header.len() as u64 + (1 << 50)).is_err() {
        println!("skipped: this file system has no files of 2^50 bytes");
        return;
    }
    let refused = read(folder.path(), &TensorName { path: "sparse.npy".to_owned(), name: None }).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "sparse.npy: the tensor takes 4503599627370496 bytes of memory, which the system refuses; save a part of it"
    );
}
