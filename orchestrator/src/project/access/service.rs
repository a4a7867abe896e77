//! The check as services call it: loads what the actor is now, decides, and writes the decision down.

use super::domain::{Decision, Principal, Rule, Standing, Target, decide};
use super::explain::{Explained, explain};
use super::matrix::rule;
use super::operation::Operation;
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
    let rule = permit(tx, actor, operation, target).await?;
    let object = (target.what, target.id.as_str());
    note_allowed(tx, actor, operation, object, Some(target.project_id), &rule).await
}

/// As [`require`], but leaves it to the caller to write down what was done, by the rule that is answered.
///
/// # Errors
///
/// As [`require`].
pub(crate) async fn permit(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    target: &Target,
) -> Result<String> {
    let decision = decision(tx, actor, operation, target).await?;
    let object = (target.what, target.id.as_str());
    settle(tx, actor, operation, decision, object, Some(target.project_id)).await
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
    let rule = permit_platform(tx, actor, operation, what, id).await?;
    note_allowed(tx, actor, operation, (what, id), None, &rule).await
}

/// As [`require_platform`], but leaves it to the caller to write down what was done.
///
/// # Errors
///
/// As [`require`].
pub(crate) async fn permit_platform(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    what: &'static str,
    id: &str,
) -> Result<String> {
    let decision = if sees_platform(tx, actor, operation).await? {
        Decision::Allowed(
            if matches!(actor, Actor::System(_)) {
                "system"
            } else {
                "platform"
            }
            .into(),
        )
    } else if sees_platform(tx, actor, operation.shown_by()).await? {
        Decision::Forbidden(format!(
            "your platform role does not allow {operation}; ask an owner of the platform"
        ))
    } else {
        Decision::Invisible
    };
    settle(tx, actor, operation, decision, (what, id), None).await
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
                return store::all_ids_but_blocked(tx, *person_id).await;
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

/// As [`visible_projects`], of one project alone if it is named: another's is a list of nothing.
pub async fn visible_of(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    only: Option<ProjectId>,
) -> Result<Vec<ProjectId>> {
    let mut seen = visible_projects(tx, actor, operation).await?;
    seen.retain(|id| only.is_none_or(|only| only == *id));
    Ok(seen)
}

/// What somebody may do somewhere, at least on its own things.
#[derive(Clone, Debug)]
pub struct Operations {
    /// It is the platform itself.
    all: bool,
    principals: Vec<Principal>,
}

impl Operations {
    pub fn contains(&self, operation: Operation) -> bool {
        let may = |principal: &Principal| somewhere(rule(*principal, operation));
        self.all || self.principals.iter().any(may)
    }

    /// All of them, in the order of the matrix.
    pub fn iter(&self) -> impl Iterator<Item = Operation> {
        let all = Operation::ALL.iter().copied();
        all.filter(|operation| self.contains(*operation))
    }
}

/// What `actor` may do somewhere: what a list of tools is filtered by.
pub async fn operations(tx: &mut Tx, actor: &Actor) -> Result<Operations> {
    let principals = match actor {
        Actor::System(_) => Vec::new(),
        Actor::Person { person_id, .. } => {
            let Some(person) = live_person(tx, *person_id).await? else {
                return Ok(Operations {
                    all: false,
                    principals: Vec::new(),
                });
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
    let all = matches!(actor, Actor::System(_));
    Ok(Operations { all, principals })
}

async fn standing(tx: &mut Tx, actor: &Actor, target: &Target) -> Result<Standing> {
    Ok(match actor {
        Actor::Person { person_id, .. } => standing_of(tx, *person_id, target.project_id).await?,
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
            run_id: Some(run.run_id),
            ..Standing::default()
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
    let starter = standing_of(tx, starter, target.project_id).await?;
    let may = |principal: &Principal| somewhere(rule(*principal, operation));
    Ok(!starter.blocked && starter.principals.iter().any(may))
}

/// What a person is in a project now.
async fn standing_of(tx: &mut Tx, person_id: PersonId, project_id: ProjectId) -> Result<Standing> {
    let nobody = Standing {
        person_id: Some(person_id),
        ..Standing::default()
    };
    let Some(person) = live_person(tx, person_id).await? else {
        return Ok(nobody);
    };
    let membership = store::membership(tx, project_id, person_id).await?;
    let role = membership.role.map(Principal::Role);
    let platform = person.platform_role.map(Principal::Platform);
    Ok(Standing {
        principals: role.into_iter().chain(platform).collect(),
        blocked: membership.blocked_at.is_some(),
        ..nobody
    })
}

/// Says why `who`, or the asker itself, may do `operation` on `target` or not. Without a target it is about what
/// belongs to no project. About others it is told to who may see a project's members, or the platform's people.
///
/// # Errors
///
/// `NotFound` if the asker may not see the project or the person, `Forbidden` if it may not ask about others.
pub async fn explain_to(
    tx: &mut Tx,
    actor: &Actor,
    who: Option<PersonId>,
    operation: Operation,
    target: Option<&Target>,
) -> Result<Explained> {
    let who = who.filter(|who| actor.person_id() != Some(*who));
    match (target, who) {
        (Some(target), None) => {
            require(tx, actor, Operation::ProjectRead, &of_project(target)).await?;
        }
        (Some(target), Some(_)) => {
            require(tx, actor, Operation::MemberRead, &of_project(target)).await?;
        }
        (None, None) => {}
        (None, Some(who)) => {
            let id = who.to_string();
            require_platform(tx, actor, Operation::UserRead, "person", &id).await?;
        }
    }
    if let Some(who) = who {
        identity::get(tx, who).await?;
    }
    let platform = Target::new(uuid::Uuid::nil().into(), "platform", "platform");
    let target = target.unwrap_or(&platform);
    let standing = match who {
        Some(who) => standing_of(tx, who, target.project_id).await?,
        None => standing(tx, actor, target).await?,
    };
    Ok(explain(&standing, operation, target))
}

fn of_project(target: &Target) -> Target {
    Target::new(target.project_id, "project", target.project_id)
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
    (what, id): (&'static str, &str),
    project_id: Option<ProjectId>,
) -> Result<String> {
    let denied = |rule| Entry {
        actor,
        operation: operation.as_str(),
        object_kind: what,
        object_id: id,
        project_id,
        allowed: false,
        rule,
    };
    match decision {
        Decision::Allowed(rule) => Ok(rule),
        Decision::Forbidden(why) => {
            deny(tx, &denied(&why)).await?;
            Err(Error::Forbidden(why))
        }
        Decision::Invisible => {
            deny(tx, &denied(audit::NOT_VISIBLE)).await?;
            Err(Error::not_found(what, id))
        }
    }
}

async fn note_allowed(
    tx: &mut Tx,
    actor: &Actor,
    operation: Operation,
    object: (&str, &str),
    project_id: Option<ProjectId>,
    rule: &str,
) -> Result<()> {
    if !operation.is_audited() {
        return Ok(());
    }
    audit::record_done(tx, actor, operation.as_str(), object, project_id, rule).await
}

async fn deny(tx: &Tx, entry: &Entry<'_>) -> Result<()> {
    let mut aside = tx.aside().await?;
    audit::record(&mut aside, entry).await?;
    aside.commit().await
}
