//! Finding things, and what follows from how they stand to each other.

use jiff::Timestamp;

use super::{Account, AccountKind, Installation, Issue, Repository, Role, TimelineEvent, World};
use crate::git::Identity;
use crate::http::Problem;

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn account_by_login(&self, login: &str) -> Option<&Account> {
        self.accounts
            .values()
            .find(|account| account.login.eq_ignore_ascii_case(login))
    }

    pub(crate) fn login(&self, id: u64) -> &str {
        self.accounts.get(&id).map_or("ghost", |account| &account.login)
    }

    pub(crate) fn full_name(&self, repository: &Repository) -> String {
        format!("{}/{}", self.login(repository.owner_id), repository.name)
    }

    pub(crate) fn repository_named(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repositories.values().find(|repository| {
            repository.name.eq_ignore_ascii_case(name)
                && self.login(repository.owner_id).eq_ignore_ascii_case(owner)
        })
    }

    /// Finds the repository that once had this name.
    pub(crate) fn repository_renamed(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repositories.values().find(|repository| {
            repository
                .former_names
                .iter()
                .any(|former| former.eq_ignore_ascii_case(name))
                && self.login(repository.owner_id).eq_ignore_ascii_case(owner)
        })
    }

    pub(crate) fn repository(&self, id: u64) -> Result<&Repository, Problem> {
        self.repositories.get(&id).ok_or_else(Problem::not_found)
    }

    pub(crate) fn repository_mut(&mut self, id: u64) -> Result<&mut Repository, Problem> {
        self.repositories.get_mut(&id).ok_or_else(Problem::not_found)
    }

    pub(crate) fn issue(&self, repository: u64, number: u64) -> Result<&Issue, Problem> {
        self.repository(repository)?
            .issues
            .get(&number)
            .ok_or_else(Problem::not_found)
    }

    pub(crate) fn issue_mut(&mut self, repository: u64, number: u64) -> Result<&mut Issue, Problem> {
        self.repository_mut(repository)?
            .issues
            .get_mut(&number)
            .ok_or_else(Problem::not_found)
    }

    /// Returns the issue that is also a pull request.
    pub(crate) fn pull(&self, repository: u64, number: u64) -> Result<&Issue, Problem> {
        self.issue(repository, number)
            .ok()
            .filter(|issue| issue.pull.is_some())
            .ok_or_else(Problem::not_found)
    }

    /// Finds the installation that sees this repository.
    pub(crate) fn installation_of(&self, repository: &Repository) -> Option<&Installation> {
        self.installations.values().find(|installation| {
            installation.account_id == repository.owner_id
                && installation
                    .selected
                    .as_ref()
                    .is_none_or(|ids| ids.contains(&repository.id))
        })
    }

    /// Returns GitHub's word for how an author stands to a repository.
    pub(crate) fn association(&self, repository: &Repository, author: u64) -> &'static str {
        if repository.owner_id == author {
            return "OWNER";
        }
        let explicit = repository
            .roles
            .get(&author)
            .is_some_and(|role| *role > Role::None);
        let organization = self
            .accounts
            .get(&repository.owner_id)
            .is_some_and(|owner| owner.kind == AccountKind::Organization);
        match (explicit, organization) {
            (true, true) => "MEMBER",
            (true, false) => "COLLABORATOR",
            (false, _) => "NONE",
        }
    }

    /// Returns how an account signs commits now.
    pub(crate) fn identity(&self, account: &Account) -> Identity {
        Identity {
            name: account.name.clone().unwrap_or_else(|| account.login.clone()),
            email: account.git_email(),
            date: self.now().to_string(),
        }
    }

    /// Turns `/repositories/<id>/...`, which the contract does not describe, into the path by name.
    pub(crate) fn named_path(&self, path: &str) -> String {
        let Some(rest) = path.strip_prefix("/repositories/") else {
            return path.to_owned();
        };
        let (id, rest) = rest
            .split_once('/')
            .map_or((rest, String::new()), |(id, rest)| (id, format!("/{rest}")));
        let found = id.parse().ok().and_then(|id: u64| self.repositories.get(&id));
        found.map_or_else(
            || path.to_owned(),
            |found| format!("/repos/{}{rest}", self.full_name(found)),
        )
    }

    /// Adds to an issue's timeline and moves its `updated_at`.
    pub(crate) fn note(
        &mut self,
        (repository, number): (u64, u64),
        event: &str,
        actor: u64,
        label: Option<(String, String)>,
    ) -> Result<(), Problem> {
        let (id, now) = (self.id(), self.now());
        let issue = self.issue_mut(repository, number)?;
        issue.updated_at = now;
        issue.events.push(TimelineEvent {
            id,
            event: event.to_owned(),
            actor_id: actor,
            label,
            commit_id: None,
            created_at: now,
        });
        Ok(())
    }
}
