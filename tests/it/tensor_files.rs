//! Every type, byte order and entry order of a tensor file gives the same entries (`scripts/tensor_fixture.py` wrote the
//! files), and what is written can be read by the format's own library.

use std::{fs, path::Path};

use factoreo::{
    problem::{Tensor, TensorName},
    tensor::{Entries, NamedEntries, file_hash, read, shape, write_safetensors},
};

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tensors"))
}

fn tensor(file: &str, name: Option<&str>) -> Tensor {
    let name = TensorName { path: file.to_owned(), name: name.map(str::to_owned) };
    let tensor = read(fixtures(), &name).unwrap();
    assert_eq!(shape(fixtures(), &name).unwrap(), tensor.shape, "{file}");
    tensor
}

fn assert_matrix(tensor: &Tensor, what: &str) {
    assert_eq!(tensor.shape, [3, 4], "{what}");
    let expected: Vec<f64> = (0..12).map(|place| f64::from(place) - 5.5).collect();
    assert_eq!(tensor.entries, expected, "{what}");
}

fn assert_cube(tensor: &Tensor, what: &str) {
    assert_eq!(tensor.shape, [2, 3, 4], "{what}");
    let expected: Vec<f64> = (0..24).map(|place| f64::from(place / 12 * 16 + place % 12) - 20.5).collect();
    assert_eq!(tensor.entries, expected, "{what}");
}

#[test]
fn every_npy_type_and_order_gives_the_same_entries() {
    for order in ["", "_fortran"] {
        for kind in ["little_f8", "big_f8", "little_f4", "big_f4", "little_f2", "big_f2"] {
            let file = format!("{kind}{order}.npy");
            assert_matrix(&tensor(&file, None), &file);
        }
        let file = format!("cube{order}.npy");
        assert_cube(&tensor(&file, None), &file);
    }
    for file in ["version_2.npy", "version_3.npy"] {
        assert_matrix(&tensor(file, None), file);
    }
    assert_eq!(tensor("vector.npy", None).shape, [12]);
}

#[test]
fn every_safetensors_type_gives_the_same_entries() {
    for name in ["f64", "f32", "f16", "bf16"] {
        assert_matrix(&tensor("every_type.safetensors", Some(name)), name);
    }
    assert_cube(&tensor("every_type.safetensors", Some("cube")), "cube");
}

#[test]
fn entries_beyond_one_chunk_arrive_in_their_places() {
    // 300×301 f64 is 11 chunks of 64 KiB, in column-major order.
    let (rows, columns) = (300, 301);
    let mut bytes = b"\x93NUMPY\x01\x00\x40\x00".to_vec();
    bytes.extend(format!("{:<64}", "{'descr':'<f8','fortran_order':True,'shape':(300,301)}").into_bytes());
    bytes.extend((0..columns).flat_map(|j| (0..rows).flat_map(move |i| f64::to_le_bytes((i * 1000 + j).into()))));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("big.npy"), bytes).unwrap();
    let tensor = read(folder.path(), &TensorName { path: "big.npy".to_owned(), name: None }).unwrap();
    let expected: Vec<f64> = (0..rows).flat_map(|i| (0..columns).map(move |j| f64::from(i * 1000 + j))).collect();
    assert_eq!(tensor.entries, expected);
}

#[test]
fn what_is_written_is_what_the_formats_own_library_reads_and_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/heads.safetensors");
    let tensors = [
        NamedEntries {
            name: "b".to_owned(),
            shape: vec![2, 3],
            entries: Entries::Real(vec![1.0, -2.0, 3.5, f32::MIN, f32::MAX, 0.0]),
        },
        NamedEntries {
            name: "a \"quoted\" é".to_owned(),
            shape: vec![1],
            entries: Entries::Real(vec![f32::MIN_POSITIVE]),
        },
        NamedEntries { name: "ids".to_owned(), shape: vec![1, 2], entries: Entries::Whole(vec![101, -7]) },
    ];
    let metadata = [("source", "a \"model\"\n".to_owned()), ("tokens", "512".to_owned())];
    write_safetensors(&path, &tensors, &metadata).unwrap();
    let bytes = fs::read(&path).unwrap();

    let (header_length, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!((header_length + 8) % 8, 0, "entries are not aligned");
    let found = header.metadata().as_ref().unwrap();
    assert_eq!((found["source"].as_str(), found["tokens"].as_str()), ("a \"model\"\n", "512"));
    let library = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for NamedEntries { name, shape, entries } in &tensors {
        let view = library.tensor(name).unwrap();
        assert_eq!(view.shape(), shape);
        let (dtype, bytes, values): (_, Vec<u8>, Vec<f64>) = match entries {
            Entries::Real(entries) => (
                safetensors::Dtype::F32,
                entries.iter().flat_map(|entry| entry.to_le_bytes()).collect(),
                entries.iter().copied().map(f64::from).collect(),
            ),
            Entries::Whole(entries) => (
                safetensors::Dtype::I64,
                entries.iter().flat_map(|entry| entry.to_le_bytes()).collect(),
                entries.iter().map(|&entry| entry as f64).collect(),
            ),
        };
        assert_eq!((view.dtype(), view.data()), (dtype, &bytes[..]));
        if dtype == safetensors::Dtype::I64 {
            continue;
        }
        let read =
            read(folder.path(), &TensorName { path: "new/heads.safetensors".to_owned(), name: Some(name.clone()) })
                .unwrap();
        assert_eq!(read.entries, values);
    }

    write_safetensors(&path, &tensors, &metadata).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "a second writing gave other bytes");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "an unfinished file was left behind");
}

#[test]
fn a_files_hash_is_that_of_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("abc"), "abc").unwrap();
    // The BLAKE3 of "abc", as published with its reference implementation.
    let expected = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
    assert_eq!(file_hash(folder.path(), "abc").unwrap(), expected);
    assert_eq!(
        file_hash(folder.path(), "absent").unwrap_err().to_string(),
        "absent: no such file; check the path, which starts from the project's folder"
    );
}
