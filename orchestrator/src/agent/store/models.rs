use crate::agent::{Api, Model};
use crate::error::{Error, Result};
use crate::postgres::{Tx, unknown_word};

struct Row {
    model: String,
    api: String,
    base_url: String,
    input_micro_usd: Option<i64>,
    cached_input_micro_usd: Option<i64>,
    output_micro_usd: Option<i64>,
    version: i64,
}

impl TryFrom<Row> for (Model, i64) {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let model = Model {
            api: Api::parse(&row.api).ok_or_else(|| unknown_word("models.api", &row.api))?,
            model: row.model,
            base_url: row.base_url,
            input_micro_usd: row.input_micro_usd,
            cached_input_micro_usd: row.cached_input_micro_usd,
            output_micro_usd: row.output_micro_usd,
        };
        Ok((model, row.version))
    }
}

/// Adds the model, or replaces what is known of it; answers its version.
pub(in crate::agent) async fn upsert(tx: &mut Tx, model: &Model) -> Result<i64> {
    let now = tx.moment();
    let version = sqlx::query_scalar!(
        "INSERT INTO models (model, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd, created_at, api)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (model) DO UPDATE
             SET base_url = $2, input_micro_usd = $3, cached_input_micro_usd = $4, output_micro_usd = $5, api = $7,
                 version = models.version + 1
         RETURNING version",
        model.model,
        model.base_url,
        model.input_micro_usd,
        model.cached_input_micro_usd,
        model.output_micro_usd,
        now,
        model.api.as_str(),
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(version)
}

pub(in crate::agent) async fn find(tx: &mut Tx, model: &str) -> Result<Option<Model>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT model, api, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd, version
         FROM models WHERE model = $1",
        model,
    )
    .fetch_optional(&mut **tx)
    .await?;
    let found = row.map(<(Model, i64)>::try_from).transpose()?;
    Ok(found.map(|(model, _)| model))
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
    let rows = sqlx::query_as!(
        Row,
        "SELECT model, api, base_url, input_micro_usd, cached_input_micro_usd, output_micro_usd, version
         FROM models ORDER BY model"
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(TryFrom::try_from).collect()
}
