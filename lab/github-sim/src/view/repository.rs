use serde_json::{Value, json};

use super::account::merge;
use super::{View, node_id};
use crate::world::{Label, Repository, Role};

/// Addresses below a repository: field, path, template at its end.
const URLS: [(&str, &str); 36] = [
    ("forks_url", "forks"),
    ("keys_url", "keys{/key_id}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("teams_url", "teams"),
    ("hooks_url", "hooks"),
    ("issue_events_url", "issues/events{/number}"),
    ("events_url", "events"),
    ("assignees_url", "assignees{/user}"),
    ("branches_url", "branches{/branch}"),
    ("tags_url", "tags"),
    ("blobs_url", "git/blobs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("trees_url", "git/trees{/sha}"),
    ("statuses_url", "statuses/{sha}"),
    ("languages_url", "languages"),
    ("stargazers_url", "stargazers"),
    ("contributors_url", "contributors"),
    ("subscribers_url", "subscribers"),
    ("subscription_url", "subscription"),
    ("commits_url", "commits{/sha}"),
    ("git_commits_url", "git/commits{/sha}"),
    ("comments_url", "comments{/number}"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("contents_url", "contents/{+path}"),
    ("compare_url", "compare/{base}...{head}"),
    ("merges_url", "merges"),
    ("archive_url", "{archive_format}{/ref}"),
    ("downloads_url", "downloads"),
    ("issues_url", "issues{/number}"),
    ("pulls_url", "pulls{/number}"),
    ("milestones_url", "milestones{/number}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("labels_url", "labels{/name}"),
    ("releases_url", "releases{/id}"),
    ("deployments_url", "deployments"),
];

impl View<'_> {
    /// Returns where the API shows a repository.
    pub(crate) fn repository_url(&self, repository: &Repository) -> String {
        format!("{}/repos/{}", self.api, self.world.full_name(repository))
    }

    /// Returns where people see a repository.
    pub(crate) fn repository_page(&self, repository: &Repository) -> String {
        format!("{}/{}", self.web(), self.world.full_name(repository))
    }

    pub(crate) fn repository(&self, repository: &Repository) -> Value {
        let (url, page) = (self.repository_url(repository), self.repository_page(repository));
        let full_name = self.world.full_name(repository);
        let host = self.web().split_once("//").map_or("localhost", |(_, host)| host);
        let mut out = json!({
            "id": repository.id,
            "node_id": node_id("Repository", repository.id),
            "name": repository.name,
            "full_name": full_name,
            "private": repository.private,
            "owner": self.user(repository.owner_id),
            "html_url": page,
            "description": repository.description,
            "fork": false,
            "url": url,
            "git_url": format!("git://{host}/{full_name}.git"),
            "ssh_url": format!("git@{host}:{full_name}.git"),
            "clone_url": format!("{page}.git"),
            "svn_url": page,
            "created_at": repository.created_at,
            "updated_at": repository.updated_at,
            "pushed_at": repository.pushed_at,
        });
        merge(&mut out, counts(repository));
        for (field, path) in URLS {
            out[field] = Value::String(format!("{url}/{path}"));
        }
        out
    }

    /// Returns the form that asking for one repository gives.
    pub(crate) fn full_repository(&self, repository: &Repository) -> Value {
        let mut out = self.repository(repository);
        merge(
            &mut out,
            json!({
                "network_count": 0,
                "subscribers_count": 0,
                "allow_rebase_merge": false,
                "allow_squash_merge": true,
                "allow_merge_commit": true,
                "allow_auto_merge": false,
                "delete_branch_on_merge": false,
            }),
        );
        if let Some(organization) = self.world.accounts.get(&repository.owner_id)
            && self.organization(organization.id).is_some()
        {
            out["organization"] = self.account(organization);
        }
        out
    }

    /// Returns the owner's name and times as `push` events write them.
    pub(crate) fn push_repository(&self, repository: &Repository) -> Value {
        let mut out = self.repository(repository);
        let login = self.world.login(repository.owner_id);
        out["owner"]["name"] = json!(login);
        out["owner"]["email"] = self
            .world
            .accounts
            .get(&repository.owner_id)
            .map_or(Value::Null, |owner| json!(owner.git_email()));
        let page = self.repository_page(repository);
        merge(
            &mut out,
            json!({
                "url": page,
                "created_at": repository.created_at.as_second(),
                "pushed_at": repository.pushed_at.as_second(),
                "stargazers": 0,
                "master_branch": repository.default_branch,
            }),
        );
        out
    }

    pub(crate) fn label(&self, repository: &Repository, label: &Label) -> Value {
        json!({
            "id": label.id,
            "node_id": node_id("Label", label.id),
            "url": format!("{}/labels/{}", self.repository_url(repository), path_segment(&label.name)),
            "name": label.name,
            "color": label.color,
            "default": false,
            "description": label.description,
        })
    }

    /// Returns what a person may do here, as the permission question answers it.
    pub(crate) fn collaborator_permission(&self, repository: &Repository, account: u64) -> Value {
        let role = repository.role(account);
        let mut user = self.user(account);
        if !user.is_null() {
            user["role_name"] = json!(role.as_str());
            user["permissions"] = json!({
                "pull": role >= Role::Read,
                "triage": role >= Role::Triage,
                "push": role >= Role::Write,
                "maintain": role >= Role::Maintain,
                "admin": role >= Role::Admin,
            });
        }
        json!({"permission": role.legacy(), "role_name": role.as_str(), "user": user})
    }
}

/// Returns what the simulator never changes, and the counters.
fn counts(repository: &Repository) -> Value {
    let open = repository.open_issues();
    json!({
        "homepage": null,
        "size": 1,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": null,
        "has_issues": true,
        "has_projects": false,
        "has_downloads": true,
        "has_wiki": false,
        "has_pages": false,
        "has_discussions": false,
        "forks_count": 0,
        "mirror_url": null,
        "archived": false,
        "disabled": false,
        "open_issues_count": open,
        "license": null,
        "allow_forking": true,
        "is_template": false,
        "web_commit_signoff_required": false,
        "topics": [],
        "visibility": if repository.private { "private" } else { "public" },
        "forks": 0,
        "open_issues": open,
        "watchers": 0,
        "default_branch": repository.default_branch,
    })
}

/// Escapes what may not stand in one segment of a path.
pub(crate) fn path_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    out
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}
