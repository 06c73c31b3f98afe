//! Tells the program how it was built: a published time without that is worth little.

use std::{env, fmt::Write, fs, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    for (name, value) in [
        ("RUSTC", rustc_version()),
        ("TARGET", variable("TARGET")),
        ("PROFILE", variable("PROFILE")),
        ("OPT_LEVEL", variable("OPT_LEVEL")),
        ("TARGET_FEATURES", variable("CARGO_CFG_TARGET_FEATURE")),
        ("DEPENDENCIES", dependencies()),
    ] {
        println!("cargo::rustc-env=FACTOREO_{name}={value}");
    }
}

fn rustc_version() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    match Command::new(rustc).arg("-V").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(_) => "unknown".to_owned(),
    }
}

/// `name=version` of every package in Cargo.lock that Cargo.toml asks for by name, separated by spaces.
fn dependencies() -> String {
    let (Ok(manifest), Ok(lock)) = (fs::read_to_string("Cargo.toml"), fs::read_to_string("Cargo.lock")) else {
        return String::new();
    };
    let asked: Vec<&str> = manifest
        .lines()
        .skip_while(|line| line.trim() != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
        .collect();
    let mut found = String::new();
    let mut name = "";
    for line in lock.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if let Some(version) = line.strip_prefix("version = ")
            && asked.contains(&name)
        {
            // Writing to a String cannot fail.
            let _ = write!(found, "{name}={} ", version.trim_matches('"'));
        }
    }
    found.trim_end().to_owned()
}
