//! Whatever a tensor file claims, reading it ends in the right entries or in one clear error, soon and without a large
//! allocation. Every message is the promise; the files are built here, byte by byte.

mod npy;
mod safetensors;

use std::{fs, path::Path};

use factoreo::{
    problem::TensorName,
    tensor::{read, shape},
};
use npy::npy_with;
use safetensors::{safetensors, safetensors_with};

/// Reads `tensor` of a file of these bytes and gives the message, having asserted that its shape ends in the same one.
fn message(file_name: &str, bytes: &[u8], tensor: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file_name), bytes).unwrap();
    let name = TensorName { path: file_name.to_owned(), name: tensor.map(str::to_owned) };
    let refused = read(folder.path(), &name).expect_err("a hostile file was read").to_string();
    assert_eq!(shape(folder.path(), &name).expect_err("a hostile header was believed").to_string(), refused);
    refused
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
