use std::path::Path;
use std::process::Output;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::process::Command;

/// A clone made by the real git.
pub(crate) struct Checkout {
    folder: TempDir,
    header: Option<String>,
}

async fn run(folder: &Path, header: Option<&str>, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(folder).kill_on_drop(true);
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "Agent"),
        ("GIT_AUTHOR_EMAIL", "agent@example.com"),
        ("GIT_COMMITTER_NAME", "Agent"),
        ("GIT_COMMITTER_EMAIL", "agent@example.com"),
    ] {
        command.env(name, value);
    }
    if let Some(header) = header {
        command.env("GIT_CONFIG_COUNT", "1");
        command
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", header);
    }
    let done = tokio::time::timeout(Duration::from_mins(1), command.args(args).output()).await;
    done.expect("git ends in time").expect("git starts")
}

impl Checkout {
    /// Clones with a token as the password, or without any.
    pub(crate) async fn clone(url: &str, token: Option<&str>) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let header = token.map(|token| {
            format!(
                "Authorization: Basic {}",
                STANDARD.encode(format!("x-access-token:{token}"))
            )
        });
        let done = run(
            folder.path(),
            header.as_deref(),
            &["clone", "--quiet", "--depth", "1", url, "."],
        )
        .await;
        if done.status.success() {
            Ok(Self { folder, header })
        } else {
            Err(String::from_utf8_lossy(&done.stderr).into_owned())
        }
    }

    pub(crate) async fn git(&self, args: &[&str]) -> Result<String, String> {
        let done = run(self.folder.path(), self.header.as_deref(), args).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() {
            Ok(text(&done.stdout))
        } else {
            Err(text(&done.stderr))
        }
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        std::fs::write(file, content).expect("a file");
    }

    /// Commits everything on a branch and returns the hash.
    pub(crate) async fn commit(&self, branch: &str, message: &str) -> String {
        self.git(&["checkout", "--quiet", "-B", branch])
            .await
            .expect("a branch");
        self.git(&["add", "--all"]).await.expect("git adds");
        self.git(&["commit", "--quiet", "--message", message])
            .await
            .expect("git commits");
        self.git(&["rev-parse", "HEAD"]).await.expect("a hash")
    }

    pub(crate) async fn push(&self, branch: &str) -> Result<String, String> {
        self.git(&["push", "--quiet", "origin", branch]).await
    }
}
