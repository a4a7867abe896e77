use serde_json::{Value, json};

use super::{View, node_id};
use crate::world::{Account, AccountKind};

impl View<'_> {
    /// Returns the short form of an account, or null for one that is gone.
    pub(crate) fn user(&self, id: u64) -> Value {
        self.world
            .accounts
            .get(&id)
            .map_or(Value::Null, |account| self.account(account))
    }

    pub(crate) fn account(&self, account: &Account) -> Value {
        let login = account.login.replace('[', "%5B").replace(']', "%5D");
        let url = format!("{}/users/{login}", self.api);
        let html_url = match account.login.strip_suffix("[bot]") {
            Some(slug) => format!("{}/apps/{slug}", self.web()),
            None => format!("{}/{login}", self.web()),
        };
        json!({
            "login": account.login,
            "id": account.id,
            "node_id": node_id(account.kind.as_str(), account.id),
            "avatar_url": format!("{}/avatars/{}", self.web(), account.id),
            "gravatar_id": "",
            "url": url,
            "html_url": html_url,
            "followers_url": format!("{url}/followers"),
            "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"),
            "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"),
            "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"),
            "type": account.kind.as_str(),
            "site_admin": false,
        })
    }

    /// Returns the full profile that anybody may see.
    pub(crate) fn profile(&self, account: &Account) -> Value {
        let mut profile = self.account(account);
        let public = self
            .world
            .repositories
            .values()
            .filter(|r| r.owner_id == account.id && !r.private)
            .count();
        let more = json!({
            "name": account.name,
            "company": null,
            "blog": "",
            "location": null,
            "email": account.email,
            "hireable": null,
            "bio": null,
            "twitter_username": null,
            "public_repos": public,
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": self.world.app.created_at,
            "updated_at": self.world.app.created_at,
        });
        merge(&mut profile, more);
        profile
    }

    /// Returns a person's own membership in an organisation.
    pub(crate) fn org_membership(&self, org: &Account, member: u64) -> Value {
        let url = format!("{}/orgs/{}", self.api, org.login);
        json!({
            "url": format!("{url}/memberships/{}", self.world.login(member)),
            "state": "active",
            "role": "member",
            "organization_url": url,
            "organization": self.organization(org.id),
            "user": self.user(member),
        })
    }

    pub(crate) fn team_membership(&self, org: &Account, team: &str, member: &Account) -> Value {
        json!({
            "url": format!("{}/orgs/{}/teams/{team}/memberships/{}", self.api, org.login, member.login),
            "role": "member",
            "state": "active",
        })
    }

    /// Returns an organisation as webhooks of its repositories carry it.
    pub(crate) fn organization(&self, id: u64) -> Option<Value> {
        let account = self
            .world
            .accounts
            .get(&id)
            .filter(|a| a.kind == AccountKind::Organization)?;
        let url = format!("{}/orgs/{}", self.api, account.login);
        Some(json!({
            "login": account.login,
            "id": account.id,
            "node_id": node_id("Organization", account.id),
            "url": url,
            "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events"),
            "hooks_url": format!("{url}/hooks"),
            "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"),
            "avatar_url": format!("{}/avatars/{}", self.web(), account.id),
            "description": account.name,
        }))
    }
}

/// Adds the fields of `more` to an object; the newer value wins.
pub(crate) fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
