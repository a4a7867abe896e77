//! The catalogue of models.

use contract::agent::{ModelList, ModelPage, ModelSet, ModelView, Price};
use orchestrator::agent::{self, Api, Model};
use orchestrator::credential::secret;
use orchestrator::project::access::Operation;
use orchestrator::{Error, Result};

use super::{STAFF, count, idempotency_key, word, written_word};
use crate::tool::{Call, Catalogue, Effect, Side, Tool};

pub(super) fn tools(catalogue: Catalogue) -> Catalogue {
    catalogue.with::<List>().with::<Set>()
}

struct List;

impl Tool for List {
    const NAME: &'static str = "model_list";
    const TITLE: &'static str = "List models";
    const ABOUT: &'static str = "Lists the models that agents can work with: where they are and what their tokens cost. Use it to choose a model \
         for agent_update or run_start.";
    const OPERATION: Operation = Operation::ModelRead;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Read;
    type Ask = ModelList;
    type Answer = ModelPage;

    async fn call(call: &Call<'_>, _: ModelList) -> Result<ModelPage> {
        let found = agent::models(call.orchestrator, call.actor).await?;
        let models = found.into_iter().map(|(model, version)| show(model, version));
        Ok(ModelPage {
            models: models.collect::<Result<_>>()?,
        })
    }
}

struct Set;

impl Tool for Set {
    const NAME: &'static str = "model_set";
    const TITLE: &'static str = "Set a model";
    const ABOUT: &'static str = "Adds a model to the catalogue, or replaces its address and prices. A key is bound to its own host (secret_set, kind \
         model_key): a model that moves to another host takes no key along. Prices count for usage that is reported from \
         now on. For owners of the platform.";
    const OPERATION: Operation = Operation::ModelSet;
    const SIDES: &'static [Side] = STAFF;
    const EFFECT: Effect = Effect::Set;
    type Ask = ModelSet;
    type Answer = ModelView;

    async fn call(call: &Call<'_>, ask: ModelSet) -> Result<ModelView> {
        let key = idempotency_key(Self::NAME, ask.idempotency_key.as_ref(), &ask)?;
        let unknown = || Error::internal("a word of the contract is unknown to the domain");
        let price = |price: Option<Price>| price.map(|price| price.get().cast_signed());
        let model = Model {
            model: ask.model.into_inner(),
            api: Api::parse(&written_word(ask.api.unwrap_or_default())?).ok_or_else(unknown)?,
            base_url: ask.base_url.into_inner(),
            input_micro_usd: price(ask.input_micro_usd),
            cached_input_micro_usd: price(ask.cached_input_micro_usd),
            output_micro_usd: price(ask.output_micro_usd),
        };
        let version = ask.version.map(|version| version.get().cast_signed());
        let saved = agent::save_model(call.orchestrator, call.actor, model, version, key);
        let (model, version) = saved.await?;
        show(model, version)
    }
}

fn show(model: Model, version: i64) -> Result<ModelView> {
    Ok(ModelView {
        api: word(model.api.as_str())?,
        key_host: secret::origin(&model.base_url).ok(),
        model: model.model,
        version: count(version),
        base_url: model.base_url,
        input_micro_usd: model.input_micro_usd.map(count),
        cached_input_micro_usd: model.cached_input_micro_usd.map(count),
        output_micro_usd: model.output_micro_usd.map(count),
    })
}
