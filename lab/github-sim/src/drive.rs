//! What tests, scripts and pages do in a person's name.

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::auth;
use crate::http::Problem;
use crate::sim::Inner;
use crate::world::{Hook, Outgoing, Role, World};

/// Deliveries of the webhook say this id unless a snapshot knows another.
const HOOK_ID: u64 = 700_000_001;

impl From<Problem> for anyhow::Error {
    fn from(problem: Problem) -> Self {
        anyhow!("{} ({})", problem.message, problem.status.as_u16())
    }
}

impl World {
    /// Finds `owner/name`.
    pub(crate) fn find_repository(&self, full_name: &str) -> Result<u64> {
        let (owner, name) = full_name
            .split_once('/')
            .context("a repository is named owner/name")?;
        let found = self.repository_named(owner, name);
        found
            .map(|about| about.id)
            .with_context(|| format!("no repository {full_name}"))
    }

    pub(crate) fn find_account(&self, login: &str) -> Result<u64> {
        self.account_by_login(login)
            .map(|account| account.id)
            .with_context(|| format!("no account {login}"))
    }
}

impl Inner {
    /// Makes this the App's webhook from now on.
    pub(crate) fn set_webhook(&self, url: &str, secret: &str) {
        let mut world = self.world();
        let id = world.hook.as_ref().map_or(HOOK_ID, |hook| hook.id);
        world.hook = Some(Hook {
            id,
            url: url.to_owned(),
            secret: secret.to_owned(),
        });
    }

    /// Puts a label on, or takes it off, in a person's name.
    pub(crate) fn set_label(
        &self,
        (repository, number): (&str, u64),
        label: &str,
        by: &str,
        on: bool,
    ) -> Result<()> {
        let mut world = self.world();
        let (at, actor) = (
            (world.find_repository(repository)?, number),
            world.find_account(by)?,
        );
        if on {
            world.add_labels(at, actor, &[label.to_owned()])?;
        } else {
            world.remove_label(at, actor, label)?;
        }
        drop(world);
        self.flush();
        Ok(())
    }

    pub(crate) fn set_role(&self, repository: &str, login: &str, role: Role) -> Result<()> {
        let mut world = self.world();
        let (id, account) = (world.find_repository(repository)?, world.find_account(login)?);
        world.repository_mut(id)?.roles.insert(account, role);
        Ok(())
    }

    /// Renames a repository; its old name leads on to the new one.
    pub(crate) fn rename(&self, repository: &str, name: &str) -> Result<()> {
        let mut world = self.world();
        let id = world.find_repository(repository)?;
        let about = world.repository_mut(id)?;
        let former = std::mem::replace(&mut about.name, name.to_owned());
        about.former_names.push(former);
        Ok(())
    }

    pub(crate) fn suspend(&self, installation: u64, suspended: bool) -> Result<()> {
        let mut world = self.world();
        let now = world.now();
        let found = world
            .installations
            .get_mut(&installation)
            .context("no such installation")?;
        found.suspended_at = suspended.then_some(now);
        Ok(())
    }

    /// Makes a token with which one acts as a person over REST and git.
    pub(crate) fn person_token(&self, login: &str) -> Result<String> {
        let mut world = self.world();
        let account = world.find_account(login)?;
        Ok(auth::person_token(&mut world, account))
    }

    /// Sends any payload, signed, and returns its GUID.
    pub(crate) fn deliver(&self, event: &str, payload: Value, guid: Option<String>) -> Result<String> {
        let mut world = self.world();
        anyhow::ensure!(
            world.hook.is_some(),
            "no webhook is set; POST /_sim/webhook first"
        );
        let guid = guid.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let id_of = |name: &str| payload[name]["id"].as_u64();
        let (repository_id, installation_id) = (id_of("repository"), id_of("installation"));
        world.outbox.push(Outgoing {
            guid: guid.clone(),
            event: event.to_owned(),
            repository_id,
            installation_id,
            payload,
            redelivery: false,
        });
        drop(world);
        self.flush();
        Ok(guid)
    }
}
