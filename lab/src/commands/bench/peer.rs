//! The peers: small servers of other makes; for webhooks one of Node with `@octokit/webhooks`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/peer.mjs");
const START: Duration = Duration::from_secs(20);

/// A running peer; it ends with its standard input, so also with us.
pub(super) struct Peer {
    child: Child,
    pub(super) url: String,
}

impl Peer {
    /// Starts a peer that keeps what it gets in `database_url`, or keeps nothing.
    pub(super) async fn start(secret_file: &Path, database_url: Option<&str>) -> anyhow::Result<Self> {
        let mut command = Command::new("node");
        command.arg(SCRIPT).arg("--secret-file").arg(secret_file);
        if let Some(url) = database_url {
            // A URL of a socket: there is no password in it.
            command.arg("--database-url").arg(url);
        }
        Self::listen(command, "/webhooks/github").await
    }

    /// Starts a program that prints the port it listens on.
    pub(super) async fn listen(mut command: Command, path: &str) -> anyhow::Result<Self> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| {
                format!("cannot run {program}; peers need Node.js 20 and Python 3.11, or newer")
            })?;
        let output = child.stdout.take().context("the peer's output")?;
        let mut lines = BufReader::new(output).lines();
        let port = tokio::time::timeout(START, lines.next_line())
            .await
            .context("the peer did not start in time")??
            .context("the peer ended at once; see its words above")?;
        Ok(Self {
            child,
            url: format!("http://127.0.0.1:{port}{path}"),
        })
    }

    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the peer has ended")
    }

    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        tokio::time::timeout(START, self.child.wait())
            .await
            .context("the peer does not end")??;
        Ok(())
    }
}

/// The version of Node that peers run on.
pub(super) async fn node_version() -> anyhow::Result<String> {
    let output = Command::new("node").arg("--version").output().await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
