//! The way in when the code host is down: a one-use code of whoever runs the installation. It is loud.

use jiff::SignedDuration;
use secrecy::SecretString;

use super::service::{hash, random};
use super::store;
use crate::actor::{Actor, PlatformRole};
use crate::audit;
use crate::error::{Error, Result};
use crate::identity::session::{self, Browser, Method, Opened};
use crate::identity::{ensure_owner, get};
use crate::orchestrator::Orchestrator;
use crate::project::access;

/// A code is good for this long, and once.
pub const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// Makes a code with which an owner of the platform signs in without the code host; codes of that person from before
/// end. The person becomes an owner if it was none.
///
/// # Errors
///
/// `Forbidden` for anybody but the command line, `Conflict` if the person is disabled.
pub async fn issue_break_glass(
    orchestrator: &Orchestrator,
    actor: &Actor,
    github_user_id: i64,
    login: &str,
) -> Result<SecretString> {
    access::require_system(actor)?;
    let (person, _) = ensure_owner(orchestrator, actor, github_user_id, login).await?;
    let code = random();
    let mut tx = orchestrator.begin("login.issue_break_glass").await?;
    let expires_at = tx.now() + CODE_LIFE;
    store::insert_code(&mut tx, person.person_id, &hash(&code), expires_at).await?;
    let object = ("person", person.person_id);
    audit::record_own(&mut tx, actor, "break_glass_issue", object, None).await?;
    tx.commit().await?;
    tracing::warn!(
        person_id = %person.person_id,
        %login,
        "BREAK GLASS: a code was made with which this owner signs in without GitHub"
    );
    Ok(code.into())
}

/// Signs in with a code, once.
///
/// # Errors
///
/// `Unauthenticated` for a code that is unknown, used or expired: the three answer alike.
pub async fn redeem_break_glass(
    orchestrator: &Orchestrator,
    code: &str,
    browser: Browser<'_>,
    before: Option<&str>,
) -> Result<Opened> {
    let mut tx = orchestrator.begin("login.redeem_break_glass").await?;
    let unknown = || Error::Unauthenticated("this code does not count; make a new one".into());
    let person_id = store::use_code(&mut tx, &hash(code.trim())).await?;
    let Some(person_id) = person_id else {
        tracing::warn!(
            address = browser.address,
            "BREAK GLASS: somebody tried a code that does not count"
        );
        return Err(unknown());
    };
    let person = get(&mut tx, person_id).await?;
    if person.platform_role != Some(PlatformRole::Owner) {
        return Err(unknown());
    }
    let opened = session::open(&mut tx, &person, Method::BreakGlass, browser, before).await?;
    let object = ("session", opened.session_id);
    audit::record_own(&mut tx, &person.actor(), "break_glass_use", object, None).await?;
    tx.commit().await?;
    tracing::warn!(
        person_id = %person.person_id,
        login = person.login,
        address = browser.address,
        "BREAK GLASS: an owner signed in without GitHub"
    );
    Ok(opened)
}
