//! Members of projects.

use contract::project::{MemberList, MemberPage, MemberRemove, MemberSet, MemberView, ProjectRole};
use orchestrator::actor::Role;
use orchestrator::id::{PersonId, ProjectId};
use orchestrator::project::access::Operation;
use orchestrator::project::{self, Member, Membership};
use orchestrator::{Error, Result, identity};

use super::{STAFF, idempotency_key, page, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<List>().with::<Set>().with::<Remove>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "member_list";
    const TITLE: &'static str = "List members";
    const ABOUT: &'static str = "Lists who has a role in a project and who is blocked there. It gives the person_id that member_set and \
         access_explain take. People with a role on the platform are not in it unless they are members too.";
    const OPERATION: Operation = Operation::MemberRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = MemberList;
    type Answer = MemberPage;

    async fn call(call: &Call<'_>, ask: MemberList) -> Result<MemberPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let found = project::members(call.orchestrator, call.actor, ask.project_id.into(), page).await?;
        Ok(MemberPage {
            members: found.items.into_iter().map(show).collect::<Result<_>>()?,
            next_cursor: found.next_cursor,
        })
    }
}

struct Set;

impl Tool for Set {
    const NAME: &'static str = "member_set";
    const TITLE: &'static str = "Set a member's role";
    const ABOUT: &'static str = "Gives a person known to the platform a role in a project, another one, or blocks it there. It counts from the next \
         call on, for the person's running agents too. The last admin stays one. Who is not known is invited first, \
         with user_invite.";
    const OPERATION: Operation = Operation::MemberSet;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = MemberSet;
    type Answer = MemberView;

    async fn call(call: &Call<'_>, ask: MemberSet) -> Result<MemberView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let wanted = match (ask.role, ask.blocked) {
            (Some(role), None | Some(false)) => Membership::Role(role_of(role)?),
            (None, Some(true)) => Membership::Blocked,
            _ => return Err(Error::Invalid("role: give it, or blocked: true".into())),
        };
        let project_id = ask.project_id.into();
        let person_id = match (ask.person_id, &ask.login) {
            (Some(id), None) => id.into(),
            (None, Some(login)) => person(call, project_id, login.as_str()).await?,
            _ => return Err(Error::Invalid("person_id: give it or login, not both".into())),
        };
        let set = project::set_membership(call.orchestrator, call.actor, project_id, person_id, wanted, key);
        show(set.await?)
    }
}

struct Remove;

impl Tool for Remove {
    const NAME: &'static str = "member_remove";
    const TITLE: &'static str = "Remove a member";
    const ABOUT: &'static str = "Takes a person's role in a project, and a block there. It counts from the next call on; runs the person started \
         go on with no rights of its own. To keep a platform role out as well, block with member_set.";
    const OPERATION: Operation = Operation::MemberSet;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = MemberRemove;
    type Answer = MemberView;

    async fn call(call: &Call<'_>, ask: MemberRemove) -> Result<MemberView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let (project_id, person_id) = (ask.project_id.into(), ask.person_id.into());
        let removed = Membership::Removed;
        show(
            project::set_membership(call.orchestrator, call.actor, project_id, person_id, removed, key)
                .await?,
        )
    }
}

/// The person of a login, told only to who may set members.
async fn person(call: &Call<'_>, project_id: ProjectId, login: &str) -> Result<PersonId> {
    project::require_member_setter(call.orchestrator, call.actor, project_id).await?;
    let mut tx = call.orchestrator.look("tool.person").await?;
    let found = identity::find_by_login(&mut tx, login).await?;
    let person = found.ok_or_else(|| Error::not_found("person", login))?;
    Ok(person.person_id)
}

fn role_of(role: ProjectRole) -> Result<Role> {
    let word = written_word(role)?;
    Role::parse(&word).ok_or_else(|| Error::internal("a role of the contract is none"))
}

fn show(member: Member) -> Result<MemberView> {
    Ok(MemberView {
        person_id: member.person_id.uuid(),
        login: member.login,
        role: member.role.map(|role| word(role.as_str())).transpose()?,
        blocked_at: member.blocked_at,
        disabled_at: member.disabled_at,
    })
}
