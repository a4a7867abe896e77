//! Gauges of what there is now: every worker says the same, so any one of them will do.

use orchestrator::error::Result;
use orchestrator::run::domain::LIVE_STATES;
use orchestrator::stats::{self, Counted};

use crate::Hands;

const SLOT_STATES: [&str; 5] = ["free", "leased", "held", "draining", "quarantined"];
const EFFECT_STATES: [&str; 2] = ["ready", "applying"];

pub(super) async fn tell(hands: &Hands) -> Result<()> {
    let stats = stats::read(&hands.orchestrator).await?;
    gauge("codex_runs", &LIVE_STATES, &stats.runs);
    gauge("codex_slots", &SLOT_STATES, &stats.slots);
    gauge("codex_effects_open", &EFFECT_STATES, &stats.effects);
    metrics::gauge!("codex_waits_open").set(as_gauge(stats.open_waits));
    metrics::gauge!("codex_audit_unsealed").set(as_gauge(stats.unsealed_audit_entries));
    metrics::gauge!("codex_deliveries_unprocessed").set(as_gauge(stats.unprocessed_deliveries));
    metrics::gauge!("codex_longest_queued_seconds").set(as_gauge(stats.longest_queued_seconds));
    Ok(())
}

/// A state that nothing is in is said too: a gauge that is not set keeps its last value.
fn gauge(name: &'static str, states: &[&'static str], counted: &[Counted]) {
    for state in states {
        let count = counted
            .iter()
            .find(|it| it.state == *state)
            .map_or(0, |it| it.count);
        metrics::gauge!(name, "state" => *state).set(as_gauge(count));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count above 2^52 would be wrong in other ways"
)]
fn as_gauge(count: i64) -> f64 {
    count as f64
}
