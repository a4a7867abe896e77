//! Vectors for passages, a batch at a time; each is kept before the next is made.

use std::sync::Arc;

use orchestrator::error::Result;
use orchestrator::knowledge::{self, Unembedded};
use orchestrator::port_call::{Answer, Failed};
use orchestrator::ports::{Embedder, EmbedderError};
use orchestrator::queue::Done;

use super::{GO_ON, Slice, of_embedder};
use crate::Hands;

/// A text that every embedder takes, unless it takes none now: a wrong key is no fault of a passage.
const HARMLESS: &str = "hello";
/// Passages read from the database at once.
const READ: i64 = 64;
/// Passages shown to the embedder at once: a processor without much to give reads so many in a few seconds.
const SHOWN: usize = 16;

impl Hands {
    /// Makes the vectors that a model lacks. Another's are left to a worker that has it: while the model changes, old ones
    /// know how to make no new vectors, and need none.
    pub(super) async fn embed(&self, model_id: i16) -> Result<Done> {
        let Some(embedder) = self.embedder_of(model_id).await? else {
            return Ok(Done::Done);
        };
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
                let texts: Vec<_> = passages.iter().map(Unembedded::embedded_text).collect();
                match embedder.embed(&texts).await {
                    Ok(vectors) => self.keep(model_id, passages, vectors).await?,
                    Err(refused @ EmbedderError::Refused { .. }) => {
                        let accepts = embedder.embed(&[HARMLESS.to_owned()]).await;
                        accepts.map_err(|_| of_embedder(refused))?;
                        self.one_by_one(embedder.as_ref(), model_id, passages).await?;
                    }
                    Err(away) => return Err(of_embedder(away)),
                }
            }
        }
    }

    async fn keep(&self, model_id: i16, passages: &[Unembedded], vectors: Vec<Vec<f32>>) -> Result<()> {
        let ids = passages.iter().map(|passage| passage.chunk_id);
        let made: Vec<_> = ids.zip(vectors).collect();
        let kept = knowledge::keep_vectors(&self.orchestrator, model_id, &made).await?;
        metrics::counter!("codex_chunks_embedded_total").increment(kept);
        Ok(())
    }

    /// Passages that were refused together, by an embedder that takes others: those that it refuses alone stay without a
    /// vector for good.
    async fn one_by_one(
        &self,
        embedder: &dyn Embedder,
        model_id: i16,
        passages: &[Unembedded],
    ) -> Result<()> {
        for passage in passages {
            match embedder.embed(&[passage.embedded_text()]).await {
                Ok(vectors) => {
                    self.keep(model_id, std::slice::from_ref(passage), vectors)
                        .await?;
                }
                Err(EmbedderError::Refused { message }) => {
                    tracing::warn!(passage = %passage.chunk_id, message, "a passage will have no vector");
                    knowledge::refuse(&self.orchestrator, model_id, passage.chunk_id, &message).await?;
                }
                Err(away) => return Err(of_embedder(away)),
            }
        }
        Ok(())
    }

    /// The vector of a question that somebody waits for; it is kept for the next time.
    pub(in crate::jobs) async fn question_vector(&self, model_id: i16, text: &str) -> Result<Answer, Failed> {
        let embedder = self.embedder_of(model_id).await.map_err(|error| unread(&error))?;
        let embedder = embedder.ok_or_else(|| Failed::Refused {
            message: "this worker has another embedder, or none".to_owned(),
        })?;
        let vectors = embedder.embed(&[text.to_owned()]).await.map_err(failed)?;
        let vector = vectors.into_iter().next().unwrap_or_default();
        let kept = knowledge::question_vector(&self.orchestrator, model_id, text, &vector).await;
        kept.map_err(|error| unread(&error))?;
        Ok(Answer::QuestionVector { vector })
    }

    /// Our embedder, if it is the one that makes this model's vectors.
    async fn embedder_of(&self, model_id: i16) -> Result<Option<&Arc<dyn Embedder>>> {
        let Some(embedder) = &self.embedder else {
            return Ok(None);
        };
        let models = knowledge::models_at_work(&self.orchestrator).await?;
        let model = models.iter().find(|model| model.model_id == model_id);
        Ok(model
            .filter(|model| model.pinned == *embedder.model())
            .map(|_| embedder))
    }
}

fn unread(error: &orchestrator::Error) -> Failed {
    tracing::warn!(%error, "a question has no vector");
    Failed::Unavailable {
        message: error.told(),
        retry_after_ms: None,
    }
}

fn failed(error: EmbedderError) -> Failed {
    match error {
        EmbedderError::Unavailable { message, retry_after } => Failed::Unavailable {
            message,
            retry_after_ms: retry_after.and_then(|after| u64::try_from(after.as_millis()).ok()),
        },
        EmbedderError::Refused { message } => Failed::Refused { message },
    }
}
