//! Git in the agent's container, on the agent's own clone.
//!
//! Whatever the agent left in its configuration may run here; it runs as the agent, where the agent could have run it.

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::session::refused;
use crate::config::AgentConfig;
use crate::wire::{Refusal, Reply};

/// Deadline of one command; a checkout of a large repository is the slowest.
const DEADLINE: Duration = Duration::from_mins(5);
/// Bytes of Git's own words kept for a refusal.
const WORDS: usize = 2000;
/// Most a command may say: what is asked here is answered in a line.
const OUTPUT_BYTES: u64 = 1024 * 1024;

/// Keeps Git from running hooks, monitors and housekeeping that would only slow a hand-over down.
const QUIET: [&str; 5] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// A Git command in `folder`, not yet started.
pub(super) fn command(config: &AgentConfig, folder: &Path) -> Command {
    let mut command = Command::new("git");
    for setting in QUIET {
        command.args(["-c", setting]);
    }
    command
        .current_dir(folder)
        .env("HOME", &config.home_dir)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Runs a command to its end; an exit code other than 0 is a refusal with Git's last words.
pub(super) async fn run(command: &mut Command) -> Result<String, Reply> {
    let output = output(command).await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(refused(Refusal::Git, words(command, &output.stderr)))
}

/// Runs a command and hands out whatever it said, whether it succeeded or not.
pub(super) async fn output(command: &mut Command) -> Result<Output, Reply> {
    match tokio::time::timeout(DEADLINE, bounded_output(command)).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(refused(
            Refusal::NotFound,
            "the agent's image has no git, or the clone is gone",
        )),
        Ok(Err(error)) => Err(refused(Refusal::Failed, format!("failed to run git: {error}"))),
        Err(_) => Err(refused(
            Refusal::Git,
            format!("git took longer than {} s", DEADLINE.as_secs()),
        )),
    }
}

/// A command that says more meets a closed pipe, which ends it.
async fn bounded_output(command: &mut Command) -> io::Result<Output> {
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = tokio::try_join!(bounded(stdout), bounded(stderr))?;
    let status = child.wait().await?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

async fn bounded(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(OUTPUT_BYTES).read_to_end(&mut said).await?;
    }
    Ok(said)
}

/// The end of what Git said, for a person.
pub(super) fn words(command: &Command, stderr: &[u8]) -> String {
    let verb = command
        .as_std()
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned())
        .skip(QUIET.len() * 2)
        .find(|argument| !argument.starts_with('-'))
        .unwrap_or_default();
    let said = String::from_utf8_lossy(stderr);
    let said = said.trim();
    let start = said.len().saturating_sub(WORDS);
    let start = (start..said.len())
        .find(|at| said.is_char_boundary(*at))
        .unwrap_or(said.len());
    format!("git {verb}: {}", &said[start..])
}
