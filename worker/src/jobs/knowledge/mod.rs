//! From a repository to what can be searched of it. Each job works for some seconds and asks to go on: whatever dies between two
//! slices, or within one, is done again, and nothing that is there already is read or embedded twice.

mod embed;
mod index;
mod read;

pub use read::{Read, read};

use std::time::Duration;

use async_trait::async_trait;
use orchestrator::error::{Error, Result};
use orchestrator::knowledge::{
    self,
    jobs::{EmbedChunks, ForgetSource, IndexSource},
};
use orchestrator::ports::EmbedderError;
use orchestrator::queue::{Attempt, Done, Perform};
use tokio::time::Instant;

use crate::Hands;

/// A slice of work; with what it waits for at its begin and its end it stays below the time of a job.
const SLICE: Duration = Duration::from_secs(15);
/// A vector service that is away and says no time is asked again after.
const AWAY: Duration = Duration::from_secs(30);

#[async_trait]
impl Perform<IndexSource> for Hands {
    async fn perform(&self, job: IndexSource, _: Attempt) -> Result<Done> {
        let indexed = self.index(job.repository_id).await;
        if let Err(error) = &indexed
            && !matches!(
                error,
                Error::Conflict(_) | Error::RateLimited { .. } | Error::Internal(_)
            )
        {
            knowledge::fail(&self.orchestrator, job.repository_id, &error.to_string()).await?;
        }
        indexed
    }
}

#[async_trait]
impl Perform<EmbedChunks> for Hands {
    async fn perform(&self, job: EmbedChunks, _: Attempt) -> Result<Done> {
        self.embed(job.model_id).await
    }
}

#[async_trait]
impl Perform<ForgetSource> for Hands {
    async fn perform(&self, job: ForgetSource, _: Attempt) -> Result<Done> {
        if let Err(error) = self.mirrors.remove(job.repository_id) {
            // It goes when another needs its room.
            tracing::warn!(%error, "the copy of a repository cannot be removed");
        }
        let slice = Slice::begin();
        while !knowledge::forget_some(&self.orchestrator, job.repository_id).await? {
            if slice.is_over() {
                return Ok(GO_ON);
            }
        }
        Ok(Done::Done)
    }
}

/// There is more to do, now.
const GO_ON: Done = Done::Later(Duration::ZERO);

/// The time of one job, as long as it takes on something new.
struct Slice(Instant);

impl Slice {
    fn begin() -> Self {
        Self(Instant::now())
    }

    fn is_over(&self) -> bool {
        self.0.elapsed() >= SLICE
    }
}

/// What the embedder said, in the words of a job.
pub(super) fn of_embedder(error: EmbedderError) -> Error {
    match error {
        EmbedderError::Unavailable { message, retry_after } => Error::RateLimited {
            message,
            retry_after_ms: u64::try_from(retry_after.unwrap_or(AWAY).as_millis()).unwrap_or(u64::MAX),
        },
        refused @ EmbedderError::Refused { .. } => Error::Precondition(refused.to_string()),
    }
}
