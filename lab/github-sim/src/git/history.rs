use anyhow::Result;

use super::Git;

/// Fields of one commit, parted by unit separators; records by record separators.
const FORMAT: &str = "--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%aI%x1f%cn%x1f%ce%x1f%cI%x1f%B%x1e";

#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) email: String,
    /// ISO 8601, with the offset the author had.
    pub(crate) date: String,
}

#[derive(Debug, Clone)]
pub(crate) struct CommitInfo {
    pub(crate) sha: String,
    pub(crate) tree: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: Identity,
    pub(crate) committer: Identity,
    pub(crate) message: String,
}

impl Git {
    /// Returns commits, newest first, at most `limit` of them.
    pub(crate) async fn log(&self, repository: u64, range: &str, limit: usize) -> Result<Vec<CommitInfo>> {
        let limit = format!("--max-count={limit}");
        let text = self
            .ask(
                repository,
                &["log", FORMAT, &limit, "--end-of-options", range, "--"],
            )
            .await?;
        Ok(text.split('\u{1e}').filter_map(parse).collect())
    }

    pub(crate) async fn commit(&self, repository: u64, sha: &str) -> Result<Option<CommitInfo>> {
        Ok(self.log(repository, sha, 1).await?.into_iter().next())
    }

    pub(crate) async fn count(&self, repository: u64, range: &str) -> Result<u64> {
        let text = self
            .ask(repository, &["rev-list", "--count", "--end-of-options", range])
            .await?;
        Ok(text.trim().parse()?)
    }

    /// Finds the newest commit that both descend from.
    pub(crate) async fn merge_base(&self, repository: u64, a: &str, b: &str) -> Result<Option<String>> {
        let (code, out, _) = self.attempt(repository, &["merge-base", a, b], None).await?;
        Ok((code == 0).then(|| String::from_utf8_lossy(&out).trim().to_owned()))
    }
}

fn parse(record: &str) -> Option<CommitInfo> {
    let fields: Vec<&str> = record.trim_start_matches('\n').split('\u{1f}').collect();
    let [sha, tree, parents, an, ae, ad, cn, ce, cd, message] = fields[..] else {
        return None;
    };
    let identity = |name: &str, email: &str, date: &str| Identity {
        name: name.to_owned(),
        email: email.to_owned(),
        date: date.to_owned(),
    };
    Some(CommitInfo {
        sha: sha.to_owned(),
        tree: tree.to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author: identity(an, ae, ad),
        committer: identity(cn, ce, cd),
        message: message.trim_end().to_owned(),
    })
}
