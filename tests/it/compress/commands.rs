//! The commands: what they print, how they end, and that a stop leaves nothing.

use std::{
    fs,
    process::{Command, Output},
};

use super::{project, tiny};
use crate::real_model::minilm;

/// Runs the program from the project's folder.
pub(super) fn factoreo(arguments: &[&str]) -> Output {
    crate::program().current_dir(project()).args(arguments).output().unwrap()
}

#[test]
fn the_commands_print_json_and_exit_with_2_on_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (model, out) = (tiny(), out.to_str().unwrap().to_owned());
    let model = model.to_str().unwrap();
    let constitution = "experiments/data/us-constitution.txt";
    let compress = ["compress", model, "--budget", "0.8", "--calibration", constitution, "--out", &out];
    let done = factoreo(&compress);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stdout).contains("% of the original's"));
    let evaluated = factoreo(&["eval", &out, "--against", model, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&evaluated.stdout).unwrap();
    assert!(json["against"]["mean_cosine"].as_f64().unwrap() > 0.5 && json["against"]["texts"].as_u64().unwrap() >= 40);
    let words = factoreo(&["eval", &out]);
    assert!(String::from_utf8_lossy(&words.stdout).contains("matrices as pairs"));
    for wrong in [
        &compress[..],
        &["compress", model, "--budget", "0.8", "--out", &out][..],
        &["compress", model, "--calibration", constitution, "--out", &out],
        &["compress", "absent", "--budget", "0.8", "--calibration", constitution, "--out", "target/never"],
        &["eval", "absent"],
        &["eval", &out, "--against", model, "--text", "absent.txt"],
    ] {
        let output = factoreo(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    assert!(!project().join("target/never").exists());
}

#[test]
#[cfg(unix)]
fn a_stop_leaves_nothing_behind() {
    // Long enough to be met in the middle: the real model where there is one.
    let Some(model) = minilm() else { return };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut child = crate::program()
        .current_dir(project())
        .args(["compress", model.to_str().unwrap(), "--budget", "0.6", "--method", "truncated_svd", "--out"])
        .arg(&out)
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut words = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("factoring 2 ") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut words, &mut line).unwrap() > 0, "it ended before it was stopped");
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut words, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(rest.ends_with("interrupted; nothing was written\n"), "{rest}");
}
