//! What people granted to clients, and the tokens made from it.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use oauth_as::store::RevocationWindow;

use super::domain::{REFRESH_TOKEN_LIFE, Subject};
use super::record::{client_from_row, hash, token_from_row};
use super::storage::{end_family, moment};
use super::store::{self, GrantRow};
use crate::actor::Actor;
use crate::audit::{self, Entry};
use crate::credential::{self, SignedToken, TokenOrigin};
use crate::error::{Error, Result};
use crate::id::{GrantId, PersonId};
use crate::idempotency::{self, Key};
use crate::identity;
use crate::orchestrator::Orchestrator;
use crate::postgres::{Moment, Tx};

/// Grants of one person are listed up to this many, newest first.
const MAX_LISTED: i64 = 100;

/// What a person let a client do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub grant_id: GrantId,
    pub person_id: PersonId,
    pub client_id: String,
    /// What the client calls itself: believed by nobody.
    pub client_name: Option<String>,
    pub scope: String,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

impl From<GrantRow> for Grant {
    fn from(row: GrantRow) -> Self {
        Self {
            grant_id: row.grant_id,
            person_id: row.person_id,
            client_id: row.client_id,
            client_name: row.client_name,
            scope: row.scope,
            created_at: row.created_at.to_jiff(),
            used_at: row.used_at.to_jiff(),
            revoked_at: row.revoked_at.map(Moment::to_jiff),
        }
    }
}

/// The signed token for one that the library just issued; none if its grant ended meanwhile or its person may not come
/// in any more. Asking twice answers the same token.
///
/// # Errors
///
/// `Precondition` if there is no key to sign with.
pub async fn sign_issued(
    orchestrator: &Orchestrator,
    audience: &str,
    issued: &str,
) -> Result<Option<SignedToken>> {
    let mut tx = orchestrator.begin("oauth.sign_issued").await?;
    let hash = hash(issued);
    let Some((row, signed)) = store::lock_token(&mut tx, &hash).await? else {
        return Ok(None);
    };
    if let Some(jti) = signed {
        return credential::sign(orchestrator, jti).await.map(Some);
    }
    let token = token_from_row(row, issued)?;
    let who = token.subject.as_deref().and_then(Subject::parse);
    let Subject {
        person_id,
        signed_in_at,
    } = who.ok_or_else(|| Error::internal("a token of OAuth names no person"))?;
    let family_id = token.family_id.as_deref();
    let family_id = family_id.ok_or_else(|| Error::internal("a token of OAuth is of no family"))?;
    // Whoever is being disabled gets no grant that nobody would end.
    if identity::store::is_disabled_for_share(&mut tx, person_id).await? {
        return Ok(None);
    }
    let person = identity::get(&mut tx, person_id).await?;
    let client_id = token.client_id.as_str();
    let client = store::find_client(&mut tx, client_id).await?;
    let client_name = client.map(|row| client_from_row(row.record)).transpose()?;
    let wanted = GrantRow {
        grant_id: GrantId::new(),
        person_id,
        client_id: client_id.to_owned(),
        client_name: client_name.and_then(|client| client.name),
        scope: token.scope.to_string(),
        created_at: tx.moment(),
        used_at: tx.moment(),
        revoked_at: None,
        signed_in_at: signed_in_at.map(ToSqlx::to_sqlx),
    };
    let Some(grant_id) = store::ensure_grant(&mut tx, family_id, &wanted).await? else {
        return Ok(None);
    };
    let origin = TokenOrigin::Grant(grant_id);
    let jti = credential::issue_person_token(&mut tx, audience, person_id, origin, moment(token.expires_at)?)
        .await?;
    store::set_jti(&mut tx, &hash, jti).await?;
    store::touch_client(&mut tx, client_id).await?;
    if grant_id == wanted.grant_id {
        record(&mut tx, &person.actor(), "grant_create", grant_id, client_id).await?;
    }
    tx.commit().await?;
    credential::sign(orchestrator, jti).await.map(Some)
}

/// The grants of a person, the newest use first: one's own, or for who may disable people anybody's.
///
/// # Errors
///
/// `NotFound` if the person is not the asker's to see.
pub async fn list_grants(
    orchestrator: &Orchestrator,
    actor: &Actor,
    person_id: PersonId,
) -> Result<Vec<Grant>> {
    let mut tx = orchestrator.begin("oauth.list_grants").await?;
    identity::rule_over(&mut tx, actor, person_id)
        .await?
        .ok_or_else(|| Error::not_found("person", person_id))?;
    let rows = store::list_grants(&mut tx, person_id, MAX_LISTED).await?;
    Ok(rows.into_iter().map(Grant::from).collect())
}

/// Ends a grant of one's own, or anybody's for an owner of the platform; its tokens fail at their next use.
/// Asking twice changes nothing.
///
/// # Errors
///
/// `NotFound` if there is none that the actor may see.
pub async fn revoke_grant(
    orchestrator: &Orchestrator,
    actor: &Actor,
    grant_id: GrantId,
    key: Option<Key>,
) -> Result<()> {
    let mut tx = orchestrator.begin("oauth.revoke_grant").await?;
    let not_found = || Error::not_found("grant", grant_id);
    let grant = store::find_grant(&mut tx, grant_id)
        .await?
        .ok_or_else(not_found)?;
    let rule = identity::rule_over(&mut tx, actor, grant.person_id)
        .await?
        .ok_or_else(not_found)?;
    if idempotency::recall::<GrantId>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(());
    }
    if grant.revoked_at.is_none() {
        let family_id = store::family_of(&mut tx, grant_id).await?.ok_or_else(not_found)?;
        let window = window(tx.now());
        end_family(&mut tx, &family_id, window).await?;
        record(&mut tx, actor, "grant_revoke", grant_id, rule).await?;
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &grant_id).await?;
    tx.commit().await
}

/// Ends all that a person granted, and the tokens made from it. The caller holds the person's row.
pub(crate) async fn end_grants_of(tx: &mut Tx, person_id: PersonId) -> Result<()> {
    let window = window(tx.now());
    for family_id in store::live_families_of(tx, person_id).await? {
        end_family(tx, &family_id, window).await?;
    }
    Ok(())
}

/// Holds off that a grant ends until the transaction ends; answers until when its consent lasts, if it counts.
pub(crate) async fn hold_grant(tx: &mut Tx, grant_id: GrantId) -> Result<Option<Timestamp>> {
    let begun_at = store::hold_grant(tx, grant_id).await?;
    Ok(begun_at.map(|begun_at| begun_at + REFRESH_TOKEN_LIFE))
}

/// For which client a token is, and with which scopes: what the token itself says.
pub(crate) async fn granted(tx: &mut Tx, grant_id: GrantId) -> Result<Option<(String, String)>> {
    let grant = store::find_grant(tx, grant_id).await?;
    Ok(grant.map(|grant| (grant.client_id, grant.scope)))
}

/// No write that began before outlives the longest token.
pub(super) fn window(now: Timestamp) -> RevocationWindow {
    RevocationWindow {
        recorded_at: now.into(),
        until: (now + REFRESH_TOKEN_LIFE + SignedDuration::from_hours(1)).into(),
    }
}

pub(super) async fn record(
    tx: &mut Tx,
    actor: &Actor,
    operation: &str,
    grant_id: GrantId,
    rule: &str,
) -> Result<()> {
    let entry = Entry {
        actor,
        operation,
        object_kind: "grant",
        object_id: &grant_id.to_string(),
        project_id: None,
        allowed: true,
        rule,
    };
    audit::record(tx, &entry).await
}
