//! Idempotency keys of write tools: the first answer is given again for 24 hours.

use jiff::ToSpan;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::orchestrator::Orchestrator;
use crate::postgres::{Moment, SWEEP_BATCHES, SWEEP_ROWS, Tx};

/// A key means the same call for so long, and then a new one.
const KEPT_HOURS: i64 = 24;

/// A caller's key on one call of one tool.
#[derive(Clone, Debug)]
pub struct Key {
    tool: &'static str,
    value: String,
    arguments_sha256: String,
}

impl Key {
    /// Binds a key to the arguments it came with.
    ///
    /// # Errors
    ///
    /// `Invalid` for an empty key or one over 200 bytes.
    pub fn new(tool: &'static str, key: &str, arguments: &impl Serialize) -> Result<Self> {
        if key.is_empty() || key.len() > 200 {
            return Err(Error::Invalid("idempotency_key must have 1 to 200 bytes".into()));
        }
        let arguments = serde_json::to_vec(arguments).map_err(Error::internal)?;
        let arguments_sha256 = hex::encode(Sha256::digest(arguments));
        Ok(Self {
            tool,
            value: key.to_owned(),
            arguments_sha256,
        })
    }
}

/// Answers what the key's first call was answered, if there was one. Two calls at once are put in order by a lock.
///
/// # Errors
///
/// `IdempotencyMismatch` if the first call had other arguments.
pub async fn recall<T: DeserializeOwned>(tx: &mut Tx, actor: &Actor, key: Option<&Key>) -> Result<Option<T>> {
    let Some(key) = key else { return Ok(None) };
    let principal = principal(actor);
    let lock = format!("{principal} {} {}", key.tool, key.value);
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", lock)
        .execute(&mut **tx)
        .await?;
    let Some(row) = sqlx::query!(
        "SELECT arguments_sha256, answer FROM idempotency_keys
         WHERE principal = $1 AND tool = $2 AND idempotency_key = $3 AND created_at > $4",
        principal,
        key.tool,
        key.value,
        forgotten(tx),
    )
    .fetch_optional(&mut **tx)
    .await?
    else {
        return Ok(None);
    };
    if row.arguments_sha256 != key.arguments_sha256 {
        return Err(Error::IdempotencyMismatch);
    }
    serde_json::from_value(row.answer)
        .map(Some)
        .map_err(Error::internal)
}

/// Keeps the answer of a key's first call, in the place of one that counts no more.
pub async fn remember(tx: &mut Tx, actor: &Actor, key: Option<&Key>, answer: &impl Serialize) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let answer = serde_json::to_value(answer).map_err(Error::internal)?;
    let now = tx.moment();
    sqlx::query!(
        "INSERT INTO idempotency_keys (principal, tool, idempotency_key, arguments_sha256, answer, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (principal, tool, idempotency_key) DO UPDATE
             SET arguments_sha256 = $4, answer = $5, created_at = $6",
        principal(actor),
        key.tool,
        key.value,
        key.arguments_sha256,
        answer,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets keys older than 24 hours; answers how many.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<u64> {
    let mut all = 0;
    for _ in 0..SWEEP_BATCHES {
        let mut tx = orchestrator.begin("idempotency.sweep").await?;
        let done = sqlx::query!(
            "DELETE FROM idempotency_keys WHERE (principal, tool, idempotency_key) IN (
                 SELECT principal, tool, idempotency_key FROM idempotency_keys WHERE created_at <= $1 LIMIT $2)",
            forgotten(&tx),
            SWEEP_ROWS,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        all += done.rows_affected();
        if done.rows_affected() == 0 {
            break;
        }
    }
    Ok(all)
}

/// Keys of then and before count no more.
fn forgotten(tx: &Tx) -> Moment {
    (tx.now() - KEPT_HOURS.hours()).to_sqlx()
}

fn principal(actor: &Actor) -> String {
    format!("{}:{}", actor.kind(), actor.id())
}
