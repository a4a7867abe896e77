use crate::actor::Actor;
use crate::agent::model::{Model, check_base_url};
use crate::agent::store;
use crate::audit;
use crate::error::{Error, Result};
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::postgres::Tx;
use crate::project::access::{self, Operation};

const MAX_NAME_BYTES: usize = 100;

/// Adds a model to the catalogue, or replaces what is known of it.
///
/// # Errors
///
/// `Invalid` for a name, address or price that will not do.
pub async fn set_model(tx: &mut Tx, actor: &Actor, model: &Model) -> Result<()> {
    check(model)?;
    store::models::upsert(tx, model).await?;
    audit::record_own(tx, actor, "model_set", ("model", &model.model), None).await
}

/// Adds a model, or changes the one of that version; answers the version it has now. A key is bound to its own place, so
/// that a model that moves gets the key of the new place or none.
///
/// # Errors
///
/// As [`set_model`]; `StaleVersion`, and `NotFound` or `Forbidden` for all but owners of the platform.
pub async fn save_model(
    orchestrator: &Orchestrator,
    actor: &Actor,
    model: Model,
    version: Option<i64>,
    key: Option<Key>,
) -> Result<(Model, i64)> {
    let mut tx = orchestrator.begin("agent.save_model").await?;
    let rule = access::permit_platform(&mut tx, actor, Operation::ModelSet, "model", &model.model).await?;
    if let Some(saved) = idempotency::recall::<i64>(&mut tx, actor, key.as_ref()).await? {
        return Ok((model, saved));
    }
    check(&model)?;
    if store::models::lock(&mut tx, &model.model).await? != version {
        return Err(Error::StaleVersion);
    }
    let saved = store::models::upsert(&mut tx, &model).await?;
    let object = ("model", &model.model);
    audit::record_done(&mut tx, actor, Operation::ModelSet.as_str(), object, None, &rule).await?;
    idempotency::remember(&mut tx, actor, key.as_ref(), &saved).await?;
    tx.commit().await?;
    Ok((model, saved))
}

fn check(model: &Model) -> Result<()> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
    let name = &model.model;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_name) {
        return Err(Error::Invalid(format!(
            "model: 1 to {MAX_NAME_BYTES} letters, digits and -_.:/@"
        )));
    }
    check_base_url(&model.base_url).map_err(Error::Invalid)?;
    let prices = [
        model.input_micro_usd,
        model.cached_input_micro_usd,
        model.output_micro_usd,
    ];
    if prices.into_iter().flatten().any(|price| price < 0) {
        return Err(Error::Invalid("a price must not be negative".into()));
    }
    Ok(())
}

/// The catalogue with its versions, for whoever may read it in some project or on the platform.
///
/// # Errors
///
/// `NotFound` for others.
pub async fn models(orchestrator: &Orchestrator, actor: &Actor) -> Result<Vec<(Model, i64)>> {
    let mut tx = orchestrator.look("agent.models").await?;
    if !access::operations(&mut tx, actor)
        .await?
        .contains(Operation::ModelRead)
    {
        return Err(Error::not_found("model", "list"));
    }
    store::models::list(&mut tx).await
}

pub async fn find_model(tx: &mut Tx, model: &str) -> Result<Option<Model>> {
    store::models::find(tx, model).await
}

pub async fn list_models(tx: &mut Tx) -> Result<Vec<Model>> {
    let models = store::models::list(tx).await?;
    Ok(models.into_iter().map(|(model, _)| model).collect())
}
