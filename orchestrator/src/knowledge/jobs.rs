//! What knowledge asks the worker to do later.

use serde::{Deserialize, Serialize};

use crate::id::RepositoryId;
use crate::queue::{Job, Queue};

/// Brings a source up to the head of its default branch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IndexSource {
    pub repository_id: RepositoryId,
}

impl Job for IndexSource {
    const NAME: &'static str = "knowledge.index_source";
    const QUEUE: Queue = Queue::Knowledge;
}

/// Makes the vectors that a model lacks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EmbedChunks {
    pub model_id: i16,
}

impl Job for EmbedChunks {
    const NAME: &'static str = "knowledge.embed_chunks";
    const QUEUE: Queue = Queue::Knowledge;
}

/// Deletes what is known of a repository, in batches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForgetSource {
    pub repository_id: RepositoryId,
}

impl Job for ForgetSource {
    const NAME: &'static str = "knowledge.forget_source";
    const QUEUE: Queue = Queue::Knowledge;
}
