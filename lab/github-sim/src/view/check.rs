use serde_json::{Value, json};

use super::{View, node_id};
use crate::world::{CheckRun, Repository, Status};

impl View<'_> {
    pub(crate) fn check_run(&self, repository: &Repository, run: &CheckRun) -> Value {
        let url = format!("{}/check-runs/{}", self.repository_url(repository), run.id);
        let html_url = format!("{}/runs/{}", self.repository_page(repository), run.id);
        json!({
            "id": run.id,
            "node_id": node_id("CheckRun", run.id),
            "head_sha": run.head_sha,
            "external_id": run.external_id,
            "url": url,
            "html_url": html_url,
            "details_url": run.details_url.as_ref().unwrap_or(&html_url),
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": run.started_at,
            "completed_at": run.completed_at,
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": 0,
                "annotations_url": format!("{url}/annotations"),
            },
            "name": run.name,
            "check_suite": {"id": run.id},
            "app": self.app(),
            "pull_requests": [],
        })
    }

    pub(crate) fn status(&self, repository: &Repository, status: &Status) -> Value {
        json!({
            "url": format!("{}/statuses/{}", self.repository_url(repository), status.sha),
            "avatar_url": format!("{}/avatars/{}", self.web(), status.creator_id),
            "id": status.id,
            "node_id": node_id("StatusContext", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": status.created_at,
            "updated_at": status.created_at,
            "creator": self.user(status.creator_id),
        })
    }

    /// Returns the newest status of each context of a commit, and what they come to.
    pub(crate) fn combined_status(&self, repository: &Repository, sha: &str) -> Value {
        let mut newest: Vec<&Status> = Vec::new();
        for status in repository
            .statuses
            .iter()
            .rev()
            .filter(|status| status.sha == sha)
        {
            if !newest.iter().any(|seen| seen.context == status.context) {
                newest.push(status);
            }
        }
        let state = if newest.iter().any(|s| s.state == "failure" || s.state == "error") {
            "failure"
        } else if newest.is_empty() || newest.iter().any(|s| s.state == "pending") {
            "pending"
        } else {
            "success"
        };
        let url = self.repository_url(repository);
        json!({
            "state": state,
            "sha": sha,
            "total_count": newest.len(),
            "statuses": newest.iter().map(|s| self.status(repository, s)).collect::<Vec<_>>(),
            "repository": self.repository(repository),
            "commit_url": format!("{url}/commits/{sha}"),
            "url": format!("{url}/commits/{sha}/status"),
        })
    }
}
