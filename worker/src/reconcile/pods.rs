//! What the cluster says about runners.

use std::time::Duration;

use orchestrator::error::{Error, Result};
use orchestrator::ports::cluster::RunnerPhase;
use orchestrator::run;
use telemetry::Shutdown;

use crate::Hands;

/// After a lost watch, and between two looks that a watch asks for.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks at all runners and tells the runs of those that ended or wait for something.
pub(super) async fn look(hands: &Hands) -> Result<()> {
    let runners = hands
        .cluster
        .list_runners()
        .await
        .map_err(|error| Error::Unavailable(error.to_string()))?;
    for runner in runners {
        let told = match &runner.phase {
            RunnerPhase::Running
            | RunnerPhase::AgentEnded { oom: false }
            | RunnerPhase::Pending { waits_for: None } => continue,
            RunnerPhase::AgentEnded { oom: true } => {
                run::agent_out_of_memory(&hands.orchestrator, &runner.key).await
            }
            RunnerPhase::Pending { waits_for: Some(why) } => {
                run::pod_waits(&hands.orchestrator, &runner.key, why).await
            }
            RunnerPhase::Ended { message, oom, .. } => {
                run::pod_ended(&hands.orchestrator, &runner.key, message.as_deref(), *oom).await
            }
            RunnerPhase::Lost => run::pod_ended(&hands.orchestrator, &runner.key, None, false).await,
        };
        match told {
            // A runner of a run this database does not know is the orphan sweep's.
            Ok(()) | Err(Error::NotFound { .. }) => {}
            // The others are looked at all the same.
            Err(error) => {
                tracing::warn!(run_id = %runner.key.run_id, %error, "a runner's state was not taken");
            }
        }
    }
    Ok(())
}

/// Looks at once whenever the cluster says that a runner changed.
pub(super) async fn poke_on_change(hands: Hands, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        tokio::select! {
            () = shutdown.begun() => {}
            changed = hands.cluster.runners_changed() => {
                let looked = match changed {
                    Ok(()) => look(&hands).await,
                    Err(error) => Err(Error::Unavailable(error.to_string())),
                };
                if let Err(error) = looked {
                    tracing::debug!(%error, "the watch of runners failed; the next look comes by time");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
