//! The tools, one file per context: each unpacks, delegates, shows.

mod access;
mod agent;
mod audit;
mod delivery;
mod effect;
mod environment;
mod inbox;
mod issue;
mod knowledge;
mod live;
mod member;
mod model;
mod operations;
mod principal;
mod project;
mod prompt;
mod pull_request;
mod repository;
mod run;
mod search;
mod secret;
mod session;
mod slot;
mod stats;
mod status;
mod token;
mod trigger;
mod turn;
mod user;
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

use crate::narrow::Toolset;
use crate::tool::{Call, Catalogue, Side};

pub(crate) use self::run::show_run;

/// The tools that staff are shown unless they name toolsets; `tool_search` finds the others. At most 30: a long list costs
/// every conversation of every client.
const USUAL: [&str; 23] = [
    "delivery_explain",
    "delivery_get",
    "delivery_list",
    "delivery_replay",
    "effect_list",
    "inbox_list",
    "knowledge_get",
    "knowledge_search",
    "principal_get",
    "repository_get",
    "repository_list",
    "run_cancel",
    "run_change_list",
    "run_event_list",
    "run_explain",
    "run_get",
    "run_list",
    "run_log_tail",
    "run_retry",
    "run_start",
    "slot_list",
    "tool_search",
    "wait_get",
];

/// Whether staff are shown a tool without asking for its toolset.
pub(crate) fn is_usual(name: &str) -> bool {
    USUAL.contains(&name)
}

const STAFF: &[Side] = &[Side::Staff];
const AGENT: &[Side] = &[Side::Agent];

/// How long a tool that writes outward waits for the write.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);

const AFTER_THE_PUSH: &str = "nothing: it is opened after the push at the end of the turn";
const LOOK_LATER: &str = "go on; effect_list shows later how it went";
const REPLACED: &str = "nothing: a newer write took its place, and this one is never applied";

/// Every tool there is.
pub(crate) fn catalogue() -> Catalogue {
    type Add = fn(Catalogue) -> Catalogue;
    let sets: [(Toolset, Add); 29] = [
        (Toolset::Access, access::tools),
        (Toolset::Agents, agent::tools),
        (Toolset::Operations, audit::tools),
        (Toolset::Operations, delivery::tools),
        (Toolset::Runs, effect::tools),
        (Toolset::Slots, environment::tools),
        (Toolset::Runs, inbox::tools),
        (Toolset::Repositories, issue::tools),
        (Toolset::Knowledge, knowledge::tools),
        (Toolset::Access, member::tools),
        (Toolset::Agents, model::tools),
        (Toolset::Operations, operations::tools),
        (Toolset::Access, principal::tools),
        (Toolset::Access, project::tools),
        (Toolset::Agents, prompt::tools),
        (Toolset::Repositories, pull_request::tools),
        (Toolset::Repositories, repository::tools),
        (Toolset::Runs, run::tools),
        (Toolset::Access, search::tools),
        (Toolset::Access, secret::tools),
        (Toolset::Access, session::tools),
        (Toolset::Slots, slot::tools),
        (Toolset::Access, stats::tools),
        (Toolset::Turn, status::tools),
        (Toolset::Access, token::tools),
        (Toolset::Agents, trigger::tools),
        (Toolset::Turn, turn::tools),
        (Toolset::Operations, user::tools),
        (Toolset::Runs, wait::tools),
    ];
    sets.into_iter()
        .fold(Catalogue::default(), |catalogue, (toolset, tools)| {
            tools(catalogue.of(toolset))
        })
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
    let (status, next) = progress(entry.state, entry.reason.as_deref())?;
    let result = entry.result.unwrap_or_default();
    Ok(Written {
        status,
        effect_id: id.uuid(),
        state: word(entry.state.as_str())?,
        url: result.url,
        number: result.number.map(count),
        waits_for: entry.reason,
        next: next.map(str::to_owned),
    })
}

/// How far a write is, and what its caller can do.
fn progress(state: EffectState, reason: Option<&str>) -> Result<(WriteStatus, Option<&'static str>)> {
    let why = reason.unwrap_or("no reason was given");
    match state {
        EffectState::Applied => Ok((WriteStatus::Applied, None)),
        EffectState::Proposed => Ok((WriteStatus::Pending, Some(AFTER_THE_PUSH))),
        EffectState::AwaitingApproval | EffectState::Ready | EffectState::Applying => {
            Ok((WriteStatus::Pending, Some(LOOK_LATER)))
        }
        EffectState::Superseded => Ok((WriteStatus::Superseded, Some(REPLACED))),
        EffectState::Refused => Err(Error::Conflict(format!("the write was refused: {why}"))),
        EffectState::Failed => Err(Error::Precondition(format!(
            "the code host did not take it: {why}"
        ))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_tools_are_there_and_few() {
        let catalogue = catalogue();
        let missing: Vec<_> = USUAL
            .iter()
            .filter(|name| catalogue.access(name).is_none())
            .collect();
        assert_eq!(missing, [&""; 0]);
        assert!(USUAL.len() <= 30 && USUAL.is_sorted());
    }

    #[test]
    fn only_what_may_still_be_applied_is_pending() {
        let pending: Vec<_> = EffectState::ALL
            .iter()
            .filter(|state| matches!(progress(**state, None), Ok((WriteStatus::Pending, Some(_)))))
            .collect();
        let open: Vec<_> = EffectState::ALL.iter().filter(|state| !state.is_over()).collect();
        assert_eq!(pending, open);
        let (status, next) = progress(EffectState::Superseded, None).unwrap();
        assert_eq!((status, next.is_some()), (WriteStatus::Superseded, true));
        let refused = progress(EffectState::Refused, Some("full")).unwrap_err();
        assert!(
            refused.to_string().ends_with("the write was refused: full"),
            "{refused}"
        );
    }
}
