//! The real git, with the credential in its environment and never among its arguments.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orchestrator::ports::code_host::HostToken;
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::process::Command;

#[derive(Debug)]
pub(crate) struct Checkout(TempDir);

impl Checkout {
    pub(crate) async fn clone(url: &str, token: &HostToken) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder")?;
        git(folder.path(), &["clone", "--quiet", url, "."], Some(token)).await?;
        Ok(Self(folder))
    }

    /// Commits one file and returns the commit.
    pub(crate) async fn commit(&self, file: &str, content: &str) -> String {
        let place = self.0.path().join(file);
        std::fs::create_dir_all(place.parent().expect("it is in the checkout"))
            .expect("the checkout is ours");
        std::fs::write(place, content).expect("the checkout is ours");
        let identity = ["-c", "user.name=agent", "-c", "user.email=agent@example.com"];
        git(self.0.path(), &["add", file], None).await.expect("added");
        let commit = [
            &identity[..],
            &["commit", "--quiet", "--message", "Correct the price"],
        ]
        .concat();
        git(self.0.path(), &commit, None).await.expect("committed");
        git(self.0.path(), &["rev-parse", "HEAD"], None)
            .await
            .expect("a commit")
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Commits whatever changed in the folder.
    pub(crate) async fn commit_all(&self) -> String {
        git(self.0.path(), &["add", "--all"], None).await.expect("added");
        let identity = ["-c", "user.name=agent", "-c", "user.email=agent@example.com"];
        let commit = [&identity[..], &["commit", "--quiet", "--message", "Change"]].concat();
        git(self.0.path(), &commit, None).await.expect("committed");
        git(self.0.path(), &["rev-parse", "HEAD"], None)
            .await
            .expect("a commit")
    }

    pub(crate) async fn push(&self, branch: &str, token: &HostToken) -> Result<()> {
        let to = format!("HEAD:refs/heads/{branch}");
        git(self.0.path(), &["push", "--quiet", "origin", &to], Some(token))
            .await
            .map(drop)
    }

    /// Deletes a branch at the host.
    pub(crate) async fn delete(&self, branch: &str, token: &HostToken) -> Result<()> {
        let what = format!(":refs/heads/{branch}");
        git(self.0.path(), &["push", "--quiet", "origin", &what], Some(token))
            .await
            .map(drop)
    }
}

async fn git(folder: &Path, arguments: &[&str], token: Option<&HostToken>) -> Result<String> {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .kill_on_drop(true);
    if let Some(token) = token {
        let basic = STANDARD.encode(format!("{}:{}", token.username, token.token.expose_secret()));
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {basic}"));
    }
    let output = command.output().await.context("git starts")?;
    ensure!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
