//! The people of the platform.

use contract::bounded::Text;
use contract::user::{PlatformRole as Role, UserAct, UserInvite, UserList, UserPage, UserView};
use orchestrator::actor::PlatformRole;
use orchestrator::identity::{self, Person};
use orchestrator::port_call::{self, Answer, Question};
use orchestrator::project::access::Operation;
use orchestrator::{Error, Result};

use super::{STAFF, count, idempotency_key, page, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue
        .with::<List>()
        .with::<Invite>()
        .with::<Disable>()
        .with::<Enable>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "user_list";
    const TITLE: &'static str = "List people";
    const ABOUT: &'static str = "Lists everybody the platform knows, newest first, with their platform roles. Members of one project are listed by \
         member_list.";
    const OPERATION: Operation = Operation::UserRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = UserList;
    type Answer = UserPage;

    async fn call(call: &Call<'_>, ask: UserList) -> Result<UserPage> {
        let page = page(ask.limit, ask.cursor.as_ref())?;
        let login = ask.login.as_ref().map(Text::as_str);
        let found = identity::people(call.orchestrator, call.actor, login, page).await?;
        Ok(UserPage {
            users: found.items.into_iter().map(show).collect::<Result<_>>()?,
            next_cursor: found.next_cursor,
        })
    }
}

struct Invite;

impl Tool for Invite {
    const NAME: &'static str = "user_invite";
    const TITLE: &'static str = "Invite a person";
    const ABOUT: &'static str = "Makes a GitHub account known to the platform by its numeric id, with a platform role or none, so that it may sign in. \
         Roles in projects come with member_set. Inviting a known person again sets its platform role; the last owner \
         stays one.";
    const OPERATION: Operation = Operation::UserInvite;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    const OPEN_WORLD: bool = true;
    type Ask = UserInvite;
    type Answer = UserView;

    async fn call(call: &Call<'_>, ask: UserInvite) -> Result<UserView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let login = ask.login.as_str();
        identity::require_inviter(call.orchestrator, call.actor, login).await?;
        let question = Question::Account {
            login: login.to_owned(),
        };
        let Answer::Account {
            github_user_id,
            login,
        } = port_call::ask(call.orchestrator, call.actor, &question, call.trace).await?
        else {
            return Err(Error::internal("the worker answered another question"));
        };
        let role = ask.platform_role.map(role_of).transpose()?;
        let account = (github_user_id, login.as_str());
        show(identity::invite(call.orchestrator, call.actor, account, role, key).await?)
    }
}

struct Disable;

impl Tool for Disable {
    const NAME: &'static str = "user_disable";
    const TITLE: &'static str = "Disable a person";
    const ABOUT: &'static str = "Takes all rights from a person everywhere, cancels the runs it started and ends its sessions, grants and tokens, those \
         it made for programs too. user_enable lets it in again. To keep somebody out of one project only, use member_remove or member_set. The last owner cannot be disabled.";
    const OPERATION: Operation = Operation::UserDisable;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::End;
    type Ask = UserAct;
    type Answer = UserView;

    async fn call(call: &Call<'_>, ask: UserAct) -> Result<UserView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let id = ask.person_id.into();
        show(identity::set_disabled(call.orchestrator, call.actor, id, true, key).await?)
    }
}

struct Enable;

impl Tool for Enable {
    const NAME: &'static str = "user_enable";
    const TITLE: &'static str = "Enable a person";
    const ABOUT: &'static str = "Gives a disabled person its roles back. Runs that were cancelled stay so, and tokens, grants and sessions ended.";
    const OPERATION: Operation = Operation::UserDisable;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = UserAct;
    type Answer = UserView;

    async fn call(call: &Call<'_>, ask: UserAct) -> Result<UserView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let id = ask.person_id.into();
        show(identity::set_disabled(call.orchestrator, call.actor, id, false, key).await?)
    }
}

fn role_of(role: Role) -> Result<PlatformRole> {
    let word = written_word(role)?;
    PlatformRole::parse(&word).ok_or_else(|| Error::internal("a role of the contract is none"))
}

fn show(person: Person) -> Result<UserView> {
    Ok(UserView {
        person_id: person.person_id.uuid(),
        github_user_id: count(person.github_user_id),
        login: person.login,
        platform_role: person.platform_role.map(|role| word(role.as_str())).transpose()?,
        disabled_at: person.disabled_at,
        created_at: person.created_at,
    })
}
