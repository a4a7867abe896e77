//! What people and agents read of runs.

use jiff::Timestamp;
use serde_json::Value;

use super::target;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::id::{RepositoryId, RunId};
use crate::orchestrator::Orchestrator;
use crate::page::{Page, PageAsk};
use crate::postgres::Tx;
use crate::project::access::{self, Operation};
use crate::run::aggregate::Run;
use crate::run::store;
pub use crate::run::store::list::{Beside, Filter};

/// Rows one read of a growing thing gives at most.
const MAX_READ: i64 = 200;

/// A line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Gap-free within the run, from 1.
    pub seq: i64,
    pub turn: i32,
    pub kind: String,
    pub detail: Value,
    pub actor: String,
    pub at: Timestamp,
}

/// A piece of log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPiece {
    /// Bytes of UTF-8 before `text` in its stream.
    pub offset: i64,
    pub text: String,
}

/// Tokens of one model in one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    pub turn: i32,
    pub model: String,
    pub requests: i64,
    pub input_tokens: i64,
    pub cached_input_tokens: i64,
    pub output_tokens: i64,
    pub reasoning_tokens: i64,
    /// None where the model has no price.
    pub cost_micro_usd: Option<i64>,
}

impl UsageRow {
    /// What is paid for.
    pub(crate) fn tokens(&self) -> crate::agent::Tokens {
        crate::agent::Tokens {
            input: self.input_tokens,
            cached_input: self.cached_input_tokens,
            output: self.output_tokens,
        }
    }
}

/// The session of an agent's program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub session: String,
    pub path: String,
    /// Of `data`, hexadecimal.
    pub sha256: String,
    pub data: Vec<u8>,
}

/// A path a run changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    /// `added`, `modified`, `deleted` or `type_changed`.
    pub change: String,
}

/// Reads a run the actor may see.
async fn visible(tx: &mut Tx, actor: &Actor, run_id: RunId, operation: Operation) -> Result<Run> {
    let run = store::get(tx, run_id).await?;
    access::require(tx, actor, operation, &target(&run)).await?;
    Ok(run)
}

/// One run.
///
/// # Errors
///
/// `NotFound`.
pub async fn get(orchestrator: &Orchestrator, actor: &Actor, run_id: RunId) -> Result<Run> {
    let mut tx = orchestrator.look("run.get").await?;
    visible(&mut tx, actor, run_id, Operation::RunRead).await
}

/// Runs of the projects the actor may see, newest first, and what is shown beside each.
pub async fn list(
    orchestrator: &Orchestrator,
    actor: &Actor,
    filter: &Filter,
    page: PageAsk,
) -> Result<Page<(Run, Beside)>> {
    // A transaction, for its plan is made for this filter alone.
    let mut tx = orchestrator.begin("run.list").await?;
    let projects = access::visible_of(&mut tx, actor, Operation::RunRead, filter.project_id).await?;
    let runs = store::list::list(&mut tx, &projects, filter, page).await?;
    let found = with_beside(&mut tx, runs).await?;
    Ok(page.page(found, |(run, _)| run.run_id.uuid()))
}

/// What is shown beside a run that the caller was given: whether it may see that run was decided before.
pub async fn beside(orchestrator: &Orchestrator, run: &Run) -> Result<Beside> {
    let mut tx = orchestrator.look("run.beside").await?;
    let mut found = store::list::beside(&mut tx, &[run.run_id]).await?;
    Ok(found.remove(&run.run_id).unwrap_or_default())
}

async fn with_beside(tx: &mut Tx, runs: Vec<Run>) -> Result<Vec<(Run, Beside)>> {
    let ids: Vec<RunId> = runs.iter().map(|run| run.run_id).collect();
    let mut found = store::list::beside(tx, &ids).await?;
    let beside = |run: Run| {
        let beside = found.remove(&run.run_id).unwrap_or_default();
        (run, beside)
    };
    Ok(runs.into_iter().map(beside).collect())
}

/// Follows what a work item is called. Waits for nobody, and holds the work item before its runs, as all do who hold both:
/// what somebody else works on now keeps its title until the item is seen again.
pub(crate) async fn retitle(
    tx: &mut Tx,
    repository_id: RepositoryId,
    number: i64,
    title: &str,
) -> Result<()> {
    let key = super::queue::work_item_key(repository_id, number);
    if store::list::hold_to_retitle(tx, &key, repository_id, number, title).await? {
        store::list::retitle(tx, repository_id, number, title).await?;
    }
    Ok(())
}

/// The timeline after `after` (a `seq`; 0 for all), at most 200 lines, and whether the run is over.
///
/// # Errors
///
/// `NotFound`.
pub async fn events(
    orchestrator: &Orchestrator,
    actor: &Actor,
    run_id: RunId,
    after: i64,
) -> Result<(Vec<Event>, bool)> {
    let mut tx = orchestrator.look("run.events").await?;
    let run = visible(&mut tx, actor, run_id, Operation::RunRead).await?;
    let events = store::record::events_after(&mut tx, run_id, after, MAX_READ).await?;
    Ok((events, run.state.is_over()))
}

/// A stream of a turn's log after byte `after`, at most 200 pieces. Without `turn` the newest.
///
/// # Errors
///
/// `NotFound`, `Forbidden`.
pub async fn log_tail(
    orchestrator: &Orchestrator,
    actor: &Actor,
    run_id: RunId,
    turn: Option<i32>,
    stream: &str,
    after: i64,
) -> Result<(Vec<LogPiece>, bool)> {
    let mut tx = orchestrator.look("run.log_tail").await?;
    let run = visible(&mut tx, actor, run_id, Operation::RunLogRead).await?;
    let turn = turn.unwrap_or(run.turn);
    let mut pieces = store::record::log_after(&mut tx, run_id, turn, stream, after, MAX_READ).await?;
    if let Some(first) = pieces.first_mut() {
        // The first piece may begin before what was asked for.
        let known = usize::try_from(after - first.offset).unwrap_or(0);
        if let Some(rest) = first.text.get(known..) {
            first.text = rest.to_owned();
            first.offset = first.offset.max(after);
        }
    }
    Ok((pieces, run.state.is_over() || turn < run.turn))
}

/// What the agent was given, and its digest.
///
/// # Errors
///
/// `NotFound` before the start too, `Forbidden`.
pub async fn prompt(orchestrator: &Orchestrator, actor: &Actor, run_id: RunId) -> Result<(String, String)> {
    let mut tx = orchestrator.look("run.prompt").await?;
    visible(&mut tx, actor, run_id, Operation::RunPromptRead).await?;
    store::prompt(&mut tx, run_id)
        .await?
        .ok_or_else(|| Error::not_found("prompt of run", run_id))
}

/// Paths the run changed, in byte order after `after`, at most 200, and whether there are more.
///
/// # Errors
///
/// `NotFound`, `Forbidden`.
pub async fn changes(
    orchestrator: &Orchestrator,
    actor: &Actor,
    run_id: RunId,
    after: &str,
) -> Result<(Vec<Change>, bool)> {
    let mut tx = orchestrator.look("run.changes").await?;
    visible(&mut tx, actor, run_id, Operation::RunLogRead).await?;
    let mut changes = store::record::changes(&mut tx, run_id, after, MAX_READ + 1).await?;
    let most = usize::try_from(MAX_READ).map_err(Error::internal)?;
    let more = changes.len() > most;
    changes.truncate(most);
    Ok((changes, more))
}

/// Tokens and cost of the run, per turn and model.
///
/// # Errors
///
/// `NotFound`.
pub async fn usage(orchestrator: &Orchestrator, actor: &Actor, run_id: RunId) -> Result<Vec<UsageRow>> {
    let mut tx = orchestrator.look("run.usage").await?;
    visible(&mut tx, actor, run_id, Operation::RunRead).await?;
    store::record::usage(&mut tx, run_id).await
}
