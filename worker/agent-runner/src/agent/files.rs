//! Files of the agent, read and written for the supervisor.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};

use super::session::{Body, Out, refused};
use crate::beneath;
use crate::config::AgentConfig;
use crate::wire::{Refusal, Reply, Root};

/// Bounds of a search for a session file.
const FIND_ENTRIES: usize = 20_000;
const FIND_DEPTH: usize = 8;

/// Writes the body to a file that only the agent can read.
pub(super) async fn write(config: &AgentConfig, root: Root, path: &str, mut body: Body) -> Reply {
    let written = async {
        let mut file = beneath::create(folder(config, root), path)?;
        while let Some(piece) = body.recv().await {
            file.write_all(&piece)?;
        }
        file.flush()
    };
    written
        .await
        .map_or_else(|error| refusal(&error), |()| Reply::Done)
}

/// Sends a regular file of at most `max_bytes`.
pub(super) async fn read(config: &AgentConfig, root: Root, path: String, max_bytes: u64, out: &Out) -> Reply {
    let root = folder(config, root).to_path_buf();
    let bytes = tokio::task::spawn_blocking(move || beneath::read(&root, &path, max_bytes)).await;
    match bytes.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(bytes) => {
            let sent = out.body(Bytes::from(bytes)).await;
            sent.map_or_else(|error| refusal(&error), |()| Reply::Read)
        }
        Err(error) => refusal(&error),
    }
}

/// Finds the newest regular file below `under` whose name contains `name_contains`; answers with its path below the root.
pub(super) async fn find(config: &AgentConfig, root: Root, under: String, name_contains: String) -> Reply {
    let root = folder(config, root).to_path_buf();
    let found = tokio::task::spawn_blocking(move || {
        let start = beneath::join(&root, &under).ok()?;
        let newest = newest(&start, &name_contains)?;
        newest.strip_prefix(&root).ok()?.to_str().map(str::to_owned)
    });
    match found.await {
        Ok(Some(path)) => Reply::Found { path },
        _ => refused(Refusal::NotFound, "no such file"),
    }
}

/// Gathers a whole body of at most `max_bytes`.
pub(super) async fn collect(mut body: Body, max_bytes: usize) -> io::Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(piece) = body.recv().await {
        if whole.len() + piece.len() > max_bytes {
            return Err(io::Error::other(format!("more than {max_bytes} bytes of input")));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

fn newest(start: &Path, name_contains: &str) -> Option<PathBuf> {
    let mut folders = vec![(start.to_path_buf(), 0)];
    let mut best: Option<(SystemTime, PathBuf)> = None;
    let mut entries = 0;
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            entries += 1;
            // `DirEntry::metadata` does not follow links.
            let Ok(meta) = entry.metadata() else { continue };
            if entries > FIND_ENTRIES {
                return best.map(|(_, path)| path);
            }
            if meta.is_dir() && depth < FIND_DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if meta.is_file() && entry.file_name().to_string_lossy().contains(name_contains) {
                let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                if best.as_ref().is_none_or(|(time, _)| modified > *time) {
                    best = Some((modified, entry.path()));
                }
            }
        }
    }
    best.map(|(_, path)| path)
}

fn folder(config: &AgentConfig, root: Root) -> &Path {
    match root {
        Root::Workspace => &config.workspace_dir,
        Root::Home => &config.home_dir,
    }
}

fn refusal(error: &io::Error) -> Reply {
    let refusal = match error.kind() {
        io::ErrorKind::NotFound => Refusal::NotFound,
        io::ErrorKind::PermissionDenied => Refusal::NotAllowed,
        io::ErrorKind::FileTooLarge => Refusal::TooLarge,
        _ => Refusal::Failed,
    };
    refused(refusal, error.to_string())
}
