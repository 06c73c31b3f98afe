//! The committed specs are read, and the committed JSON Schema is the one the program would write.

use factoreo::paths::Shown as _;
use std::{fs, path::Path};

use factoreo::spec;

#[test]
fn the_committed_schema_is_the_generated_one() {
    let committed = fs::read_to_string("experiments/experiment.schema.json").unwrap_or_default();
    let generated = format!("{:#}\n", spec::schema());
    assert!(committed == generated, "run `cargo run -- schema > experiments/experiment.schema.json`");
}

#[test]
fn every_committed_experiment_is_read_and_names_the_schema() {
    let mut specs = 0;
    for entry in fs::read_dir("experiments").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        assert!(source.starts_with("#:schema ./experiment.schema.json\n"), "{}", path.shown());
        if let Err(diagnostics) = spec::load(&path, Path::new(".")) {
            // Weights are not kept here: of a spec that asks for them, nothing else may be wrong.
            let told = diagnostics.to_string();
            let lacks_a_model = |error: &str| error.starts_with("error: there is no file `models/");
            assert!(told.lines().filter(|line| line.starts_with("error")).all(lacks_a_model), "{told}");
        }
        specs += 1;
    }
    assert!(specs >= 3);
}

/// Every key that a kind has can be found in the schema, with a description: editors show it.
#[test]
fn the_schema_describes_every_parameter() {
    let schema = spec::schema();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{name}.{key} has no description");
        }
    }
}
