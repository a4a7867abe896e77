//! The check as services call it: loads what the actor is now, decides, and writes the decision down.

use std::collections::HashSet;

use super::domain::{Decision, Operation, Principal, Rule, Standing, Target, decide};
use super::matrix::rule;
use crate::actor::{Actor, RunSide};
use crate::audit::{self, Entry};
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId};
use crate::identity;
use crate::postgres::Tx;
use crate::project::store;

/// Requires that `actor` may do `operation` on `target` now.
///
/// Writes and denials go to the audit; a denial stays there although the caller's transaction is rolled back.
///
/// # Errors
///
/// `NotFound` if the actor may not see the target, `Forbidden` if it sees but may not.
pub async fn require(tx: &mut Tx, actor: &Actor, operation: Operation, target: &Target) -> Result<()> {
    let decision = decision(tx, actor, operation, target).await?;
    let project_id = Some(target.project_id);
    settle(
        tx,
        actor,
        operation,
        decision,
        target.what,
        &target.id,
        project_id,
    )
    .await
}

/// Whether [`require`] would allow it. Writes nothing down: for what is decided on, not for what is done.
pub async fn allows(tx: &mut Tx, actor: &Actor, operation: Operation, target: &Target) -> Result<bool> {
    let decision = decision(tx, actor, operation, target).await?;
    Ok(matches!(decision, Decision::Allowed(_)))
}

async fn decision(tx: &mut Tx, actor: &Actor, operation: Operation, target: &Target) -> Result<Decision> {
    if matches!(actor, Actor::System(_)) {
        return Ok(Decision::Allowed("system".into()));
    }
    let standing = standing(tx, actor, target).await?;
    let decision = decide(&standing, operation, target);
    if matches!(decision, Decision::Allowed(_)) && !starter_may(tx, actor, operation, target).await? {
        return Ok(Decision::Forbidden(format!(
            "the person who started this run may not do {operation} any more, so its agent may not either"
        )));
    }
    Ok(decision)
}

/// Requires a right on something that belongs to no project, for example a delivery of an unknown repository.
///
/// # Errors
///
/// As [`require`].
pub async fn require_platform(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    what: &'static str,
    id: &str,
) -> Result<()> {
    let decision = if sees_platform(tx, actor, operation).await? {
        Decision::Allowed("platform".into())
    } else if sees_platform(tx, actor, operation.shown_by()).await? {
        Decision::Forbidden(format!(
            "your platform role does not allow {operation}; ask an owner of the platform"
        ))
    } else {
        Decision::Invisible
    };
    settle(tx, actor, operation, decision, what, id, None).await
}

/// Requires that the platform itself asks: for what no tool offers, only the command line and seeds.
///
/// # Errors
///
/// `Forbidden` for everybody else.
pub fn require_system(actor: &Actor) -> Result<()> {
    match actor {
        Actor::System(_) => Ok(()),
        _ => Err(Error::Forbidden(
            "only the installation's own command line may do this; ask an operator".into(),
        )),
    }
}

/// Whether `actor` may do this on what belongs to no project.
pub async fn sees_platform(tx: &mut Tx, actor: &Actor, operation: Operation) -> Result<bool> {
    match actor {
        Actor::System(_) => Ok(true),
        Actor::Person { person_id, .. } => {
            let role = live_person(tx, *person_id).await?.and_then(|p| p.platform_role);
            Ok(role.is_some_and(|role| somewhere(rule(Principal::Platform(role), operation))))
        }
        Actor::Platform { role, .. } => Ok(somewhere(rule(Principal::Platform(*role), operation))),
        Actor::Service { .. } | Actor::Run(_) => Ok(false),
    }
}

/// The projects in which `actor` may do `operation` on everything, for lists.
///
/// A right to one's own things only names no project here: require it with the target of that thing.
pub async fn visible_projects(tx: &mut Tx, actor: &Actor, operation: Operation) -> Result<Vec<ProjectId>> {
    let whole = |principal| matches!(rule(principal, operation), Rule::Yes | Rule::See);
    match actor {
        Actor::System(_) => store::all_ids(tx).await,
        Actor::Person { person_id, .. } => {
            let Some(person) = live_person(tx, *person_id).await? else {
                return Ok(Vec::new());
            };
            if person
                .platform_role
                .is_some_and(|role| whole(Principal::Platform(role)))
            {
                return store::all_ids(tx).await;
            }
            let memberships = store::memberships(tx, *person_id).await?;
            Ok(memberships
                .into_iter()
                .filter(|(_, role)| whole(Principal::Role(*role)))
                .map(|(project_id, _)| project_id)
                .collect())
        }
        Actor::Service { project_id, role, .. } => Ok(if whole(Principal::Role(*role)) {
            vec![*project_id]
        } else {
            Vec::new()
        }),
        Actor::Platform { role, .. } if whole(Principal::Platform(*role)) => store::all_ids(tx).await,
        Actor::Platform { .. } | Actor::Run(_) => Ok(Vec::new()),
    }
}

/// What `actor` may do somewhere, at least on its own things: what a list of tools is filtered by.
pub async fn operations(tx: &mut Tx, actor: &Actor) -> Result<HashSet<Operation>> {
    let principals = match actor {
        Actor::System(_) => return Ok(Operation::ALL.iter().copied().collect()),
        Actor::Person { person_id, .. } => {
            let Some(person) = live_person(tx, *person_id).await? else {
                return Ok(HashSet::new());
            };
            let roles = store::memberships(tx, *person_id).await?;
            let roles = roles.into_iter().map(|(_, role)| Principal::Role(role));
            roles
                .chain(person.platform_role.map(Principal::Platform))
                .collect()
        }
        Actor::Service { role, .. } => vec![Principal::Role(*role)],
        Actor::Platform { role, .. } => vec![Principal::Platform(*role)],
        Actor::Run(run) => vec![side(run.side)],
    };
    let may = |operation: &Operation| principals.iter().any(|p| somewhere(rule(*p, *operation)));
    Ok(Operation::ALL.iter().copied().filter(may).collect())
}

async fn standing(tx: &mut Tx, actor: &Actor, target: &Target) -> Result<Standing> {
    Ok(match actor {
        Actor::Person { person_id, .. } => Standing {
            principals: principals_of(tx, *person_id, target.project_id).await?,
            person_id: Some(*person_id),
            run_id: None,
        },
        Actor::Service { project_id, role, .. } if *project_id == target.project_id => Standing {
            principals: vec![Principal::Role(*role)],
            ..Standing::default()
        },
        Actor::Platform { role, .. } => Standing {
            principals: vec![Principal::Platform(*role)],
            ..Standing::default()
        },
        Actor::Run(run) if run.project_id == target.project_id => Standing {
            principals: vec![side(run.side)],
            person_id: None,
            run_id: Some(run.run_id),
        },
        Actor::Service { .. } | Actor::Run(_) | Actor::System(_) => Standing::default(),
    })
}

/// An agent's rights are never wider than those its starter has now.
async fn starter_may(tx: &mut Tx, actor: &Actor, operation: Operation, target: &Target) -> Result<bool> {
    let (Actor::Run(_), Some(starter)) = (actor, target.started_by) else {
        return Ok(true);
    };
    if operation.is_of_a_turn() || operation == Operation::PrincipalRead {
        return Ok(true);
    }
    let principals = principals_of(tx, starter, target.project_id).await?;
    Ok(principals.iter().any(|p| somewhere(rule(*p, operation))))
}

async fn principals_of(tx: &mut Tx, person_id: PersonId, project_id: ProjectId) -> Result<Vec<Principal>> {
    let Some(person) = live_person(tx, person_id).await? else {
        return Ok(Vec::new());
    };
    let role = store::role(tx, project_id, person_id).await?;
    let role = role.map(Principal::Role);
    Ok(role
        .into_iter()
        .chain(person.platform_role.map(Principal::Platform))
        .collect())
}

/// A disabled person is nobody, whatever was granted.
async fn live_person(tx: &mut Tx, person_id: PersonId) -> Result<Option<identity::Person>> {
    let person = identity::find(tx, person_id).await?;
    Ok(person.filter(|person| person.disabled_at.is_none()))
}

fn side(side: RunSide) -> Principal {
    match side {
        RunSide::Agent => Principal::AgentRun,
        RunSide::Supervisor => Principal::SupervisorRun,
    }
}

fn somewhere(rule: Rule) -> bool {
    matches!(rule, Rule::Yes | Rule::Own | Rule::See | Rule::SecondPerson)
}

async fn settle(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    decision: Decision,
    what: &'static str,
    id: &str,
    project_id: Option<ProjectId>,
) -> Result<()> {
    let entry = |allowed, rule| Entry {
        actor,
        operation: operation.as_str(),
        object_kind: what,
        object_id: id,
        project_id,
        allowed,
        rule,
    };
    match decision {
        Decision::Allowed(rule) => {
            if operation.is_audited() {
                audit::record(tx, &entry(true, &rule)).await?;
            }
            Ok(())
        }
        Decision::Forbidden(why) => {
            deny(tx, &entry(false, &why)).await?;
            Err(Error::Forbidden(why))
        }
        Decision::Invisible => {
            deny(tx, &entry(false, "not visible")).await?;
            Err(Error::not_found(what, id))
        }
    }
}

async fn deny(tx: &Tx, entry: &Entry<'_>) -> Result<()> {
    let mut aside = tx.aside().await?;
    audit::record(&mut aside, entry).await?;
    aside.commit().await
}
