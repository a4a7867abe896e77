//! Fetching from and pushing to the code host, with a credential asked for this one command.

use std::collections::BTreeMap;

use safe_git::{Allow, Answering, Credential};
use url::Url;

use super::{GitError, Repository};

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Done,
    /// The branch is not where it was when the turn began.
    Moved,
    /// The code host said no, in its own words.
    Refused(String),
}

impl Repository {
    /// The commits these branches are at; those that do not exist are left out.
    pub(crate) async fn heads(
        &self,
        credential: &Credential,
        branches: &[&str],
    ) -> Result<BTreeMap<String, String>, GitError> {
        let answering = self.answering(credential)?;
        let mut command = self
            .git()
            .allow(transport(&credential.address))
            .answered_by(&answering)
            .args(["ls-remote", "--refs", "--"])
            .arg(credential.address.as_str());
        for branch in branches {
            command = command.arg(format!("refs/heads/{branch}"));
        }
        let said = command.run().await?;
        Ok(said
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(sha, name)| Some((name.strip_prefix("refs/heads/")?.to_owned(), sha.to_owned())))
            .collect())
    }

    /// Fetches these branches, whole, to branches of the same name.
    pub(crate) async fn fetch(&self, credential: &Credential, branches: &[&str]) -> Result<(), GitError> {
        let answering = self.answering(credential)?;
        let mut command = self
            .git()
            .allow(transport(&credential.address))
            .answered_by(&answering)
            .args([
                "fetch",
                "-q",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
            ])
            .args(["--no-recurse-submodules", "--"])
            .arg(credential.address.as_str());
        for branch in branches {
            command = command.arg(format!("+refs/heads/{branch}:refs/heads/{branch}"));
        }
        command.run().await.map(drop)
    }

    /// Pushes `head` to `branch`, if the branch is still at `seen` (`None`: does not exist).
    pub(crate) async fn push(
        &self,
        credential: &Credential,
        branch: &str,
        head: &str,
        seen: Option<&str>,
    ) -> Result<Pushed, GitError> {
        let answering = self.answering(credential)?;
        let said = self
            .git()
            .allow(transport(&credential.address))
            .answered_by(&answering)
            .args([
                "push",
                "--porcelain",
                "--no-verify",
                "--no-follow-tags",
                "--recurse-submodules=no",
            ])
            .arg(format!(
                "--force-with-lease=refs/heads/{branch}:{}",
                seen.unwrap_or_default()
            ))
            .arg("--")
            .arg(credential.address.as_str())
            .arg(format!("{head}:refs/heads/{branch}"))
            .output()
            .await?;
        if said.success {
            return Ok(Pushed::Done);
        }
        let Some(rejected) = said
            .text()
            .lines()
            .find_map(|line| line.strip_prefix('!').map(str::to_owned))
        else {
            return Err(GitError::Refused(format!("git push: {}", said.stderr.trim())));
        };
        if rejected.contains("(stale info)") || rejected.contains("cannot lock ref") {
            // The answer to an earlier push may have been lost on its way.
            let now = self.heads(credential, &[branch]).await?;
            let there = now.get(branch).is_some_and(|sha| sha == head);
            return Ok(if there { Pushed::Done } else { Pushed::Moved });
        }
        Ok(Pushed::Refused(
            format!("{} {}", rejected.trim(), remote_words(&said.stderr))
                .trim()
                .to_owned(),
        ))
    }

    fn answering(&self, credential: &Credential) -> Result<Answering, GitError> {
        let program = std::env::current_exe()?;
        Ok(Answering::start(&self.private_dir, program, credential.clone())?)
    }
}

/// What the code host itself said.
fn remote_words(stderr: &str) -> String {
    let words: Vec<&str> = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .collect();
    words.join(" ").trim().to_owned()
}

fn transport(address: &Url) -> Allow {
    if address.scheme() == "http" {
        Allow::Http
    } else {
        Allow::Https
    }
}
