//! From the agent's workspace to the code host: bundle, import, judgement, push, pull request. And checkpoints on the way.

use std::convert::Infallible;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use contract::runner::{ChangedPath, PullRequestOpen, RepositoryAccess};
use serde_json::Value;
use tokio::time::Instant;

use super::adapter::Verdict;
use super::end::{Failure, Reason, Result, Stop};
use super::git::{GitError, Pushed, Repository};
use super::link::{Body, LinkError};
use super::platform::Platform;
use super::progress::{Checkpoint, Seen, Step, Work};
use super::turn::{Turn, link_failed};
use crate::wire::{Ask, BundleAsk, BundleOf, CommitAsk, Refusal, Reply};

/// Deadlines of the agent's container for committing and for bundling.
const COMMIT: Duration = Duration::from_mins(10);
const BUNDLE: Duration = Duration::from_mins(15);
/// When the first checkpoint is taken, and the longest pause between two that do not come about.
const FIRST_CHECKPOINT: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// Attempts to push, each with a credential of its own.
const PUSH_ATTEMPTS: u32 = 5;
const PUSH_PAUSE: Duration = Duration::from_secs(2);

impl Turn {
    /// Brings the work to the code host and opens the pull request.
    pub(super) async fn deliver(&self, seen: &Seen, verdict: &Verdict) -> Result<()> {
        let work = match self.progress.get().work {
            Some(work) => work,
            None => self.collect(seen, verdict, COMMIT).await?,
        };
        if !self.progress.get().did(Step::Pushed) {
            self.push(&self.platform, &self.repository, seen, &work.head)
                .await?;
        }
        if !self.progress.get().did(Step::PullRequestOpened) {
            let ask = PullRequestOpen {
                head_sha: Some(work.head.clone()),
                ..PullRequestOpen::default()
            };
            let _: Value = self.platform.call("pull_request_open", &ask).await?;
            self.update(|state| {
                state.done.insert(Step::PullRequestOpened);
            })?;
            self.log.say("the platform opens the pull request");
        }
        Ok(())
    }

    /// Commits what is left over, takes the bundle in, and judges what changed.
    async fn collect(&self, seen: &Seen, verdict: &Verdict, commit: Duration) -> Result<Work> {
        self.commit_left_overs(commit).await?;
        let known_tree = None;
        let head = match self.bundle(seen, BundleOf::Head, known_tree).await? {
            Some((head, _)) => head,
            None => seen.start.clone(),
        };
        let work = self.judge(&self.repository, seen, &head).await?;
        if work.changed.is_empty() {
            let said = verdict.last_message.as_deref().unwrap_or("it said nothing");
            let text = format!("the agent changed nothing; its last message: {said}");
            return Err(Failure::new(Reason::OutputInvalid, "no_change", text).into());
        }
        self.update(|state| state.work = Some(work.clone()))?;
        self.log
            .say(&format!("{} paths changed, head is {head}", work.changed.len()));
        Ok(work)
    }

    /// Looks at the commits in our own repository, where the agent cannot reach.
    pub(super) async fn judge(&self, repository: &Repository, seen: &Seen, head: &str) -> Result<Work> {
        let failed = |error: GitError| Failure::new(Reason::OutputInvalid, "unreadable", error.to_string());
        if !repository.contains(head, &seen.start).await.map_err(failed)? {
            let text = format!("the work does not build on {}, where the turn began", seen.start);
            return Err(Failure::new(Reason::OutputInvalid, "history_rewritten", text).into());
        }
        // Each commit is pushed, so each is judged: what a later one takes back is in the history all the same.
        let commits = repository.commits(&seen.start, head).await.map_err(failed)?;
        for commit in commits.iter().filter(|commit| *commit != head) {
            self.judge_commit(repository, seen, commit).await?;
        }
        Ok(Work {
            head: head.to_owned(),
            changed: self.judge_commit(repository, seen, head).await?,
        })
    }

    /// What the tree of a commit changes in all.
    async fn judge_commit(
        &self,
        repository: &Repository,
        seen: &Seen,
        commit: &str,
    ) -> Result<Vec<ChangedPath>> {
        let changes = repository
            .changes(&seen.base, commit)
            .await
            .map_err(|error| Failure::new(Reason::OutputInvalid, "unreadable", error.to_string()))?;
        self.scope.judge(&changes).map_err(|violation| {
            let text = format!("{violation} (in commit {commit})");
            Failure::new(Reason::WriteScope, violation.sub_reason(), text)
        })?;
        Ok(changes.iter().map(super::git::Change::told).collect())
    }

    /// Pushes to the run's branch, which must be where it was when the turn began.
    pub(super) async fn push(
        &self,
        platform: &Platform,
        repository: &Repository,
        seen: &Seen,
        head: &str,
    ) -> Result<()> {
        let branch = &self.context.branch.name;
        let mut attempt = 1;
        loop {
            let credential = self.credential(platform, RepositoryAccess::Write).await?;
            match repository
                .push(&credential, branch, head, seen.branch.as_deref())
                .await
            {
                Ok(Pushed::Done) => break,
                Ok(Pushed::Moved) => {
                    let text =
                        format!("somebody else changed {branch} meanwhile; retry the run to build on it");
                    return Err(Failure::new(Reason::Precondition, "branch_moved", text).into());
                }
                Ok(Pushed::Refused(words)) => {
                    return Err(Failure::new(Reason::Precondition, "push_refused", words).into());
                }
                Err(error) if attempt < PUSH_ATTEMPTS => {
                    self.log.say(&format!("push failed, trying again: {error}"));
                    tokio::time::sleep(PUSH_PAUSE * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                Err(error) => {
                    return Err(Failure::new(Reason::Environment, "push_failed", error.to_string()).into());
                }
            }
        }
        self.update(|state| {
            state.done.insert(Step::Pushed);
        })?;
        self.log.say(&format!("pushed {head} to {branch}"));
        Ok(())
    }

    pub(super) async fn commit_left_overs(&self, deadline: Duration) -> Result<()> {
        let author = &self.context.commit_author;
        let ask = Ask::Commit(CommitAsk {
            folder: self.folder.clone(),
            message: self.message("Keep what the agent left uncommitted"),
            author_name: author.name.clone(),
            author_email: author.email.clone(),
        });
        match self
            .link
            .ask_plainly(ask, Body::Empty, deadline)
            .await
            .map_err(|error| link_failed(&error))?
        {
            Reply::Committed { .. } => Ok(()),
            Reply::Refused { message, .. } => {
                let text = format!("the agent's clone cannot be committed to: {message}");
                Err(Failure::new(Reason::OutputInvalid, "repository_damaged", text).into())
            }
            other => Err(unexpected(&other).into()),
        }
    }

    /// Fetches a bundle through the socket and takes it in; `None` if there is nothing new.
    pub(super) async fn bundle(
        &self,
        seen: &Seen,
        of: BundleOf,
        known_tree: Option<String>,
    ) -> Result<Option<(String, String)>> {
        let name = of.ref_name();
        let unfinished = matches!(of, BundleOf::WorkTree { .. });
        let max_bytes = self.context.limits.bundle_bytes;
        let ask = BundleAsk {
            folder: self.folder.clone(),
            base: seen.start.clone(),
            max_bytes,
            of,
            known_tree,
        };
        let path = TemporaryFile(
            self.config
                .private_dir
                .join(format!("{}.bundle", uuid::Uuid::new_v4())),
        );
        let failed = |error: std::io::Error| Failure::new(Reason::Environment, "volumes", error.to_string());
        let mut file = std::fs::File::create(&path.0).map_err(failed)?;
        let mut taken = 0;
        let mut take = |_, bytes: Bytes| {
            taken += bytes.len() as u64;
            if taken > max_bytes {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            file.write_all(&bytes)
        };
        let reply = self
            .link
            .ask(Ask::Bundle(ask), Body::Empty, BUNDLE, &mut take)
            .await;
        let (head, tree) = match reply {
            Ok(Reply::Bundled { head, tree }) => (head, tree),
            Ok(Reply::Unchanged { .. }) => return Ok(None),
            Ok(Reply::Refused {
                refusal: Refusal::TooLarge,
                ..
            }) => return Err(too_large(max_bytes)),
            Err(LinkError::Sink(error)) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                return Err(too_large(max_bytes));
            }
            Ok(Reply::Refused { message, .. }) => {
                let text = format!("the agent's clone cannot be bundled: {message}");
                return Err(Failure::new(Reason::OutputInvalid, "repository_damaged", text).into());
            }
            Ok(other) => return Err(unexpected(&other).into()),
            Err(error) => return Err(link_failed(&error).into()),
        };
        if !is_object_name(&head) {
            return Err(unexpected(&Reply::Bundled { head, tree }).into());
        }
        let imported = if unfinished {
            self.repository.import_checkpoint(&path.0, name, &head).await
        } else {
            self.repository.import(&path.0, name, &head).await
        };
        imported.map_err(|error| Failure::new(Reason::OutputInvalid, "bundle_refused", error.to_string()))?;
        Ok(Some((head, tree)))
    }

    /// Takes in what the work tree holds, again and again, so that there is something to save if the worst happens.
    pub(super) async fn keep_checkpoints(&self, seen: &Seen) -> Infallible {
        let period = Duration::from_secs(self.config.checkpoint_seconds.max(1));
        let mut pause = period.min(FIRST_CHECKPOINT);
        loop {
            tokio::time::sleep(pause).await;
            let began = Instant::now();
            let taken = self.checkpoint(seen).await;
            pause = next_pause(period, pause, taken.is_ok(), began.elapsed());
            if let Err(stop) = taken {
                tracing::debug!(?stop, ?pause, "no checkpoint this time");
            }
        }
    }

    /// Takes in what the work tree holds now, without touching the agent's own index or branches.
    pub(super) async fn checkpoint(&self, seen: &Seen) -> Result<()> {
        let known = self.progress.get().checkpoint.map(|checkpoint| checkpoint.tree);
        let author = &self.context.commit_author;
        let of = BundleOf::WorkTree {
            message: self.message("Checkpoint of unfinished work"),
            author_name: author.name.clone(),
            author_email: author.email.clone(),
        };
        if let Some((head, tree)) = self.bundle(seen, of, known).await? {
            self.update(|state| {
                state.checkpoint = Some(Checkpoint {
                    head: head.clone(),
                    tree,
                });
            })?;
            self.repository
                .keep_only_checkpoint(&head)
                .map_err(|error| Failure::new(Reason::Environment, "volumes", error.to_string()))?;
            self.log.say("a checkpoint of the work is kept");
        }
        Ok(())
    }

    /// A commit message with the trailer that leads back to the run.
    fn message(&self, subject: &str) -> String {
        format!("{subject}\n\nRun-Id: {}\n", self.context.run_id)
    }
}

/// A whole name of a commit: it becomes part of arguments and paths.
fn is_object_name(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What fails, or takes a good part of the time between two, is tried less and less often.
fn next_pause(period: Duration, pause: Duration, taken: bool, took: Duration) -> Duration {
    if taken && took < period / 2 {
        period
    } else {
        (pause.max(period) * 2).min(LONGEST_PAUSE.max(period))
    }
}

/// Removes a file when it is no longer needed, however that comes about.
struct TemporaryFile(PathBuf);

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn too_large(max_bytes: u64) -> Stop {
    let text =
        format!("the work is larger than {max_bytes} bytes as a bundle; large files do not belong in Git");
    Failure::new(Reason::OutputInvalid, "bundle_too_large", text).into()
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::internal(
        "agent_protocol",
        format!("an answer to another question: {reply:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_commits_are_hexadecimal_and_whole() {
        assert!(is_object_name(&"0a".repeat(20)));
        for name in ["", "HEAD", "../../x", "--all", &"0a".repeat(21)] {
            assert!(!is_object_name(name), "{name}");
        }
    }

    #[test]
    fn checkpoints_that_do_not_come_about_are_tried_less_often() {
        let (period, quick) = (Duration::from_mins(1), Duration::from_secs(1));
        assert_eq!(next_pause(period, FIRST_CHECKPOINT, true, quick), period);
        let mut pause = FIRST_CHECKPOINT;
        let pauses: Vec<_> = (0..5)
            .map(|_| {
                pause = next_pause(period, pause, false, quick);
                pause.as_secs() / 60
            })
            .collect();
        assert_eq!(pauses, [2, 4, 8, 15, 15]);
        assert_eq!(
            next_pause(period, period, true, Duration::from_secs(40)),
            period * 2
        );
    }
}
