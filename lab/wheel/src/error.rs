//! What can go wrong, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the files are not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("pip is missing ({0}); install Python 3 with pip (Debian: apt install python3-pip)")]
    PipMissing(String),

    #[error("the package index cannot be reached ({0}); check the network, the proxy and pip's settings")]
    Offline(String),

    #[error("pip refused ({0}); check pip's settings and what your package index offers")]
    FetchRefused(String),

    #[error(
        "the wheel {wheel} is not the one this program trusts: its sha256 should be {expected} and is {found}; get \
         it again from a source you trust, and do not use this one"
    )]
    WheelMismatch {
        wheel: String,
        expected: &'static str,
        found: String,
    },

    #[error("the wheel {wheel} cannot be unpacked ({detail}); get it again")]
    WheelBroken { wheel: PathBuf, detail: String },

    #[error("the disk that holds {0} is full; free about 200 MB there, or choose another folder")]
    DiskFull(PathBuf),

    #[error("this user may not {doing} {path}; change its owner, remove it, or choose another folder")]
    NotAllowed { doing: String, path: PathBuf },

    #[error("another program has been fetching into {0} for minutes; stop it, or choose another folder")]
    Busy(PathBuf),

    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

impl Error {
    /// Tells a full disk and a missing right from the other failures of a file.
    pub(crate) fn file(doing: &str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull(path.to_owned()),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::NotAllowed {
                doing: doing.to_owned(),
                path: path.to_owned(),
            },
            _ => Self::Io {
                what: format!("cannot {doing} {}", path.display()),
                source,
            },
        }
    }
}

/// Adds to an I/O error what was being done to which file.
pub(crate) trait At<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::file(doing, path, source))
    }
}
