use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::domain::{ABSOLUTE_LIFE, MAX_PER_PERSON, Method, cut};
use super::store::{self, Row};
use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::error::{Error, Result};
use crate::id::{PersonId, SessionId};
use crate::idempotency::{self, Key};
use crate::identity::{self, Person};
use crate::orchestrator::Orchestrator;
use crate::postgres::listen::Topic;
use crate::postgres::{SWEEP_BATCHES, SWEEP_ROWS, Tx};

/// Sessions that ended are listed, and kept, so long after their absolute life.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// What a browser says of itself: shown to people, believed by nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Browser<'a> {
    pub user_agent: Option<&'a str>,
    pub address: Option<&'a str>,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct Opened {
    pub session_id: SessionId,
    /// The cookie's value: 43 characters, known to the browser alone from here on.
    pub cookie: SecretString,
    pub expires_at: Timestamp,
}

/// A session that counts now.
#[derive(Clone, Debug)]
pub struct Live {
    pub session_id: SessionId,
    pub person: Person,
    pub method: Method,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session as its person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub session_id: SessionId,
    pub person_id: PersonId,
    pub method: Method,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    pub is_live: bool,
}

/// Begins a session of a person who proved to be one, and ends the one that the browser had before.
///
/// # Errors
///
/// `Forbidden` if the person is disabled.
pub async fn open(
    tx: &mut Tx,
    person: &Person,
    method: Method,
    browser: Browser<'_>,
    before: Option<&str>,
) -> Result<Opened> {
    if identity::store::is_disabled_for_share(tx, person.person_id).await? {
        return Err(Error::Forbidden(format!(
            "{} is disabled on this platform; ask an owner of it",
            person.login
        )));
    }
    if let Some(before) = before {
        store::revoke_by_cookie(tx, &hash(before)).await?;
    }
    let cookie = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let now = tx.now();
    let row = Row {
        session_id: SessionId::new(),
        person_id: person.person_id,
        method,
        user_agent: browser.user_agent.map(|text| cut(text, 256).to_owned()),
        address: browser.address.map(|text| cut(text, 64).to_owned()),
        created_at: now,
        last_seen_at: now,
        expires_at: now + ABSOLUTE_LIFE,
        revoked_at: None,
    };
    store::insert(tx, &row, &hash(&cookie)).await?;
    store::revoke_all_but_newest(tx, person.person_id, MAX_PER_PERSON).await?;
    let actor = person.actor();
    let operation = match method {
        Method::Github => "session_open",
        Method::BreakGlass => "session_open_break_glass",
    };
    record(tx, &actor, operation, row.session_id, method.as_str()).await?;
    Ok(Opened {
        session_id: row.session_id,
        cookie: cookie.into(),
        expires_at: row.expires_at,
    })
}

/// The session that a browser's cookie names, if it counts; that it was used is remembered, to the minute.
pub async fn find(tx: &mut Tx, cookie: &str) -> Result<Option<Live>> {
    let Some((row, person)) = store::find_by_cookie(tx, &hash(cookie)).await? else {
        return Ok(None);
    };
    let now = tx.now();
    if person.disabled_at.is_some() || !row.life().is_live(now) {
        return Ok(None);
    }
    if row.life().wants_touch(now) {
        store::touch(tx, row.session_id).await?;
    }
    Ok(Some(Live {
        session_id: row.session_id,
        person,
        method: row.method,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }))
}

/// Signs a browser out. Asking twice, or with a cookie of no session, changes nothing.
pub async fn end(orchestrator: &Orchestrator, cookie: &str) -> Result<()> {
    let mut tx = orchestrator.begin("session.end").await?;
    let found = store::find_by_cookie(&mut tx, &hash(cookie)).await?;
    if let Some((row, person)) = found.filter(|(row, _)| row.revoked_at.is_none()) {
        store::revoke(&mut tx, row.session_id).await?;
        tx.notify(Topic::Revoked, row.session_id).await?;
        record(&mut tx, &person.actor(), "session_end", row.session_id, "own").await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The newest sessions of a person, ended ones included for a week: one's own, or for an owner anybody's.
///
/// # Errors
///
/// `NotFound` if the person is not the asker's to see.
pub async fn list(orchestrator: &Orchestrator, actor: &Actor, person_id: PersonId) -> Result<Vec<Session>> {
    let mut tx = orchestrator.look("session.list").await?;
    identity::rule_over(&mut tx, actor, person_id)
        .await?
        .ok_or_else(|| Error::not_found("person", person_id))?;
    let now = tx.now();
    let rows = store::list(&mut tx, person_id).await?;
    Ok(rows.into_iter().map(|row| row.seen(now)).collect())
}

/// Ends a session: one's own, or for an owner anybody's. Asking twice changes nothing.
///
/// # Errors
///
/// `NotFound` if it is not the asker's to see.
pub async fn revoke(
    orchestrator: &Orchestrator,
    actor: &Actor,
    session_id: SessionId,
    key: Option<Key>,
) -> Result<()> {
    let mut tx = orchestrator.begin("session.revoke").await?;
    let unknown = || Error::not_found("session", session_id);
    let row = store::find(&mut tx, session_id).await?.ok_or_else(unknown)?;
    let rule = identity::rule_over(&mut tx, actor, row.person_id)
        .await?
        .ok_or_else(unknown)?;
    if idempotency::recall::<SessionId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(());
    }
    if row.revoked_at.is_none() {
        store::revoke(&mut tx, session_id).await?;
        tx.notify(Topic::Revoked, session_id).await?;
        record(&mut tx, actor, "session_revoke", session_id, rule).await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &session_id).await?;
    tx.commit().await
}

/// Ends all sessions of a person.
pub(crate) async fn end_all_of(tx: &mut Tx, person_id: PersonId) -> Result<()> {
    store::revoke_all_but_newest(tx, person_id, 0).await?;
    tx.notify(Topic::Revoked, person_id).await
}

/// Forgets sessions that ended long ago; answers how many.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<u64> {
    let mut all = 0;
    for _ in 0..SWEEP_BATCHES {
        let mut tx = orchestrator.begin("session.sweep").await?;
        let before = tx.now() - KEPT;
        let gone = store::delete_expired(&mut tx, before, SWEEP_ROWS).await?;
        tx.commit().await?;
        all += gone;
        if gone == 0 {
            break;
        }
    }
    Ok(all)
}

async fn record(
    tx: &mut Tx,
    actor: &Actor,
    operation: &str,
    session_id: SessionId,
    rule: &str,
) -> Result<()> {
    let entry = Entry {
        actor,
        operation,
        object_kind: "session",
        object_id: &session_id.to_string(),
        project_id: None,
        allowed: true,
        rule,
    };
    audit::record(tx, &entry).await
}

/// What the database knows of a cookie. A hash of 256 random bits needs no salt.
fn hash(cookie: &str) -> Vec<u8> {
    Sha256::digest(cookie.as_bytes()).to_vec()
}

impl Row {
    fn seen(self, now: Timestamp) -> Session {
        Session {
            is_live: self.life().is_live(now),
            session_id: self.session_id,
            person_id: self.person_id,
            method: self.method,
            user_agent: self.user_agent,
            address: self.address,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
        }
    }
}
