//! The SQL of keys and tokens.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use crate::actor::{Role, RunSide};
use crate::error::Result;
use crate::id::{ProjectId, RunId, TokenId};
use crate::postgres::{Tx, unknown_word};

/// A key of an audience.
pub(super) struct KeyRow {
    pub(super) kid: String,
    pub(super) audience: String,
    pub(super) public_key: Vec<u8>,
    pub(super) sealed_key: Vec<u8>,
}

/// A token as its row has it.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) jti: TokenId,
    pub(super) bearer: Bearer,
    pub(super) kid: String,
    pub(super) project_id: ProjectId,
    pub(super) issued_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) revoked_at: Option<Timestamp>,
}

/// Whom a token speaks for.
#[derive(Clone, Debug)]
pub(super) enum Bearer {
    Run {
        side: RunSide,
        run_id: RunId,
        turn: i32,
        fence: i64,
    },
    Service {
        name: String,
        role: Role,
    },
}

pub(super) async fn insert_key(tx: &mut Tx, key: &KeyRow) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO signing_keys (kid, audience, public_key, sealed_key, created_at) VALUES ($1, $2, $3, $4, $5)",
        key.kid,
        key.audience,
        key.public_key,
        key.sealed_key,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest key of an audience that is not retired.
pub(super) async fn current_key(tx: &mut Tx, audience: &str) -> Result<Option<KeyRow>> {
    let key = sqlx::query_as!(
        KeyRow,
        "SELECT kid, audience, public_key, sealed_key FROM signing_keys
         WHERE audience = $1 AND retired_at IS NULL ORDER BY created_at DESC LIMIT 1",
        audience,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(key)
}

pub(super) async fn live_keys(tx: &mut Tx) -> Result<Vec<KeyRow>> {
    let keys = sqlx::query_as!(
        KeyRow,
        "SELECT kid, audience, public_key, sealed_key FROM signing_keys
         WHERE retired_at IS NULL ORDER BY audience, created_at DESC",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(keys)
}

pub(super) async fn find_key(tx: &mut Tx, kid: &str) -> Result<Option<KeyRow>> {
    let key = sqlx::query_as!(
        KeyRow,
        "SELECT kid, audience, public_key, sealed_key FROM signing_keys WHERE kid = $1 AND retired_at IS NULL",
        kid,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(key)
}

pub(super) async fn insert_token(tx: &mut Tx, token: &Token) -> Result<()> {
    let (kind, run, service) = match &token.bearer {
        Bearer::Run {
            side,
            run_id,
            turn,
            fence,
        } => (side.as_str(), Some((*run_id, *turn, *fence)), None),
        Bearer::Service { name, role } => ("service", None, Some((name.as_str(), role.as_str()))),
    };
    sqlx::query!(
        "INSERT INTO access_tokens (jti, kind, kid, project_id, run_id, turn, fence, name, role, issued_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        token.jti as TokenId,
        kind,
        token.kid,
        token.project_id as ProjectId,
        run.map(|run| run.0) as Option<RunId>,
        run.map(|run| run.1),
        run.map(|run| run.2),
        service.map(|service| service.0),
        service.map(|service| service.1),
        token.issued_at.to_sqlx(),
        token.expires_at.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

struct TokenRow {
    jti: TokenId,
    kind: String,
    kid: String,
    project_id: ProjectId,
    run_id: Option<RunId>,
    turn: Option<i32>,
    fence: Option<i64>,
    name: Option<String>,
    role: Option<String>,
    issued_at: jiff_sqlx::Timestamp,
    expires_at: jiff_sqlx::Timestamp,
    revoked_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<TokenRow> for Token {
    type Error = crate::Error;

    fn try_from(row: TokenRow) -> Result<Self> {
        let bearer = match (
            RunSide::parse(&row.kind),
            row.run_id,
            row.turn,
            row.fence,
            row.name,
            row.role,
        ) {
            (Some(side), Some(run_id), Some(turn), Some(fence), ..) => Bearer::Run {
                side,
                run_id,
                turn,
                fence,
            },
            (None, _, _, _, Some(name), Some(role)) => {
                let role = Role::parse(&role).ok_or_else(|| unknown_word("access_tokens.role", &role))?;
                Bearer::Service { name, role }
            }
            _ => return Err(unknown_word("access_tokens.kind", &row.kind)),
        };
        Ok(Self {
            jti: row.jti,
            bearer,
            kid: row.kid,
            project_id: row.project_id,
            issued_at: row.issued_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
            revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

pub(super) async fn find_token(tx: &mut Tx, jti: TokenId) -> Result<Option<Token>> {
    let row = sqlx::query_as!(
        TokenRow,
        "SELECT jti, kind, kid, project_id, run_id, turn, fence, name, role, issued_at, expires_at, revoked_at
         FROM access_tokens WHERE jti = $1",
        jti as TokenId,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Token::try_from).transpose()
}

/// The newest tokens of a turn, one per side.
pub(super) async fn tokens_of_turn(tx: &mut Tx, run_id: RunId, turn: i32, fence: i64) -> Result<Vec<Token>> {
    let rows = sqlx::query_as!(
        TokenRow,
        "SELECT DISTINCT ON (kind) jti, kind, kid, project_id, run_id, turn, fence, name, role, issued_at, expires_at,
             revoked_at
         FROM access_tokens WHERE run_id = $1 AND turn = $2 AND fence = $3 ORDER BY kind, issued_at DESC",
        run_id as RunId,
        turn,
        fence,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Token::try_from).collect()
}

pub(super) async fn revoke_run_tokens(tx: &mut Tx, run_id: RunId) -> Result<u64> {
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

pub(super) async fn delete_expired(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM access_tokens WHERE jti IN (SELECT jti FROM access_tokens WHERE expires_at < $1 LIMIT $2)",
        before.to_sqlx(),
        limit,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
