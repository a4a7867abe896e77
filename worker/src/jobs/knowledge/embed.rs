//! Vectors for passages, a batch at a time; each is kept before the next is made.

use orchestrator::error::Result;
use orchestrator::knowledge;
use orchestrator::queue::Done;

use super::{GO_ON, Slice, of_embedder};
use crate::Hands;

/// Passages read from the database at once.
const READ: i64 = 64;
/// Passages shown to the embedder at once: a processor without much to give reads so many in a few seconds.
const SHOWN: usize = 16;

impl Hands {
    /// Makes the vectors that a model lacks. Another's are left to a worker that has it: while the model changes, old ones
    /// know how to make no new vectors, and need none.
    pub(super) async fn embed(&self, model_id: i16) -> Result<Done> {
        let Some(embedder) = &self.embedder else {
            return Ok(Done::Done);
        };
        let models = knowledge::models_at_work(&self.orchestrator).await?;
        let ours = models.iter().find(|model| model.model_id == model_id);
        if ours.is_none_or(|model| model.pinned != *embedder.model()) {
            return Ok(Done::Done);
        }
        let slice = Slice::begin();
        loop {
            let batch = knowledge::unembedded(&self.orchestrator, model_id, READ).await?;
            if batch.is_empty() {
                return Ok(Done::Done);
            }
            for passages in batch.chunks(SHOWN) {
                if slice.is_over() {
                    return Ok(GO_ON);
                }
                let texts: Vec<String> = passages.iter().map(knowledge::Unembedded::embedded_text).collect();
                let vectors = embedder.embed(&texts).await.map_err(of_embedder)?;
                let ids = passages.iter().map(|passage| passage.chunk_id);
                let kept: Vec<_> = ids.zip(vectors).collect();
                knowledge::keep_vectors(&self.orchestrator, model_id, &kept).await?;
                metrics::counter!("codex_chunks_embedded_total").increment(kept.len() as u64);
            }
        }
    }
}
