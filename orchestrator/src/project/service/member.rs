//! Members of projects: who they are, and who lets them in, out and back.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::get_for_update;
use crate::actor::{Actor, PlatformRole, Role};
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{PersonId, ProjectId};
use crate::idempotency::{self, Key};
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::project::store;

/// Somebody with a role in a project, or a block there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub person_id: PersonId,
    pub login: String,
    pub role: Option<Role>,
    /// Since when no grant counts for this person here.
    pub blocked_at: Option<Timestamp>,
    /// Since when the person may do nothing anywhere.
    pub disabled_at: Option<Timestamp>,
}

/// What a person shall be in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Role(Role),
    /// No member, and not blocked.
    Removed,
    /// Not even what the platform grants counts here.
    Blocked,
}

impl Membership {
    fn act(self) -> String {
        match self {
            Self::Role(role) => format!("member_set_{role}"),
            Self::Removed => "member_remove".to_owned(),
            Self::Blocked => "member_block".to_owned(),
        }
    }
}

/// The members of a project and who is blocked there, newest people first.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn members(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    ask: PageAsk,
) -> Result<Page<Member>> {
    let mut tx = orchestrator.look("project.members").await?;
    let project = super::get(&mut tx, project_id).await?;
    access::require(&mut tx, actor, Operation::MemberRead, &project.target()).await?;
    let rows = store::members(&mut tx, project_id, ask).await?;
    Ok(ask.page(rows, |member| member.person_id.uuid()))
}

/// Requires that `actor` may set members, before it is told whether there is somebody of a login.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn require_member_setter(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
) -> Result<()> {
    let mut tx = orchestrator.begin("project.may_set_members").await?;
    let project = super::get(&mut tx, project_id).await?;
    access::permit(&mut tx, actor, Operation::MemberSet, &project.target()).await?;
    Ok(())
}

/// Gives a person a role in a project, or takes it with `None`. Asking twice changes nothing.
pub async fn set_member(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    person_id: PersonId,
    role: Option<Role>,
) -> Result<()> {
    let wanted = role.map_or(Membership::Removed, Membership::Role);
    let set = set_membership(orchestrator, actor, project_id, person_id, wanted, None);
    set.await.map(drop)
}

/// Makes a person be this in a project. It counts from the next call on, for the person's running agents too.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Conflict` if the project would be left without an admin, or an owner of the platform
/// would be blocked.
pub async fn set_membership(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    person_id: PersonId,
    wanted: Membership,
    key: Option<Key>,
) -> Result<Member> {
    let mut tx = orchestrator.begin("project.set_member").await?;
    let project = get_for_update(&mut tx, project_id).await?;
    let rule = access::permit(&mut tx, actor, Operation::MemberSet, &project.target()).await?;
    let person = identity::get(&mut tx, person_id).await?;
    if idempotency::recall::<PersonId>(&mut tx, actor, key.as_ref())
        .await?
        .is_none()
    {
        if wanted != Membership::Role(Role::Admin) {
            keep_an_admin(&mut tx, project_id, person_id).await?;
        }
        if wanted == Membership::Blocked && person.platform_role == Some(PlatformRole::Owner) {
            let why = "an owner of the platform cannot be blocked in a project; another owner takes the role away first";
            return Err(Error::Conflict(why.into()));
        }
        save(&mut tx, project_id, person_id, wanted).await?;
        let object = ("person", person_id);
        audit::record_done(&mut tx, actor, &wanted.act(), object, Some(project_id), &rule).await?;
        idempotency::remember(&mut tx, actor, key.as_ref(), &person_id).await?;
    }
    let now = store::membership(&mut tx, project_id, person_id).await?;
    let member = Member {
        person_id,
        login: person.login,
        role: now.role,
        blocked_at: now.blocked_at,
        disabled_at: person.disabled_at,
    };
    tx.commit().await?;
    Ok(member)
}

/// The roles that rules gave to a person.
pub(crate) async fn roles_by_rule(tx: &mut Tx, person_id: PersonId) -> Result<BTreeMap<ProjectId, Role>> {
    store::roles_by_rule(tx, person_id).await
}

/// Makes the roles that rules give to a person be these; a role that a person gave stays, and so does a block.
pub(crate) async fn set_roles_by_rule(
    tx: &mut Tx,
    person_id: PersonId,
    roles: &BTreeMap<ProjectId, Role>,
) -> Result<()> {
    let kept: Vec<_> = roles.keys().copied().collect();
    store::remove_roles_by_rule(tx, person_id, &kept).await?;
    for (project_id, role) in roles {
        store::set_role_by_rule(tx, *project_id, person_id, *role).await?;
    }
    Ok(())
}

/// Whether a person has a role in some project, by hand or by a rule.
pub(crate) async fn is_member_of_any(tx: &mut Tx, person_id: PersonId) -> Result<bool> {
    store::is_member_of_any(tx, person_id).await
}

async fn save(tx: &mut Tx, project_id: ProjectId, person_id: PersonId, wanted: Membership) -> Result<()> {
    let role = match wanted {
        Membership::Role(role) => Some(role),
        Membership::Removed | Membership::Blocked => None,
    };
    store::set_member(tx, project_id, person_id, role).await?;
    store::set_blocked(tx, project_id, person_id, wanted == Membership::Blocked).await
}

/// A project that had an admin keeps one: else only an owner of the platform could let anybody in.
async fn keep_an_admin(tx: &mut Tx, project_id: ProjectId, leaves: PersonId) -> Result<()> {
    let is_admin = store::membership(tx, project_id, leaves).await?.role == Some(Role::Admin);
    if is_admin && store::other_admins(tx, project_id, leaves).await? == 0 {
        return Err(Error::Conflict(
            "this is the project's last admin; make somebody else an admin first".into(),
        ));
    }
    Ok(())
}
