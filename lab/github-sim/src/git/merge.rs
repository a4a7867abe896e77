use anyhow::Result;

use super::write::identity_line;
use super::{Git, Identity};

impl Git {
    /// Returns the tree that merging gives, or `None` when there is a conflict.
    pub(crate) async fn merged_tree(
        &self,
        repository: u64,
        base: &str,
        head: &str,
    ) -> Result<Option<String>> {
        let args = ["merge-tree", "--write-tree", "--no-messages", base, head];
        let (code, out, _) = self.attempt(repository, &args, None).await?;
        let tree = String::from_utf8_lossy(&out).lines().next().map(str::to_owned);
        Ok(if code == 0 { tree } else { None })
    }

    /// Writes a commit object that no ref points at yet.
    pub(crate) async fn commit_tree(
        &self,
        repository: u64,
        tree: &str,
        parents: &[&str],
        message: &str,
        by: &Identity,
    ) -> Result<String> {
        let parents: Vec<_> = parents
            .iter()
            .map(|parent| format!("parent {parent}\n"))
            .collect();
        let parents = parents.concat();
        let line = identity_line(by);
        let message = message.trim_end();
        let object = format!("tree {tree}\n{parents}author {line}\ncommitter {line}\n\n{message}\n");
        let args = ["hash-object", "-t", "commit", "-w", "--stdin"];
        let (code, out, err) = self.attempt(repository, &args, Some(object.into_bytes())).await?;
        anyhow::ensure!(code == 0, "git refused a merge commit: {}", err.trim());
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }
}
