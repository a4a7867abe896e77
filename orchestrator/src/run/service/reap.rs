//! What ends runs that nobody ends: silence, time, a lost pod. And what keeps lost jobs from stranding a run.

use jiff::{SignedDuration, ToSpan};
use jiff_sqlx::ToSqlx;
use serde_json::{Value, json};

use super::{failure_detail, lock, note, take};
use crate::actor::Actor;
use crate::error::Result;
use crate::id::RunId;
use crate::orchestrator::Orchestrator;
use crate::ports::cluster::RunnerKey;
use crate::postgres::listen::Topic;
use crate::postgres::{SWEEP_BATCHES, SWEEP_ROWS, Tx};
use crate::receiver;
use crate::run::aggregate::Run;
use crate::run::domain::{Failure, FailureReason, RunEvent, RunState, failure_of_ended_pod};
use crate::run::jobs::{Finalise, StartRunner};
use crate::run::status::status_comment;
use crate::run::store;
use crate::slot::Lease;

/// An admitted turn's pod must be wanted within this time.
const ADMITTED_TIMEOUT: SignedDuration = SignedDuration::from_hours(1);
/// A runner must speak within this time after its pod was wanted.
const START_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);
/// A runner silent for this long is lost.
const HEARTBEAT_TIMEOUT: SignedDuration = SignedDuration::from_mins(2);
/// A step that has no live job after this long is asked for again.
const STEP_TIMEOUT: SignedDuration = SignedDuration::from_secs(20);
/// Logs and snapshots of runs that are over are kept this long.
const KEPT_DAYS: i64 = 30;

/// Takes the cluster's word that a turn's pod ended. Of a turn that is over it changes nothing.
pub async fn pod_ended(
    orchestrator: &Orchestrator,
    key: &RunnerKey,
    message: Option<&str>,
    oom: bool,
) -> Result<()> {
    let mut tx = orchestrator.begin("run.pod_ended").await?;
    let mut run = lock(&mut tx, key.run_id).await?;
    if (run.turn, run.fence) != (key.turn, key.fence) {
        return Ok(());
    }
    if run.state.slot().is_none() {
        return if oom {
            explain_lost_agent(tx, run).await
        } else {
            Ok(())
        };
    }
    let failure = failure_of_ended_pod(message, oom);
    take(
        &mut tx,
        &mut run,
        RunEvent::Failed(failure),
        &Actor::System("pod_watcher"),
        json!({}),
    )
    .await?;
    tx.commit().await
}

/// Takes the cluster's word that a turn's agent ran out of memory, while its supervisor still saves the work. The
/// supervisor sees only that it is gone: whichever of the two speaks first, the reason is the cluster's.
pub async fn agent_out_of_memory(orchestrator: &Orchestrator, key: &RunnerKey) -> Result<()> {
    let mut tx = orchestrator.begin("run.agent_out_of_memory").await?;
    let run = lock(&mut tx, key.run_id).await?;
    if (run.turn, run.fence) != (key.turn, key.fence) {
        return Ok(());
    }
    if !run.state.hears_runner() {
        return explain_lost_agent(tx, run).await;
    }
    store::turn::set_agent_oom(&mut tx, run.run_id, run.turn).await?;
    tx.commit().await
}

/// Gives a turn that failed because its agent vanished the reason that the cluster knows.
async fn explain_lost_agent(mut tx: Tx, mut run: Run) -> Result<()> {
    let RunState::Failed(failure) = &run.state else {
        return Ok(());
    };
    let Some(known) = failure.of_lost_agent_out_of_memory() else {
        return Ok(());
    };
    let detail = Value::Object(failure_detail(&known));
    run.state = RunState::Failed(known);
    store::save(&mut tx, &run).await?;
    note(
        &mut tx,
        run.run_id,
        "failure_explained",
        &Actor::System("pod_watcher"),
        detail,
    )
    .await?;
    if let (Some(number), Some(body)) = (run.number, status_comment(&run)) {
        crate::effect::stage_status_comment(&mut tx, &run, number, body).await?;
    }
    tx.commit().await
}

/// Notes what a turn's pod waits for, once for each new reason.
pub async fn pod_waits(orchestrator: &Orchestrator, key: &RunnerKey, why: &str) -> Result<()> {
    let mut tx = orchestrator.begin("run.pod_waits").await?;
    let run = lock(&mut tx, key.run_id).await?;
    let current =
        (run.turn, run.fence) == (key.turn, key.fence) && matches!(run.state, RunState::Starting { .. });
    let detail = json!({ "why": why });
    if current
        && store::record::newest_detail(&mut tx, key.run_id, "pod_waits").await? != Some(detail.clone())
    {
        note(
            &mut tx,
            key.run_id,
            "pod_waits",
            &Actor::System("pod_watcher"),
            detail,
        )
        .await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Takes the proof that nothing of a turn is left in the cluster: frees its slot if that drains, lets a cancelled run
/// end, and lets the next turn be admitted. Taking it twice changes nothing.
pub async fn pod_proven_gone(orchestrator: &Orchestrator, lease: Lease) -> Result<()> {
    let mut tx = orchestrator.begin("run.pod_proven_gone").await?;
    let mut run = lock(&mut tx, lease.run_id).await?;
    let same_turn = (run.turn, run.fence) == (lease.turn, lease.fence);
    if same_turn && run.state.slot().is_some() {
        // The turn is live: its pod is only not there yet, or not any more, which the watcher says.
        return Ok(());
    }
    store::turn::set_pod_gone(&mut tx, lease.run_id, lease.turn).await?;
    crate::slot::free_on_proof(&mut tx, lease).await?;
    if run.state == RunState::Cancelling && store::turn::all_pods_gone(&mut tx, lease.run_id).await? {
        take(
            &mut tx,
            &mut run,
            RunEvent::PodGone,
            &Actor::System("slot_reaper"),
            json!({}),
        )
        .await?;
    }
    tx.notify(Topic::Poke, "admission").await?;
    tx.commit().await
}

/// Ends runs that started too slowly, fell silent, or used up their active time; answers how many.
pub async fn reap(orchestrator: &Orchestrator) -> Result<usize> {
    let mut ended = 0;
    for run_id in overdue(orchestrator).await? {
        match reap_one(orchestrator, run_id).await {
            Ok(over) => ended += usize::from(over),
            // One that cannot be ended must not keep the others alive.
            Err(error) => tracing::warn!(%run_id, %error, "an overdue run could not be ended"),
        }
    }
    Ok(ended)
}

async fn reap_one(orchestrator: &Orchestrator, run_id: RunId) -> Result<bool> {
    let mut tx = orchestrator.begin("run.reap").await?;
    let over = end_overdue(&mut tx, run_id).await?;
    if over {
        tx.commit().await?;
    }
    Ok(over)
}

/// Runs that may be overdue; each is looked at again under its lock.
async fn overdue(orchestrator: &Orchestrator) -> Result<Vec<RunId>> {
    let mut tx = orchestrator.begin("run.overdue").await?;
    let now = tx.moment();
    let started_before = (tx.now() - START_TIMEOUT).to_sqlx();
    let heard_before = (tx.now() - HEARTBEAT_TIMEOUT).to_sqlx();
    let admitted_before = (tx.now() - ADMITTED_TIMEOUT).to_sqlx();
    let ids = sqlx::query_scalar!(
        "SELECT run_id FROM runs
         WHERE (state = 'starting' AND state_since < $1)
            OR (state = 'admitted' AND state_since < $4)
            OR (state = 'running' AND (last_heartbeat_at < $2
                OR active_seconds + extract(epoch FROM $3::timestamptz - running_since) >= active_seconds_limit))
         ORDER BY run_id LIMIT 100",
        started_before,
        heard_before,
        now,
        admitted_before,
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(ids)
}

async fn end_overdue(tx: &mut Tx, run_id: RunId) -> Result<bool> {
    let mut run = lock(tx, run_id).await?;
    let now = tx.now();
    let hearing_since = receiver::hearing_since(tx).await?;
    // Time in which the platform itself could not receive does not count.
    let silent_since = |last| hearing_since.map(|since| if since > last { since } else { last });
    let too_long =
        |since: Option<jiff::Timestamp>, limit| since.is_some_and(|s| now.duration_since(s) >= limit);
    let event = match run.state {
        RunState::Running { .. } if run.active_seconds_at(now) >= run.active_seconds_limit => {
            RunEvent::ActiveTimeSpent
        }
        RunState::Running { since, .. }
            if too_long(
                silent_since(run.last_heartbeat_at.unwrap_or(since)),
                HEARTBEAT_TIMEOUT,
            ) =>
        {
            RunEvent::Failed(
                Failure::new(FailureReason::PodLost, "no_heartbeat")
                    .with_detail("the runner said nothing for two minutes"),
            )
        }
        RunState::Admitted { .. } if too_long(silent_since(run.state_since), ADMITTED_TIMEOUT) => {
            RunEvent::Failed(
                Failure::new(FailureReason::StartTimeout, "not_started")
                    .with_detail("its pod could not be asked for within an hour"),
            )
        }
        RunState::Starting { .. } if too_long(silent_since(run.state_since), START_TIMEOUT) => {
            RunEvent::Failed(
                Failure::new(FailureReason::StartTimeout, "no_heartbeat")
                    .with_detail("the runner did not speak within ten minutes"),
            )
        }
        _ => return Ok(false),
    };
    take(tx, &mut run, event, &Actor::System("heartbeat_reaper"), json!({})).await?;
    Ok(true)
}

/// Asks again for steps whose job may be lost: starting an admitted turn, proving a finishing one. A job that is alive
/// makes the second ask nothing. Answers how many were asked.
pub async fn reconcile(orchestrator: &Orchestrator) -> Result<usize> {
    let mut tx = orchestrator.begin("run.reconcile").await?;
    let before = (tx.now() - STEP_TIMEOUT).to_sqlx();
    let stuck = sqlx::query!(
        "SELECT run_id, turn, fence, state, traceparent FROM runs
         WHERE state IN ('admitted', 'starting', 'finishing') AND state_since < $1
         ORDER BY run_id LIMIT 200",
        before,
    )
    .fetch_all(&mut *tx)
    .await?;
    drop(tx);
    for row in &stuck {
        // One transaction each: asking locks the live job's row, and many at once cross those of the queue itself.
        let mut tx = orchestrator.begin("run.reconcile").await?;
        tx.follow(&row.traceparent);
        if row.state == "finishing" {
            tx.enqueue(Finalise { run_id: row.run_id }).await?;
        } else {
            tx.enqueue(StartRunner {
                run_id: row.run_id,
                turn: row.turn,
                fence: row.fence,
            })
            .await?;
        }
        tx.commit().await?;
    }
    Ok(stuck.len())
}

/// Forgets logs and snapshots of runs long over.
pub async fn sweep(orchestrator: &Orchestrator) -> Result<()> {
    for _ in 0..SWEEP_BATCHES {
        let mut tx = orchestrator.begin("run.sweep").await?;
        let before = (tx.now() - (KEPT_DAYS * 24).hours()).to_sqlx();
        let logs = store::record::delete_old_logs(&mut tx, before, SWEEP_ROWS).await?;
        let snapshots = store::record::delete_old_snapshots(&mut tx, before, SWEEP_ROWS).await?;
        tx.commit().await?;
        if logs + snapshots == 0 {
            break;
        }
    }
    Ok(())
}
