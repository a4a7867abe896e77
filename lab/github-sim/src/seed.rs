//! What a simulated GitHub begins with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::git::FileChange;
use crate::sim::Inner;
use crate::world::{Account, AccountKind, Installation, Label, Repository, Role, World};

/// Accounts and repositories. Seeding twice changes nothing but roles, names and descriptions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    #[serde(default)]
    pub accounts: Vec<AccountSeed>,
    #[serde(default)]
    pub repositories: Vec<RepositorySeed>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSeed {
    /// A fixed numeric id; a new one when absent.
    #[serde(default)]
    pub id: Option<u64>,
    pub login: String,
    #[serde(default)]
    pub kind: AccountKind,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    /// Of an organisation: logins of accounts that exist by then.
    #[serde(default)]
    pub members: Vec<String>,
    /// Of an organisation: team slug to logins.
    #[serde(default)]
    pub teams: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositorySeed {
    #[serde(default)]
    pub id: Option<u64>,
    /// The login of an account that exists by then.
    pub owner: String,
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// Anybody may read it; else only people with a role and the App.
    #[serde(default)]
    pub public: bool,
    /// `main` when absent.
    #[serde(default)]
    pub default_branch: Option<String>,
    /// Login to role.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// Path to content, committed for real. Without any there is a README.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    #[serde(default)]
    pub labels: Vec<LabelSeed>,
    #[serde(default)]
    pub issues: Vec<IssueSeed>,
    /// Leaves the App uninstalled here.
    #[serde(default)]
    pub without_app: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSeed {
    #[serde(default)]
    pub id: Option<u64>,
    pub name: String,
    /// Six hexadecimal digits.
    #[serde(default)]
    pub color: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssueSeed {
    #[serde(default)]
    pub id: Option<u64>,
    /// The next free one when absent.
    #[serde(default)]
    pub number: Option<u64>,
    pub title: String,
    #[serde(default)]
    pub body: Option<String>,
    pub author: String,
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub closed: bool,
}

/// Makes what is missing. No events are sent: a seed is the past.
pub(crate) async fn apply(sim: &Arc<Inner>, seed: &Seed) -> Result<()> {
    for account in &seed.accounts {
        sim.world().seed_account(account)?;
    }
    for repository in &seed.repositories {
        let (id, new) = sim.world().seed_repository(repository)?;
        if new {
            commit(sim, id, repository).await?;
        }
    }
    Ok(())
}

async fn commit(sim: &Arc<Inner>, id: u64, seed: &RepositorySeed) -> Result<()> {
    let (branch, by) = {
        let world = sim.world();
        let about = world
            .repositories
            .get(&id)
            .context("a repository that was just seeded")?;
        let owner = world.accounts.get(&about.owner_id).context("an owner")?;
        (about.default_branch.clone(), world.identity(owner))
    };
    let readme = format!("# {}\n", seed.name);
    let mut files: Vec<_> = seed
        .files
        .iter()
        .map(|(path, text)| FileChange {
            path,
            content: Some(text.as_bytes()),
        })
        .collect();
    if files.is_empty() {
        files.push(FileChange {
            path: "README.md",
            content: Some(readme.as_bytes()),
        });
    }
    sim.git.init(id, &branch).await?;
    sim.git
        .commit_files(id, &branch, None, &files, ("Initial commit", &by))
        .await?;
    Ok(())
}

impl World {
    fn seed_account(&mut self, seed: &AccountSeed) -> Result<()> {
        let known = self.account_by_login(&seed.login).map(|account| account.id);
        let id = match (known, seed.id) {
            (Some(known), wanted) => {
                ensure!(
                    wanted.is_none_or(|id| id == known),
                    "{} already has the id {known}",
                    seed.login
                );
                known
            }
            (None, Some(id)) => {
                ensure!(!self.accounts.contains_key(&id), "the account id {id} is taken");
                id
            }
            (None, None) => self.id(),
        };
        let account = Account {
            id,
            login: seed.login.clone(),
            kind: seed.kind,
            name: seed.name.clone(),
            email: seed.email.clone(),
            members: self.ids_of(&seed.members)?,
            teams: seed
                .teams
                .iter()
                .map(|(team, members)| Ok((team.clone(), self.ids_of(members)?)))
                .collect::<Result<_>>()?,
        };
        self.accounts.insert(id, account);
        Ok(())
    }

    fn ids_of(&self, logins: &[String]) -> Result<BTreeSet<u64>> {
        let id = |login: &String| {
            let account = self.account_by_login(login);
            Ok(account.with_context(|| no_account(login))?.id)
        };
        logins.iter().map(id).collect()
    }

    /// Returns the repository's id and whether it is new.
    fn seed_repository(&mut self, seed: &RepositorySeed) -> Result<(u64, bool)> {
        let owner_id = self
            .account_by_login(&seed.owner)
            .with_context(|| no_account(&seed.owner))?
            .id;
        let mut roles = BTreeMap::new();
        for (login, role) in &seed.roles {
            roles.insert(
                self.account_by_login(login)
                    .with_context(|| no_account(login))?
                    .id,
                *role,
            );
        }
        let known = self
            .repository_named(&seed.owner, &seed.name)
            .map(|about| about.id);
        let id = match (known, seed.id) {
            (Some(known), _) => known,
            (None, Some(id)) => id,
            (None, None) => self.id(),
        };
        ensure!(
            known.is_some() || !self.repositories.contains_key(&id),
            "the repository id {id} is taken"
        );
        if known.is_none() {
            self.repositories
                .insert(id, self.blank_repository(id, owner_id, seed));
        }
        let about = self
            .repositories
            .get_mut(&id)
            .context("a repository that was just made")?;
        about.roles.extend(roles);
        about.description.clone_from(&seed.description);
        for label in &seed.labels {
            self.seed_label(id, label)?;
        }
        for issue in &seed.issues {
            self.seed_issue(id, issue, known.is_none())?;
        }
        if !seed.without_app {
            self.install(owner_id, id);
        }
        Ok((id, known.is_none()))
    }

    fn blank_repository(&self, id: u64, owner_id: u64, seed: &RepositorySeed) -> Repository {
        let now = self.now();
        Repository {
            id,
            owner_id,
            name: seed.name.clone(),
            former_names: Vec::new(),
            description: seed.description.clone(),
            private: !seed.public,
            default_branch: seed.default_branch.clone().unwrap_or_else(|| "main".to_owned()),
            roles: BTreeMap::new(),
            labels: Vec::new(),
            issues: BTreeMap::new(),
            check_runs: Vec::new(),
            statuses: Vec::new(),
            created_at: now,
            updated_at: now,
            pushed_at: now,
        }
    }

    fn seed_label(&mut self, repository: u64, seed: &LabelSeed) -> Result<()> {
        let id = seed.id.unwrap_or_else(|| self.id());
        let about = self.repositories.get_mut(&repository).context("a repository")?;
        if about.label_named(&seed.name).is_none() {
            let color = seed.color.clone().unwrap_or_else(|| "ededed".to_owned());
            let (name, description) = (seed.name.clone(), seed.description.clone());
            about.labels.push(Label {
                id,
                name,
                color,
                description,
            });
        }
        Ok(())
    }

    /// Makes an issue. One without a number is only made in a new repository: else each start would add one.
    fn seed_issue(&mut self, repository: u64, seed: &IssueSeed, new_repository: bool) -> Result<()> {
        let author = self
            .account_by_login(&seed.author)
            .with_context(|| no_account(&seed.author))?
            .id;
        for label in &seed.labels {
            self.seed_label(
                repository,
                &LabelSeed {
                    name: label.clone(),
                    ..LabelSeed::default()
                },
            )?;
        }
        let about = self.repositories.get(&repository).context("a repository")?;
        let number = match seed.number {
            Some(number) if about.issues.contains_key(&number) => return Ok(()),
            Some(number) => number,
            None if !new_repository => return Ok(()),
            None => about.next_number(),
        };
        let held = seed
            .labels
            .iter()
            .filter_map(|name| about.label_named(name))
            .map(|label| label.id)
            .collect();
        let mut issue = self.blank_issue(number, author, seed.title.clone(), seed.body.clone());
        issue.id = seed.id.unwrap_or(issue.id);
        issue.label_ids = held;
        issue.open = !seed.closed;
        issue.closed_at = seed.closed.then_some(issue.created_at);
        let about = self.repositories.get_mut(&repository).context("a repository")?;
        about.issues.insert(number, issue);
        Ok(())
    }

    /// Installs the App on an account, for the repositories seeded with it.
    fn install(&mut self, account_id: u64, repository: u64) {
        let known = self
            .installations
            .values_mut()
            .find(|one| one.account_id == account_id);
        if let Some(installation) = known {
            if let Some(selected) = installation
                .selected
                .as_mut()
                .filter(|ids| !ids.contains(&repository))
            {
                selected.push(repository);
            }
            return;
        }
        let id = self.id();
        let installation = Installation {
            id,
            account_id,
            permissions: self.app.permissions.clone(),
            selected: Some(vec![repository]),
            suspended_at: None,
            created_at: self.now(),
        };
        self.installations.insert(id, installation);
    }
}

fn no_account(login: &str) -> String {
    format!("no account {login:?}; seed it before what names it")
}
