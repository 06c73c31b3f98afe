//! `.safetensors` files that lie.

use super::message;

pub(super) fn safetensors_of(header_length: u64, header: &[u8], payload: &[u8]) -> Vec<u8> {
    [header_length.to_le_bytes().as_slice(), header, payload].concat()
}

/// A file with an honest header length.
pub(super) fn safetensors(header: &str, payload: &[u8]) -> Vec<u8> {
    safetensors_of(header.len() as u64, header.as_bytes(), payload)
}

/// A file of one tensor `w`.
pub(super) fn safetensors_with(dtype: &str, shape: &str, offsets: &str, payload: &[u8]) -> Vec<u8> {
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
            "the header cannot be understood: \"invalid type: sequence, expected a map at line 1 column 16\"; write the file anew",
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
