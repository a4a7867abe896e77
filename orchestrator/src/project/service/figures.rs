//! What a project's runs of the last days came to.

use jiff::SignedDuration;

use crate::actor::Actor;
use crate::error::Result;
use crate::id::ProjectId;
use crate::orchestrator::Orchestrator;
use crate::project::access::{self, Operation};
use crate::project::store;

/// Days that figures may be about.
pub const MAX_FIGURE_DAYS: i64 = 90;

/// Figures of the runs that were asked for within some days.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub days: i64,
    /// How many runs are in each state, the most first.
    pub runs: Vec<(String, i64)>,
    /// Of the runs that ended by themselves: succeeded among succeeded, failed and timed out.
    pub success_rate: Option<f64>,
    /// From the wish to the proven pull request.
    pub median_seconds_to_pull_request: Option<f64>,
    /// From the wish to the first slot.
    pub median_queue_seconds: Option<f64>,
    /// As far as models have a price.
    pub cost_micro_usd: i64,
}

/// The figures of a project.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn figures(
    orchestrator: &Orchestrator,
    actor: &Actor,
    project_id: ProjectId,
    days: i64,
) -> Result<Figures> {
    let mut tx = orchestrator.look("project.figures").await?;
    let project = super::get(&mut tx, project_id).await?;
    access::require(&mut tx, actor, Operation::StatsRead, &project.target()).await?;
    let days = days.clamp(1, MAX_FIGURE_DAYS);
    let since = tx.now() - SignedDuration::from_hours(24 * days);
    let runs = store::runs_by_state(&mut tx, project_id, since).await?;
    let measured = store::measured(&mut tx, project_id, since).await?;
    Ok(Figures {
        days,
        success_rate: success_rate(&runs),
        runs,
        median_seconds_to_pull_request: measured.seconds_to_pull_request,
        median_queue_seconds: measured.queue_seconds,
        cost_micro_usd: measured.cost_micro_usd,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count above 2^52 would be wrong in other ways"
)]
fn success_rate(runs: &[(String, i64)]) -> Option<f64> {
    let count = |states: &[&str]| -> i64 {
        let of = runs.iter().filter(|(state, _)| states.contains(&state.as_str()));
        of.map(|(_, count)| count).sum()
    };
    let ended = count(&["succeeded", "failed", "timed_out"]);
    (ended > 0).then(|| count(&["succeeded"]) as f64 / ended as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_cancelled_is_no_failure() {
        let runs = |counts: &[(&str, i64)]| -> Vec<(String, i64)> {
            counts
                .iter()
                .map(|(state, count)| ((*state).to_owned(), *count))
                .collect()
        };
        assert_eq!(success_rate(&runs(&[("cancelled", 9), ("running", 1)])), None);
        let mixed = runs(&[("succeeded", 3), ("failed", 1), ("cancelled", 9)]);
        assert_eq!(success_rate(&mixed), Some(0.75));
    }
}
