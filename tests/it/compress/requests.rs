//! What is asked for makes sense, or is refused in a sentence, with nothing written and nothing of others' replaced.

use factoreo::paths::Shown as _;
use std::fs;

use factoreo::compress::CompressOptions;

use super::{files, request, run, tiny};

#[test]
fn a_folder_is_replaced_only_if_this_program_wrote_it_and_only_when_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let options = request(folder.path());
    let refused = |options: &CompressOptions| {
        run(options).expect_err("a folder was replaced").to_string().replace(&folder.path().shown(), "DIR")
    };
    run(&options).unwrap();
    let before = files(&options.out);
    assert_eq!(refused(&options), "DIR/out: there already; name another folder, or replace this one with --force");
    let force = CompressOptions { force: true, budget: 0.9, ..options.clone() };
    run(&force).unwrap();
    assert!(files(&options.out) != before);

    let foreign = CompressOptions { out: folder.path().join("foreign"), ..force.clone() };
    fs::create_dir(&foreign.out).unwrap();
    fs::write(foreign.out.join("thesis.txt"), "years of work").unwrap();
    assert_eq!(
        refused(&foreign),
        "DIR/foreign: not a folder that this command wrote, which is all that --force replaces; name another one"
    );
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for entry in fs::read_dir(tiny()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    let itself = CompressOptions { model: model.clone(), out: model.clone(), ..force.clone() };
    assert_eq!(refused(&itself), "DIR/model: this is where the model itself lies; name another folder");
    let inside = CompressOptions { out: model.join("out"), ..itself.clone() };
    assert_eq!(refused(&inside), "DIR/model/out: inside the model's own folder; name a place beside it");
    let parentless = CompressOptions { out: folder.path().join("absent/out"), ..force.clone() };
    assert_eq!(refused(&parentless), "DIR/absent: no such folder; make it first");
    let mut names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["foreign", "model", "out"], "something was left behind");
}

#[test]
fn a_request_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut CompressOptions)| {
        let mut options = request(folder.path());
        change(&mut options);
        let message = run(&options).expect_err("nonsense was done").to_string();
        assert!(
            fs::read_dir(folder.path()).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count() == 0
        );
        message.replace(&folder.path().shown(), "DIR")
    };
    for budget in [0.0, -1.0, 1.5, f64::NAN] {
        let message = refused(&|options| options.budget = budget);
        assert_eq!(message, format!("--budget {budget} is not between 0 and 1; 0.6, for example, is"));
    }
    assert_eq!(
        refused(&|options| options.calibration = None),
        "svd_llm needs a text to calibrate on: give one with --calibration FILE, or --method truncated_svd"
    );
    let too_little = refused(&|options| options.budget = 0.01);
    assert!(
        too_little.starts_with("a share of 0.01 is less than what rank 1 everywhere takes; the least here is 0."),
        "{too_little}"
    );
    let short = folder.path().join("short.txt");
    fs::write(&short, "Hello world").unwrap();
    let message = refused(&|options| options.calibration = Some(short.clone()));
    assert!(message.starts_with("DIR/short.txt: 2 tokens are too few to calibrate on"), "{message}");
    let other = folder.path().join("latin.txt");
    fs::write(&other, b"na\xefve").unwrap();
    let message = refused(&|options| options.calibration = Some(other.clone()));
    assert_eq!(message, "DIR/latin.txt: not UTF-8; save the text in UTF-8");
    let message = refused(&|options| options.calibration = Some(folder.path().join("absent.txt")));
    assert_eq!(message, "DIR/absent.txt: no such file; check the path");
}
