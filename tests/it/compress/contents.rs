//! What the folder holds: pairs, and everything else as it was; and the same each time.

use std::{collections::BTreeMap, fs};

use factoreo::compress::CompressOptions;

use super::{files, request, run, tiny};

#[test]
fn what_is_not_factored_is_copied_byte_for_byte_and_what_belongs_to_the_model_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir_all(model.join("1_Pooling")).unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    fs::write(model.join("1_Pooling/config.json"), "{}").unwrap();
    fs::write(model.join("README.md"), "license: apache-2.0").unwrap();
    fs::write(model.join("pytorch_model.bin"), "weights").unwrap();
    let options = CompressOptions { model: model.clone(), ..request(folder.path()) };
    run(&options).unwrap();
    let written = files(&options.out);
    let original = files(&model);
    for name in ["config.json", "tokenizer.json", "1_Pooling/config.json"] {
        assert_eq!(written[name], original[name], "{name}");
    }
    assert_eq!(written["README.source.md"], original["README.md"]);
    assert!(!written.contains_key("pytorch_model.bin") && !written.contains_key("expected.safetensors"));

    let bytes = |file: &[u8]| -> BTreeMap<String, Vec<u8>> {
        let tensors = safetensors::SafeTensors::deserialize(file).unwrap();
        tensors.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect()
    };
    let (written, original) = (bytes(&written["model.safetensors"]), bytes(&original["model.safetensors"]));
    let mut whole = 0;
    for (name, found) in written.iter().filter(|(name, _)| !name.ends_with(".left") && !name.ends_with(".right")) {
        assert_eq!(found, &original[name], "{name}");
        whole += 1;
    }
    assert!(whole > 10);
}

#[test]
fn the_same_request_gives_the_same_bytes_and_another_seed_holds_out_another_text() {
    let folder = tempfile::tempdir().unwrap();
    let request = request(folder.path());
    let of = |name: &str, seed| {
        let options = CompressOptions { out: folder.path().join(name), seed, ..request.clone() };
        (run(&options).unwrap(), files(&options.out))
    };
    let (first, second, other) = (of("a", 1), of("b", 1), of("c", 2));
    assert!(first.1 == second.1);
    assert_ne!(first.0.calibration, other.0.calibration);
}
