use crate::agent::Model;
use crate::error::Result;
use crate::postgres::Tx;

/// Adds the model, or replaces what is known of it; answers its version.
pub(in crate::agent) async fn upsert(tx: &mut Tx, model: &Model) -> Result<i64> {
    let now = tx.moment();
    let version = sqlx::query_scalar!(
        "INSERT INTO models (model, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (model) DO UPDATE
             SET base_url = $2, input_micro_usd = $3, cached_input_micro_usd = $4, output_micro_usd = $5,
                 version = models.version + 1
         RETURNING version",
        model.model,
        model.base_url,
        model.input_micro_usd,
        model.cached_input_micro_usd,
        model.output_micro_usd,
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(version)
}

pub(in crate::agent) async fn find(tx: &mut Tx, model: &str) -> Result<Option<Model>> {
    let model = sqlx::query_as!(
        Model,
        "SELECT model, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd
         FROM models WHERE model = $1",
        model,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(model)
}

/// Locks the model until the transaction ends; answers its version.
pub(in crate::agent) async fn lock(tx: &mut Tx, model: &str) -> Result<Option<i64>> {
    // A model that is not there yet has no row to lock.
    let key = format!("model:{model}");
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", key)
        .execute(&mut **tx)
        .await?;
    let version = sqlx::query_scalar!("SELECT version FROM models WHERE model = $1 FOR UPDATE", model)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(version)
}

pub(in crate::agent) async fn list(tx: &mut Tx) -> Result<Vec<(Model, i64)>> {
    let rows = sqlx::query!(
        "SELECT model, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd, version
         FROM models ORDER BY model"
    )
    .fetch_all(&mut **tx)
    .await?;
    let models = rows.into_iter().map(|row| {
        let model = Model {
            model: row.model,
            base_url: row.base_url,
            input_micro_usd: row.input_micro_usd,
            cached_input_micro_usd: row.cached_input_micro_usd,
            output_micro_usd: row.output_micro_usd,
        };
        (model, row.version)
    });
    Ok(models.collect())
}
