//! The tools, one file per context: each unpacks, delegates, shows.

mod delivery;
mod effect;
mod issue;
mod live;
mod principal;
mod pull_request;
mod repository;
mod run;
mod slot;
mod status;
mod turn;
mod wait;

use std::time::Duration;

use contract::bounded::Text;
use contract::effect::{WriteStatus, Written};
use contract::page::{Cursor, IdempotencyKey, PageLimit, WaitMs};
use orchestrator::effect::{self as effects, Effect, EffectState};
use orchestrator::id::EffectId;
use orchestrator::idempotency::Key;
use orchestrator::page::PageAsk;
use orchestrator::{Error, Result};
use serde::Serialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::tool::{Call, Catalogue, Side};

const STAFF: &[Side] = &[Side::Staff];
const AGENT: &[Side] = &[Side::Agent];

/// How long a tool that writes outward waits for the write.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);

/// Every tool there is.
pub(crate) fn catalogue() -> Catalogue {
    [
        delivery::tools,
        effect::tools,
        issue::tools,
        principal::tools,
        pull_request::tools,
        repository::tools,
        run::tools,
        slot::tools,
        status::tools,
        turn::tools,
        wait::tools,
    ]
    .into_iter()
    .fold(Catalogue::default(), |catalogue, tools| tools(catalogue))
}

/// The page a caller asks for.
fn page(limit: Option<PageLimit>, cursor: Option<&Cursor>) -> Result<PageAsk> {
    let limit = limit.map(|limit| count(limit.get()));
    PageAsk::new(limit, cursor.map(Cursor::as_str))
}

/// How long a caller is ready to wait for news.
fn patience(wait_ms: Option<WaitMs>) -> Duration {
    Duration::from_millis(wait_ms.map_or(0, WaitMs::get))
}

/// A caller's key, bound to what it asked.
fn idempotency_key(
    tool: &'static str,
    key: Option<&IdempotencyKey>,
    ask: &impl Serialize,
) -> Result<Option<Key>> {
    key.map(|key| Key::new(tool, Text::as_str(key), ask)).transpose()
}

/// Waits until a write moves no more, for at most `patience`.
async fn settled(call: &Call<'_>, id: EffectId, patience: Duration) -> Result<Effect> {
    let wait = |patience| Box::pin(effects::wait(call.orchestrator, call.actor, id, patience));
    tokio::select! {
        done = wait(patience) => done,
        () = call.stopped() => wait(Duration::ZERO).await,
    }
}

/// Waits for an outward write, and says how it went.
///
/// # Errors
///
/// `Conflict` or `Precondition` with the reason, if the write was refused or failed.
async fn written(call: &Call<'_>, asked: Effect) -> Result<Written> {
    let id = asked.effect_id;
    let entry = settled(call, id, WRITE_PATIENCE).await?;
    let why = |entry: &Effect| {
        entry
            .reason
            .clone()
            .unwrap_or_else(|| "no reason was given".to_owned())
    };
    let status = match entry.state {
        EffectState::Applied => WriteStatus::Applied,
        EffectState::Refused => {
            return Err(Error::Conflict(format!("the write was refused: {}", why(&entry))));
        }
        EffectState::Failed => {
            return Err(Error::Precondition(format!(
                "the code host did not take it: {}",
                why(&entry)
            )));
        }
        EffectState::Proposed
        | EffectState::AwaitingApproval
        | EffectState::Ready
        | EffectState::Applying
        | EffectState::Superseded => WriteStatus::Pending,
    };
    let result = entry.result.unwrap_or_default();
    Ok(Written {
        status,
        effect_id: id.uuid(),
        state: word(entry.state.as_str())?,
        url: result.url,
        number: result.number.map(count),
        waits_for: entry.reason,
    })
}

/// A word of the domain as the contract has it. One that the contract lacks is a defect.
fn word<T: DeserializeOwned>(word: &str) -> Result<T> {
    let word: StrDeserializer<'_, WordError> = word.into_deserializer();
    T::deserialize(word).map_err(Error::internal)
}

/// A word of the contract as the domain has it.
fn written_word(word: impl Serialize) -> Result<String> {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(Error::internal("a word of the contract is no text")),
    }
}

/// A number that only ever grows from zero, in the width of the other side.
fn count<T: TryFrom<U> + Default, U>(number: U) -> T {
    T::try_from(number).unwrap_or_default()
}
