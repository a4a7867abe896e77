//! Making somebody known who has not signed in yet: there is no self-signup.

use super::{Person, find, know};
use crate::actor::{Actor, PlatformRole, Role};
use crate::audit::{self, Entry};
use crate::error::{Error, Result};
use crate::id::ProjectId;
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project;

/// Makes a person known, so that it may sign in; rights are given elsewhere. Asking twice changes nothing; another login
/// replaces the old one.
///
/// The numeric id is GitHub's own, found out by the caller: a login alone proves nobody.
///
/// # Errors
///
/// `Forbidden` for anybody but an owner of the platform or an admin of the project named.
pub async fn invite(
    orchestrator: &Orchestrator,
    actor: &Actor,
    github_user_id: i64,
    login: &str,
    project_id: Option<ProjectId>,
) -> Result<Person> {
    let mut tx = orchestrator.begin("identity.invite").await?;
    let rule = may_invite(&mut tx, actor, project_id).await?.ok_or_else(|| {
        Error::Forbidden("only an owner of the platform or an admin of the project invites people".into())
    })?;
    let person = know(&mut tx, github_user_id, login).await?;
    let entry = Entry {
        actor,
        operation: "person_invite",
        object_kind: "person",
        object_id: &person.person_id.to_string(),
        project_id,
        allowed: true,
        rule,
    };
    audit::record(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(person)
}

async fn may_invite(
    tx: &mut Tx,
    actor: &Actor,
    project_id: Option<ProjectId>,
) -> Result<Option<&'static str>> {
    let person_id = match actor {
        Actor::System(_) => return Ok(Some("system")),
        Actor::Person { person_id, .. } => *person_id,
        Actor::Service { .. } | Actor::Platform { .. } | Actor::Run(_) => return Ok(None),
    };
    let asker = find(tx, person_id)
        .await?
        .filter(|asker| asker.disabled_at.is_none());
    let Some(asker) = asker else { return Ok(None) };
    if asker.platform_role == Some(PlatformRole::Owner) {
        return Ok(Some("owner"));
    }
    let Some(project_id) = project_id else {
        return Ok(None);
    };
    let role = project::role(tx, project_id, person_id).await?;
    Ok((role == Some(Role::Admin)).then_some("admin"))
}
