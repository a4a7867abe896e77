use serde_json::{Value, json};

use super::{View, node_id};
use crate::world::{Issue, Repository, TimelineEvent};

impl View<'_> {
    /// Returns events and comments of an issue, oldest first.
    pub(crate) fn timeline(&self, repository: &Repository, issue: &Issue) -> Vec<Value> {
        let events = issue
            .events
            .iter()
            .map(|event| (event.created_at, self.timeline_event(repository, event)));
        let comments = issue.comments.iter().map(|comment| {
            let mut entry = self.comment(repository, issue, comment);
            entry["event"] = json!("commented");
            entry["actor"] = entry["user"].clone();
            (comment.created_at, entry)
        });
        let mut all: Vec<_> = events.chain(comments).collect();
        all.sort_by_key(|(at, _)| *at);
        all.into_iter().map(|(_, entry)| entry).collect()
    }

    fn timeline_event(&self, repository: &Repository, event: &TimelineEvent) -> Value {
        let mut out = json!({
            "id": event.id,
            "node_id": node_id("IssueEvent", event.id),
            "url": format!("{}/issues/events/{}", self.repository_url(repository), event.id),
            "actor": self.user(event.actor_id),
            "event": event.event,
            "commit_id": event.commit_id,
            "commit_url": event.commit_id.as_ref().map(|sha| format!("{}/commits/{sha}", self.repository_url(repository))),
            "created_at": event.created_at,
            "performed_via_github_app": null,
        });
        if let Some((name, color)) = &event.label {
            out["label"] = json!({"name": name, "color": color});
        }
        out
    }
}
