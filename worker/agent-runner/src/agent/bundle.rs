//! Sends what was made since the base as a Git bundle.

use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use tokio::io::AsyncReadExt;

use super::git::{self, run};
use super::session::{Out, refused};
use crate::beneath;
use crate::config::AgentConfig;
use crate::wire::{BundleAsk, BundleOf, Refusal, Reply};

/// The index a checkpoint is made with, so that the agent's own stays as it is.
const CHECKPOINT_INDEX: &str = ".codexk8s/checkpoint-index";
/// A larger index is not copied.
const INDEX_BYTES: u64 = 64 * 1024 * 1024;
const PIECE: usize = 64 * 1024;

/// Sends the bundle, or says that there is nothing to send.
pub(super) async fn send(config: &AgentConfig, ask: &BundleAsk, out: &Out) -> Reply {
    bundle(config, ask, out).await.unwrap_or_else(|refusal| refusal)
}

async fn bundle(config: &AgentConfig, ask: &BundleAsk, out: &Out) -> Result<Reply, Reply> {
    let folder = beneath::join(&config.workspace_dir, &ask.folder)
        .map_err(|error| refused(Refusal::NotAllowed, error.to_string()))?;
    let git = || git::command(config, &folder);
    let head = run(git().args(["rev-parse", "--verify", "HEAD^{commit}"])).await?;
    let head = match &ask.of {
        BundleOf::Head => head,
        BundleOf::WorkTree {
            message,
            author_name,
            author_email,
        } => {
            let author = (author_name.as_str(), author_email.as_str());
            commit_beside(config, &folder, &head, message, author).await?
        }
    };
    let tree = run(git().args(["rev-parse", "--verify", &format!("{head}^{{tree}}")])).await?;
    if ask.known_tree.as_ref() == Some(&tree) {
        return Ok(Reply::Unchanged { head });
    }
    let beyond = run(git().args(["rev-list", "--count", &format!("{}..{head}", ask.base)])).await?;
    if beyond == "0" {
        return Ok(Reply::Unchanged { head });
    }
    let name = ask.of.ref_name();
    run(git().args(["update-ref", name, &head])).await?;
    stream(config, &folder, name, ask, out).await?;
    Ok(Reply::Bundled { head, tree })
}

/// Makes a commit of the work tree on top of HEAD with an index, and no branch, of its own.
async fn commit_beside(
    config: &AgentConfig,
    folder: &Path,
    head: &str,
    message: &str,
    (name, email): (&str, &str),
) -> Result<String, Reply> {
    let index: PathBuf = config.home_dir.join(CHECKPOINT_INDEX);
    copy_index(config, folder).await;
    let git = || {
        let mut command = git::command(config, folder);
        command.env("GIT_INDEX_FILE", &index);
        command
    };
    run(git().args(["add", "--all"])).await?;
    let tree = run(git().arg("write-tree")).await?;
    if tree == run(git().args(["rev-parse", "--verify", &format!("{head}^{{tree}}")])).await? {
        return Ok(head.to_owned());
    }
    run(git()
        .env("GIT_AUTHOR_NAME", name)
        .env("GIT_AUTHOR_EMAIL", email)
        .env("GIT_COMMITTER_NAME", name)
        .env("GIT_COMMITTER_EMAIL", email)
        .args(["commit-tree", &tree, "-p", head, "-m", message]))
    .await
}

/// A copy spares reading every file again; without one, the next command builds it from nothing. What is there may be
/// anything: the agent's program runs.
async fn copy_index(config: &AgentConfig, folder: &Path) {
    let (home, folder) = (config.home_dir.clone(), folder.to_path_buf());
    let copying = tokio::task::spawn_blocking(move || {
        let bytes = beneath::read(&folder, ".git/index", INDEX_BYTES)?;
        beneath::create(&home, CHECKPOINT_INDEX)?.write_all(&bytes)
    });
    if let Ok(Err(error)) = copying.await {
        tracing::debug!(%error, "the index is not copied");
    }
}

async fn stream(
    config: &AgentConfig,
    folder: &Path,
    name: &str,
    ask: &BundleAsk,
    out: &Out,
) -> Result<(), Reply> {
    let mut command = git::command(config, folder);
    command.args(["bundle", "create", "-q", "-", name, &format!("^{}", ask.base)]);
    let failed = |error: std::io::Error| refused(Refusal::Failed, format!("failed to bundle: {error}"));
    let mut child = command.spawn().map_err(failed)?;
    let stderr = child.stderr.take();
    let words = tokio::spawn(async move {
        let mut said = Vec::new();
        if let Some(stderr) = stderr {
            let _ = stderr.take(64 * 1024).read_to_end(&mut said).await;
        }
        said
    });
    let mut sent = 0;
    if let Some(mut stdout) = child.stdout.take() {
        let mut buffer = BytesMut::with_capacity(PIECE);
        while stdout.read_buf(&mut buffer).await.map_err(failed)? > 0 {
            sent += buffer.len() as u64;
            if sent > ask.max_bytes {
                let text = format!("the bundle is larger than {} bytes", ask.max_bytes);
                return Err(refused(Refusal::TooLarge, text));
            }
            out.body(buffer.split().freeze()).await.map_err(failed)?;
            buffer.reserve(PIECE);
        }
    }
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(refused(
        Refusal::Git,
        git::words(&command, &words.await.unwrap_or_default()),
    ))
}
