//! What files say, one after the other from one Git.

use std::time::Duration;

use safe_git::Running;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::MirrorError;

/// Git reads a file of this size faster than this, or not at all.
const DEADLINE: Duration = Duration::from_secs(20);
/// `<object> <type> <size>`.
const HEAD_BYTES: u64 = 256;

/// A Git that reads.
pub struct Blobs(Running);

impl Blobs {
    pub(super) fn new(running: Running) -> Self {
        Self(running)
    }

    /// The bytes of a blob; `bytes` is what the tree says of its size.
    ///
    /// # Errors
    ///
    /// `Broken` if it is not there, or of another size.
    pub async fn read(&mut self, blob_sha: &str, bytes: u64) -> Result<Vec<u8>, MirrorError> {
        match timeout(DEADLINE, self.exchange(blob_sha, bytes)).await {
            Ok(read) => read,
            Err(_) => Err(MirrorError::Broken(format!("the object {blob_sha} is not read"))),
        }
    }

    async fn exchange(&mut self, blob_sha: &str, bytes: u64) -> Result<Vec<u8>, MirrorError> {
        let Running { stdin, stdout, .. } = &mut self.0;
        stdin.write_all(format!("{blob_sha}\n").as_bytes()).await?;
        stdin.flush().await?;
        let mut head = Vec::new();
        stdout.take(HEAD_BYTES).read_until(b'\n', &mut head).await?;
        if head != format!("{blob_sha} blob {bytes}\n").as_bytes() {
            return Err(MirrorError::Broken(format!("the object {blob_sha} is not there")));
        }
        let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
        stdout.take(bytes).read_to_end(&mut content).await?;
        let end = stdout.read_u8().await?;
        if content.len() as u64 == bytes && end == b'\n' {
            return Ok(content);
        }
        Err(MirrorError::Broken(format!("the object {blob_sha} is cut off")))
    }
}
