//! The SQL of tokens that people and programs have, and make.

use jiff::SignedDuration;
use jiff_sqlx::ToSqlx;

use super::{Token, TokenRow};
use crate::actor::Actor;
use crate::credential::staff::{Holder, Parent};
use crate::error::Result;
use crate::id::{GrantId, PersonId, ProjectId, TokenId};
use crate::page::PageAsk;
use crate::postgres::{Tx, erase};

/// A token, and who made it with a tool.
pub(in crate::credential) struct Listed {
    pub(in crate::credential) token: Token,
    pub(in crate::credential) made_by: Option<String>,
}

struct Row {
    jti: TokenId,
    kind: String,
    kid: String,
    project_id: Option<ProjectId>,
    name: Option<String>,
    role: Option<String>,
    platform_role: Option<String>,
    person_id: Option<PersonId>,
    issued_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    revoked_at: Option<jiff_sqlx::Timestamp>,
    last_used_at: Option<jiff_sqlx::Timestamp>,
    toolsets: Option<Vec<String>>,
    read_only: bool,
    lockdown: bool,
    made_by: Option<String>,
}

impl TryFrom<Row> for Listed {
    type Error = crate::Error;

    fn try_from(row: Row) -> Result<Self> {
        let token = TokenRow {
            jti: row.jti,
            kind: row.kind,
            kid: row.kid,
            project_id: row.project_id,
            run_id: None,
            turn: None,
            fence: None,
            name: row.name,
            role: row.role,
            platform_role: row.platform_role,
            person_id: row.person_id,
            session_id: None,
            grant_id: None,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
            toolsets: row.toolsets,
            read_only: row.read_only,
            lockdown: row.lockdown,
        };
        Ok(Self {
            token: token.try_into()?,
            made_by: row.made_by,
        })
    }
}

/// The named tokens of somebody, newest first.
pub(in crate::credential) async fn list(tx: &mut Tx, holder: Holder, ask: PageAsk) -> Result<Vec<Listed>> {
    let (kind, project_id, person_id, token_id) = match holder {
        Holder::Project(project_id) => (Some("service"), Some(project_id), None, None),
        Holder::Person(person_id) => (Some("person"), None, Some(person_id), None),
        Holder::Platform => (Some("platform"), None, None, None),
        Holder::Token(token_id) => (None, None, None, Some(token_id)),
    };
    sqlx::query_as!(
        Row,
        "SELECT jti, kind, kid, project_id, name, role, platform_role, person_id, issued_at, expires_at, revoked_at,
             last_used_at,             toolsets, read_only, lockdown, made_by
         FROM access_tokens
         WHERE name IS NOT NULL AND ($1::text IS NULL OR kind = $1) AND ($2::uuid IS NULL OR project_id = $2)
             AND ($3::uuid IS NULL OR person_id = $3) AND ($4::uuid IS NULL OR jti = $4) AND jti < $5
         ORDER BY jti DESC LIMIT $6",
        kind,
        project_id as Option<ProjectId>,
        person_id as Option<PersonId>,
        token_id as Option<TokenId>,
        ask.before(),
        ask.fetch(),
    )
    .fetch_all(&mut **tx)
    .await?
    .into_iter()
    .map(Listed::try_from)
    .collect()
}

/// Writes down that a token was used, unless somebody does or did within `every`.
pub(in crate::credential) async fn note_use(tx: &mut Tx, jti: TokenId, every: SignedDuration) -> Result<()> {
    let (now, before) = (tx.moment(), (tx.now() - every).to_sqlx());
    sqlx::query!(
        "UPDATE access_tokens SET last_used_at = $2 WHERE jti = (
             SELECT jti FROM access_tokens WHERE jti = $1 AND (last_used_at IS NULL OR last_used_at <= $3)
             FOR UPDATE SKIP LOCKED)",
        jti as TokenId,
        now,
        before as _,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How many tokens of somebody count now.
pub(in crate::credential) async fn count_live(tx: &mut Tx, holder: Holder) -> Result<i64> {
    let (project_id, person_id) = match holder {
        Holder::Project(project_id) => (Some(project_id), None),
        Holder::Person(person_id) => (None, Some(person_id)),
        Holder::Platform | Holder::Token(_) => (None, None),
    };
    let now = tx.moment();
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM access_tokens
           WHERE name IS NOT NULL AND (project_id = $1 OR person_id = $2) AND revoked_at IS NULL AND expires_at > $3"#,
        project_id as Option<ProjectId>,
        person_id as Option<PersonId>,
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

/// Holds off that others make tokens for the same holder until the transaction ends: they are counted one after the other.
pub(in crate::credential) async fn lock_making(tx: &mut Tx, holder: Holder) -> Result<()> {
    let name = format!("tokens of {holder:?}");
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Holds off that a token is revoked until the transaction ends; whoever revokes it then finds what was made with it.
pub(in crate::credential) async fn hold(tx: &mut Tx, jti: TokenId) -> Result<()> {
    sqlx::query!(
        r#"SELECT jti AS "jti: TokenId" FROM access_tokens WHERE jti = $1 FOR SHARE"#,
        jti as TokenId
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::credential) async fn set_maker(
    tx: &mut Tx,
    jti: TokenId,
    maker: &Actor,
    parent: Option<Parent>,
) -> Result<()> {
    let (token, grant) = match parent {
        None => (None, None),
        Some(Parent::Token(jti)) => (Some(jti), None),
        Some(Parent::Grant(grant_id)) => (None, Some(grant_id)),
    };
    sqlx::query!(
        "UPDATE access_tokens SET made_by = $2, maker_id = $3, parent_jti = $4, parent_grant_id = $5 WHERE jti = $1",
        jti as TokenId,
        maker.to_string(),
        maker.person_id() as Option<PersonId>,
        token as Option<TokenId>,
        grant as Option<GrantId>,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ends a token and what was made with it, one pass: whoever makes one meanwhile is found by the next.
pub(in crate::credential) async fn revoke_with_children(tx: &mut Tx, jti: TokenId) -> Result<u64> {
    let now = tx.moment();
    let done = sqlx::query!(
        "WITH RECURSIVE gone AS (
             SELECT jti FROM access_tokens WHERE jti = $1
             UNION
             SELECT child.jti FROM access_tokens child JOIN gone ON child.parent_jti = gone.jti)
         UPDATE access_tokens SET revoked_at = $2 WHERE jti IN (SELECT jti FROM gone) AND revoked_at IS NULL",
        jti as TokenId,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Ends a person's own tokens, those it made for programs, and what was made with any of them, one pass; answers them.
pub(in crate::credential) async fn revoke_of_person(
    tx: &mut Tx,
    person_id: PersonId,
) -> Result<Vec<TokenId>> {
    let now = tx.moment();
    let gone = sqlx::query_scalar!(
        r#"WITH RECURSIVE gone AS (
             SELECT jti FROM access_tokens WHERE person_id = $1 OR maker_id = $1
             UNION
             SELECT child.jti FROM access_tokens child JOIN gone ON child.parent_jti = gone.jti)
         UPDATE access_tokens SET revoked_at = $2 WHERE jti IN (SELECT jti FROM gone) AND revoked_at IS NULL
         RETURNING jti AS "jti: TokenId""#,
        person_id as PersonId,
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(gone)
}

/// Ends the tokens of a grant and what was made with them, one pass.
pub(in crate::credential) async fn revoke_of_grant(tx: &mut Tx, grant_id: GrantId) -> Result<u64> {
    let now = tx.moment();
    let done = sqlx::query!(
        "WITH RECURSIVE gone AS (
             SELECT jti FROM access_tokens WHERE grant_id = $1 OR parent_grant_id = $1
             UNION
             SELECT child.jti FROM access_tokens child JOIN gone ON child.parent_jti = gone.jti)
         UPDATE access_tokens SET revoked_at = $2 WHERE jti IN (SELECT jti FROM gone) AND revoked_at IS NULL",
        grant_id as GrantId,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes a batch of a deleted project's tokens, and those of its runs; answers how many went.
pub(crate) async fn erase(tx: &mut Tx, project_id: ProjectId, limit: i64) -> Result<u64> {
    Ok(erase!(
        tx,
        project_id,
        limit,
        "DELETE FROM access_tokens WHERE jti IN (
             SELECT jti FROM access_tokens t LEFT JOIN runs r ON r.run_id = t.run_id
             WHERE t.project_id = $1 OR r.project_id = $1 LIMIT $2)",
    ))
}
