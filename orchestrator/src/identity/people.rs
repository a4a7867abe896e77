//! The people of the platform, as its owners look after them.

use super::service::{Person, get};
use super::{oauth, session, store};
use crate::actor::{Actor, PlatformRole};
use crate::audit;
use crate::credential;
use crate::error::{Error, Result};
use crate::id::PersonId;
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::project::access::{self, Operation};

/// Everybody, newest first; with a login only who had it when last seen.
///
/// # Errors
///
/// `NotFound` for who may not see the platform's people.
pub async fn people(
    orchestrator: &Orchestrator,
    actor: &Actor,
    login: Option<&str>,
    ask: PageAsk,
) -> Result<Page<Person>> {
    let mut tx = orchestrator.look("identity.people").await?;
    access::require_platform(&mut tx, actor, Operation::UserRead, "person", "list").await?;
    let rows = store::list(&mut tx, login, ask).await?;
    Ok(ask.page(rows, |person| person.person_id.uuid()))
}

/// The person of a login, if exactly one had it when last seen. A login is no identity: ask people by their id.
pub async fn find_by_login(tx: &mut Tx, login: &str) -> Result<Option<Person>> {
    let mut found = store::list(tx, Some(login), PageAsk::new(Some(1), None)?).await?;
    if found.len() > 1 {
        return Err(Error::Conflict(format!(
            "several people were last seen as {login}; name the person by person_id"
        )));
    }
    Ok(found.pop())
}

/// Requires that `actor` may invite, before anybody asks GitHub who a login is.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn require_inviter(orchestrator: &Orchestrator, actor: &Actor, login: &str) -> Result<()> {
    let mut tx = orchestrator.begin("identity.may_invite").await?;
    access::permit_platform(&mut tx, actor, Operation::UserInvite, "person", login).await?;
    Ok(())
}

/// Makes a GitHub account known, with a platform role or none. Inviting again renews the login and sets the role.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Conflict` if the person is disabled or the platform would be left without an owner.
pub async fn invite(
    orchestrator: &Orchestrator,
    actor: &Actor,
    (github_user_id, login): (i64, &str),
    platform_role: Option<PlatformRole>,
    key: Option<Key>,
) -> Result<Person> {
    let mut tx = orchestrator.begin("identity.invite").await?;
    let rule = access::permit_platform(&mut tx, actor, Operation::UserInvite, "person", login).await?;
    if let Some(id) = idempotency::recall::<PersonId>(&mut tx, actor, key.as_ref()).await? {
        return get(&mut tx, id).await;
    }
    if let Some(known) = store::find_by_github_user_id(&mut tx, github_user_id).await? {
        if known.disabled_at.is_some() {
            return Err(Error::Conflict(format!(
                "{} is disabled; user_enable lets the person in again",
                known.login
            )));
        }
        if platform_role != Some(PlatformRole::Owner) {
            keep_an_owner(&mut tx, &known).await?;
        }
    }
    let person = super::ensure_person(&mut tx, github_user_id, login, platform_role).await?;
    let act = platform_role.map_or_else(|| "user_invite".to_owned(), |role| format!("user_invite_{role}"));
    let object = ("person", person.person_id);
    audit::record_done(&mut tx, actor, &act, object, None, &rule).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &person.person_id).await?;
    tx.commit().await?;
    Ok(person)
}

/// Takes all rights from a person and ends its sessions, its grants, its tokens, those it made for programs, and the runs
/// it started. Asking twice keeps the first moment.
///
/// # Errors
///
/// `NotFound`, `Forbidden`, or `Conflict` for the platform's last owner.
pub async fn disable(orchestrator: &Orchestrator, actor: &Actor, person_id: PersonId) -> Result<Person> {
    set_disabled(orchestrator, actor, person_id, true, None).await
}

/// Disables a person, or lets it in again; what was ended stays so.
///
/// # Errors
///
/// As [`disable`].
pub async fn set_disabled(
    orchestrator: &Orchestrator,
    actor: &Actor,
    person_id: PersonId,
    disabled: bool,
    key: Option<Key>,
) -> Result<Person> {
    let mut tx = orchestrator.begin("identity.disable").await?;
    let id = person_id.to_string();
    let rule = access::permit_platform(&mut tx, actor, Operation::UserDisable, "person", &id).await?;
    let before = get(&mut tx, person_id).await?;
    if idempotency::recall::<PersonId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(before);
    }
    let act = if disabled {
        keep_an_owner(&mut tx, &before).await?;
        store::disable(&mut tx, person_id).await?;
        let why = format!("{}, who started it, was disabled", before.login);
        session::end_all_of(&mut tx, person_id).await?;
        oauth::end_grants_of(&mut tx, person_id).await?;
        credential::revoke_person_tokens(&mut tx, person_id).await?;
        crate::run::cancel_all_started_by(&mut tx, actor, person_id, &why).await?;
        "person_disable"
    } else {
        store::enable(&mut tx, person_id).await?;
        "person_enable"
    };
    audit::record_done(&mut tx, actor, act, ("person", person_id), None, &rule).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &person_id).await?;
    let person = get(&mut tx, person_id).await?;
    tx.commit().await?;
    Ok(person)
}

/// A platform that had an owner keeps one. Owners are counted one after the other, so that two cannot end each other.
async fn keep_an_owner(tx: &mut Tx, leaves: &Person) -> Result<()> {
    let is_one = leaves.platform_role == Some(PlatformRole::Owner) && leaves.disabled_at.is_none();
    if is_one
        && store::lock_owners(tx)
            .await?
            .iter()
            .all(|owner| *owner == leaves.person_id)
    {
        return Err(Error::Conflict(
            "this is the platform's last owner; make somebody else an owner first".into(),
        ));
    }
    Ok(())
}
