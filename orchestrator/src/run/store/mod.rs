//! The SQL of runs.

pub(super) mod admission;
pub(super) mod erase;
pub(super) mod limit;
pub(super) mod list;
pub(super) mod narrowing;
pub(super) mod record;
pub(super) mod task;
pub(super) mod turn;

use jiff_sqlx::ToSqlx;
use serde_json::Value;

use super::aggregate::Run;
use super::domain::{Failure, FailureReason, RunState};
use super::kind::RunKind;
use crate::error::{Error, Result};
use crate::id::{AgentProfileId, DeliveryId, PersonId, ProjectId, RepositoryId, RunId, SlotId};
use crate::postgres::{Moment, Tx, unknown_word};

struct Row {
    run_id: RunId,
    project_id: ProjectId,
    repository_id: RepositoryId,
    number: Option<i64>,
    title: Option<String>,
    stage: String,
    kind: String,
    continues: Option<RunId>,
    not_before: Option<Moment>,
    agent_profile_id: AgentProfileId,
    instruction: Option<String>,
    model: Option<String>,
    effort: Option<String>,
    state: String,
    reason: Option<String>,
    sub_reason: Option<String>,
    detail: Option<String>,
    turn: i32,
    fence: i64,
    slot_id: Option<SlotId>,
    source_key: Option<String>,
    delivery_id: Option<DeliveryId>,
    retry_of: Option<RunId>,
    cause_depth: i32,
    started_by: Option<PersonId>,
    issue_text_sha256: Option<String>,
    branch: String,
    base_sha: Option<String>,
    head_sha: Option<String>,
    pull_request_number: Option<i64>,
    pull_request_url: Option<String>,
    last_message: Option<String>,
    active_seconds: i64,
    active_seconds_limit: i64,
    cost_limit_micro_usd: Option<i64>,
    queued_at: Moment,
    state_since: Moment,
    running_since: Option<Moment>,
    last_heartbeat_at: Option<Moment>,
    finished_at: Option<Moment>,
    created_at: Moment,
    traceparent: String,
}

impl Row {
    /// The one place where columns become a state.
    fn state(&self) -> Result<RunState> {
        Ok(match (self.state.as_str(), self.slot_id, self.running_since) {
            ("queued", ..) => RunState::Queued,
            ("admitted", Some(slot), _) => RunState::Admitted { slot },
            ("starting", Some(slot), _) => RunState::Starting { slot },
            ("running", Some(slot), Some(since)) => RunState::Running {
                slot,
                since: since.to_jiff(),
            },
            ("waiting", ..) => RunState::Waiting,
            ("finishing", ..) => RunState::Finishing,
            ("cancelling", ..) => RunState::Cancelling,
            ("succeeded", ..) => RunState::Succeeded,
            ("failed", ..) => RunState::Failed(self.failure()?),
            ("timed_out", ..) => RunState::TimedOut,
            ("cancelled", ..) => RunState::Cancelled,
            (word, ..) => return Err(unknown_word("runs.state", word)),
        })
    }

    fn failure(&self) -> Result<Failure> {
        let word = self.reason.as_deref().unwrap_or_default();
        let reason = FailureReason::parse(word).ok_or_else(|| unknown_word("runs.reason", word))?;
        Ok(Failure {
            reason,
            sub_reason: self.sub_reason.clone(),
            detail: self.detail.clone(),
        })
    }
}

impl TryFrom<Row> for Run {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            state: row.state()?,
            run_id: row.run_id,
            project_id: row.project_id,
            repository_id: row.repository_id,
            number: row.number,
            title: row.title,
            kind: RunKind::parse(&row.kind).ok_or_else(|| unknown_word("runs.kind", &row.kind))?,
            continues: row.continues,
            not_before: row.not_before.map(Moment::to_jiff),
            stage: row.stage,
            agent_profile_id: row.agent_profile_id,
            instruction: row.instruction,
            model: row.model,
            effort: row.effort,
            turn: row.turn,
            fence: row.fence,
            source_key: row.source_key,
            delivery_id: row.delivery_id,
            retry_of: row.retry_of,
            cause_depth: row.cause_depth,
            started_by: row.started_by,
            issue_text_sha256: row.issue_text_sha256,
            branch: row.branch,
            base_sha: row.base_sha,
            head_sha: row.head_sha,
            pull_request_number: row.pull_request_number,
            pull_request_url: row.pull_request_url,
            last_message: row.last_message,
            active_seconds: row.active_seconds,
            active_seconds_limit: row.active_seconds_limit,
            cost_limit_micro_usd: row.cost_limit_micro_usd,
            queued_at: row.queued_at.to_jiff(),
            state_since: row.state_since.to_jiff(),
            last_heartbeat_at: row.last_heartbeat_at.map(Moment::to_jiff),
            finished_at: row.finished_at.map(Moment::to_jiff),
            created_at: row.created_at.to_jiff(),
            traceparent: row.traceparent,
        })
    }
}

/// Reads whole runs: `select!("WHERE …", args…)`.
macro_rules! select {
    ($rest:literal $(, $arg:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT run_id, project_id, repository_id, number, title, stage, kind, continues, not_before, agent_profile_id, instruction,
                 model, effort, state, reason, sub_reason, detail, turn, fence, slot_id, source_key, delivery_id, retry_of,
                 cause_depth, started_by, issue_text_sha256, branch, base_sha, head_sha, pull_request_number,
                 pull_request_url, last_message, active_seconds, active_seconds_limit, cost_limit_micro_usd,
                 queued_at, state_since, running_since, last_heartbeat_at, finished_at, created_at, traceparent
             FROM runs " + $rest
            $(, $arg)*
        )
    };
}
use select;

fn not_found(run_id: RunId) -> Error {
    Error::not_found("run", run_id)
}

pub(super) async fn find(tx: &mut Tx, run_id: RunId) -> Result<Option<Run>> {
    let row = select!("WHERE run_id = $1", run_id as RunId)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Run::try_from).transpose()
}

pub(super) async fn get(tx: &mut Tx, run_id: RunId) -> Result<Run> {
    find(tx, run_id).await?.ok_or_else(|| not_found(run_id))
}

/// Locks the run until the transaction ends, so that its next state is decided once.
pub(super) async fn get_for_update(tx: &mut Tx, run_id: RunId) -> Result<Run> {
    let row = select!("WHERE run_id = $1 FOR UPDATE", run_id as RunId)
        .fetch_optional(&mut **tx)
        .await?;
    row.map(Run::try_from)
        .transpose()?
        .ok_or_else(|| not_found(run_id))
}

pub(super) async fn find_by_source_key(tx: &mut Tx, source_key: &str) -> Result<Option<RunId>> {
    let found = sqlx::query_scalar!("SELECT run_id FROM runs WHERE source_key = $1", source_key)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(found)
}

/// The live run of a work item, locked.
pub(super) async fn find_live(tx: &mut Tx, repository_id: RepositoryId, number: i64) -> Result<Option<Run>> {
    let row = select!(
        "WHERE repository_id = $1 AND number = $2 AND state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled')
         FOR UPDATE",
        repository_id as RepositoryId,
        number,
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(Run::try_from).transpose()
}

/// The newest ended run of each stage on a branch that left something to go on with, newest first.
pub(super) async fn continuable(tx: &mut Tx, repository_id: RepositoryId, branch: &str) -> Result<Vec<Run>> {
    let rows = select!(
        "WHERE run_id IN (
             SELECT DISTINCT ON (p.stage) p.run_id FROM runs p
             WHERE p.repository_id = $1 AND p.branch = $2 AND p.kind <> 'review'
               AND p.state IN ('succeeded', 'failed', 'timed_out', 'cancelled')
               AND (p.head_sha IS NOT NULL OR EXISTS (SELECT FROM run_snapshots s WHERE s.run_id = p.run_id))
             ORDER BY p.stage, p.run_id DESC)
         ORDER BY run_id DESC",
        repository_id as RepositoryId,
        branch,
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.into_iter().map(Run::try_from).collect()
}

/// Live runs that a person started.
pub(super) async fn live_started_by(tx: &mut Tx, person_id: PersonId) -> Result<Vec<RunId>> {
    let ids = sqlx::query_scalar!(
        "SELECT run_id FROM runs
         WHERE started_by = $1 AND state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled') ORDER BY run_id",
        person_id as PersonId,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

pub(super) async fn live_of_project(tx: &mut Tx, project_id: ProjectId) -> Result<Vec<RunId>> {
    let ids = sqlx::query_scalar!(
        "SELECT run_id FROM runs
         WHERE project_id = $1 AND state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled') ORDER BY run_id",
        project_id as ProjectId,
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(ids)
}

pub(super) async fn insert(tx: &mut Tx, run: &Run) -> Result<()> {
    sqlx::query!(
        "INSERT INTO runs (run_id, project_id, repository_id, number, stage, agent_profile_id, instruction, model,
             effort, state, source_key, delivery_id, retry_of, cause_depth, started_by, issue_text_sha256, branch,
             base_sha, active_seconds_limit, queued_at, state_since, created_at, traceparent, kind, continues,
             not_before, pull_request_number, pull_request_url, cost_limit_micro_usd, title)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
             $23, $24, $25, $26, $27, $28, $29, $30)",
        run.run_id as RunId,
        run.project_id as ProjectId,
        run.repository_id as RepositoryId,
        run.number,
        run.stage,
        run.agent_profile_id as AgentProfileId,
        run.instruction,
        run.model,
        run.effort,
        run.state.as_str(),
        run.source_key,
        run.delivery_id as Option<DeliveryId>,
        run.retry_of as Option<RunId>,
        run.cause_depth,
        run.started_by as Option<PersonId>,
        run.issue_text_sha256,
        run.branch,
        run.base_sha,
        run.active_seconds_limit,
        run.queued_at.to_sqlx(),
        run.state_since.to_sqlx(),
        run.created_at.to_sqlx(),
        run.traceparent,
        run.kind.as_str(),
        run.continues as Option<RunId>,
        run.not_before.map(ToSqlx::to_sqlx),
        run.pull_request_number,
        run.pull_request_url,
        run.cost_limit_micro_usd,
        run.title,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what events change.
pub(super) async fn save(tx: &mut Tx, run: &Run) -> Result<()> {
    let failure = match &run.state {
        RunState::Failed(failure) => Some(failure),
        _ => None,
    };
    sqlx::query!(
        "UPDATE runs SET state = $2, reason = $3, sub_reason = $4, detail = $5, turn = $6, fence = $7, slot_id = $8,
             base_sha = $9, head_sha = $10, pull_request_number = $11, pull_request_url = $12, last_message = $13,
             active_seconds = $14, queued_at = $15, state_since = $16, running_since = $17, last_heartbeat_at = $18,
             finished_at = $19, issue_text_sha256 = $20
         WHERE run_id = $1",
        run.run_id as RunId,
        run.state.as_str(),
        failure.map(|failure| failure.reason.as_str()),
        failure.and_then(|failure| failure.sub_reason.as_deref()),
        failure.and_then(|failure| failure.detail.as_deref()),
        run.turn,
        run.fence,
        run.state.slot() as Option<SlotId>,
        run.base_sha,
        run.head_sha,
        run.pull_request_number,
        run.pull_request_url,
        run.last_message,
        run.active_seconds,
        run.queued_at.to_sqlx(),
        run.state_since.to_sqlx(),
        run.running_since().map(ToSqlx::to_sqlx),
        run.last_heartbeat_at.map(ToSqlx::to_sqlx),
        run.finished_at.map(ToSqlx::to_sqlx),
        run.issue_text_sha256,
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Appends an event under the run's next number, taken from its row in this transaction: no gaps, no two alike.
pub(super) async fn append_event(
    tx: &mut Tx,
    run_id: RunId,
    kind: &str,
    actor: &str,
    detail: &Value,
) -> Result<i64> {
    let now = tx.moment();
    let seq = sqlx::query_scalar!(
        "WITH next AS (UPDATE runs SET event_seq = event_seq + 1 WHERE run_id = $1 RETURNING event_seq, turn)
         INSERT INTO run_events (run_id, seq, turn, kind, detail, actor, at)
         SELECT $1, event_seq, turn, $2, $3, $4, $5 FROM next RETURNING seq",
        run_id as RunId,
        kind,
        detail,
        actor,
        now,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(seq)
}

/// How many events of a kind a run has.
pub(super) async fn count_events(tx: &mut Tx, run_id: RunId, kind: &str) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM run_events WHERE run_id = $1 AND kind = $2"#,
        run_id as RunId,
        kind,
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

/// What was given to the agent.
pub(super) async fn set_prompt(tx: &mut Tx, run_id: RunId, prompt: &str, digest: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE runs SET prompt = $2, prompt_digest = $3 WHERE run_id = $1",
        run_id as RunId,
        prompt,
        digest
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The prompt and its digest, once it was rendered.
pub(super) async fn prompt(tx: &mut Tx, run_id: RunId) -> Result<Option<(String, String)>> {
    let row = sqlx::query!(
        "SELECT prompt, prompt_digest FROM runs WHERE run_id = $1",
        run_id as RunId
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row.and_then(|row| Some((row.prompt?, row.prompt_digest?))))
}
