//! Every broken spec is refused with everything that is wrong with it, where it stands, and what to write instead.

use std::{fs, path::Path};

use factoreo::spec;

/// A project folder with a few tensor files, one of them a way out.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("project/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(folder.path().join("secret.npy"), npy("16, 16", 256)).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("../../secret.npy", data.join("escape.npy")).unwrap();
    fs::write(data.join("matrix.npy"), npy("16, 16", 256)).unwrap();
    fs::write(data.join("cube.npy"), npy("2, 16, 16", 512)).unwrap();
    fs::write(data.join("broken.npy"), "not a tensor").unwrap();
    fs::write(data.join("matrix.txt"), "1 2").unwrap();
    fs::write(data.join("heads.safetensors"), heads()).unwrap();
    fs::create_dir(folder.path().join("project/data.npy")).unwrap();
    folder
}

/// A `.npy` file of zeros in f64.
fn npy(shape: &str, entries: usize) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}");
    let header = format!("{header:<117}\n");
    [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &vec![0; 8 * entries]].concat()
}

/// One head of 16 tokens in 4 dimensions.
fn heads() -> Vec<u8> {
    let tensor = |role: &str, index: usize| {
        let (start, end) = (256 * index, 256 * (index + 1));
        format!(r#""layer0.head0.{role}":{{"dtype":"F32","shape":[16,4],"data_offsets":[{start},{end}]}}"#)
    };
    let header = format!("{{{},{},{}}}", tensor("query", 0), tensor("key", 1), tensor("value", 2));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; 3 * 256]].concat()
}

#[test]
fn every_broken_spec_says_what_to_write_instead() {
    let folder = project();
    let root = folder.path().join("project");
    let mut paths: Vec<_> = fs::read_dir("tests/it/broken_specs")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        // Symbolic links take a right on Windows that not everybody has.
        .filter(|path| cfg!(unix) || !path.ends_with("path_leaves.toml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 25, "found {}", paths.len());
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let diagnostics = spec::load(&path, &root).expect_err(name);
        let text = diagnostics.render(false);
        let helps = text.lines().filter(|line| line.trim_start().starts_with("= help: ")).count();
        assert_eq!(helps, diagnostics.count(), "{name}: every error says what to write instead\n{text}");
        assert!(!text.contains('\u{1b}'), "{name}: plain text has no colours");
        insta::with_settings!({ snapshot_path => "broken_specs", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn a_spec_that_is_not_there_is_one_clear_error() {
    let diagnostics = spec::load(Path::new("nowhere/spec.toml"), Path::new(".")).unwrap_err();
    insta::assert_snapshot!(diagnostics.render(false));
}

#[test]
fn the_name_of_a_spec_must_be_fit_for_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my experiment.toml");
    fs::write(&path, "").unwrap();
    let text = spec::load(&path, folder.path()).unwrap_err().render(false);
    assert!(text.contains("the file's name cannot name an experiment"), "{text}");
}

#[test]
fn a_file_far_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.toml");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let text = spec::load(&path, folder.path()).unwrap_err().render(false);
    assert!(text.contains("larger than 1 MiB"), "{text}");
}

/// A spec with something of everything, to be broken at random.
const WHOLE: &str = "#:schema x\nseed = 1\ntrials = 2\nprecision = [\"f32\", \"f64\"]\n\
    target_rank = { from = 4, to = 16, factor = 2 }\ntitle = { en = \"Año 名\", es = 'x' }\n\
    [question]\nen = \"\"\"a\"\"\"\nes = \"b\"\r\n[timing]\nrepeats = 10\n\
    [problem.a]\nkind = \"attention\"\nlength = [16, 0x20]\nhead_dim = 4\ntemperature = [0.5, 1e0]\n\
    [problem.\"b\"]\nkind = \"tensor_file\"\nfile = [\"a.npy\", \"../b.npy\"]\n\
    [method.randomized_svd]\n\tpower_iterations = [0, 2]\n[method.truncated_svd]\n";

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]

    /// Whatever is typed, the answer is an experiment or its errors in words: never a panic, never a hang.
    #[test]
    fn no_text_makes_the_reader_panic(
        edits in proptest::collection::vec((0_usize..WHOLE.len(), 0_usize..12, "[\\[\\]{}=\",.#'\n\r\t0-9a-z\u{202e}é\u{0}-]{0,4}"), 1..5),
    ) {
        let mut text = WHOLE.to_owned();
        for (at, length, insert) in edits {
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &insert);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spec.toml");
        fs::write(&path, &text).unwrap();
        if let Err(diagnostics) = spec::load(&path, folder.path()) {
            proptest::prop_assert!(diagnostics.count() > 0);
            proptest::prop_assert!(diagnostics.render(true).contains("error"));
        }
    }
}
