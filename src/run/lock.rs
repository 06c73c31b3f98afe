//! One run at a time on one journal.

use crate::paths::Shown as _;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::provenance;

/// The right to append to a journal, held until dropped. The system takes it back from a killed process by itself.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{path}: {source}", path = path.shown())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("another run writes this journal: {holder}; wait for it, stop it, or use `--shard`")]
    Held { path: PathBuf, holder: String },
}

impl Lock {
    /// Takes the lock and says in its file who holds it.
    ///
    /// # Errors
    /// Somebody holds it, or the file cannot be written.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let asked = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(io(source)),
                // Whoever only looked has let go a moment later.
                Err(TryLockError::WouldBlock) if asked.elapsed() < LOOKING => std::thread::sleep(LOOKING / 50),
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held { path: path.to_owned(), holder: signature(&mut file) });
                }
            }
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        let (pid, host, start) = (std::process::id(), provenance::host(), provenance::now());
        writeln!(file, "process {pid} on {host}, since {start}").map_err(io)?;
        Ok(Self { _file: file })
    }

    /// Who holds a lock, if anybody does.
    #[must_use]
    pub fn holder(path: &Path) -> Option<String> {
        let mut file = File::open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(signature(&mut file)),
            _ => None,
        }
    }

    /// Takes the lock, waiting for whoever holds it: for work that lasts moments.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn wait_for(path: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(io)?;
        file.lock().map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// How long a lock may be held by somebody who looks whether it is held.
const LOOKING: Duration = Duration::from_millis(500);

/// Who says to hold a lock, in its file.
fn signature(file: &mut File) -> String {
    let mut holder = String::new();
    // The holder may be between taking the lock and signing it.
    if file.read_to_string(&mut holder).is_err() || holder.trim().is_empty() {
        "it has not said who it is yet".clone_into(&mut holder);
    }
    holder.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it_and_gets_it_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("main.lock");
        let first = Lock::acquire(&path).unwrap();
        let error = Lock::acquire(&path).unwrap_err();
        let LockError::Held { holder, .. } = &error else { panic!("{error}") };
        assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
        assert_eq!(Lock::holder(&path).as_ref(), Some(holder));
        drop(first);
        assert_eq!(Lock::holder(&path), None);
        Lock::acquire(&path).unwrap();
    }
}
