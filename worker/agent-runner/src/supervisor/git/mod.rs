//! Git as the supervisor runs it: on a bare repository of its own, and on nothing else.
//!
//! What the agent made comes in as a bundle through [`Repository::import`]; it is never checked out here. No system or
//! user configuration is read, no hook can run, no helper or protocol is allowed beyond the one the call needs.

mod changes;
mod remote;
mod scope;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub(crate) use safe_git::GitError;
use safe_git::{Allow, Command};

pub(crate) use self::changes::Change;
pub(crate) use self::remote::Pushed;
pub(crate) use self::scope::Scope;
use crate::wire::{CHECKPOINT_REF, RESULT_REF};

/// Oldest Git that checks the objects of a bundle on import (`fetch.fsckObjects` applies to bundles since 2.46).
const OLDEST: (u32, u32) = (2, 46);

/// How the names of checkpoints' repositories begin.
const CHECKPOINTS: &str = "checkpoint-";

/// The supervisor's repository: what the code host has, and what came back from the agent.
#[derive(Clone)]
pub(crate) struct Repository {
    dir: PathBuf,
    private_dir: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Repository {
    /// Opens the repository on the private volume, made empty on the first call.
    pub(crate) async fn open(
        private_dir: &Path,
        environment: Vec<(OsString, OsString)>,
    ) -> Result<Self, GitError> {
        let dir = private_dir.join("repository.git");
        let repository = Self {
            dir,
            private_dir: private_dir.to_path_buf(),
            environment,
        };
        repository.check_version().await?;
        if !repository.dir.join("HEAD").exists() {
            std::fs::create_dir_all(&repository.dir)?;
            repository
                .git()
                .args(["init", "-q", "--bare", "--template="])
                .arg(".")
                .run()
                .await?;
        }
        Ok(repository)
    }

    fn git(&self) -> Command {
        Command::new(&self.dir, &self.environment)
    }

    async fn check_version(&self) -> Result<(), GitError> {
        let said = Command::new(&self.private_dir, &self.environment)
            .arg("version")
            .run()
            .await?;
        match version(&said) {
            Some(found) if found >= OLDEST => Ok(()),
            _ => Err(GitError::Refused(format!(
                "the supervisor needs git {}.{} or newer, and found {said:?}",
                OLDEST.0, OLDEST.1
            ))),
        }
    }

    /// Writes a bundle of these branches to `file`.
    pub(crate) async fn bundle(&self, file: &Path, branches: &[&str]) -> Result<(), GitError> {
        let mut command = self.git().args(["bundle", "create", "-q"]).arg(file);
        for branch in branches {
            command = command.arg(format!("refs/heads/{branch}"));
        }
        command.run().await.map(drop)
    }

    /// Takes in a bundle of the agent, every object checked, and keeps `head` from being forgotten.
    ///
    /// # Errors
    ///
    /// `Refused` for a bundle that is damaged, incomplete, holds a malformed object, or ends elsewhere than at `head`.
    pub(crate) async fn import(&self, file: &Path, name: &str, head: &str) -> Result<(), GitError> {
        debug_assert!(
            [RESULT_REF, CHECKPOINT_REF].contains(&name),
            "only our own refs are imported"
        );
        self.git()
            .allow(Allow::File)
            .args(["-c", "fetch.fsckObjects=true", "-c", "transfer.fsckObjects=true"])
            .args(["-c", "core.bigFileThreshold=16m", "-c", "pack.threads=1"])
            .args([
                "fetch",
                "-q",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
            ])
            .arg("--no-recurse-submodules")
            .arg(file)
            .arg(format!("+{name}:{name}"))
            .run()
            .await?;
        let found = self.resolve(name).await?;
        if found.as_deref() == Some(head) {
            return Ok(());
        }
        Err(GitError::Refused(
            "the bundle does not end at the commit the agent's container named".into(),
        ))
    }

    /// Takes in a bundle of unfinished work, into a repository of its own beside this one: each reaches back to the
    /// start, and together they would fill the volume.
    ///
    /// # Errors
    ///
    /// As [`Repository::import`].
    pub(crate) async fn import_checkpoint(
        &self,
        file: &Path,
        name: &str,
        head: &str,
    ) -> Result<(), GitError> {
        let aside = self.checkpoint(head);
        remove_folder(&aside.dir)?;
        std::fs::create_dir_all(&aside.dir)?;
        aside
            .git()
            .args(["init", "-q", "--bare", "--template="])
            .arg(".")
            .run()
            .await?;
        let objects = self.dir.join("objects");
        std::fs::create_dir_all(aside.dir.join("objects/info"))?;
        std::fs::write(
            aside.dir.join("objects/info/alternates"),
            format!("{}\n", objects.display()),
        )?;
        let imported = aside.import(file, name, head).await;
        if imported.is_err() {
            remove_folder(&aside.dir)?;
        }
        imported
    }

    /// The repository that holds a checkpoint, and sees all that this one has.
    pub(crate) fn checkpoint(&self, head: &str) -> Self {
        Self {
            dir: self.private_dir.join(format!("{CHECKPOINTS}{head}.git")),
            ..self.clone()
        }
    }

    /// Forgets all checkpoints but this one.
    pub(crate) fn keep_only_checkpoint(&self, head: &str) -> Result<(), GitError> {
        let kept = self.checkpoint(head).dir;
        for entry in std::fs::read_dir(&self.private_dir)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.starts_with(CHECKPOINTS) && path != kept {
                remove_folder(&path)?;
            }
        }
        Ok(())
    }

    /// The commit of a ref or revision; `None` if there is no such thing.
    pub(crate) async fn resolve(&self, revision: &str) -> Result<Option<String>, GitError> {
        let name = format!("{revision}^{{commit}}");
        let said = self
            .git()
            .args(["rev-parse", "-q", "--verify", "--end-of-options", &name])
            .output()
            .await?;
        Ok(said.success.then(|| said.text().trim().to_owned()))
    }

    /// Whether everything in `older` is also in `newer`.
    pub(crate) async fn contains(&self, newer: &str, older: &str) -> Result<bool, GitError> {
        Ok(self
            .git()
            .args(["merge-base", "--is-ancestor", older, newer])
            .output()
            .await?
            .success)
    }
}

fn remove_folder(path: &Path) -> Result<(), GitError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod version_tests {
    #[test]
    fn versions_of_all_makers_are_read() {
        assert_eq!(super::version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(
            super::version("git version 2.50.1 (Apple Git-155)"),
            Some((2, 50))
        );
        assert_eq!(super::version("not git"), None);
    }
}
