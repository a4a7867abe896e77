//! The agent's clone: made from the supervisor's bundle, and committed to at the end.

use std::path::Path;

use tokio::io::AsyncWriteExt;

use super::git::{self, run};
use super::session::{Body, refused};
use crate::beneath;
use crate::config::AgentConfig;
use crate::wire::{CloneAsk, CommitAsk, Refusal, Reply};

/// Where a bundle lies while the clone is made from it: on the volume that holds the clone, and has the room for it.
const BUNDLE_FILE: &str = ".clone.bundle";

/// Makes the clone; a half-made one of an earlier attempt is removed first.
pub(super) async fn clone(config: &AgentConfig, ask: &CloneAsk, body: Body) -> Reply {
    let result = match receive(config, body).await {
        Ok(()) => build(config, ask).await.err().unwrap_or(Reply::Done),
        Err(error) => refused(Refusal::Failed, format!("failed to store the bundle: {error}")),
    };
    let _ = std::fs::remove_file(config.workspace_dir.join(BUNDLE_FILE));
    result
}

async fn receive(config: &AgentConfig, mut body: Body) -> std::io::Result<()> {
    let mut file = tokio::fs::File::from_std(beneath::create(&config.workspace_dir, BUNDLE_FILE)?);
    while let Some(piece) = body.recv().await {
        file.write_all(&piece).await?;
    }
    file.flush().await
}

async fn build(config: &AgentConfig, ask: &CloneAsk) -> Result<(), Reply> {
    let folder = beneath::join(&config.workspace_dir, &ask.folder)
        .map_err(|error| refused(Refusal::NotAllowed, error.to_string()))?;
    let made = async {
        match tokio::fs::remove_dir_all(&folder).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => tokio::fs::create_dir(&folder).await,
        }
    };
    made.await.map_err(|error| {
        refused(
            Refusal::Failed,
            format!("failed to make {}: {error}", folder.display()),
        )
    })?;
    let git = || git::command(config, &folder);
    run(git().args(["init", "-q"])).await?;
    let bundle = config.workspace_dir.join(BUNDLE_FILE);
    let heads = "+refs/heads/*:refs/remotes/origin/*";
    run(git().args(["fetch", "-q", "--no-tags"]).arg(bundle).arg(heads)).await?;
    for (key, value) in [
        ("remote.origin.url", ask.origin.as_str()),
        ("remote.origin.fetch", heads),
        ("user.name", &ask.author_name),
        ("user.email", &ask.author_email),
    ] {
        run(git().args(["config", key, value])).await?;
    }
    run(git().args(["checkout", "-q", "-B", &ask.branch, &ask.start_sha])).await?;
    Ok(())
}

/// Commits everything the work tree holds beyond HEAD; answers with the head there is then.
pub(super) async fn commit(config: &AgentConfig, ask: &CommitAsk) -> Reply {
    commit_left_overs(config, ask)
        .await
        .unwrap_or_else(|refusal| refusal)
}

async fn commit_left_overs(config: &AgentConfig, ask: &CommitAsk) -> Result<Reply, Reply> {
    let folder = beneath::join(&config.workspace_dir, &ask.folder)
        .map_err(|error| refused(Refusal::NotAllowed, error.to_string()))?;
    remove_stale_lock(&folder);
    let git = || git::command(config, &folder);
    run(git().args(["add", "--all"])).await?;
    let clean = git::output(git().args(["diff", "--cached", "--quiet", "HEAD"]))
        .await?
        .status
        .success();
    if !clean {
        run(git()
            .env("GIT_AUTHOR_NAME", &ask.author_name)
            .env("GIT_AUTHOR_EMAIL", &ask.author_email)
            .env("GIT_COMMITTER_NAME", &ask.author_name)
            .env("GIT_COMMITTER_EMAIL", &ask.author_email)
            .args(["commit", "-q", "--no-verify", "-m", &ask.message]))
        .await?;
    }
    let head = run(git().args(["rev-parse", "--verify", "HEAD^{commit}"])).await?;
    Ok(Reply::Committed { head })
}

/// The program has ended, so a lock of the index is one it left behind when it was killed.
fn remove_stale_lock(folder: &Path) {
    let _ = std::fs::remove_file(folder.join(".git/index.lock"));
}
