use super::Entry;
use crate::error::Result;
use crate::id::AuditId;
use crate::postgres::Tx;

pub(super) async fn insert(tx: &mut Tx, entry: &Entry<'_>) -> Result<()> {
    let now = tx.moment();
    let (traceparent, cause) = tx.origin();
    let (traceparent, cause) = (traceparent.map(str::to_owned), cause.map(str::to_owned));
    sqlx::query!(
        "INSERT INTO audit_entries (audit_id, at, actor_kind, actor_id, operation, object_kind, object_id, project_id,
                                    decision, rule, cause, traceparent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        AuditId::new() as _,
        now,
        entry.actor.kind(),
        entry.actor.id(),
        entry.operation,
        entry.object_kind,
        entry.object_id,
        entry.project_id as _,
        if entry.allowed { "allowed" } else { "denied" },
        entry.rule,
        cause,
        traceparent,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
