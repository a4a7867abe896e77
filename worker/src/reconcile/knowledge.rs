//! Indexes follow their repositories, and vectors the model that is wanted, whatever jobs were lost.

use orchestrator::error::Result;
use orchestrator::knowledge;
use orchestrator::ports::Embedder;

use crate::Hands;

/// Sources asked for in one round; the next one goes on.
const SOURCES: i64 = 50;

pub(super) async fn follow(hands: &Hands) -> Result<()> {
    let wanted = hands.embedder.as_deref().map(Embedder::model);
    knowledge::agree_on(&hands.orchestrator, wanted).await?;
    let due = knowledge::due(&hands.orchestrator, SOURCES).await?;
    if due > 0 {
        tracing::info!(sources = due, "indexes that wait are asked for");
    }
    Ok(())
}
