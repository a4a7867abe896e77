//! Loops that compare what we want with what is there. They take no input, may run in every worker at once, and are poked
//! when something changed, so that the common path and the recovery path are one.

mod audit;
mod deliveries;
mod knowledge;
mod memberships;
mod orphans;
mod pods;
mod slots;
mod stats;

use std::time::Duration;

use orchestrator::error::Result;
use orchestrator::identity::{login, oauth, session};
use orchestrator::postgres::listen::Topic;
use orchestrator::{
    Orchestrator, approval, credential, delivery, effect, idempotency, port_call, project, run, workers,
};
use telemetry::Shutdown;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Hands;

/// One round of a loop may take this long; what it leaves is found by the next.
const ROUND: Duration = Duration::from_mins(1);

/// Starts all loops of a worker.
pub(crate) fn start(hands: &Hands, shutdown: &Shutdown, loops: &mut JoinSet<()>) {
    let every = |seconds| Duration::from_secs(seconds);
    let mut start = |name, period, round: Round| {
        loops.spawn(repeat(hands.clone(), shutdown.clone(), name, period, round));
    };
    start("admission", every(1), |hands| Box::pin(admit(hands.orchestrator)));
    start("slots", every(3), |hands| {
        Box::pin(async move { slots::prove(&hands).await })
    });
    start("pods", every(10), |hands| {
        Box::pin(async move { pods::look(&hands).await })
    });
    start("heartbeats", every(5), |hands| {
        Box::pin(async move { run::reap(&hands.orchestrator).await.map(drop) })
    });
    start("steps", every(5), |hands| Box::pin(steps(hands.orchestrator)));
    start("waits", every(5), |hands| {
        Box::pin(async move { approval::expire(&hands.orchestrator).await.map(drop) })
    });
    start("audit", every(2), |hands| {
        Box::pin(async move { audit::seal(&hands).await })
    });
    start("presence", every(10), |hands| {
        Box::pin(
            async move { workers::beat(&hands.orchestrator, &hands.name, env!("CARGO_PKG_VERSION")).await },
        )
    });
    start("purges", every(60), |hands| {
        Box::pin(async move {
            project::purge_due(&hands.orchestrator).await?;
            project::erase_due(&hands.orchestrator).await.map(drop)
        })
    });
    start("orphans", every(30), |hands| {
        Box::pin(async move { orphans::sweep(&hands).await })
    });
    start("missed_deliveries", every(60), |hands| {
        Box::pin(async move { deliveries::fetch_missed(&hands.orchestrator, &*hands.code_host).await })
    });
    start("memberships", every(60), |hands| {
        Box::pin(async move { memberships::recheck(&hands.orchestrator, &*hands.code_host).await })
    });
    start("knowledge", every(60), |hands| {
        Box::pin(async move { knowledge::follow(&hands).await })
    });
    start("recall", every(300), |hands| {
        Box::pin(async move { knowledge::watch(&hands).await })
    });
    start("port_calls", every(60), |hands| {
        Box::pin(async move { port_call::sweep(&hands.orchestrator).await.map(drop) })
    });
    start("retention", every(3600), |hands| {
        Box::pin(async move { run::sweep(&hands.orchestrator).await })
    });
    start("forgetting", every(3600), |hands| {
        Box::pin(forget(hands.orchestrator))
    });
    start("stats", every(15), |hands| {
        Box::pin(async move { stats::tell(&hands).await })
    });
    loops.spawn(pods::poke_on_change(hands.clone(), shutdown.clone()));
}

type Round = fn(Hands) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Runs rounds until the worker ends: each period, or at once when poked by name. A round may be cut off anywhere, as by
/// the death of the worker: what it leaves is found by the next.
async fn repeat(hands: Hands, shutdown: Shutdown, name: &'static str, period: Duration, round: Round) {
    let mut ear = hands.orchestrator.notices().subscribe();
    while !shutdown.has_begun() {
        let began = Instant::now();
        let ended = tokio::select! {
            ended = tokio::time::timeout(ROUND, round(hands.clone())) => ended,
            () = shutdown.begun() => return,
        };
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(reconciler = name, %error, "a round failed; the next tries again");
            }
            Err(_) => tracing::warn!(reconciler = name, "a round took too long; the next goes on"),
        }
        metrics::histogram!("codex_reconcile_seconds", "reconciler" => name).record(began.elapsed());
        tokio::select! {
            () = shutdown.begun() => {}
            _ = ear.changed(Topic::Poke, name, began + period) => {}
        }
    }
}

async fn admit(orchestrator: Orchestrator) -> Result<()> {
    while run::admit_next(&orchestrator).await?.is_some() {}
    Ok(())
}

async fn steps(orchestrator: Orchestrator) -> Result<()> {
    each("runs", run::reconcile(&orchestrator)).await;
    each("effects", effect::reconcile(&orchestrator)).await;
    each("deliveries", delivery::requeue_unprocessed(&orchestrator)).await;
    Ok(())
}

async fn forget(orchestrator: Orchestrator) -> Result<()> {
    each("credentials", credential::sweep(&orchestrator)).await;
    each("oauth", oauth::sweep(&orchestrator)).await;
    each("sessions", session::sweep(&orchestrator)).await;
    each("reseal", credential::secret::reseal(&orchestrator)).await;
    each("logins", login::sweep(&orchestrator)).await;
    each("delivery_bodies", delivery::sweep_bodies(&orchestrator)).await;
    each("vectors", orchestrator::knowledge::sweep(&orchestrator)).await;
    each("idempotency_keys", idempotency::sweep(&orchestrator)).await;
    Ok(())
}

/// One part of a round: what stops it does not stop the others.
async fn each<T>(part: &'static str, work: impl Future<Output = Result<T>>) {
    if let Err(error) = work.await {
        tracing::warn!(part, %error, "a part of a round failed; the next tries again");
    }
}

#[cfg(test)]
mod tests;
