//! Fetching the head of a branch, with a credential that no file, argument or environment holds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use safe_git::{Allow, Answering, GitError};

use super::{Inner, Mirror, MirrorError, Origin, git, room};

/// What is fetched, under a name of ours.
const REF: &str = "refs/heads/mirror";
/// The size of a mirror is looked at this often while it grows.
const LOOK: Duration = Duration::from_millis(500);
/// Fetches after which a mirror is made anew: each leaves a pack, and nothing is thrown away.
const MOST_PACKS: usize = 40;

/// Brings the mirror up to the head of its branch, made anew if it is missing, broken or has grown old.
pub(super) async fn fetch(inner: &Inner, origin: &Origin) -> Result<Mirror, MirrorError> {
    let Ok(_permit) = inner.at_once.acquire().await else {
        return Err(MirrorError::Unavailable("the worker ends".to_owned()));
    };
    let dir = inner.folder(origin.repository_id);
    room::make(&inner.dir, &dir, inner.most_bytes / 2)?;
    if dir.join("HEAD").is_file() && room::packs(&dir) < MOST_PACKS {
        match into(inner, origin, &dir).await {
            Ok(commit) => return Ok(mirror(inner, dir, commit)),
            Err(error) => tracing::debug!(%error, "the mirror is made anew"),
        }
    }
    // Aside, so that a code host that is away costs no mirror.
    let fresh = dir.with_extension("fresh");
    room::remove(&fresh)?;
    let fetched = anew(inner, origin, &fresh).await;
    if fetched.is_err() {
        room::remove(&fresh)?;
    }
    let commit = fetched?;
    room::remove(&dir)?;
    std::fs::rename(&fresh, &dir)?;
    Ok(mirror(inner, dir, commit))
}

fn mirror(inner: &Inner, dir: PathBuf, commit: String) -> Mirror {
    Mirror {
        dir,
        environment: inner.environment.clone(),
        commit,
    }
}

async fn anew(inner: &Inner, origin: &Origin, dir: &Path) -> Result<String, MirrorError> {
    std::fs::create_dir_all(dir)?;
    let init = git(dir, &inner.environment).args(["init", "-q", "--bare", "--template="]);
    init.arg(".").run().await?;
    into(inner, origin, dir).await
}

async fn into(inner: &Inner, origin: &Origin, dir: &Path) -> Result<String, MirrorError> {
    let answering = Answering::start(&inner.dir, inner.askpass.clone(), origin.credential.clone())?;
    let address = &origin.credential.address;
    let allow = if address.scheme() == "http" {
        Allow::Http
    } else {
        Allow::Https
    };
    let fetch = git(dir, &inner.environment)
        .allow(allow)
        .answered_by(&answering)
        .args(["fetch", "-q", "--depth=1", "--no-tags", "--no-write-fetch-head"])
        .args(["--no-auto-maintenance", "--no-recurse-submodules", "--"])
        .arg(address.as_str())
        .arg(format!("+refs/heads/{}:{REF}", origin.branch));
    tokio::select! {
        fetched = fetch.run() => fetched.map_err(|error| refused(error, &origin.branch))?,
        () = too_large(dir, inner.most_bytes / 2) => {
            return Err(MirrorError::TooLarge(inner.most_bytes >> 21));
        }
    };
    let head = git(dir, &inner.environment).args(["rev-parse", "-q", "--verify", "--end-of-options"]);
    Ok(head.arg(format!("{REF}^{{commit}}")).run().await?)
}

/// Ends when the folder has grown beyond its bound.
async fn too_large(dir: &Path, most: u64) {
    loop {
        tokio::time::sleep(LOOK).await;
        if room::bytes(dir) > most {
            return;
        }
    }
}

fn refused(error: GitError, branch: &str) -> MirrorError {
    match error {
        GitError::Refused(words) if words.contains("couldn't find remote ref") => {
            MirrorError::NoBranch(branch.to_owned())
        }
        error => error.into(),
    }
}
