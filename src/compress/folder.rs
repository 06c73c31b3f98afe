//! A folder that appears whole or not at all.

use crate::paths::Shown as _;
use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{CompressError, MANIFEST};

/// A folder under another name beside the one it is to become; if it is dropped before that, nothing is left.
pub(super) struct Unfinished {
    folder: TempDir,
    out: PathBuf,
    force: bool,
}

impl Unfinished {
    /// Checks that `out` may be written, and begins.
    pub(super) fn beside(out: &Path, model: &Path, force: bool) -> Result<Self, CompressError> {
        check(out, model, force)?;
        let parent = parent(out);
        if !parent.is_dir() {
            let problem = format!("{}: no such folder; make it first", parent.shown());
            return Err(CompressError::Request(problem));
        }
        // Nothing was computed yet: it is the request that cannot be met.
        let folder = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(parent).map_err(|error| {
            let problem = format!("{}: nothing can be written here ({error}); name another place", parent.shown());
            CompressError::Request(problem)
        })?;
        Ok(Self { folder, out: out.to_owned(), force })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Puts the folder in its place. One that is there already is moved aside first and removed last.
    pub(super) fn finish(self) -> Result<(), CompressError> {
        let Self { folder, out, force } = self;
        let finish = || -> io::Result<()> {
            #[cfg(unix)]
            fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
            sync(folder.path())?;
            let old = match out.exists() && force {
                true => {
                    let aside = tempfile::Builder::new().prefix(".replaced-").tempdir_in(parent(&out))?;
                    fs::rename(&out, aside.path().join("old"))?;
                    Some(aside)
                }
                false => None,
            };
            if let Err(error) = fs::rename(folder.path(), &out) {
                if let Some(aside) = &old {
                    fs::rename(aside.path().join("old"), &out)?;
                }
                return Err(error);
            }
            // It is no longer there under its first name: nothing to clean up.
            let _ = folder.keep();
            sync_entries(parent(&out))
        };
        finish().map_err(|source| CompressError::Write { path: out.clone(), source })
    }
}

fn parent(out: &Path) -> &Path {
    match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What is replaced must be the work of an earlier run (or empty), and never the model itself.
fn check(out: &Path, model: &Path, force: bool) -> Result<(), CompressError> {
    let refuse = |problem: &str| Err(CompressError::Request(format!("{}: {problem}", out.shown())));
    if out.file_name().is_none() {
        return refuse("not the name of a folder; name one that is to be made");
    }
    if let (Ok(parent), Ok(model)) = (parent(out).canonicalize(), model.canonicalize())
        && parent.starts_with(model)
    {
        return refuse("inside the model's own folder; name a place beside it");
    }
    let Ok(metadata) = out.symlink_metadata() else { return Ok(()) };
    if let (Ok(out), Ok(model)) = (out.canonicalize(), model.canonicalize())
        && model.starts_with(out)
    {
        return refuse("this is where the model itself lies; name another folder");
    }
    if !force {
        return refuse("there already; name another folder, or replace this one with --force");
    }
    let ours = out.join(MANIFEST).is_file() && out.join("model.safetensors").is_file();
    let empty = || fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
    if !metadata.is_dir() || !(ours || empty()) {
        return refuse("not a folder that this command wrote, which is all that --force replaces; name another one");
    }
    Ok(())
}

/// Every file and folder to the disk.
fn sync(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Windows flushes what was opened for writing alone.
        let file = || OpenOptions::new().write(true).open(entry.path());
        if entry.file_type()?.is_dir() { sync(&entry.path())? } else { file()?.sync_all()? }
    }
    sync_entries(folder)
}

/// The names in a folder to the disk.
#[cfg(unix)]
fn sync_entries(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Windows opens no folder as a file, and its file systems keep a journal of names themselves.
#[cfg(not(unix))]
fn sync_entries(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Copies what a model folder has beside its weights: configuration, tokenizer, pooling, licence. Its `README.md` becomes
/// `README.source.md`.
pub(super) fn copy_companions(model: &Path, to: &Path) -> Result<(), CompressError> {
    let home = model.canonicalize().map_err(|source| CompressError::Read { path: model.to_owned(), source })?;
    copy_from(&home, model, to, true)
}

fn copy_from(home: &Path, from: &Path, to: &Path, top: bool) -> Result<(), CompressError> {
    let read = |source| CompressError::Read { path: from.to_owned(), source };
    let mut entries = fs::read_dir(from).map_err(read)?.collect::<io::Result<Vec<_>>>().map_err(read)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(read)?;
        if kind.is_dir() {
            // `1_Pooling`, `2_Normalize` and their like.
            if top && path.join("config.json").is_file() {
                let inner = to.join(&name);
                fs::create_dir(&inner).map_err(|source| CompressError::Write { path: inner.clone(), source })?;
                copy_from(home, &path, &inner, false)?;
            }
            continue;
        }
        if !is_companion(&name) {
            continue;
        }
        let real = path.canonicalize().map_err(read)?;
        if !real.starts_with(home) || !real.is_file() {
            let problem = format!("{}: leads out of the model's folder; put the file itself there", path.shown());
            return Err(CompressError::Request(problem));
        }
        let target = to.join(if name == "README.md" { "README.source.md" } else { &name });
        // The bytes, not the permissions.
        let bytes = fs::read(&real).map_err(|source| CompressError::Read { path: path.clone(), source })?;
        fs::write(&target, bytes).map_err(|source| CompressError::Write { path: target.clone(), source })?;
    }
    Ok(())
}

fn is_companion(name: &str) -> bool {
    let texts = [".json", ".txt", ".model", ".jinja"].iter().any(|end| name.ends_with(end));
    let about = ["LICENSE", "LICENCE", "NOTICE"].iter().any(|begin| name.starts_with(begin)) || name == "README.md";
    (texts || about) && !name.ends_with(".index.json") && name != MANIFEST && !name.starts_with('.')
}
