//! What the runner of a live turn says and asks.

use serde_json::json;

use super::limit::{Allowance, allowance, money};
use super::read::{Snapshot, UsageRow};
use super::{note, require_live_turn, runner, take};
use crate::actor::Actor;
use crate::agent::{self, Model, Profile};
use crate::approval::{self, Wait};
use crate::error::{Error, Result};
use crate::id::SnapshotId;
use crate::idempotency::{self, Key};
use crate::orchestrator::Orchestrator;
use crate::repository::Repository;
use crate::run::aggregate::Run;
use crate::run::domain::{RunEvent, RunState, bounded};
use crate::run::limit::SpentLimit;
use crate::run::store;
use crate::work_item::WorkItem;

/// Bytes of log one run may leave.
pub const MAX_LOG_BYTES: i64 = 10 * 1024 * 1024;
/// Bytes beyond them for what the supervisors say.
const SUPERVISOR_LOG_BYTES: i64 = 1024 * 1024;
/// Bytes of one piece of log.
pub const MAX_LOG_PIECE_BYTES: usize = 64 * 1024;
/// Bytes of a session snapshot.
pub const MAX_SNAPSHOT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the bundle a turn may hand over.
pub const MAX_BUNDLE_BYTES: i64 = 100 * 1024 * 1024;
pub const HEARTBEAT_SECONDS: i64 = 10;
/// Models one turn may use.
const MAX_MODELS: usize = 20;
/// Lines an agent may add to its run's timeline.
pub const MAX_STATUS_REPORTS: i64 = 500;

/// What the platform says to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    pub state: &'static str,
    /// The active time is used up: the turn should end now.
    pub stop: bool,
    pub allowance: Allowance,
}

/// All a turn needs to begin.
#[derive(Clone, Debug)]
pub struct TurnContext {
    pub run: Run,
    pub repository: Repository,
    pub work_item: Option<WorkItem>,
    pub profile: Profile,
    pub model: Option<Model>,
    pub prompt: String,
    pub answers: Vec<Wait>,
    pub has_snapshot: bool,
    pub allowance: Allowance,
}

/// Usage of one model as the runner counted it, cumulative over the turn.
pub type UsageReport = UsageRow;

/// What a report of usage is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Cost of the whole run so far; none where a model has no price.
    pub cost_micro_usd: Option<i64>,
    /// A limit of money is reached.
    pub spent: Option<SpentLimit>,
}

/// Takes a sign of life; the first of a turn makes the run running.
///
/// # Errors
///
/// `StaleTurn`.
pub async fn heartbeat(orchestrator: &Orchestrator, actor: &Actor) -> Result<Beat> {
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.heartbeat").await?;
    let mut run = require_live_turn(&mut tx, caller).await?;
    if matches!(run.state, RunState::Starting { .. }) {
        let now = tx.now();
        take(&mut tx, &mut run, RunEvent::RunnerSpoke(now), actor, json!({})).await?;
    } else {
        run.last_heartbeat_at = Some(tx.now());
        store::save(&mut tx, &run).await?;
    }
    let stop = run.active_seconds_at(tx.now()) >= run.active_seconds_limit;
    let allowance = allowance(&mut tx, &run).await?;
    tx.commit().await?;
    Ok(Beat {
        state: run.state.as_str(),
        stop,
        allowance,
    })
}

/// Reads all a turn needs to begin.
///
/// # Errors
///
/// `StaleTurn`.
pub async fn context(orchestrator: &Orchestrator, actor: &Actor) -> Result<TurnContext> {
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.context").await?;
    let mut run = require_live_turn(&mut tx, caller).await?;
    let repository = crate::repository::get(&mut tx, run.repository_id).await?;
    let work_item = match run.number {
        Some(number) => crate::work_item::find(&mut tx, run.repository_id, number).await?,
        None => None,
    };
    let (profile, narrowing) = super::narrow::profile(&mut tx, &run).await?;
    run.effort = narrowing.effort(run.effort.or_else(|| profile.effort.clone()));
    let model = match run.model.as_ref().or(profile.model.as_ref()) {
        Some(name) => agent::find_model(&mut tx, name).await?,
        None => None,
    };
    let (prompt, _) = store::prompt(&mut tx, run.run_id)
        .await?
        .ok_or_else(|| Error::internal("a starting run has no prompt"))?;
    let answers = approval::answered(&mut tx, run.run_id).await?;
    let has_snapshot = store::record::session(&mut tx, run.run_id).await?.is_some();
    let allowance = allowance(&mut tx, &run).await?;
    tx.commit().await?;
    Ok(TurnContext {
        run,
        repository,
        work_item,
        profile,
        model,
        prompt,
        answers,
        has_snapshot,
        allowance,
    })
}

/// Appends to a stream of the turn's log; answers where it ends now. What is there already is not written twice; a piece
/// beyond the end writes nothing, so the runner sends again from the answer.
///
/// # Errors
///
/// `StaleTurn`, `Invalid`, or `TooLarge` once the run's log is full.
pub async fn append_log(
    orchestrator: &Orchestrator,
    actor: &Actor,
    stream: &str,
    offset: i64,
    text: &str,
) -> Result<i64> {
    if text.len() > MAX_LOG_PIECE_BYTES {
        return Err(Error::TooLarge(format!(
            "text may have at most {MAX_LOG_PIECE_BYTES} bytes; send it in pieces"
        )));
    }
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.append_log").await?;
    let run = require_live_turn(&mut tx, caller).await?;
    let end = store::record::log_end(&mut tx, run.run_id, run.turn, stream).await?;
    let known = usize::try_from(end - offset).ok();
    // PostgreSQL's text holds no NUL.
    let Some(new) = known
        .and_then(|known| text.get(known..))
        .filter(|new| !new.is_empty())
    else {
        return Ok(end);
    };
    // Whatever the agent wrote, there is room to say how its turn ended.
    let room = if stream == "supervisor" {
        MAX_LOG_BYTES + SUPERVISOR_LOG_BYTES
    } else {
        MAX_LOG_BYTES
    };
    if store::record::log_bytes(&mut tx, run.run_id).await? + i64::try_from(new.len()).unwrap_or(0) > room {
        return Err(Error::TooLarge(format!(
            "the run's log is full ({MAX_LOG_BYTES} bytes); later text is not kept"
        )));
    }
    let clean = new.replace('\0', " ");
    store::record::insert_log(&mut tx, run.run_id, run.turn, stream, end, &clean).await?;
    tx.notify(crate::postgres::listen::Topic::Run, run.run_id).await?;
    tx.commit().await?;
    Ok(end + i64::try_from(new.len()).unwrap_or(0))
}

/// Takes totals of the turn so far.
///
/// # Errors
///
/// `StaleTurn` or `Invalid`.
pub async fn report_usage(
    orchestrator: &Orchestrator,
    actor: &Actor,
    models: Vec<UsageReport>,
) -> Result<Cost> {
    if models.len() > MAX_MODELS {
        return Err(Error::Invalid(format!(
            "models may name at most {MAX_MODELS} models"
        )));
    }
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.report_usage").await?;
    let run = require_live_turn(&mut tx, caller).await?;
    let before = store::record::usage(&mut tx, run.run_id).await?;
    for mut usage in models {
        let model = agent::find_model(&mut tx, &usage.model).await?;
        usage.cost_micro_usd = model.and_then(|model| agent::cost_micro_usd(&model, usage.tokens()));
        store::record::upsert_usage(&mut tx, run.run_id, run.turn, &usage).await?;
    }
    let all = store::record::usage(&mut tx, run.run_id).await?;
    count_usage(&before, &all);
    let cost_micro_usd = all.iter().map(|usage| usage.cost_micro_usd).sum();
    let spending = store::limit::spending(&mut tx, run.run_id).await?;
    let spent = money(&run, &spending).spent();
    tx.commit().await?;
    Ok(Cost {
        cost_micro_usd,
        spent,
    })
}

/// Counts what was used since the last report; totals only grow.
fn count_usage(before: &[UsageRow], now: &[UsageRow]) {
    let grown = |of: fn(&UsageRow) -> i64| {
        let sum = |rows: &[UsageRow]| rows.iter().map(of).sum::<i64>();
        u64::try_from(sum(now) - sum(before)).unwrap_or(0)
    };
    let tokens = |kind: &'static str, count| {
        metrics::counter!("codex_tokens_total", "kind" => kind).increment(count);
    };
    tokens("input", grown(|usage| usage.input_tokens));
    tokens("cached_input", grown(|usage| usage.cached_input_tokens));
    tokens("output", grown(|usage| usage.output_tokens));
    tokens("reasoning", grown(|usage| usage.reasoning_tokens));
    let cost = grown(|usage| usage.cost_micro_usd.unwrap_or(0));
    metrics::counter!("codex_cost_micro_usd_total").increment(cost);
}

/// Keeps what the agent's program needs to go on later; the newest replaces all before it.
///
/// # Errors
///
/// `StaleTurn`, `TooLarge`, or `Invalid` if the digest does not fit the bytes.
pub async fn put_snapshot(
    orchestrator: &Orchestrator,
    actor: &Actor,
    snapshot: &Snapshot,
) -> Result<SnapshotId> {
    use sha2::{Digest, Sha256};
    if snapshot.data.len() > MAX_SNAPSHOT_BYTES {
        return Err(Error::TooLarge(format!(
            "a snapshot may have at most {MAX_SNAPSHOT_BYTES} bytes"
        )));
    }
    if hex::encode(Sha256::digest(&snapshot.data)) != snapshot.sha256 {
        return Err(Error::Invalid(
            "sha256 does not fit data: the snapshot was damaged on its way".into(),
        ));
    }
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.put_snapshot").await?;
    let run = require_live_turn(&mut tx, caller).await?;
    let id = store::record::insert_snapshot(&mut tx, run.run_id, run.turn, snapshot).await?;
    note(
        &mut tx,
        run.run_id,
        "snapshot_stored",
        actor,
        json!({ "bytes": snapshot.data.len() }),
    )
    .await?;
    tx.commit().await?;
    Ok(id)
}

/// The newest snapshot of the run, of whichever turn; of a revise that has none yet, of the run it continues.
///
/// # Errors
///
/// `StaleTurn`, or `NotFound` if there is none.
pub async fn snapshot(orchestrator: &Orchestrator, actor: &Actor) -> Result<Snapshot> {
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.snapshot").await?;
    let run = require_live_turn(&mut tx, caller).await?;
    let found = store::record::session(&mut tx, run.run_id).await?;
    tx.commit().await?;
    found.ok_or_else(|| Error::not_found("snapshot of run", run.run_id))
}

/// Takes a word of the agent about its progress: one line of the timeline. With an idempotency key a repeat adds none.
///
/// # Errors
///
/// `StaleTurn`, `Invalid`, or `Capacity` after [`MAX_STATUS_REPORTS`].
pub async fn report_status(
    orchestrator: &Orchestrator,
    actor: &Actor,
    text: &str,
    key: Option<Key>,
) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::Invalid("text must say something".into()));
    }
    let caller = runner(actor)?;
    let mut tx = orchestrator.begin("run.report_status").await?;
    let run = require_live_turn(&mut tx, caller).await?;
    if idempotency::recall::<()>(&mut tx, actor, key.as_ref())
        .await?
        .is_some()
    {
        return Ok(());
    }
    if store::count_events(&mut tx, run.run_id, "status_reported").await? >= MAX_STATUS_REPORTS {
        return Err(Error::Capacity(format!(
            "the run has reported {MAX_STATUS_REPORTS} times, the most it may; say the rest in the last message"
        )));
    }
    idempotency::remember(&mut tx, actor, key.as_ref(), &()).await?;
    note(
        &mut tx,
        run.run_id,
        "status_reported",
        actor,
        json!({ "text": bounded(text, 1000) }),
    )
    .await?;
    tx.commit().await
}
