use jiff::Timestamp;
use jiff_sqlx::ToSqlx;

use crate::error::Result;
use crate::id::PersonId;
use crate::postgres::Tx;

/// Marks a state as used; answers whether it was not before.
pub(super) async fn use_state(tx: &mut Tx, state_sha256: &[u8]) -> Result<bool> {
    let now = tx.moment();
    let done = sqlx::query!(
        "INSERT INTO login_states (state_sha256, used_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        state_sha256,
        now,
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a code, and ends those the person had before.
pub(super) async fn insert_code(
    tx: &mut Tx,
    person_id: PersonId,
    code_sha256: &[u8],
    expires_at: Timestamp,
) -> Result<()> {
    let now = tx.moment();
    sqlx::query!(
        "UPDATE break_glass_codes SET used_at = $2 WHERE person_id = $1 AND used_at IS NULL",
        person_id as _,
        now,
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO break_glass_codes (code_sha256, person_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        code_sha256,
        person_id as _,
        now,
        expires_at.to_sqlx(),
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses a code up; answers whose it was, if it counted.
pub(super) async fn use_code(tx: &mut Tx, code_sha256: &[u8]) -> Result<Option<PersonId>> {
    let now = tx.moment();
    let person_id = sqlx::query_scalar!(
        r#"UPDATE break_glass_codes SET used_at = $2
         WHERE code_sha256 = $1 AND used_at IS NULL AND expires_at > $2
         RETURNING person_id AS "person_id: PersonId""#,
        code_sha256,
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(person_id)
}

pub(super) async fn delete_old(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let states = sqlx::query!("DELETE FROM login_states WHERE used_at < $1", before.to_sqlx())
        .execute(&mut **tx)
        .await?;
    let codes = sqlx::query!(
        "DELETE FROM break_glass_codes WHERE expires_at < $1",
        before.to_sqlx()
    )
    .execute(&mut **tx)
    .await?;
    Ok(states.rows_affected() + codes.rows_affected())
}
