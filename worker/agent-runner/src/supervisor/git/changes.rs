//! What changed between two commits, read from their trees: nothing is checked out.

use contract::runner::ChangedPath;

use super::{GitError, Repository};

/// Modes of a tree entry that need a closer look.
const LINK: &str = "120000";
const SUBMODULE: &str = "160000";
/// Longest target of a symbolic link that is read.
const TARGET_BYTES: usize = 4096;
/// More changed paths than this are no change a person can review.
pub(super) const MOST_PATHS: usize = 3000;
/// More commits than this in one turn are not judged.
const MOST_COMMITS: usize = 500;

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) special: Special,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Added,
    Modified,
    Deleted,
    TypeChanged,
}

/// What the path is, where it is not a plain file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    None,
    /// A symbolic link, with its target.
    Link(Vec<u8>),
    /// Another repository at this path, now or before.
    Submodule,
}

impl Change {
    /// The change as the platform is told; a path that is no UTF-8 is shown with replacements.
    pub(crate) fn told(&self) -> ChangedPath {
        let change = match self.kind {
            Kind::Added => "added",
            Kind::Modified => "modified",
            Kind::Deleted => "deleted",
            Kind::TypeChanged => "type_changed",
        };
        ChangedPath {
            path: self.name(),
            change: change.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

impl Repository {
    /// The commits of `head` that `start` does not have, oldest first: all that a push would bring.
    pub(crate) async fn commits(&self, start: &str, head: &str) -> Result<Vec<String>, GitError> {
        let said = self
            .git()
            .args(["rev-list", "--reverse", "--topo-order"])
            .args([head, &format!("^{start}")])
            .run()
            .await?;
        let commits: Vec<String> = said.lines().map(str::to_owned).collect();
        if commits.len() > MOST_COMMITS {
            let text = format!(
                "{} commits in one turn are more than {MOST_COMMITS}",
                commits.len()
            );
            return Err(GitError::Refused(text));
        }
        Ok(commits)
    }

    /// Lists what changed from `base` to `head`, renames as a deletion and an addition; of a flood that is refused
    /// anyway, one path more than is allowed.
    pub(crate) async fn changes(&self, base: &str, head: &str) -> Result<Vec<Change>, GitError> {
        let said = self
            .git()
            .args([
                "diff-tree",
                "-r",
                "-z",
                "--raw",
                "--no-renames",
                "--no-abbrev",
                base,
                head,
            ])
            .output()
            .await?;
        if !said.success {
            return Err(GitError::Refused(format!(
                "git diff-tree: {}",
                said.stderr.trim()
            )));
        }
        let mut entries =
            parse(&said.stdout).ok_or_else(|| GitError::Refused("git diff-tree said nonsense".into()))?;
        entries.truncate(MOST_PATHS + 1);
        let flood = entries.len() > MOST_PATHS;
        let mut changes = Vec::new();
        for entry in entries {
            let special = match entry.new_mode.as_str() {
                _ if entry.old_mode == SUBMODULE || entry.new_mode == SUBMODULE => Special::Submodule,
                LINK if !flood => Special::Link(self.target(&entry.new_sha).await?),
                _ => Special::None,
            };
            changes.push(Change {
                path: entry.path,
                kind: entry.kind,
                special,
            });
        }
        Ok(changes)
    }

    async fn target(&self, sha: &str) -> Result<Vec<u8>, GitError> {
        let said = self.git().args(["cat-file", "blob", sha]).output().await?;
        if !said.success || said.stdout.len() > TARGET_BYTES {
            return Err(GitError::Refused("a symbolic link has no readable target".into()));
        }
        Ok(said.stdout)
    }
}

struct Entry {
    old_mode: String,
    new_mode: String,
    new_sha: String,
    kind: Kind,
    path: Vec<u8>,
}

/// Reads `:<old mode> <new mode> <old sha> <new sha> <status> NUL <path> NUL`, again and again.
fn parse(raw: &[u8]) -> Option<Vec<Entry>> {
    let mut parts = raw.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    let mut entries = Vec::new();
    while let Some(head) = parts.next() {
        let head = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
        let mut fields = head.split(' ').map(str::to_owned);
        let (old_mode, new_mode) = (fields.next()?, fields.next()?);
        let (_, new_sha, status) = (fields.next()?, fields.next()?, fields.next()?);
        let kind = match status.as_str() {
            "A" => Kind::Added,
            "M" => Kind::Modified,
            "D" => Kind::Deleted,
            "T" => Kind::TypeChanged,
            _ => return None,
        };
        entries.push(Entry {
            old_mode,
            new_mode,
            new_sha,
            kind,
            path: parts.next()?.to_vec(),
        });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_diffs_are_read_whatever_the_path_holds() {
        let zero = "0".repeat(40);
        let sha = "1".repeat(40);
        let raw = format!(
            ":000000 100644 {zero} {sha} A\0a b\nc\0:120000 000000 {sha} {zero} D\0link\0:100644 160000 {sha} {sha} T\0sub\0"
        );
        let entries = parse(raw.as_bytes()).expect("read");
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| (entry.kind, entry.path.as_slice()))
            .collect();
        assert_eq!(
            seen,
            [
                (Kind::Added, b"a b\nc".as_slice()),
                (Kind::Deleted, b"link".as_slice()),
                (Kind::TypeChanged, b"sub".as_slice()),
            ]
        );
        assert!(parse(b":nonsense").is_none());
        assert!(parse(b"").expect("read").is_empty());
    }
}
