//! The tree of a commit, file by file as Git lists it.

use std::time::Duration;

use safe_git::Running;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};
use tokio::time::timeout;

use super::MirrorError;

/// Git lists faster than this, or not at all.
const DEADLINE: Duration = Duration::from_secs(20);
/// Longer than any path that a file system takes.
const LINE_BYTES: u64 = 16 * 1024;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    File,
    Link,
    Submodule,
}

/// A path of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As it stands in the tree; not every path is text.
    pub path: Vec<u8>,
    pub entry: Entry,
    pub blob_sha: String,
    pub bytes: u64,
}

/// The files of a commit; they come in the order of their paths.
pub struct Files(Option<Running>);

impl Files {
    pub(super) fn new(running: Running) -> Self {
        Self(Some(running))
    }

    /// The next file; none after the last one, and only if the list is whole.
    ///
    /// # Errors
    ///
    /// `Broken` for a tree that cannot be listed to its end.
    pub async fn next(&mut self) -> Result<Option<File>, MirrorError> {
        let Some(running) = &mut self.0 else {
            return Ok(None);
        };
        let mut line = Vec::new();
        let mut stdout = (&mut running.stdout).take(LINE_BYTES);
        match timeout(DEADLINE, stdout.read_until(0, &mut line)).await {
            Ok(Ok(0)) => self.end().await,
            Ok(Ok(_)) => parse(&line)
                .map(Some)
                .ok_or_else(|| MirrorError::Broken("a line of its tree is unreadable".to_owned())),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(MirrorError::Broken("its tree is not listed".to_owned())),
        }
    }

    async fn end(&mut self) -> Result<Option<File>, MirrorError> {
        if let Some(running) = self.0.take()
            && !running.ended().await?
        {
            return Err(MirrorError::Broken("its tree cannot be listed".to_owned()));
        }
        Ok(None)
    }
}

/// `<mode> <type> <object> <size>\t<path>\0`, the size padded, and `-` for what has none.
fn parse(line: &[u8]) -> Option<File> {
    let line = line.strip_suffix(&[0])?;
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let about = str::from_utf8(&line[..tab]).ok()?;
    let mut words = about.split_ascii_whitespace();
    let entry = match words.next()? {
        "120000" => Entry::Link,
        "160000" => Entry::Submodule,
        _ => Entry::File,
    };
    let (_kind, blob_sha, bytes) = (words.next()?, words.next()?, words.next()?);
    Some(File {
        path: line[tab + 1..].to_vec(),
        entry,
        blob_sha: blob_sha.to_owned(),
        bytes: bytes.parse().unwrap_or(0),
    })
}

#[cfg(test)]
mod parsing {
    use super::*;

    #[test]
    fn a_line_tells_what_stands_at_a_path() {
        let sha = "9fceb02d0ae598e95dc970b74767f19372d61af8";
        let file = |line: String| parse(line.as_bytes());
        let found = file(format!("100644 blob {sha}      12\tdocs/a b.md\0")).expect("a file");
        assert_eq!(
            (found.entry, found.bytes, &*found.path),
            (Entry::File, 12, &b"docs/a b.md"[..])
        );
        let link = file(format!("120000 blob {sha}       4\tlink\0")).expect("a link");
        assert_eq!(link.entry, Entry::Link);
        let submodule = file(format!("160000 commit {sha}       -\tsub\0")).expect("a submodule");
        assert_eq!((submodule.entry, submodule.bytes), (Entry::Submodule, 0));
        for broken in ["", "\0", "100644 blob\ta\0", "100644 blob 9f 12\tcut off"] {
            assert_eq!(parse(broken.as_bytes()), None, "{broken:?}");
        }
    }
}
