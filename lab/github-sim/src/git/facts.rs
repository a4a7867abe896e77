use anyhow::Result;

use super::Git;
use crate::world::Facts;

impl Git {
    /// Asks git what a pull request from `head` into `base` would bring.
    pub(crate) async fn facts(&self, repository: u64, base: &str, head: &str) -> Result<Facts> {
        let commits = self.count(repository, &format!("{base}..{head}")).await?;
        let from = self
            .merge_base(repository, base, head)
            .await?
            .unwrap_or_else(|| base.to_owned());
        let files = self.diff(repository, &from, head).await?;
        Ok(Facts {
            commits,
            additions: files.iter().map(|file| file.additions).sum(),
            deletions: files.iter().map(|file| file.deletions).sum(),
            changed_files: files.len() as u64,
            mergeable: self.merged_tree(repository, base, head).await?.is_some(),
        })
    }
}
