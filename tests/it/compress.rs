//! A compressed model is what it says it is: within its budget, complete, readable by others, the same each time; and it is there
//! whole or not at all.

mod budget;
mod commands;
mod contents;
mod hostile;
mod requests;
mod shards;

use factoreo::paths::Shown as _;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use factoreo::compress::{
    CompressError, CompressOptions, EvalOptions, Evaluation, Manifest, Measure, WeightMethod, allocation::Allocation,
    compress, evaluate,
};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tiny() -> PathBuf {
    project().join("tests/fixtures/tiny-bert")
}

fn text(name: &str) -> PathBuf {
    project().join("experiments/data").join(name)
}

/// The tiny model at 80 % of its bytes, into `folder/out`.
fn request(folder: &Path) -> CompressOptions {
    CompressOptions {
        model: tiny(),
        out: folder.join("out"),
        measure: Measure::Bytes,
        budget: 0.8,
        calibration: Some(text("us-constitution.txt")),
        allocation: Allocation::Marginal,
        method: WeightMethod::SvdLlm,
        force: false,
        seed: 1,
    }
}

fn run(options: &CompressOptions) -> Result<Manifest, CompressError> {
    compress(options, &mut |_| {})
}

fn measure(folder: &Path, against: &Path, embeddings: Option<PathBuf>) -> Evaluation {
    let options = EvalOptions {
        folder: folder.to_owned(),
        against: Some(against.to_owned()),
        text: text("us-declaration.txt"),
        embeddings,
    };
    evaluate(&options).unwrap()
}

/// Every file below a folder, by its relative path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().shown();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}
