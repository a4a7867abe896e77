//! Indexes follow their repositories, and vectors the model that is wanted, whatever jobs were lost.

use orchestrator::error::Result;
use orchestrator::knowledge;
use orchestrator::ports::Embedder;

use crate::Hands;

/// Sources asked for in one round; the next one goes on.
const SOURCES: i64 = 50;
/// Questions asked again in one round: each is searched for exactly, too, which reads every vector of a project.
const QUESTIONS: i64 = 20;
/// Below this share of right answers an index wants a person.
const RECALL: f64 = 0.95;

pub(super) async fn follow(hands: &Hands) -> Result<()> {
    let wanted = hands.embedder.as_deref().map(Embedder::model);
    knowledge::agree_on(&hands.orchestrator, wanted).await?;
    let due = knowledge::due(&hands.orchestrator, SOURCES).await?;
    if due > 0 {
        tracing::info!(sources = due, "indexes that wait are asked for");
    }
    Ok(())
}

/// Compares what questions that were really asked are answered with what is right.
pub(super) async fn watch(hands: &Hands) -> Result<()> {
    let recall = knowledge::recall(&hands.orchestrator, QUESTIONS).await?;
    // What was not asked is not known: the gauge keeps what was seen last.
    let Some(share) = recall.share() else {
        return Ok(());
    };
    metrics::gauge!("codex_search_recall").set(share);
    if share < RECALL {
        let (questions, right, found) = (recall.questions, recall.right, recall.found);
        tracing::warn!(
            share,
            questions,
            right,
            found,
            "search misses what it should find"
        );
    }
    Ok(())
}
