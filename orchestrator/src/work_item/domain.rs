use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::actor::words;
use crate::id::RepositoryId;
use crate::ports::code_host::HostIssue;

/// An issue or pull request as somebody last saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    pub repository_id: RepositoryId,
    pub number: i64,
    pub kind: WorkItemKind,
    pub title: String,
    pub open: bool,
    pub labels: Vec<String>,
    pub author_github_user_id: Option<i64>,
    pub author_login: Option<String>,
    pub head_branch: Option<String>,
    pub head_sha: Option<String>,
    pub url: String,
    /// The host's own moment of what is said here.
    pub as_of: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkItemKind {
    Issue,
    PullRequest,
}

words!(WorkItemKind: Issue = "issue", PullRequest = "pull_request");

/// SHA-256 of what an issue asks for, hexadecimal: the title's length in bytes, the title, the body.
pub fn issue_text_sha256(title: &str, body: &str) -> String {
    let digest = Sha256::new()
        .chain_update(title.len().to_be_bytes())
        .chain_update(title)
        .chain_update(body);
    hex::encode(digest.finalize())
}

impl WorkItem {
    /// What a read at the code host says.
    pub fn read(repository_id: RepositoryId, issue: &HostIssue) -> Self {
        let kind = if issue.is_pull_request {
            WorkItemKind::PullRequest
        } else {
            WorkItemKind::Issue
        };
        Self {
            repository_id,
            number: issue.number,
            kind,
            title: issue.title.clone(),
            open: issue.open,
            labels: issue.labels.clone(),
            author_github_user_id: issue.author.as_ref().map(|author| author.github_user_id),
            author_login: issue.author.as_ref().map(|author| author.login.clone()),
            head_branch: None,
            head_sha: None,
            url: issue.url.clone(),
            as_of: issue.updated_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_and_body_are_both_in_the_digest_and_stay_apart() {
        let digest = issue_text_sha256("Price", "Fix it");
        assert_eq!(digest, issue_text_sha256("Price", "Fix it"));
        for (title, body) in [
            ("Price", "Fix it!"),
            ("Price!", "Fix it"),
            ("PriceFix", " it"),
            ("", "PriceFix it"),
        ] {
            assert_ne!(digest, issue_text_sha256(title, body), "{title:?} {body:?}");
        }
    }
}
