use serde_json::{Value, json};

use super::{View, node_id};
use crate::world::Installation;

impl View<'_> {
    /// Returns the App as itself sees it.
    pub(crate) fn app(&self) -> Value {
        let app = &self.world.app;
        let owner = self
            .world
            .installations
            .values()
            .next()
            .map_or(app.bot_id, |first| first.account_id);
        json!({
            "id": app.id,
            "slug": app.slug,
            "client_id": app.client_id,
            "node_id": node_id("Integration", app.id),
            "owner": self.user(owner),
            "name": app.name,
            "description": "An App of the simulator",
            "external_url": self.web(),
            "html_url": format!("{}/apps/{}", self.web(), app.slug),
            "created_at": app.created_at,
            "updated_at": app.created_at,
            "permissions": app.permissions,
            "events": app.events,
            "installations_count": self.world.installations.len(),
        })
    }

    pub(crate) fn installation(&self, installation: &Installation) -> Value {
        let app = &self.world.app;
        let target = self.world.accounts.get(&installation.account_id);
        json!({
            "id": installation.id,
            "account": self.user(installation.account_id),
            "repository_selection": if installation.selected.is_some() { "selected" } else { "all" },
            "access_tokens_url": format!("{}/app/installations/{}/access_tokens", self.api, installation.id),
            "repositories_url": format!("{}/installation/repositories", self.api),
            "html_url": format!("{}/settings/installations/{}", self.web(), installation.id),
            "app_id": app.id,
            "client_id": app.client_id,
            "app_slug": app.slug,
            "target_id": installation.account_id,
            "target_type": target.map_or("User", |account| account.kind.as_str()),
            "permissions": installation.permissions,
            "events": app.events,
            "created_at": installation.created_at,
            "updated_at": installation.created_at,
            "single_file_name": null,
            "has_multiple_single_files": false,
            "single_file_paths": [],
            "suspended_by": null,
            "suspended_at": installation.suspended_at,
        })
    }
}
