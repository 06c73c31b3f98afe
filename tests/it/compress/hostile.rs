//! Models that lie or are damaged: one clear error each, and nothing written.

use factoreo::paths::Shown as _;
use std::{fs, path::Path};

use safetensors::Dtype;

use super::{
    commands::factoreo,
    request, run,
    shards::{nearly_low_rank, sharded},
    tiny,
};
use factoreo::compress::{CompressOptions, WeightMethod};

/// The tiny model with its weights changed, or something else in its folder; and the message of compressing it.
fn refused(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(tiny().join(name), model.join(name)).unwrap();
    }
    change(&model);
    message(folder.path(), CompressOptions { model, ..request(folder.path()) })
}

/// A model that is no BERT, and the message of factoring its matrices as they are.
fn refused_plain(make: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    make(&model);
    let plain = CompressOptions {
        model,
        calibration: None,
        method: WeightMethod::TruncatedSvd,
        budget: 0.5,
        ..request(folder.path())
    };
    message(folder.path(), plain)
}

fn message(folder: &Path, options: CompressOptions) -> String {
    let message = run(&options).expect_err("a bad model was compressed").to_string();
    let left = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(
        left.into_iter().all(|name| name == "model" || name.starts_with("secret")),
        "{message}: something was written"
    );
    assert!(message.lines().count() == 1 && message.len() < 700, "{message}");
    message.replace(&folder.shown(), "DIR")
}

/// Rewrites the weights with some tensors changed: `None` leaves one out.
fn rewritten(model: &Path, change: impl Fn(&str, Vec<usize>, Vec<u8>) -> Option<(Vec<usize>, Vec<u8>)>) {
    let path = model.join("model.safetensors");
    let file = fs::read(&path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let changed: Vec<_> = tensors
        .iter()
        .filter_map(|(name, view)| {
            let (shape, bytes) = change(name, view.shape().to_vec(), view.data().to_vec())?;
            Some((name.to_owned(), view.dtype(), shape, bytes))
        })
        .collect();
    let views = changed.iter().map(|(name, dtype, shape, bytes)| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

const MATRIX: &str = "encoder.layer.1.intermediate.dense.weight";

fn with_bad_entry(bytes: Vec<u8>, at: usize, value: f32) -> Vec<u8> {
    let mut bytes = bytes;
    bytes[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn weights_that_are_not_the_models_are_refused() {
    assert_eq!(
        refused(|model| rewritten(model, |name, shape, bytes| (name != MATRIX).then_some((shape, bytes)))),
        "DIR/model/model.safetensors: not the weights that config.json describes: \
         encoder.layer.1.intermediate.dense.weight [24, 16] is not there"
    );
    assert_eq!(
        refused(|model| rewritten(model, |name, shape, bytes| {
            let shape = if name == MATRIX { vec![16, 24] } else { shape };
            Some((shape, bytes))
        })),
        "DIR/model/model.safetensors: not the weights that config.json describes: \
         encoder.layer.1.intermediate.dense.weight has the shape [16, 24], expected [24, 16]"
    );
    // The tiny model is in half precision.
    for (value, half) in [(f32::NAN, half::f16::NAN), (f32::INFINITY, half::f16::INFINITY)] {
        assert_eq!(
            refused(|model| rewritten(model, |name, shape, bytes| {
                let mut bytes = bytes;
                if name == MATRIX {
                    bytes[2 * 37..2 * 37 + 2].copy_from_slice(&half.to_le_bytes());
                }
                Some((shape, bytes))
            })),
            format!(
                "DIR/model/model.safetensors: not the weights that config.json describes: entry [2, 5] of \
                 encoder.layer.1.intermediate.dense.weight is {value}, not a finite number"
            )
        );
    }
}

#[test]
fn damaged_files_are_refused() {
    let cut = refused(|model| {
        let path = model.join("model.safetensors");
        let file = fs::read(&path).unwrap();
        fs::write(path, &file[..file.len() - 100]).unwrap();
    });
    assert!(cut.starts_with("DIR/model/model.safetensors: tensor ") && cut.contains("cut short or damaged"), "{cut}");
    let header = refused(|model| {
        let path = model.join("model.safetensors");
        let mut file = fs::read(&path).unwrap();
        file[..8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        fs::write(path, file).unwrap();
    });
    assert_eq!(
        header,
        "DIR/model/model.safetensors: a header of 1099511627776 bytes is beyond the 16777216 that are read; the file is \
         damaged or not what its name says: write it anew"
    );
    assert_eq!(
        refused(|model| fs::remove_file(model.join("model.safetensors")).unwrap()),
        "DIR/model: neither model.safetensors nor model.safetensors.index.json is here; give the folder of a model that has \
         one"
    );
    assert_eq!(
        refused_plain(|model| {
            // Integers that are only copied are as long as they say, too.
            let header = r#"{"ids":{"dtype":"I64","shape":[3],"data_offsets":[0,16]}}"#;
            let file = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 16]].concat();
            fs::write(model.join("model.safetensors"), file).unwrap();
        }),
        "DIR/model/model.safetensors: tensor \"ids\" of shape [3] takes 24 bytes and claims 16; write the file anew"
    );
}

#[test]
fn numbers_that_are_not_finite_are_refused_in_what_is_only_copied_as_well() {
    let vector =
        |bad: f32| -> Vec<u8> { [1.0_f32, 2.0, bad, 4.0].iter().flat_map(|entry| entry.to_le_bytes()).collect() };
    let matrix: Vec<u8> = nearly_low_rank(20, 20).iter().flat_map(|entry| entry.to_le_bytes()).collect();
    let message = refused_plain(|model| {
        let tensors =
            vec![("w", Dtype::F32, vec![20, 20], matrix.clone()), ("b", Dtype::F32, vec![4], vector(f32::NAN))];
        sharded(model, &[("a.safetensors", tensors)]);
    });
    assert_eq!(
        message,
        "DIR/model/a.safetensors: entry 2 of tensor \"b\" is NaN, not a finite number; a model with such weights is damaged: \
         get it anew"
    );
    let message = refused_plain(|model| {
        let tensors = vec![("w", Dtype::F32, vec![20, 20], with_bad_entry(matrix.clone(), 7, f32::NEG_INFINITY))];
        sharded(model, &[("a.safetensors", tensors)]);
    });
    assert_eq!(
        message,
        "DIR/model/a.safetensors: entry 7 of tensor \"w\" is -inf, not a finite number; a model with such weights is \
         damaged: get it anew"
    );
}

/// A shard with one matrix, `w`.
fn one_shard(model: &Path) {
    let matrix: Vec<u8> = nearly_low_rank(20, 20).iter().flat_map(|entry| entry.to_le_bytes()).collect();
    sharded(model, &[("a.safetensors", vec![("w", Dtype::F32, vec![20, 20], matrix)])]);
}

fn index(model: &Path, map: &str) {
    fs::write(model.join("model.safetensors.index.json"), format!(r#"{{"weight_map": {map}}}"#)).unwrap();
}

#[test]
fn an_index_can_name_nothing_but_files_beside_it() {
    for shard in [
        "../secret.safetensors",
        "/etc/secret.safetensors",
        "sub/secret.safetensors",
        "./a.safetensors",
        "..",
        "",
        "sub\\\\secret.safetensors",
        "a.bin",
    ] {
        let message = refused_plain(|model| {
            one_shard(model);
            fs::copy(model.join("a.safetensors"), model.join("../secret.safetensors")).unwrap();
            index(model, &format!(r#"{{"w": "{shard}"}}"#));
        });
        let quoted = format!("\"{shard}\"");
        assert_eq!(
            message,
            format!(
                "DIR/model/model.safetensors.index.json: the index names the shard {quoted}, which is not a plain file name; \
                 an index may only name files beside it"
            )
        );
    }
    #[cfg(unix)]
    assert_eq!(
        refused_plain(|model| {
            one_shard(model);
            fs::rename(model.join("a.safetensors"), model.join("../secret.safetensors")).unwrap();
            std::os::unix::fs::symlink("../secret.safetensors", model.join("a.safetensors")).unwrap();
        }),
        "DIR/model/model.safetensors.index.json: the shard \"a.safetensors\" leads out of the model's folder; put the file \
         itself there, not a link"
    );
}

#[test]
fn index_and_shards_must_agree() {
    assert_eq!(
        refused_plain(|model| {
            one_shard(model);
            fs::remove_file(model.join("a.safetensors")).unwrap();
        }),
        "DIR/model/model.safetensors.index.json: the index names the shard \"a.safetensors\", which is not there; get the \
         missing file"
    );
    assert_eq!(
        refused_plain(|model| {
            one_shard(model);
            index(model, r#"{"w": "a.safetensors", "v": "a.safetensors"}"#);
        }),
        "DIR/model/model.safetensors.index.json: the index says that tensor \"v\" is in \"a.safetensors\", and it is not; get \
         index and shards anew, together"
    );
    assert_eq!(
        refused_plain(|model| {
            one_shard(model);
            fs::copy(model.join("a.safetensors"), model.join("b.safetensors")).unwrap();
            index(model, r#"{"w": "a.safetensors", "v": "b.safetensors"}"#);
        }),
        "DIR/model/b.safetensors: tensor \"w\" is in this shard and not in the index under it; get index and shards anew, \
         together"
    );
    for (map, problem) in [
        ("{}", "\"its weight_map is empty\""),
        ("[1]", "\"invalid type: sequence, expected a map at line 1 column 15\""),
        (r#"{"w": 1}"#, "\"invalid type: integer `1`, expected a string at line 1 column 22\""),
    ] {
        let message = refused_plain(|model| {
            one_shard(model);
            index(model, map);
        });
        assert_eq!(
            message,
            format!(
                "DIR/model/model.safetensors.index.json: the index cannot be understood: {problem}; get it anew with the \
                 shards it belongs to"
            )
        );
    }
}

#[test]
#[cfg(unix)]
fn nothing_is_copied_from_outside_of_the_models_folder() {
    let message = refused(|model| {
        fs::write(model.join("../secret.txt"), "a password").unwrap();
        std::os::unix::fs::symlink("../secret.txt", model.join("vocab.txt")).unwrap();
    });
    assert_eq!(message, "DIR/model/vocab.txt: leads out of the model's folder; put the file itself there");
}

#[test]
fn the_command_says_it_in_one_line_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let (model, out) = (folder.path().join("model"), folder.path().join("out"));
    one_shard(&model);
    index(&model, r#"{"w": "../secret.safetensors"}"#);
    let (model, out) = (model.to_str().unwrap(), out.to_str().unwrap());
    let output = factoreo(&["compress", model, "--budget", "0.5", "--method", "truncated_svd", "--out", out]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(words.starts_with("error: ") && words.lines().count() == 1 && output.stdout.is_empty(), "{words}");
    assert!(!Path::new(out).exists());
}
