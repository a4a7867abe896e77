//! What containers print: one bounded file per attempt, each line with its time.

use std::collections::HashMap;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::fs::{self, File};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::clock;

/// How large a file grows before it becomes the old one; the one older than that is dropped.
const FILE: u64 = 5 << 20;

/// Longer lines are split, as container runtimes do.
const LINE: usize = 16 << 10;

/// How far a log has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) attempt: u32,
    pub(crate) turns: u32,
    pub(crate) bytes: u64,
    pub(crate) is_open: bool,
}

type Live = HashMap<(String, String), watch::Sender<Progress>>;

/// The logs of all pods of this node.
#[derive(Debug, Clone)]
pub(crate) struct Logs {
    root: Arc<Path>,
    live: Arc<Mutex<Live>>,
}

impl Logs {
    /// Keeps logs under `root/<pod uid>/logs/<container>`.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: Arc::from(root),
            live: Arc::default(),
        }
    }

    fn path(&self, uid: &str, container: &str, attempt: u32) -> PathBuf {
        self.root
            .join(uid)
            .join("logs")
            .join(container)
            .join(format!("{attempt}.log"))
    }

    pub(crate) async fn writer(&self, uid: &str, container: &str, attempt: u32) -> Result<Writer> {
        let path = self.path(uid, container, attempt);
        fs::create_dir_all(path.parent().unwrap_or(&self.root)).await?;
        let file = File::create(&path).await?;
        let progress = {
            let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            live.entry((uid.to_owned(), container.to_owned()))
                .or_default()
                .clone()
        };
        progress.send_replace(Progress {
            attempt,
            is_open: true,
            ..Progress::default()
        });
        Ok(Writer {
            path,
            file,
            size: 0,
            progress,
        })
    }

    /// Follows the newest attempt of a container; `None` before its first.
    pub(crate) fn progress(&self, uid: &str, container: &str) -> Option<watch::Receiver<Progress>> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.get(&(uid.to_owned(), container.to_owned()))
            .map(watch::Sender::subscribe)
    }

    /// Reads all that is kept of an attempt, oldest line first; `None` if there was none.
    pub(crate) async fn read(&self, uid: &str, container: &str, attempt: u32) -> Option<Vec<u8>> {
        let path = self.path(uid, container, attempt);
        let mut content = fs::read(old(&path)).await.unwrap_or_default();
        content.extend(fs::read(&path).await.ok()?);
        Some(content)
    }

    /// Reads the current file of an attempt from `offset`.
    pub(crate) async fn read_from(&self, uid: &str, container: &str, attempt: u32, offset: u64) -> Vec<u8> {
        let mut content = Vec::new();
        if let Ok(mut file) = File::open(self.path(uid, container, attempt)).await
            && file.seek(SeekFrom::Start(offset)).await.is_ok()
        {
            file.read_to_end(&mut content).await.ok();
        }
        content
    }

    /// Lets go of a pod's logs; the files go with the pod's folder.
    pub(crate) fn forget(&self, uid: &str) {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(pod, _), _| pod != uid);
    }
}

fn old(path: &Path) -> PathBuf {
    path.with_extension("old")
}

/// Gives time and text of a stored line; the text ends with a newline if the container's did.
pub(crate) fn parse(line: &[u8]) -> Option<(&str, &[u8])> {
    let end = line.iter().position(|byte| *byte == b' ')?;
    let time = std::str::from_utf8(&line[..end]).ok()?;
    let (tag, text) = line[end + 1..].split_at_checked(2)?;
    Some((
        time,
        if tag == b"P " {
            text.strip_suffix(b"\n").unwrap_or(text)
        } else {
            text
        },
    ))
}

pub(crate) struct Writer {
    path: PathBuf,
    file: File,
    size: u64,
    progress: watch::Sender<Progress>,
}

impl Writer {
    /// Copies until the other side closes. A log that cannot be written is drained, so that its container goes on.
    pub(crate) async fn copy(mut self, mut from: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; LINE];
        let mut line = Vec::new();
        loop {
            let read = from.read(&mut buffer).await.unwrap_or(0);
            let mut output = Vec::new();
            for byte in &buffer[..read] {
                if *byte == b'\n' || line.len() == LINE {
                    stamp(&mut output, &line, *byte == b'\n');
                    line.clear();
                }
                if *byte != b'\n' {
                    line.push(*byte);
                }
            }
            if read == 0 && !line.is_empty() {
                stamp(&mut output, &line, false);
            }
            if !output.is_empty()
                && let Err(error) = self.write(&output).await
            {
                tracing::warn!(path = %self.path.display(), %error, "a container's log cannot be written");
            }
            if read == 0 {
                break;
            }
        }
        self.progress.send_modify(|progress| progress.is_open = false);
    }

    async fn write(&mut self, output: &[u8]) -> Result<()> {
        if self.size > FILE {
            fs::rename(&self.path, old(&self.path)).await?;
            self.file = File::create(&self.path).await?;
            self.size = 0;
            self.progress.send_modify(|progress| {
                progress.turns += 1;
                progress.bytes = 0;
            });
        }
        self.file.write_all(output).await?;
        self.file.flush().await?;
        self.size += output.len() as u64;
        let size = self.size;
        self.progress.send_modify(|progress| progress.bytes = size);
        Ok(())
    }
}

/// Writes a line with its time, and whether it ended: `F` for full, `P` for a part, as container runtimes do.
fn stamp(output: &mut Vec<u8>, line: &[u8], is_full: bool) {
    let tag = if is_full { 'F' } else { 'P' };
    output.extend(format!("{:.9} {tag} ", clock::now()).into_bytes());
    output.extend(line);
    output.push(b'\n');
}
