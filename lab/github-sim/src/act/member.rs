use anyhow::Context;
use serde_json::json;

use crate::view::{View, node_id};
use crate::world::{Outgoing, World};

impl World {
    /// Lets a person in or out of an organisation, or of a team of it; who leaves the one leaves its teams.
    pub(crate) fn set_member(
        &mut self,
        org: u64,
        team: Option<&str>,
        person: u64,
        is_member: bool,
    ) -> anyhow::Result<()> {
        let account = self.accounts.get_mut(&org).context("an organisation")?;
        let changed = match (team, is_member) {
            (Some(team), true) => account.teams.entry(team.to_owned()).or_default().insert(person),
            (Some(team), false) => account.teams.entry(team.to_owned()).or_default().remove(&person),
            (None, true) => account.members.insert(person),
            (None, false) => {
                for members in account.teams.values_mut() {
                    members.remove(&person);
                }
                account.members.remove(&person)
            }
        };
        if changed {
            self.tell_member(org, team, person, is_member);
        }
        Ok(())
    }

    fn tell_member(&mut self, org: u64, team: Option<&str>, person: u64, is_member: bool) {
        let event = if team.is_some() {
            "membership"
        } else {
            "organization"
        };
        let installation = self
            .installations
            .values()
            .find(|one| one.account_id == org && one.suspended_at.is_none());
        let Some(installation_id) = installation.map(|found| found.id) else {
            return;
        };
        if self.hook.is_none() || !self.app.events.iter().any(|wanted| wanted == event) {
            return;
        }
        let view = View::of(self);
        let mut payload = match team {
            Some(slug) => json!({
                "action": if is_member { "added" } else { "removed" },
                "scope": "team",
                "member": view.user(person),
                "team": {"id": 1, "node_id": node_id("Team", 1), "name": slug, "slug": slug, "privacy": "closed"},
            }),
            None => json!({
                "action": if is_member { "member_added" } else { "member_removed" },
                "membership": {"state": "active", "role": "member", "user": view.user(person)},
            }),
        };
        payload["organization"] = json!(view.organization(org));
        payload["sender"] = view.user(person);
        payload["installation"] =
            json!({"id": installation_id, "node_id": node_id("IntegrationInstallation", installation_id)});
        self.outbox.push(Outgoing {
            guid: uuid::Uuid::new_v4().to_string(),
            event: event.to_owned(),
            repository_id: None,
            installation_id: Some(installation_id),
            payload,
            redelivery: false,
        });
    }
}
