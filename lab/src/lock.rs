//! One lab in a folder: whoever runs it holds a lock, which ends with the process, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

/// Somebody who only looks holds the lock for a moment.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Held while a lab runs in its folder.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

fn file(dir: &Path) -> PathBuf {
    dir.join("lab.lock")
}

impl Lock {
    /// Takes the folder for this process.
    pub(crate) fn take(dir: &Path) -> anyhow::Result<Self> {
        let path = file(dir);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0)?;
                    file.rewind()?;
                    write!(file, "{}", std::process::id())?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_LOOKS),
                Err(TryLockError::Error(error)) => return Err(error).context("locking the lab's folder"),
            }
        }
        bail!(
            "a lab runs in {} already; stop it with `make down`, or choose LAB_DIR and LAB_PORT",
            dir.display()
        )
    }

    /// The process that runs a lab in this folder now; never a stranger with its number.
    pub fn holder(dir: &Path) -> Option<u32> {
        let mut file = File::open(file(dir)).ok()?;
        if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        let mut pid = String::new();
        file.read_to_string(&mut pid).ok()?;
        pid.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;

    #[test]
    fn a_folder_is_one_labs_until_it_ends() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Lock::holder(dir.path()), None);
        let lock = Lock::take(dir.path()).expect("nobody has it");
        assert_eq!(Lock::holder(dir.path()), Some(std::process::id()));
        let refused = Lock::take(dir.path()).expect_err("it is taken");
        assert!(refused.to_string().contains("make down"), "{refused:#}");
        drop(lock);
        // The file stays, with the number of a process that has nothing to do with it any more.
        assert_eq!(Lock::holder(dir.path()), None);
        drop(Lock::take(dir.path()).expect("free again"));
    }
}
