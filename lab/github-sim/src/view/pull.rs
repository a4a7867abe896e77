use serde_json::{Value, json};

use super::account::merge;
use super::{View, node_id};
use crate::world::{Issue, Pull, Repository, Review, ReviewComment};

impl View<'_> {
    /// Returns the form lists use; null for an issue that is no pull request.
    pub(crate) fn pull_simple(&self, repository: &Repository, issue: &Issue) -> Value {
        let Some(pull) = &issue.pull else {
            return Value::Null;
        };
        let mut out = self.pull_addresses(repository, issue, pull);
        let assignees: Vec<_> = issue.assignee_ids.iter().map(|id| self.user(*id)).collect();
        let reviewers: Vec<_> = pull.reviewer_ids.iter().map(|id| self.user(*id)).collect();
        merge(
            &mut out,
            json!({
                "id": pull.id,
                "node_id": node_id("PullRequest", pull.id),
                "number": issue.number,
                "state": if issue.open { "open" } else { "closed" },
                "locked": issue.locked,
                "title": issue.title,
                "user": self.user(issue.author_id),
                "body": issue.body,
                "created_at": issue.created_at,
                "updated_at": issue.updated_at,
                "closed_at": issue.closed_at,
                "merged_at": pull.merged_at,
                "merge_commit_sha": pull.merge_commit_sha,
                "assignee": assignees.first(),
                "assignees": assignees,
                "requested_reviewers": reviewers,
                "requested_teams": [],
                "labels": self.issue_labels(repository, issue),
                "milestone": null,
                "draft": pull.draft,
                "head": self.side(repository, &pull.head_ref, &pull.head_sha),
                "base": self.side(repository, &pull.base_ref, &pull.base_sha),
                "author_association": self.world.association(repository, issue.author_id),
                "auto_merge": null,
                "active_lock_reason": null,
            }),
        );
        out
    }

    /// Returns the form that asking for one pull request gives.
    pub(crate) fn pull(&self, repository: &Repository, issue: &Issue) -> Value {
        let mut out = self.pull_simple(repository, issue);
        let Some(pull) = &issue.pull else { return out };
        let state = match (pull.facts.mergeable, pull.draft) {
            (_, true) => "draft",
            (true, _) => "clean",
            (false, _) => "dirty",
        };
        merge(
            &mut out,
            json!({
                "merged": pull.merged_at.is_some(),
                "mergeable": if issue.open { json!(pull.facts.mergeable) } else { Value::Null },
                "rebaseable": false,
                "mergeable_state": if issue.open { state } else { "unknown" },
                "merged_by": pull.merged_by.map(|id| self.user(id)),
                "comments": issue.comments.len(),
                "review_comments": pull.review_comments.len(),
                "maintainer_can_modify": false,
                "commits": pull.facts.commits,
                "additions": pull.facts.additions,
                "deletions": pull.facts.deletions,
                "changed_files": pull.facts.changed_files,
            }),
        );
        out
    }

    fn pull_addresses(&self, repository: &Repository, issue: &Issue, pull: &Pull) -> Value {
        let (repository_url, page) = (
            self.repository_url(repository),
            self.issue_page(repository, issue),
        );
        let url = format!("{repository_url}/pulls/{}", issue.number);
        let issue_url = format!("{repository_url}/issues/{}", issue.number);
        let statuses = format!("{repository_url}/statuses/{}", pull.head_sha);
        let review_comment = format!("{repository_url}/pulls/comments{{/number}}");
        json!({
            "url": url,
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "issue_url": issue_url,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": review_comment,
            "comments_url": format!("{issue_url}/comments"),
            "statuses_url": statuses,
            "_links": {
                "self": {"href": url},
                "html": {"href": page},
                "issue": {"href": issue_url},
                "comments": {"href": format!("{issue_url}/comments")},
                "review_comments": {"href": format!("{url}/comments")},
                "review_comment": {"href": review_comment},
                "commits": {"href": format!("{url}/commits")},
                "statuses": {"href": statuses},
            },
        })
    }

    fn side(&self, repository: &Repository, name: &str, sha: &str) -> Value {
        json!({
            "label": format!("{}:{name}", self.world.login(repository.owner_id)),
            "ref": name,
            "sha": sha,
            "user": self.user(repository.owner_id),
            "repo": self.repository(repository),
        })
    }

    pub(crate) fn review(&self, repository: &Repository, issue: &Issue, review: &Review) -> Value {
        let html_url = format!(
            "{}#pullrequestreview-{}",
            self.issue_page(repository, issue),
            review.id
        );
        let pull_request_url = format!("{}/pulls/{}", self.repository_url(repository), issue.number);
        json!({
            "id": review.id,
            "node_id": node_id("PullRequestReview", review.id),
            "user": self.user(review.author_id),
            "body": review.body,
            "state": review.state,
            "html_url": html_url,
            "pull_request_url": pull_request_url,
            "author_association": self.world.association(repository, review.author_id),
            "_links": {"html": {"href": html_url}, "pull_request": {"href": pull_request_url}},
            "submitted_at": review.submitted_at,
            "commit_id": review.commit_id,
        })
    }

    pub(crate) fn review_comment(
        &self,
        repository: &Repository,
        issue: &Issue,
        comment: &ReviewComment,
    ) -> Value {
        let url = format!(
            "{}/pulls/comments/{}",
            self.repository_url(repository),
            comment.id
        );
        let html_url = format!(
            "{}#discussion_r{}",
            self.issue_page(repository, issue),
            comment.id
        );
        let pull_request_url = format!("{}/pulls/{}", self.repository_url(repository), issue.number);
        let mut out = json!({
            "id": comment.id,
            "node_id": node_id("PullRequestReviewComment", comment.id),
            "url": url,
            "pull_request_review_id": comment.review_id,
            "diff_hunk": "",
            "path": comment.path,
            "position": comment.line,
            "original_position": comment.line,
            "commit_id": comment.commit_id,
            "original_commit_id": comment.commit_id,
            "user": self.user(comment.author_id),
            "body": comment.body,
            "created_at": comment.created_at,
            "updated_at": comment.created_at,
            "html_url": html_url,
            "pull_request_url": pull_request_url,
            "author_association": self.world.association(repository, comment.author_id),
            "_links": {
                "self": {"href": url},
                "html": {"href": html_url},
                "pull_request": {"href": pull_request_url},
            },
            "start_line": null,
            "original_start_line": null,
            "start_side": null,
            "side": comment.side,
        });
        if let Some(line) = comment.line {
            merge(&mut out, json!({"line": line, "original_line": line}));
        }
        if let Some(first) = comment.in_reply_to_id {
            out["in_reply_to_id"] = json!(first);
        }
        out
    }
}
