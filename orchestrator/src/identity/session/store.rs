use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use super::domain::{Life, Method};
use crate::error::{Error, Result};
use crate::id::{GrantId, PersonId, SessionId};
use crate::identity::{Person, PersonRow, Standing};
use crate::postgres::{Moment, Tx, unknown_word};

/// A session as its row has it, but for the cookie's hash.
pub(super) struct Row {
    pub(super) session_id: SessionId,
    pub(super) person_id: PersonId,
    pub(super) method: Method,
    pub(super) user_agent: Option<String>,
    pub(super) address: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) last_seen_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) revoked_at: Option<Timestamp>,
}

impl Row {
    pub(super) fn life(&self) -> Life {
        Life {
            last_seen: self.last_seen_at,
            expires: self.expires_at,
            revoked: self.revoked_at,
        }
    }
}

struct Columns {
    session_id: SessionId,
    person_id: PersonId,
    method: String,
    user_agent: Option<String>,
    address: Option<String>,
    created_at: Moment,
    last_seen_at: Moment,
    expires_at: Moment,
    revoked_at: Option<Moment>,
}

impl TryFrom<Columns> for Row {
    type Error = Error;

    fn try_from(columns: Columns) -> Result<Self> {
        let method = Method::parse(&columns.method);
        Ok(Self {
            session_id: columns.session_id,
            person_id: columns.person_id,
            method: method.ok_or_else(|| unknown_word("sessions.method", &columns.method))?,
            user_agent: columns.user_agent,
            address: columns.address,
            created_at: columns.created_at.to_jiff(),
            last_seen_at: columns.last_seen_at.to_jiff(),
            expires_at: columns.expires_at.to_jiff(),
            revoked_at: columns.revoked_at.map(Moment::to_jiff),
        })
    }
}

pub(super) async fn insert(tx: &mut Tx, row: &Row, cookie_sha256: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO sessions (session_id, cookie_sha256, person_id, method, user_agent, address, created_at,
             last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        row.session_id as SessionId,
        cookie_sha256,
        row.person_id as PersonId,
        row.method.as_str(),
        row.user_agent,
        row.address,
        row.created_at.to_sqlx(),
        row.last_seen_at.to_sqlx(),
        row.expires_at.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn find(tx: &mut Tx, session_id: SessionId) -> Result<Option<Row>> {
    sqlx::query_as!(
        Columns,
        "SELECT session_id, person_id, method, user_agent, address, created_at, last_seen_at, expires_at, revoked_at
         FROM sessions WHERE session_id = $1",
        session_id as SessionId,
    )
    .fetch_optional(&mut **tx)
    .await?
    .map(Row::try_from)
    .transpose()
}

/// The session of a cookie, whether it lives or not, and its person.
pub(super) async fn find_by_cookie(tx: &mut Tx, cookie_sha256: &[u8]) -> Result<Option<(Row, Person)>> {
    let row = sqlx::query_as!(
        Columns,
        "SELECT session_id, person_id, method, user_agent, address, created_at, last_seen_at, expires_at, revoked_at
         FROM sessions WHERE cookie_sha256 = $1",
        cookie_sha256,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row.map(Row::try_from).transpose()? else {
        return Ok(None);
    };
    let person = crate::identity::get(tx, row.person_id).await?;
    Ok(Some((row, person)))
}

/// A person's newest sessions.
pub(super) async fn list(tx: &mut Tx, person_id: PersonId) -> Result<Vec<Row>> {
    sqlx::query_as!(
        Columns,
        "SELECT session_id, person_id, method, user_agent, address, created_at, last_seen_at, expires_at, revoked_at
         FROM sessions WHERE person_id = $1 ORDER BY created_at DESC, session_id DESC LIMIT 100",
        person_id as PersonId,
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(Row::try_from)
    .collect()
}

pub(super) async fn touch(tx: &mut Tx, session_id: SessionId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE sessions SET last_seen_at = greatest(last_seen_at, $2) WHERE session_id = $1",
        session_id as SessionId,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn revoke(tx: &mut Tx, session_id: SessionId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE sessions SET revoked_at = $2 WHERE session_id = $1 AND revoked_at IS NULL",
        session_id as SessionId,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn revoke_by_cookie(tx: &mut Tx, cookie_sha256: &[u8]) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE sessions SET revoked_at = $2 WHERE cookie_sha256 = $1 AND revoked_at IS NULL",
        cookie_sha256,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends the sessions of a person but for the newest `keep` that are not over.
pub(super) async fn revoke_all_but_newest(tx: &mut Tx, person_id: PersonId, keep: i64) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE sessions SET revoked_at = $2 WHERE revoked_at IS NULL AND session_id IN (
             SELECT session_id FROM sessions WHERE person_id = $1 AND revoked_at IS NULL AND expires_at > $2
             ORDER BY created_at DESC, session_id DESC OFFSET $3)",
        person_id as PersonId,
        now,
        keep,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn delete_expired(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM sessions WHERE expires_at < $1 LIMIT $2)",
        before.to_sqlx(),
        limit,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// The person as it is now, and whether it and its session count: one indexed read, made for every call of a person.
pub(in crate::identity) async fn standing(
    tx: &mut Tx,
    person_id: PersonId,
    session_id: Option<SessionId>,
    grant_id: Option<GrantId>,
) -> Result<Option<Standing>> {
    let row = sqlx::query!(
        r#"SELECT p.person_id AS "person_id: PersonId", p.github_user_id, p.login, p.platform_role, p.disabled_at,
             p.created_at, s.last_seen_at AS "last_seen_at?: Moment", s.expires_at AS "expires_at?: Moment",
             s.revoked_at AS "revoked_at?: Moment", coalesce(s.created_at, g.signed_in_at) AS "signed_in_at?: Moment"
         FROM people p LEFT JOIN sessions s ON s.session_id = $2 AND s.person_id = p.person_id
             LEFT JOIN oauth_grants g ON g.grant_id = $3 AND g.person_id = p.person_id
         WHERE p.person_id = $1"#,
        person_id as PersonId,
        session_id as Option<SessionId>,
        grant_id as Option<GrantId>,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let life = row.last_seen_at.zip(row.expires_at).map(|(seen, expires)| Life {
        last_seen: seen.to_jiff(),
        expires: expires.to_jiff(),
        revoked: row.revoked_at.map(Moment::to_jiff),
    });
    let person = Person::try_from(PersonRow {
        person_id: row.person_id,
        github_user_id: row.github_user_id,
        login: row.login,
        platform_role: row.platform_role,
        disabled_at: row.disabled_at,
        created_at: row.created_at,
    })?;
    let session_counts = session_id.is_none() || life.is_some_and(|life| life.is_live(tx.now()));
    Ok(Some(Standing {
        counts: person.disabled_at.is_none() && session_counts,
        signed_in_at: row.signed_in_at.map(Moment::to_jiff),
        person,
    }))
}
