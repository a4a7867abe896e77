use jiff::Timestamp;

use super::{session, store};
use crate::actor::{Actor, PlatformRole};
use crate::audit;
use crate::error::{Error, Result};
use crate::id::{GrantId, PersonId, SessionId};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};

/// A person known to the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub person_id: PersonId,
    pub github_user_id: i64,
    /// As it was when last told; never an identity.
    pub login: String,
    pub platform_role: Option<PlatformRole>,
    /// Since when the person may do nothing, whatever was granted.
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Person {
    /// The actor that this person is when something proved it to be here.
    pub fn actor(&self) -> Actor {
        Actor::Person {
            person_id: self.person_id,
            login: self.login.clone(),
            platform_role: self.platform_role,
            signed_in_at: None,
        }
    }

    /// The same, by a sign-in.
    pub fn signed_in(&self, at: Timestamp) -> Actor {
        Actor::Person {
            person_id: self.person_id,
            login: self.login.clone(),
            platform_role: self.platform_role,
            signed_in_at: Some(at),
        }
    }
}

pub async fn get(tx: &mut Tx, person_id: PersonId) -> Result<Person> {
    let person = store::find(tx, person_id).await?;
    person.ok_or_else(|| Error::not_found("person", person_id))
}

pub async fn find(tx: &mut Tx, person_id: PersonId) -> Result<Option<Person>> {
    store::find(tx, person_id).await
}

pub async fn find_by_github_user_id(tx: &mut Tx, github_user_id: i64) -> Result<Option<Person>> {
    store::find_by_github_user_id(tx, github_user_id).await
}

/// Makes the person known under this login and platform role. Asking twice changes nothing; another login or role
/// replaces the old one.
pub async fn ensure_person(
    tx: &mut Tx,
    github_user_id: i64,
    login: &str,
    platform_role: Option<PlatformRole>,
) -> Result<Person> {
    check_login(login)?;
    store::upsert(tx, github_user_id, login, platform_role).await
}

/// Makes the person known under this login; who is known keeps the platform role. Asking twice changes nothing.
pub async fn know(tx: &mut Tx, github_user_id: i64, login: &str) -> Result<Person> {
    check_login(login)?;
    store::know(tx, github_user_id, login).await
}

fn check_login(login: &str) -> Result<()> {
    if login.is_empty() || login.len() > 100 {
        return Err(Error::Invalid("login must have 1 to 100 bytes".into()));
    }
    Ok(())
}

/// A person as it is at the moment of a call.
pub(crate) struct Standing {
    pub(crate) person: Person,
    /// Neither the person is disabled nor its session over.
    pub(crate) counts: bool,
    /// When the person signed in, of the session or the grant asked about; none if neither says.
    pub(crate) signed_in_at: Option<Timestamp>,
}

/// What a person's token is worth now; `None` for nobody.
pub(crate) async fn standing(
    tx: &mut Tx,
    person_id: PersonId,
    session_id: Option<SessionId>,
    grant_id: Option<GrantId>,
) -> Result<Option<Standing>> {
    session::standing(tx, person_id, session_id, grant_id).await
}

/// By which rule `actor` may see and end what lets a person in: it is its own, or it may disable people. None means that
/// there is nothing to see.
pub(crate) async fn rule_over(
    tx: &mut Tx,
    actor: &Actor,
    person_id: PersonId,
) -> Result<Option<&'static str>> {
    match actor {
        Actor::System(_) => return Ok(Some("system")),
        Actor::Person { person_id: asker, .. } if *asker == person_id => {
            let asker = store::find(tx, person_id).await?;
            let is_live = asker.is_some_and(|asker| asker.disabled_at.is_none());
            return Ok(is_live.then_some("own"));
        }
        Actor::Person { .. } | Actor::Service { .. } | Actor::Platform { .. } | Actor::Run(_) => {}
    }
    let may = access::sees_platform(tx, actor, Operation::UserDisable).await?;
    Ok(may.then_some("owner"))
}

/// Makes the person known as an owner of the platform; answers whether anything changed. Asking twice changes nothing.
///
/// # Errors
///
/// `Forbidden` for anybody but the command line, `Conflict` if the person is disabled.
pub async fn ensure_owner(
    orchestrator: &Orchestrator,
    actor: &Actor,
    github_user_id: i64,
    login: &str,
) -> Result<(Person, bool)> {
    access::require_system(actor)?;
    let mut tx = orchestrator.begin("identity.ensure_owner").await?;
    let before = store::find_by_github_user_id(&mut tx, github_user_id).await?;
    if let Some(person) = &before
        && person.disabled_at.is_some()
    {
        let login = &person.login;
        return Err(Error::Conflict(format!(
            "{login} is disabled; make another person the owner"
        )));
    }
    let person = ensure_person(&mut tx, github_user_id, login, Some(PlatformRole::Owner)).await?;
    let changed = before.as_ref() != Some(&person);
    if changed {
        let id = person.person_id;
        audit::record_own(&mut tx, actor, "person_set_owner", ("person", id), None).await?;
    }
    tx.commit().await?;
    Ok((person, changed))
}

/// Holds off that the person is disabled until the transaction ends: [`disable`] then sees what it did.
///
/// # Errors
///
/// `Forbidden` if the person is disabled already.
pub(crate) async fn require_enabled(tx: &mut Tx, person_id: PersonId) -> Result<()> {
    if store::is_disabled_for_share(tx, person_id).await? {
        return Err(Error::Forbidden(
            "the person in whose name the run would start is disabled; somebody else must start one".into(),
        ));
    }
    Ok(())
}
