//! The embedders: a model of our own on this machine, any service that speaks `/v1/embeddings`, or none.

mod config;
mod local;
mod openai;

use std::sync::Arc;

use orchestrator::ports::Embedder;

pub use config::{EmbedderConfig, EmbedderKind};
pub use local::LocalEmbedder;
pub use openai::OpenAiEmbedder;

/// The embedder that was configured; none if vectors are switched off.
///
/// # Errors
///
/// The address of the service is not usable.
pub fn embedder(config: &EmbedderConfig) -> anyhow::Result<Option<Arc<dyn Embedder>>> {
    Ok(match config.embedder {
        EmbedderKind::Local => Some(Arc::new(LocalEmbedder::new(config)?)),
        EmbedderKind::OpenAi => Some(Arc::new(OpenAiEmbedder::new(config)?)),
        EmbedderKind::None => None,
    })
}
