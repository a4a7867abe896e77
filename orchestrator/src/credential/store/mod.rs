//! The SQL of keys and tokens.

pub(in crate::credential) mod staff;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use crate::actor::{PlatformRole, Role, RunSide};
use crate::credential::domain::{Narrowing, REFRESH_GRACE};
use crate::credential::keys::SealedBy;
use crate::credential::person::TokenOrigin;
use crate::error::Result;
use crate::id::{GrantId, PersonId, ProjectId, RunId, SessionId, TokenId};
use crate::postgres::{Moment, Tx, unknown_word};

/// A key of an audience.
pub(in crate::credential) struct KeyRow {
    pub(in crate::credential) kid: String,
    pub(in crate::credential) audience: String,
    pub(in crate::credential) public_key: Vec<u8>,
    pub(in crate::credential) sealed_key: Vec<u8>,
    /// `master` or `edge`.
    pub(in crate::credential) sealed_by: String,
}

/// A token as its row has it.
#[derive(Clone, Debug)]
pub(in crate::credential) struct Token {
    pub(in crate::credential) jti: TokenId,
    pub(in crate::credential) bearer: Bearer,
    pub(in crate::credential) kid: String,
    pub(in crate::credential) issued_at: Timestamp,
    pub(in crate::credential) expires_at: Timestamp,
    pub(in crate::credential) revoked_at: Option<Timestamp>,
    /// To the minute; of named ones alone.
    pub(in crate::credential) last_used_at: Option<Timestamp>,
    pub(in crate::credential) narrowing: Narrowing,
}

/// Whom a token speaks for.
#[derive(Clone, Debug)]
pub(in crate::credential) enum Bearer {
    Run {
        side: RunSide,
        project_id: ProjectId,
        run_id: RunId,
        turn: i32,
        fence: i64,
    },
    Service {
        name: String,
        project_id: ProjectId,
        role: Role,
    },
    Platform {
        name: String,
        role: PlatformRole,
    },
    Person {
        person_id: PersonId,
        origin: TokenOrigin,
    },
}

/// Inserts a key that signs from now on, or that is published only.
pub(in crate::credential) async fn insert_key(tx: &mut Tx, key: &KeyRow, signs: bool) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO signing_keys (kid, audience, public_key, sealed_key, sealed_by, created_at, promoted_at)
         VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $7 THEN $6::timestamptz END)",
        key.kid,
        key.audience,
        key.public_key,
        key.sealed_key,
        key.sealed_by,
        now,
        signs,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The key that signs for an audience.
pub(in crate::credential) async fn current_key(tx: &mut Tx, audience: &str) -> Result<Option<KeyRow>> {
    let key = sqlx::query_as!(
        KeyRow,
        "SELECT kid, audience, public_key, sealed_key, sealed_by FROM signing_keys
         WHERE audience = $1 AND promoted_at IS NOT NULL AND retired_at IS NULL",
        audience,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(key)
}

pub(in crate::credential) async fn live_keys(tx: &mut Tx) -> Result<Vec<KeyRow>> {
    let keys = sqlx::query_as!(
        KeyRow,
        "SELECT kid, audience, public_key, sealed_key, sealed_by FROM signing_keys
         WHERE retired_at IS NULL ORDER BY audience, created_at DESC",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

/// All keys of an audience, retired ones too.
pub(in crate::credential) async fn keys_of(tx: &mut Tx, audience: &str) -> Result<Vec<KeyRow>> {
    let keys = sqlx::query_as!(
        KeyRow,
        "SELECT kid, audience, public_key, sealed_key, sealed_by FROM signing_keys WHERE audience = $1",
        audience,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

/// A key that signs or will sign, or one that is retired while a token it signed may still be shown.
pub(in crate::credential) async fn find_key(tx: &mut Tx, kid: &str) -> Result<Option<KeyRow>> {
    let still_shown = (tx.now() - REFRESH_GRACE).to_sqlx();
    let key = sqlx::query_as!(
        KeyRow,
        "SELECT kid, audience, public_key, sealed_key, sealed_by FROM signing_keys k
         WHERE kid = $1 AND (retired_at IS NULL OR EXISTS (
             SELECT 1 FROM access_tokens t WHERE t.kid = k.kid AND t.expires_at > $2))",
        kid,
        still_shown as Moment,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(key)
}

/// Holds the rotation of an audience's keys until the transaction ends: one at a time.
pub(in crate::credential) async fn lock_rotation(tx: &mut Tx, audience: &str) -> Result<()> {
    let name = format!("signing keys {audience}");
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The key that is published and signs nothing yet, and since when.
pub(in crate::credential) async fn next_key(
    tx: &mut Tx,
    audience: &str,
) -> Result<Option<(String, Timestamp)>> {
    let row = sqlx::query!(
        "SELECT kid, created_at FROM signing_keys WHERE audience = $1 AND promoted_at IS NULL",
        audience,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.map(|row| (row.kid, row.created_at.to_jiff())))
}

pub(in crate::credential) async fn retire_key(tx: &mut Tx, kid: &str) -> Result<()> {
    let now = tx.moment();
    sqlx::query!("UPDATE signing_keys SET retired_at = $2 WHERE kid = $1", kid, now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(in crate::credential) async fn promote_key(tx: &mut Tx, kid: &str) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE signing_keys SET promoted_at = $2 WHERE kid = $1",
        kid,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The public halves of an audience's keys that somebody may need: next, current, and retired ones while a token they
/// signed has not expired.
pub(in crate::credential) async fn public_keys(
    tx: &mut Tx,
    audience: &str,
) -> Result<Vec<(String, Vec<u8>)>> {
    let now = tx.moment();
    let rows = sqlx::query!(
        "SELECT kid, public_key FROM signing_keys k
         WHERE audience = $1 AND (retired_at IS NULL OR EXISTS (
             SELECT 1 FROM access_tokens t WHERE t.kid = k.kid AND t.expires_at > $2))
         ORDER BY created_at DESC",
        audience,
        now,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.kid, row.public_key)).collect())
}

pub(in crate::credential) async fn insert_token(tx: &mut Tx, token: &Token) -> Result<()> {
    let row = TokenRow::from(token.clone());
    sqlx::query!(
        "INSERT INTO access_tokens (jti, kind, kid, project_id, run_id, turn, fence, name, role, platform_role, person_id,
             session_id, grant_id, issued_at, expires_at, toolsets, read_only, lockdown)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        row.jti as TokenId,
        row.kind,
        row.kid,
        row.project_id as Option<ProjectId>,
        row.run_id as Option<RunId>,
        row.turn,
        row.fence,
        row.name,
        row.role,
        row.platform_role,
        row.person_id as Option<PersonId>,
        row.session_id as Option<SessionId>,
        row.grant_id as Option<GrantId>,
        row.issued_at as jiff_sqlx::Timestamp,
        row.expires_at as jiff_sqlx::Timestamp,
        row.toolsets.as_deref(),
        row.read_only,
        row.lockdown,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

struct TokenRow {
    jti: TokenId,
    kind: String,
    kid: String,
    project_id: Option<ProjectId>,
    run_id: Option<RunId>,
    turn: Option<i32>,
    fence: Option<i64>,
    name: Option<String>,
    role: Option<String>,
    platform_role: Option<String>,
    person_id: Option<PersonId>,
    session_id: Option<SessionId>,
    grant_id: Option<GrantId>,
    issued_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    revoked_at: Option<jiff_sqlx::Timestamp>,
    last_used_at: Option<jiff_sqlx::Timestamp>,
    toolsets: Option<Vec<String>>,
    read_only: bool,
    lockdown: bool,
}

impl From<Token> for TokenRow {
    fn from(token: Token) -> Self {
        let mut row = Self {
            jti: token.jti,
            kind: String::new(),
            kid: token.kid,
            project_id: None,
            run_id: None,
            turn: None,
            fence: None,
            name: None,
            role: None,
            platform_role: None,
            person_id: None,
            session_id: None,
            grant_id: None,
            issued_at: token.issued_at.to_sqlx(),
            expires_at: token.expires_at.to_sqlx(),
            revoked_at: token.revoked_at.map(ToSqlx::to_sqlx),
            last_used_at: token.last_used_at.map(ToSqlx::to_sqlx),
            toolsets: token.narrowing.toolsets,
            read_only: token.narrowing.read_only,
            lockdown: token.narrowing.lockdown,
        };
        match token.bearer {
            Bearer::Run {
                side,
                project_id,
                run_id,
                turn,
                fence,
            } => {
                row.kind = side.as_str().into();
                (row.project_id, row.run_id) = (Some(project_id), Some(run_id));
                (row.turn, row.fence) = (Some(turn), Some(fence));
            }
            Bearer::Service {
                name,
                project_id,
                role,
            } => {
                row.kind = "service".into();
                (row.name, row.project_id) = (Some(name), Some(project_id));
                row.role = Some(role.as_str().to_owned());
            }
            Bearer::Platform { name, role } => {
                row.kind = "platform".into();
                row.name = Some(name);
                row.platform_role = Some(role.as_str().to_owned());
            }
            Bearer::Person { person_id, origin } => {
                row.kind = "person".into();
                row.person_id = Some(person_id);
                match origin {
                    TokenOrigin::Session(session_id) => row.session_id = Some(session_id),
                    TokenOrigin::Grant(grant_id) => row.grant_id = Some(grant_id),
                    TokenOrigin::Named(name) => row.name = Some(name),
                }
            }
        }
        row
    }
}

impl TryFrom<TokenRow> for Token {
    type Error = crate::Error;

    fn try_from(row: TokenRow) -> Result<Self> {
        Ok(Self {
            jti: row.jti,
            bearer: row.bearer()?,
            kid: row.kid,
            issued_at: row.issued_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
            last_used_at: row.last_used_at.map(jiff_sqlx::Timestamp::to_jiff),
            narrowing: Narrowing {
                toolsets: row.toolsets,
                read_only: row.read_only,
                lockdown: row.lockdown,
            },
        })
    }
}

impl TokenRow {
    fn bearer(&self) -> Result<Bearer> {
        let known = match self.kind.as_str() {
            "service" => self.service(),
            "platform" => self.platform(),
            "person" => self.person(),
            side => RunSide::parse(side).and_then(|side| self.run(side)),
        };
        known.ok_or_else(|| unknown_word("access_tokens.kind", &self.kind))
    }

    fn run(&self, side: RunSide) -> Option<Bearer> {
        Some(Bearer::Run {
            side,
            project_id: self.project_id?,
            run_id: self.run_id?,
            turn: self.turn?,
            fence: self.fence?,
        })
    }

    fn service(&self) -> Option<Bearer> {
        Some(Bearer::Service {
            name: self.name.clone()?,
            project_id: self.project_id?,
            role: Role::parse(self.role.as_deref()?)?,
        })
    }

    fn person(&self) -> Option<Bearer> {
        let origin = match (self.session_id, self.grant_id) {
            (Some(session_id), _) => TokenOrigin::Session(session_id),
            (None, Some(grant_id)) => TokenOrigin::Grant(grant_id),
            (None, None) => TokenOrigin::Named(self.name.clone()?),
        };
        Some(Bearer::Person {
            person_id: self.person_id?,
            origin,
        })
    }

    fn platform(&self) -> Option<Bearer> {
        Some(Bearer::Platform {
            name: self.name.clone()?,
            role: PlatformRole::parse(self.platform_role.as_deref()?)?,
        })
    }
}

pub(in crate::credential) async fn find_token(tx: &mut Tx, jti: TokenId) -> Result<Option<Token>> {
    let row = sqlx::query_as!(
        TokenRow,
        "SELECT jti, kind, kid, project_id, run_id, turn, fence, name, role, platform_role, person_id, session_id,
             grant_id, issued_at, expires_at, revoked_at, last_used_at, toolsets, read_only, lockdown
         FROM access_tokens WHERE jti = $1",
        jti as TokenId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Token::try_from).transpose()
}

/// What a token is verified with.
pub(in crate::credential) struct PublicHalf {
    pub(in crate::credential) audience: String,
    pub(in crate::credential) public_key: Vec<u8>,
}

/// A token with the key that signed it, as long as that one is one of [`find_key`]: what every call begins with, in one
/// read.
pub(in crate::credential) async fn find_token_and_key(
    tx: &mut Tx,
    jti: TokenId,
) -> Result<Option<(Token, PublicHalf)>> {
    let still_shown = (tx.now() - REFRESH_GRACE).to_sqlx();
    let row = sqlx::query!(
        r#"SELECT t.jti AS "jti: TokenId", t.kind, t.kid, t.project_id AS "project_id: ProjectId",
             t.run_id AS "run_id: RunId", t.turn, t.fence, t.name, t.role, t.platform_role,
             t.person_id AS "person_id: PersonId", t.session_id AS "session_id: SessionId",
             t.grant_id AS "grant_id: GrantId", t.issued_at, t.expires_at, t.revoked_at, t.last_used_at, t.toolsets, t.read_only,
             t.lockdown, k.audience, k.public_key
         FROM access_tokens t JOIN signing_keys k ON k.kid = t.kid
         WHERE t.jti = $1 AND (k.retired_at IS NULL OR EXISTS (
             SELECT 1 FROM access_tokens o WHERE o.kid = k.kid AND o.expires_at > $2))"#,
        jti as TokenId,
        still_shown as Moment,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let key = PublicHalf {
        audience: row.audience,
        public_key: row.public_key,
    };
    let token = TokenRow {
        jti: row.jti,
        kind: row.kind,
        kid: row.kid,
        project_id: row.project_id,
        run_id: row.run_id,
        turn: row.turn,
        fence: row.fence,
        name: row.name,
        role: row.role,
        platform_role: row.platform_role,
        person_id: row.person_id,
        session_id: row.session_id,
        grant_id: row.grant_id,
        issued_at: row.issued_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
        toolsets: row.toolsets,
        read_only: row.read_only,
        lockdown: row.lockdown,
    };
    Ok(Some((token.try_into()?, key)))
}

/// The newest tokens of a turn, one per side.
pub(in crate::credential) async fn tokens_of_turn(
    tx: &mut Tx,
    run_id: RunId,
    turn: i32,
    fence: i64,
) -> Result<Vec<Token>> {
    let rows = sqlx::query_as!(
        TokenRow,
        "SELECT DISTINCT ON (kind) jti, kind, kid, project_id, run_id, turn, fence, name, role, platform_role, person_id,
             session_id, grant_id, issued_at, expires_at, revoked_at, last_used_at, toolsets, read_only, lockdown
         FROM access_tokens WHERE run_id = $1 AND turn = $2 AND fence = $3 ORDER BY kind, issued_at DESC",
        run_id as RunId,
        turn,
        fence,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Token::try_from).collect()
}

pub(in crate::credential) async fn revoke_run_tokens(tx: &mut Tx, run_id: RunId) -> Result<u64> {
    let now = tx.moment();
    let done = sqlx::query!(
        "UPDATE access_tokens SET revoked_at = $2 WHERE run_id = $1 AND revoked_at IS NULL",
        run_id as RunId,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

pub(in crate::credential) async fn revoke_project_tokens(tx: &mut Tx, project_id: ProjectId) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE access_tokens SET revoked_at = $2 WHERE project_id = $1 AND revoked_at IS NULL",
        project_id as ProjectId,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets tokens that expired before `before`, and those of sessions that expired before `of_session_before`.
pub(in crate::credential) async fn delete_expired(
    tx: &mut Tx,
    before: Timestamp,
    of_session_before: Timestamp,
    limit: i64,
) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM access_tokens WHERE jti IN (
             SELECT jti FROM access_tokens
             WHERE expires_at < $1 OR (session_id IS NOT NULL AND expires_at < $2) LIMIT $3)",
        before.to_sqlx(),
        of_session_before.to_sqlx(),
        limit,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Signing keys of a key file that another key than this one seals, locked.
pub(in crate::credential) async fn sealed_otherwise(
    tx: &mut Tx,
    sealed_by: SealedBy,
    key_id: &str,
    limit: i64,
) -> Result<Vec<(String, Vec<u8>)>> {
    let rows = sqlx::query!(
        "SELECT kid, sealed_key FROM signing_keys
         WHERE sealed_by = $3 AND sealed_key_id IS DISTINCT FROM $1 LIMIT $2 FOR UPDATE SKIP LOCKED",
        key_id,
        limit,
        sealed_by.as_str(),
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.kid, row.sealed_key)).collect())
}

pub(in crate::credential) async fn reseal(tx: &mut Tx, kid: &str, key_id: &str, sealed: &[u8]) -> Result<()> {
    sqlx::query!(
        "UPDATE signing_keys SET sealed_key_id = $2, sealed_key = $3 WHERE kid = $1",
        kid,
        key_id,
        sealed,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
