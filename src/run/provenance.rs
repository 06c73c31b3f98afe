//! Where numbers come from: the machine, the build, the commit, the day. What cannot be known is "unknown".

use std::{
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};

const UNKNOWN: &str = "unknown";

/// Everything about this process and its machine that a reader of its numbers could ask for.
///
/// `root` is the project's folder, `threads` what the kernels run with.
#[must_use]
pub fn session(root: &Path, threads: usize) -> Value {
    json!({
        "date": now(),
        "program": concat!("factoreo ", env!("CARGO_PKG_VERSION")),
        "commit": git(root, &["rev-parse", "HEAD"]).unwrap_or_else(|| UNKNOWN.to_owned()),
        "dirty": git(root, &["status", "--porcelain"]).map_or(json!(UNKNOWN), |changes| json!(!changes.is_empty())),
        "cpu": cpu_model(),
        "cores": number_or_unknown(physical_cores()),
        "logical_cpus": number_or_unknown(std::thread::available_parallelism().ok().map(|count| count.get() as u64)),
        "memory_bytes": number_or_unknown(memory_bytes()),
        "governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "turbo": turbo(),
        "load_average": load_average(),
        "os": operating_system(),
        "threads": threads,
        "build": build(),
    })
}

/// How this program was built.
fn build() -> Value {
    let dependencies: Map<String, Value> = env!("FACTOREO_DEPENDENCIES")
        .split_whitespace()
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, version)| (name.to_owned(), json!(version)))
        .collect();
    json!({
        "rustc": env!("FACTOREO_RUSTC"),
        "target": env!("FACTOREO_TARGET"),
        "profile": env!("FACTOREO_PROFILE"),
        "opt_level": env!("FACTOREO_OPT_LEVEL"),
        "debug_assertions": cfg!(debug_assertions),
        "target_features": env!("FACTOREO_TARGET_FEATURES"),
        "dependencies": dependencies,
    })
}

/// Why times taken by this build are worth nothing, if so.
#[must_use]
pub fn unfit_for_timing() -> Option<String> {
    let opt_level = env!("FACTOREO_OPT_LEVEL");
    if cfg!(debug_assertions) {
        Some("this build has debug assertions".to_owned())
    } else if ["0", "1", "s", "z"].contains(&opt_level) {
        Some(format!("this build has opt-level {opt_level}"))
    } else {
        None
    }
}

/// The time now, in UTC: `2026-01-31T23:59:59Z`.
pub(super) fn now() -> String {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or_else(|_| UNKNOWN.to_owned(), |elapsed| timestamp(elapsed.as_secs()))
}

/// A time given in seconds since 1970, in UTC. Days to a date of the Gregorian calendar: Hinnant's `civil_from_days`.
fn timestamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Counted from March, so that the leap day is the last of the year.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The name of this machine.
pub(super) fn host() -> String {
    first_line("/proc/sys/kernel/hostname")
}

/// What `git` prints about the project; `None` without git or outside a repository.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("--no-optional-locks").arg("-C").arg(root).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).unwrap_or(UNKNOWN).to_owned()
}

fn number_or_unknown(number: Option<u64>) -> Value {
    number.map_or(json!(UNKNOWN), |number| json!(number))
}

/// The values of one key of a file of `key : value` lines.
fn values_of<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
        .collect()
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    values_of(&info, "model name").first().map_or_else(|| UNKNOWN.to_owned(), |model| (*model).to_owned())
}

/// Cores, not hardware threads: pairs of socket and core, each counted once.
fn physical_cores() -> Option<u64> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let mut cores: Vec<_> = values_of(&info, "physical id").into_iter().zip(values_of(&info, "core id")).collect();
    cores.sort_unstable();
    cores.dedup();
    (!cores.is_empty()).then_some(cores.len() as u64)
}

fn memory_bytes() -> Option<u64> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let kibibytes: u64 = values_of(&info, "MemTotal").first()?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn turbo() -> &'static str {
    let read = |path| fs::read_to_string(path).ok();
    let flag = read("/sys/devices/system/cpu/cpufreq/boost")
        .map(|text| text.trim() == "1")
        .or_else(|| read("/sys/devices/system/cpu/intel_pstate/no_turbo").map(|text| text.trim() == "0"));
    match flag {
        Some(true) => "on",
        Some(false) => "off",
        None => UNKNOWN,
    }
}

/// Over 1, 5 and 15 minutes, as the run began.
fn load_average() -> Value {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let loads: Vec<f64> = text.split_whitespace().take(3).filter_map(|load| load.parse().ok()).collect();
    if loads.len() == 3 { json!(loads) } else { json!(UNKNOWN) }
}

fn operating_system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map(|name| name.trim_matches('"'));
    let kernel = first_line("/proc/sys/kernel/osrelease");
    match name {
        Some(name) => format!("{name}, kernel {kernel}"),
        None => std::env::consts::OS.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // `date -u -d @N +%FT%TZ`
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(seconds), date);
        }
    }

    #[test]
    fn outside_a_repository_the_commit_is_unknown() {
        let directory = tempfile::tempdir().unwrap();
        let session = session(directory.path(), 1);
        assert_eq!(session["commit"], UNKNOWN);
        assert_eq!(session["dirty"], UNKNOWN);
        assert!(session["build"]["dependencies"]["faer"].is_string(), "{session}");
        assert!(session["build"]["rustc"].as_str().unwrap().starts_with("rustc "));
    }

    #[test]
    fn values_are_found_by_their_key_alone() {
        let text = "model name\t: X : Y\ncore id\t\t: 0\ncore id : 1\nnot core id: 9\n";
        assert_eq!(values_of(text, "model name"), ["X : Y"]);
        assert_eq!(values_of(text, "core id"), ["0", "1"]);
    }
}
