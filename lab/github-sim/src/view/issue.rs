use serde_json::{Value, json};

use super::{View, node_id};
use crate::world::{Comment, Issue, Reaction, Repository};

const REACTIONS: [&str; 8] = [
    "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes",
];

impl View<'_> {
    pub(crate) fn issue(&self, repository: &Repository, issue: &Issue) -> Value {
        let (repository_url, page) = (
            self.repository_url(repository),
            self.issue_page(repository, issue),
        );
        let url = format!("{repository_url}/issues/{}", issue.number);
        let assignees: Vec<_> = issue.assignee_ids.iter().map(|id| self.user(*id)).collect();
        let mut out = json!({
            "id": issue.id,
            "node_id": node_id("Issue", issue.id),
            "url": url,
            "repository_url": repository_url,
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "timeline_url": format!("{url}/timeline"),
            "html_url": page,
            "number": issue.number,
            "title": issue.title,
            "user": self.user(issue.author_id),
            "labels": self.issue_labels(repository, issue),
            "state": if issue.open { "open" } else { "closed" },
            "state_reason": issue.state_reason,
            "locked": issue.locked,
            "active_lock_reason": null,
            "assignee": assignees.first(),
            "assignees": assignees,
            "milestone": null,
            "comments": issue.comments.len(),
            "created_at": issue.created_at,
            "updated_at": issue.updated_at,
            "closed_at": issue.closed_at,
            "closed_by": issue.closed_by.map(|id| self.user(id)),
            "author_association": self.world.association(repository, issue.author_id),
            "body": issue.body,
            "reactions": reactions(&url, &issue.reactions),
            "performed_via_github_app": null,
        });
        if let Some(pull) = &issue.pull {
            out["draft"] = json!(pull.draft);
            out["pull_request"] = json!({
                "url": format!("{repository_url}/pulls/{}", issue.number),
                "html_url": page,
                "diff_url": format!("{page}.diff"),
                "patch_url": format!("{page}.patch"),
                "merged_at": pull.merged_at,
            });
        }
        out
    }

    /// Returns where people see an issue or pull request.
    pub(crate) fn issue_page(&self, repository: &Repository, issue: &Issue) -> String {
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        format!("{}/{kind}/{}", self.repository_page(repository), issue.number)
    }

    pub(crate) fn issue_labels(&self, repository: &Repository, issue: &Issue) -> Vec<Value> {
        let labels = issue.label_ids.iter().filter_map(|id| repository.label(*id));
        labels.map(|label| self.label(repository, label)).collect()
    }

    pub(crate) fn comment(&self, repository: &Repository, issue: &Issue, comment: &Comment) -> Value {
        let url = format!(
            "{}/issues/comments/{}",
            self.repository_url(repository),
            comment.id
        );
        json!({
            "url": url,
            "html_url": format!("{}#issuecomment-{}", self.issue_page(repository, issue), comment.id),
            "issue_url": format!("{}/issues/{}", self.repository_url(repository), issue.number),
            "id": comment.id,
            "node_id": node_id("IssueComment", comment.id),
            "user": self.user(comment.author_id),
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "author_association": self.world.association(repository, comment.author_id),
            "body": comment.body,
            "reactions": reactions(&url, &comment.reactions),
            "performed_via_github_app": null,
        })
    }

    pub(crate) fn reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id,
            "node_id": node_id("Reaction", reaction.id),
            "user": self.user(reaction.author_id),
            "content": reaction.content,
            "created_at": reaction.created_at,
        })
    }
}

fn reactions(url: &str, given: &[Reaction]) -> Value {
    let mut out = json!({"url": format!("{url}/reactions"), "total_count": given.len()});
    for content in REACTIONS {
        out[content] = json!(
            given
                .iter()
                .filter(|reaction| reaction.content == content)
                .count()
        );
    }
    out
}
