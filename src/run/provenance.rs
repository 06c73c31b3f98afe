//! Where numbers come from: the machine, the build, the commit, the day. What cannot be known is "unknown".

use std::{
    fs,
    path::Path,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

const UNKNOWN: &str = "unknown";

/// Everything about this process and its machine that a reader of its numbers could ask for.
///
/// `root` is the project's folder, `threads` what the kernels run with.
#[must_use]
pub fn session(root: &Path, threads: usize) -> Value {
    let machine = Machine::here();
    json!({
        "date": now(),
        "program": concat!("factoreo ", env!("CARGO_PKG_VERSION")),
        "commit": git(root, &["rev-parse", "HEAD"]).unwrap_or_else(|| UNKNOWN.to_owned()),
        "dirty": git(root, &["status", "--porcelain"]).map_or(json!(UNKNOWN), |changes| json!(!changes.is_empty())),
        "cpu": machine.cpu,
        "cores": number_or_unknown(System::physical_core_count().ok().map(|count| count as u64)),
        "logical_cpus": number_or_unknown(std::thread::available_parallelism().ok().map(|count| count.get() as u64)),
        "memory_bytes": number_or_unknown(machine.memory_bytes),
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
    System::host_name().unwrap_or_else(|_| UNKNOWN.to_owned())
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

/// What the system tells of its machine.
struct Machine {
    cpu: String,
    memory_bytes: Option<u64>,
}

impl Machine {
    fn here() -> Self {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(what).ok();
        let cpu = system.as_ref().and_then(|system| Some(system.cpus().first()?.brand().trim().to_owned()));
        Self {
            cpu: cpu.filter(|cpu| !cpu.is_empty()).unwrap_or_else(|| UNKNOWN.to_owned()),
            memory_bytes: system.map(|system| system.total_memory()).filter(|&bytes| bytes > 0),
        }
    }
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

/// Over 1, 5 and 15 minutes, as the run began; Windows keeps none.
fn load_average() -> Value {
    match System::load_average() {
        Ok(load) if !cfg!(windows) => json!([load.one, load.five, load.fifteen]),
        _ => json!(UNKNOWN),
    }
}

fn operating_system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map(|name| name.trim_matches('"'));
    let name = name.map(str::to_owned).or_else(|| System::long_os_version().ok());
    match (name, System::kernel_version().ok()) {
        (Some(name), Some(kernel)) => format!("{name}, kernel {kernel}"),
        (Some(name), None) => name,
        (None, _) => std::env::consts::OS.to_owned(),
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

    /// Every system this is tried on tells its processor, its cores and its memory.
    #[test]
    fn the_machine_is_known() {
        let session = session(Path::new("."), 1);
        for fact in ["cpu", "cores", "memory_bytes", "logical_cpus", "os"] {
            assert!(session[fact] != UNKNOWN && !session[fact].is_null(), "{fact}: {session}");
        }
        assert_ne!(host(), UNKNOWN);
    }
}
