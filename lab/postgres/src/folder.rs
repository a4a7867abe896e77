//! The data folder: one cluster, used by one program at a time.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result, error::At};

/// A data folder that is ours until this value is dropped.
pub(crate) struct DataFolder {
    root: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is not there, and locks it.
    pub(crate) fn open(data_dir: &Path) -> Result<Self> {
        fs::create_dir_all(data_dir).at("make the data folder", data_dir)?;
        let root = data_dir.canonicalize().at("enter the data folder", data_dir)?;
        let path = root.join("lock");
        let mut lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .at("open", &path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                return Err(Error::FolderLocked {
                    folder: root,
                    holder: format!("process {}", holder.trim()),
                });
            }
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path, source)),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .at("write", &path)?;
        Ok(Self { root, _lock: lock })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.root.join("password")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("server.log")
    }

    /// Returns the major version that made the cluster; `None` if there is none yet.
    pub(crate) fn major(&self) -> Result<Option<u32>> {
        let cluster = self.cluster();
        if !cluster.exists() {
            return Ok(None);
        }
        let version = match fs::read_to_string(cluster.join("PG_VERSION")) {
            Ok(version) => version,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::FolderBroken {
                    cluster,
                    detail: "it has no PG_VERSION".to_owned(),
                });
            }
            Err(source) => return Err(Error::file("read PG_VERSION in", &cluster, source)),
        };
        version.trim().parse().map(Some).map_err(|_| {
            let read: String = version.chars().take(20).collect();
            Error::FolderBroken {
                cluster,
                detail: format!("its PG_VERSION is {read:?}"),
            }
        })
    }
}

/// What a running server writes about itself in `postmaster.pid`.
pub(crate) struct PidFile {
    pub(crate) pid: i32,
    pub(crate) is_ready: bool,
}

impl PidFile {
    /// Reads the file; `None` if there is none, or it is being written.
    ///
    /// Line 1 is the process id, line 8 the state (PostgreSQL, `src/include/utils/pidfile.h`).
    pub(crate) fn read(cluster: &Path) -> Option<Self> {
        let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        Some(Self {
            pid,
            is_ready: lines.nth(6).is_some_and(|line| line.trim() == "ready"),
        })
    }
}
