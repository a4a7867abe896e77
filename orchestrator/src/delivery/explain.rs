//! Why did nothing happen? In a sentence, and what to do.

use super::domain::Verdict;
use super::service::{Delivery, authorized};
use crate::actor::Actor;
use crate::error::Result;
use crate::id::DeliveryId;
use crate::orchestrator::Orchestrator;
use crate::project::access::Operation;

/// A delivery that waits longer than this is late.
const LATE_AFTER_SECONDS: i64 = 60;

/// What was made of a delivery, in a person's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub delivery: Delivery,
    pub sentence: String,
    pub next: String,
}

/// Explains what became of a delivery.
///
/// # Errors
///
/// `NotFound` or `Forbidden`.
pub async fn explain(
    orchestrator: &Orchestrator,
    actor: &Actor,
    delivery_id: DeliveryId,
) -> Result<Explanation> {
    let mut tx = orchestrator.look("delivery.explain").await?;
    let delivery = authorized(&mut tx, actor, Operation::DeliveryRead, delivery_id).await?;
    let waited = tx.now().duration_since(delivery.received_at).as_secs();
    let (sentence, next) = words(&delivery, waited);
    Ok(Explanation {
        delivery,
        sentence,
        next,
    })
}

fn words(delivery: &Delivery, waited_seconds: i64) -> (String, String) {
    const NOTHING: &str = "Nothing needs to be done.";
    match &delivery.verdict {
        None => waiting(delivery, waited_seconds),
        Some(Verdict::RunCreated(run_id)) => (
            format!("It started run {run_id}."),
            "Ask run_explain how the run is doing.".into(),
        ),
        Some(Verdict::RunJoined(run_id)) => (
            format!("Run {run_id} was about to begin, and reads it too."),
            "Ask run_explain how the run is doing.".into(),
        ),
        Some(Verdict::RunEnded(run_id)) => (
            match &delivery.detail {
                Some(why) => format!("It ended run {run_id}, because {why}."),
                None => format!("It ended run {run_id}."),
            },
            "Ask run_explain how the run ended.".into(),
        ),
        Some(Verdict::Recorded) => (
            "What it says was noted; no rule of the project starts anything from it.".into(),
            NOTHING.into(),
        ),
        Some(Verdict::Ignored(reason)) => with_detail(delivery, reason.explain()),
        Some(Verdict::Conflict(reason)) => with_detail(delivery, reason.explain()),
        Some(Verdict::Failed(why)) => (
            format!(
                "It could not be worked on, after {} attempts: {why}.",
                delivery.attempts
            ),
            "When the cause is removed, replay it with delivery_replay.".into(),
        ),
    }
}

fn waiting(delivery: &Delivery, waited_seconds: i64) -> (String, String) {
    let tried = match (&delivery.detail, delivery.attempts) {
        (Some(why), attempts) if attempts > 0 => {
            format!(" {attempts} attempts failed, the last one because: {why}.")
        }
        _ => String::new(),
    };
    let sentence = format!("It waits for a worker since {waited_seconds} s.{tried}");
    let next = if waited_seconds > LATE_AFTER_SECONDS && delivery.attempts == 0 {
        "No worker has taken it: check that one is running and reaches the database."
    } else {
        "It is tried again by itself; read it again in some seconds."
    };
    (sentence, next.into())
}

fn with_detail(delivery: &Delivery, words: crate::trigger::Words) -> (String, String) {
    let detail = delivery
        .detail
        .as_ref()
        .map(|detail| format!(" ({detail})"))
        .unwrap_or_default();
    (format!("{}{detail}", words.sentence), words.next.to_owned())
}
