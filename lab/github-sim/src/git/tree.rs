use anyhow::Result;

use super::Git;

/// One entry of a tree.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// `blob`, `tree` or `commit` (a submodule).
    pub(crate) kind: String,
    pub(crate) sha: String,
    pub(crate) size: u64,
    pub(crate) path: String,
}

impl Git {
    /// Finds what lies at a path; an empty path is the root, which is a tree.
    pub(crate) async fn entry(&self, repository: u64, commit: &str, path: &str) -> Result<Option<Entry>> {
        if path.is_empty() {
            return Ok(Some(Entry {
                kind: "tree".into(),
                sha: String::new(),
                size: 0,
                path: String::new(),
            }));
        }
        Ok(self
            .ls_tree(repository, commit, path)
            .await?
            .into_iter()
            .find(|entry| entry.path == path))
    }

    /// Lists a folder, given with its slash at the end or empty for the root.
    pub(crate) async fn ls_tree(&self, repository: u64, commit: &str, path: &str) -> Result<Vec<Entry>> {
        let mut args = vec!["ls-tree", "-z", "--long", "--full-tree", commit];
        if !path.is_empty() {
            args.extend(["--", path]);
        }
        let text = self.ask(repository, &args).await?;
        Ok(text.split('\0').filter_map(parse).collect())
    }

    pub(crate) async fn blob(&self, repository: u64, sha: &str) -> Result<Vec<u8>> {
        self.bytes(repository, &["cat-file", "blob", sha]).await
    }
}

fn parse(line: &str) -> Option<Entry> {
    let (meta, path) = line.split_once('\t')?;
    let fields: Vec<&str> = meta.split_whitespace().collect();
    let [_, kind, sha, size] = fields[..] else {
        return None;
    };
    Some(Entry {
        kind: kind.to_owned(),
        sha: sha.to_owned(),
        size: size.parse().unwrap_or(0),
        path: path.to_owned(),
    })
}
