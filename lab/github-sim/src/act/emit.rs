use serde_json::{Value, json};

use crate::view::{View, node_id};
use crate::world::{Outgoing, World};

impl World {
    /// Puts an event about a repository into the outbox, if the App is installed there and listens to it.
    /// `payload` is what is special about the event; who, where and which installation is added.
    pub(crate) fn emit(&mut self, event: &str, repository: u64, actor: u64, mut payload: Value) {
        let Some(about) = self.repositories.get(&repository) else {
            return;
        };
        let installation = self
            .installation_of(about)
            .filter(|found| found.suspended_at.is_none());
        let Some(installation_id) = installation.map(|found| found.id) else {
            return;
        };
        if self.hook.is_none() || !self.app.events.iter().any(|wanted| wanted == event) {
            return;
        }
        let view = View::of(self);
        if payload.get("repository").is_none() {
            payload["repository"] = view.repository(about);
        }
        if let Some(organization) = view.organization(about.owner_id) {
            payload["organization"] = organization;
        }
        payload["sender"] = view.user(actor);
        payload["installation"] =
            json!({"id": installation_id, "node_id": node_id("IntegrationInstallation", installation_id)});
        self.outbox.push(Outgoing {
            guid: uuid::Uuid::new_v4().to_string(),
            event: event.to_owned(),
            repository_id: Some(repository),
            installation_id: Some(installation_id),
            payload,
            redelivery: false,
        });
    }

    /// Tells of something that happened to an issue, or to a pull request when it is one.
    pub(crate) fn emit_issue(
        &mut self,
        (repository, number): (u64, u64),
        action: &str,
        actor: u64,
        more: Value,
    ) {
        let Some(about) = self.repositories.get(&repository) else {
            return;
        };
        let Some(issue) = about.issues.get(&number) else {
            return;
        };
        let view = View::of(self);
        let (event, mut payload) = if issue.pull.is_some() {
            let pull = view.pull(about, issue);
            (
                "pull_request",
                json!({"action": action, "number": number, "pull_request": pull}),
            )
        } else {
            (
                "issues",
                json!({"action": action, "issue": view.issue(about, issue)}),
            )
        };
        if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
            payload.extend(more);
        }
        self.emit(event, repository, actor, payload);
    }
}
