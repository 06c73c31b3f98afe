//! The report's files: replaced whole, and cleared of figures that no longer belong.

use std::{
    collections::BTreeSet,
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::ReportError;

/// Puts a whole file in the place of another, in one step: a reader sees the old or the new one. A file that has these bytes
/// already is left alone.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let io = |source| ReportError::Io { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io)?;
    let mut file = tempfile::Builder::new().prefix(".").suffix(".new").tempfile_in(folder).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    file.as_file().sync_all().map_err(io)?;
    readable_by_all(file.as_file()).map_err(io)?;
    file.persist(path).map_err(|error| io(error.error))?;
    Ok(())
}

/// Temporary files are private to their owner; a report is for everybody.
#[cfg(unix)]
fn readable_by_all(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Removes from a folder of figures or annexes every file that has one of these endings and is not among `written`.
pub fn remove_others(folder: &Path, ends: &[&str], written: &[PathBuf]) -> Result<(), ReportError> {
    let written: BTreeSet<&Path> = written.iter().map(PathBuf::as_path).collect();
    for path in entries(folder)? {
        let is_ours = ends.iter().any(|end| path.to_string_lossy().ends_with(end));
        if is_ours && !written.contains(path.as_path()) {
            fs::remove_file(&path).map_err(|source| ReportError::Io { path, source })?;
        }
    }
    Ok(())
}

/// The folders in `folder` that hold a file of this name.
pub fn folders_with(folder: &Path, name: &str) -> Result<Vec<PathBuf>, ReportError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.join(name).is_file()).collect())
}

/// What a folder holds, in the order of names; nothing if it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let io = |source| ReportError::Io { path: folder.to_owned(), source };
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(io)?,
    };
    let mut paths = listed.map(|entry| entry.map(|entry| entry.path()).map_err(io)).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
