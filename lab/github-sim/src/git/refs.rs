use std::collections::BTreeMap;

use anyhow::Result;

use super::Git;

/// Stands for "no commit" on either side of a change.
pub(crate) const ZERO: &str = "0000000000000000000000000000000000000000";

/// One ref that moved, appeared ([`ZERO`] before) or went away ([`ZERO`] after).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefChange {
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl RefChange {
    pub(crate) fn created(&self) -> bool {
        self.before == ZERO
    }

    pub(crate) fn deleted(&self) -> bool {
        self.after == ZERO
    }
}

/// Returns what differs between two lists of refs, branches before tags.
pub(crate) fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<RefChange> {
    let moved = after.iter().filter(|(name, sha)| before.get(*name) != Some(sha));
    let moved = moved.map(|(name, sha)| RefChange {
        name: name.clone(),
        before: before.get(name).cloned().unwrap_or_else(|| ZERO.to_owned()),
        after: sha.clone(),
    });
    let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
    let gone = gone.map(|(name, sha)| RefChange {
        name: name.clone(),
        before: sha.clone(),
        after: ZERO.to_owned(),
    });
    moved.chain(gone).collect()
}

impl Git {
    /// Returns branches and tags with what they point at.
    pub(crate) async fn refs(&self, repository: u64) -> Result<BTreeMap<String, String>> {
        let format = "--format=%(refname) %(objectname)";
        let text = self
            .ask(repository, &["for-each-ref", format, "refs/heads", "refs/tags"])
            .await?;
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(name, sha)| (name.to_owned(), sha.to_owned()))
            .collect())
    }

    /// Finds the commit that a branch, tag or (part of a) hash names.
    pub(crate) async fn resolve(&self, repository: u64, name: &str) -> Result<Option<String>> {
        // A name that begins with a dash would be an option.
        if name.is_empty() || name.starts_with('-') || name.contains("..") {
            return Ok(None);
        }
        for candidate in [
            format!("refs/heads/{name}"),
            format!("refs/tags/{name}"),
            name.to_owned(),
        ] {
            let spec = format!("{candidate}^{{commit}}");
            let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &spec];
            let (code, out, _) = self.attempt(repository, &args, None).await?;
            if code == 0 {
                return Ok(Some(String::from_utf8_lossy(&out).trim().to_owned()));
            }
        }
        Ok(None)
    }

    /// Moves a ref from what it is believed to be; false when it is something else by now.
    pub(crate) async fn update_ref(&self, repository: u64, name: &str, new: &str, old: &str) -> Result<bool> {
        let args = if new == ZERO {
            vec!["update-ref", "-d", name, old]
        } else {
            vec!["update-ref", name, new, old]
        };
        Ok(self.attempt(repository, &args, None).await?.0 == 0)
    }

    /// Makes `refs/pull/<number>/head`, which GitHub keeps for each pull request, point at `sha`.
    pub(crate) async fn keep_pull_head(&self, repository: u64, number: u64, sha: &str) -> Result<()> {
        self.ask(
            repository,
            &["update-ref", &format!("refs/pull/{number}/head"), sha],
        )
        .await
        .map(drop)
    }

    /// Says whether git would take this as the full name of a ref.
    pub(crate) async fn is_valid_ref(&self, repository: u64, name: &str) -> Result<bool> {
        let known = name.starts_with("refs/heads/") || name.starts_with("refs/tags/");
        Ok(known
            && self
                .attempt(repository, &["check-ref-format", name], None)
                .await?
                .0
                == 0)
    }

    pub(crate) async fn is_ancestor(&self, repository: u64, old: &str, new: &str) -> Result<bool> {
        Ok(self
            .attempt(repository, &["merge-base", "--is-ancestor", old, new], None)
            .await?
            .0
            == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, sha)| ((*name).to_owned(), (*sha).to_owned()))
            .collect()
    }

    #[test]
    fn tells_moved_created_and_deleted_refs_apart() {
        let before = refs(&[
            ("refs/heads/main", "a"),
            ("refs/heads/old", "b"),
            ("refs/tags/v1", "c"),
        ]);
        let after = refs(&[
            ("refs/heads/main", "d"),
            ("refs/heads/new", "e"),
            ("refs/tags/v1", "c"),
        ]);
        let found = changes(&before, &after);
        let shown: Vec<_> = found
            .iter()
            .map(|c| (c.name.as_str(), c.created(), c.deleted()))
            .collect();
        assert_eq!(
            shown,
            [
                ("refs/heads/main", false, false),
                ("refs/heads/new", true, false),
                ("refs/heads/old", false, true)
            ]
        );
    }
}
