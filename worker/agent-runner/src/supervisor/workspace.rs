//! From the code host to the agent's workspace: fetched here, handed over as a bundle.

use std::time::Duration;

use contract::runner::RepositoryAccess;

use super::end::{Failure, Reason, Result};
use super::git::GitError;
use super::link::Body;
use super::progress::{AgentStep, Seen};
use super::turn::{Turn, link_failed};
use crate::wire::{Ask, CloneAsk, Refusal, Reply};

/// Attempts to fetch, each with a credential of its own.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);
/// Deadline of the clone in the agent's container.
const CLONE: Duration = Duration::from_mins(15);

impl Turn {
    /// Fetches the default branch and the run's own, and records where the work begins.
    pub(super) async fn fetch(&self) -> Result<Seen> {
        let mut attempt = 1;
        let seen = loop {
            match self.fetch_once().await? {
                Ok(seen) => break seen?,
                Err(error) if attempt < ATTEMPTS => {
                    self.log.say(&format!("fetch failed, trying again: {error}"));
                    tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                Err(error) => {
                    return Err(Failure::new(Reason::Environment, "clone_failed", error.to_string()).into());
                }
            }
        };
        self.update(|state| state.seen = Some(seen.clone()))?;
        self.log.say(&format!(
            "fetched {}, starting at {}",
            self.full_name(),
            seen.start
        ));
        Ok(seen)
    }

    /// The outer result ends the turn, the middle one is worth another attempt.
    async fn fetch_once(&self) -> Result<Result<Result<Seen, Failure>, GitError>> {
        let credential = self.credential(&self.platform, RepositoryAccess::Read).await?;
        let (default, own) = (&self.context.repository.default_branch, &self.context.branch.name);
        let looked = async {
            let heads = self.repository.heads(&credential, &[default, own]).await?;
            let Some(default_sha) = heads.get(default) else {
                let text = format!(
                    "{} has no branch {default}; push a first commit",
                    self.full_name()
                );
                return Ok(Err(Failure::new(Reason::Precondition, "empty_repository", text)));
            };
            let mut branches = vec![default.as_str()];
            branches.extend(
                heads
                    .contains_key(own)
                    .then_some(own.as_str())
                    .filter(|own| own != default),
            );
            self.repository.fetch(&credential, &branches).await?;
            // A branch that moves between the two is fetched newer than it was listed; the push will notice.
            let branch_sha = heads.get(own).cloned();
            let head = branch_sha.as_ref().unwrap_or(default_sha);
            Ok(Ok(self.begin_at(head, branch_sha.clone()).await?))
        };
        Ok(looked.await)
    }

    /// The base an earlier turn recorded counts as long as the branch still contains it.
    async fn begin_at(&self, head: &str, branch: Option<String>) -> Result<Seen, GitError> {
        let recorded = self.context.branch.base_sha.as_deref();
        let known = match recorded {
            Some(base) => self.repository.contains(head, base).await?,
            None => false,
        };
        let base = recorded.filter(|_| known).unwrap_or(head).to_owned();
        let start = if branch.is_some() {
            head.to_owned()
        } else {
            base.clone()
        };
        Ok(Seen { start, base, branch })
    }

    /// Gives the agent's container an ordinary clone.
    pub(super) async fn hand_over(&self, seen: &Seen) -> Result<()> {
        let file = self.config.private_dir.join("hand-over.bundle");
        let (default, own) = (&self.context.repository.default_branch, &self.context.branch.name);
        let mut branches = vec![default.as_str()];
        branches.extend(
            seen.branch
                .is_some()
                .then_some(own.as_str())
                .filter(|own| own != default),
        );
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(Reason::Environment, "hand_over", error.to_string());
        self.repository
            .bundle(&file, &branches)
            .await
            .map_err(|error| failed(&error))?;
        let body = Body::File(
            tokio::fs::File::open(&file)
                .await
                .map_err(|error| failed(&error))?,
        );
        let author = &self.context.commit_author;
        let ask = Ask::Clone(CloneAsk {
            folder: self.folder.clone(),
            branch: own.clone(),
            start_sha: seen.start.clone(),
            origin: self.context.repository.clone_url.clone(),
            author_name: author.name.clone(),
            author_email: author.email.clone(),
        });
        let reply = self.link.ask_plainly(ask, body, CLONE).await;
        let _ = std::fs::remove_file(&file);
        match reply.map_err(|error| link_failed(&error))? {
            Reply::Done => {}
            Reply::Refused {
                refusal: Refusal::NotFound,
                message,
            } => {
                return Err(Failure::new(Reason::Environment, "no_git", message).into());
            }
            other => return Err(failed(&format!("{other:?}")).into()),
        }
        self.update(|state| state.agent = AgentStep::HandedOver)
    }

    fn full_name(&self) -> String {
        format!(
            "{}/{}",
            self.context.repository.owner, self.context.repository.name
        )
    }
}

/// The folder a repository is cloned to, below the workspace: its name, if that is a plain one.
pub(super) fn folder(name: &str) -> String {
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    if plain && !name.is_empty() && !name.starts_with('.') {
        name.to_owned()
    } else {
        "repository".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn only_a_plain_name_becomes_a_folder() {
        assert_eq!(folder("payments-api.v2"), "payments-api.v2");
        for name in ["..", ".git", "", "a/b", "a b"] {
            assert_eq!(folder(name), "repository", "{name}");
        }
    }
}
