//! Copies of repositories as Git keeps them, one commit deep and never checked out: what knowledge reads.
//!
//! A mirror is disposable. It belongs to one worker, is made when it is needed, made anew when it is broken, and removed when
//! others need its room.

mod blobs;
mod fetch;
mod files;
mod room;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use orchestrator::id::RepositoryId;
use safe_git::{Command, Credential, GitError};
use tokio::sync::Semaphore;

pub use blobs::Blobs;
pub use files::{Entry, File, Files};

/// Fetches at once in this process.
const FETCHES: usize = 2;

/// Where mirrors are, and how much room they have.
#[derive(Clone, Debug, Args)]
pub struct MirrorConfig {
    /// Folder for copies of repositories; what is in it can be made anew.
    #[arg(
        long,
        env = "CODEXK8S_KNOWLEDGE_DIR",
        default_value = "/var/cache/codexk8s/knowledge"
    )]
    pub knowledge_dir: PathBuf,
    /// MiB that all copies together may take there; half of it is the most for one.
    #[arg(long, env = "CODEXK8S_KNOWLEDGE_MIB", default_value_t = 4096)]
    pub knowledge_mib: u64,
    /// Program that answers Git's questions for a password; this one unless it is said.
    #[arg(long, hide = true)]
    pub askpass: Option<PathBuf>,
}

/// Why there is no mirror.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// Later may help.
    #[error("the repository cannot be fetched: {0}")]
    Unavailable(String),
    #[error("the repository has no branch {0}")]
    NoBranch(String),
    #[error("the repository takes more than {0} MiB, one commit of it")]
    TooLarge(u64),
    /// What Git has here is not whole; the next fetch makes it anew.
    #[error("the copy of the repository is broken: {0}")]
    Broken(String),
}

impl From<io::Error> for MirrorError {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<GitError> for MirrorError {
    fn from(error: GitError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// What is mirrored, and from where.
#[derive(Clone)]
pub struct Origin {
    pub repository_id: RepositoryId,
    pub branch: String,
    /// Bears the address, too.
    pub credential: Credential,
}

/// The mirrors of this worker.
#[derive(Clone)]
pub struct Mirrors(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    most_bytes: u64,
    askpass: PathBuf,
    environment: Vec<(OsString, OsString)>,
    at_once: Semaphore,
    under_way: Mutex<HashMap<RepositoryId, Fetch>>,
}

type Fetch = Shared<BoxFuture<'static, Result<Mirror, MirrorError>>>;

impl Mirrors {
    /// Opens the folder of a worker, which nobody but this user may enter.
    ///
    /// # Errors
    ///
    /// It cannot be made, or this program does not know where it is.
    pub fn open(config: &MirrorConfig, worker: &str) -> io::Result<Self> {
        let askpass = match &config.askpass {
            Some(program) => program.clone(),
            None => std::env::current_exe()?,
        };
        let dir = config.knowledge_dir.join(worker);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)?;
        room::tidy(&dir)?;
        Ok(Self(Arc::new(Inner {
            dir,
            most_bytes: config.knowledge_mib << 20,
            askpass,
            environment: safe_git::inherited_environment(),
            at_once: Semaphore::new(FETCHES),
            under_way: Mutex::default(),
        })))
    }

    /// The mirror at the head of its branch. A fetch goes on when nobody waits for it any more: `None` if it takes longer than
    /// `patience`, and asking again waits for the same one.
    ///
    /// # Errors
    ///
    /// See [`MirrorError`].
    pub async fn fetch(&self, origin: Origin, patience: Duration) -> Result<Option<Mirror>, MirrorError> {
        let repository_id = origin.repository_id;
        let fetch = self.under_way(origin);
        let Ok(fetched) = tokio::time::timeout(patience, fetch.clone()).await else {
            return Ok(None);
        };
        let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.get(&repository_id).is_some_and(|it| it.ptr_eq(&fetch)) {
            under_way.remove(&repository_id);
        }
        fetched.map(Some)
    }

    fn under_way(&self, origin: Origin) -> Fetch {
        let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let there = under_way.entry(origin.repository_id);
        let start = || {
            let inner = Arc::clone(&self.0);
            let task = tokio::spawn(async move { fetch::fetch(&inner, &origin).await });
            let ended = async move {
                task.await
                    .unwrap_or_else(|error| Err(MirrorError::Broken(error.to_string())))
            };
            ended.boxed().shared()
        };
        there.or_insert_with(start).clone()
    }

    /// Removes the mirror of a repository that is not wanted any more.
    ///
    /// # Errors
    ///
    /// Files of it cannot be removed.
    pub fn remove(&self, repository_id: RepositoryId) -> io::Result<()> {
        room::remove(&self.0.folder(repository_id))
    }
}

impl Inner {
    fn folder(&self, repository_id: RepositoryId) -> PathBuf {
        self.dir.join(format!("{repository_id}.git"))
    }
}

/// A mirror at one commit. It may vanish while it is read; then what reads it fails, and is done again.
#[derive(Clone, Debug)]
pub struct Mirror {
    dir: PathBuf,
    environment: Vec<(OsString, OsString)>,
    commit: String,
}

impl Mirror {
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// Lists the commit's tree.
    ///
    /// # Errors
    ///
    /// Git does not start.
    pub fn files(&self) -> Result<Files, MirrorError> {
        let command = git(&self.dir, &self.environment);
        let command = command.args(["ls-tree", "-r", "-z", "--long", "--full-tree"]);
        Ok(Files::new(command.arg(&self.commit).start()?))
    }

    /// Reads what files say.
    ///
    /// # Errors
    ///
    /// Git does not start.
    pub fn blobs(&self) -> Result<Blobs, MirrorError> {
        let command = git(&self.dir, &self.environment);
        Ok(Blobs::new(command.args(["cat-file", "--batch"]).start()?))
    }
}

/// Git on a mirror, with bounds on the memory it takes.
fn git(dir: &Path, environment: &[(OsString, OsString)]) -> Command {
    const BOUNDS: [&str; 5] = [
        "core.bigFileThreshold=1m",
        "core.packedGitLimit=32m",
        "core.packedGitWindowSize=1m",
        "core.deltaBaseCacheLimit=16m",
        "pack.threads=1",
    ];
    BOUNDS
        .iter()
        .fold(Command::new(dir, environment), |command, bound| {
            command.args(["-c", bound])
        })
}
