//! A pass over a repository's tree, as far as a slice gets. What was put stays put, and is not read again.

use std::time::Duration;

use orchestrator::error::{Error, Result};
use orchestrator::id::RepositoryId;
use orchestrator::knowledge::{self, Pass, Skipped};
use orchestrator::ports::code_host::{HostRepository, RepositoryRef, TokenAccess};
use orchestrator::queue::Done;
use orchestrator::repository;
use safe_git::Credential;
use url::Url;

use super::read::{self, Read};
use super::{GO_ON, Slice};
use crate::Hands;
use crate::jobs::failure::of_code_host;
use crate::mirror::{Blobs, Entry, File, Mirror, MirrorError, Origin};
use crate::outward::outward;

/// A job waits so long for a mirror; the fetch itself goes on without it.
const PATIENCE: Duration = Duration::from_secs(8);
/// After which it asks again.
const FETCHING: Duration = Duration::from_secs(2);
/// Files compared with the index at once.
const COMPARED: usize = 500;

impl Hands {
    /// Brings a source up to the head of its default branch, or a slice nearer to it.
    pub(super) async fn index(&self, repository_id: RepositoryId) -> Result<Done> {
        let at = self.repository_at(repository_id).await?;
        let host = self.code_host.repository(&at).await.map_err(of_code_host)?;
        let Some(mirror) = self.mirror(repository_id, &at, &host).await? else {
            return Ok(Done::Later(FETCHING));
        };
        let commit = mirror.commit();
        let pass = knowledge::begin(&self.orchestrator, repository_id, commit, host.is_private).await?;
        let Some(pass) = pass else {
            return Ok(Done::Done);
        };
        let Some(walked) = self.walk(&pass, &mirror).await? else {
            return Ok(GO_ON);
        };
        let Walked {
            files,
            read,
            skipped,
            added,
        } = walked;
        tracing::info!(%repository_id, commit, files, read, skipped, added, "a repository is indexed");
        let again = knowledge::finish(&self.orchestrator, &pass).await?;
        Ok(if again { GO_ON } else { Done::Done })
    }

    async fn repository_at(&self, repository_id: RepositoryId) -> Result<RepositoryRef> {
        let mut tx = self.orchestrator.begin("knowledge.repository").await?;
        repository::at(&mut tx, repository_id).await
    }

    async fn mirror(
        &self,
        repository_id: RepositoryId,
        at: &RepositoryRef,
        host: &HostRepository,
    ) -> Result<Option<Mirror>> {
        let token = self.code_host.repository_token(at, TokenAccess::Read).await;
        let token = token.map_err(of_code_host)?;
        let address = Url::parse(&host.clone_url).map_err(Error::internal)?;
        let origin = Origin {
            repository_id,
            branch: host.default_branch.clone(),
            credential: Credential {
                username: token.username,
                password: token.token,
                address,
            },
        };
        let fetched = outward("mirror", "fetch", self.mirrors.fetch(origin, PATIENCE)).await;
        fetched.map_err(of_mirror)
    }

    /// Walks the tree from its begin: what is unchanged is known in large batches. None if the time was over before the end.
    async fn walk(&self, pass: &Pass, mirror: &Mirror) -> Result<Option<Walked>> {
        let slice = Slice::begin();
        let mut files = mirror.files().map_err(of_mirror)?;
        let mut blobs = mirror.blobs().map_err(of_mirror)?;
        let mut walked = Walked::default();
        loop {
            let mut batch = Vec::new();
            let mut is_last = false;
            while batch.len() < COMPARED && !is_last {
                match files.next().await.map_err(of_mirror)? {
                    Some(file) if pass.globs.want(&read::shown(&file.path)) => batch.push(file),
                    Some(_) => {}
                    None => is_last = true,
                }
            }
            walked.files += batch.len();
            if !self.batch(pass, &mut blobs, batch, &slice, &mut walked).await? {
                return Ok(None);
            }
            if is_last {
                return Ok(Some(walked));
            }
        }
    }

    /// Answers whether the time sufficed.
    async fn batch(
        &self,
        pass: &Pass,
        blobs: &mut Blobs,
        files: Vec<File>,
        slice: &Slice,
        walked: &mut Walked,
    ) -> Result<bool> {
        let keys: Vec<_> = files
            .iter()
            .map(|file| (read::shown(&file.path), file.blob_sha.clone()))
            .collect();
        let changed = knowledge::compare(&self.orchestrator, pass, &keys).await?;
        for (file, (path, _)) in files.iter().zip(&keys) {
            if !changed.contains(path) {
                continue;
            }
            if slice.is_over() {
                return Ok(false);
            }
            self.file(pass, blobs, file, path, walked).await?;
        }
        Ok(true)
    }

    async fn file(
        &self,
        pass: &Pass,
        blobs: &mut Blobs,
        file: &File,
        path: &str,
        walked: &mut Walked,
    ) -> Result<()> {
        match content(blobs, file).await.map_err(of_mirror)? {
            Read::Document(document) => {
                let counted = knowledge::put(&self.orchestrator, pass, &document).await?;
                walked.read += 1;
                walked.added += counted.added;
            }
            Read::Skipped(reason) => {
                let skipped = Skipped {
                    path: path.to_owned(),
                    blob_sha: file.blob_sha.clone(),
                    bytes: i64::try_from(file.bytes).unwrap_or(i64::MAX),
                    reason,
                };
                knowledge::skip(&self.orchestrator, pass, &skipped).await?;
                walked.skipped += 1;
            }
        }
        Ok(())
    }
}

/// What a slice saw and did.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    files: usize,
    read: usize,
    skipped: usize,
    /// Passages that are new.
    added: usize,
}

/// What of a file can be found. Only its size decides whether it is read at all.
async fn content(blobs: &mut Blobs, file: &File) -> Result<Read, MirrorError> {
    let skipped = |reason: &str| Ok(Read::Skipped(reason.to_owned()));
    match file.entry {
        Entry::Link => return skipped("a symbolic link"),
        Entry::Submodule => return skipped("another repository"),
        Entry::File => {}
    }
    if file.bytes > chunker::MOST_BYTES as u64 {
        return Ok(Read::Skipped(read::reason(chunker::Skip::TooLarge)));
    }
    let bytes = blobs.read(&file.blob_sha, file.bytes).await?;
    Ok(read::document(file, bytes).await)
}

fn of_mirror(error: MirrorError) -> Error {
    match error {
        later @ (MirrorError::Unavailable(_) | MirrorError::Broken(_)) => {
            Error::Unavailable(later.to_string())
        }
        never @ (MirrorError::NoBranch(_) | MirrorError::TooLarge(_)) => {
            Error::Precondition(never.to_string())
        }
    }
}
