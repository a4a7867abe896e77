//! What turns text into vectors.

use std::time::Duration;

use async_trait::async_trait;

/// A model that embeds, pinned: another checksum is another model, and vectors of two models are never compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmbeddingModel {
    pub name: String,
    /// Numbers in each of its vectors: 1 to 4000.
    pub dims: i16,
    /// SHA-256, in hexadecimal, of the weights; of an embedder outside, of its address and the model's name.
    pub checksum: String,
    /// Whether texts leave the installation.
    pub is_external: bool,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbedderError {
    /// Later may help.
    #[error("the embedder is away: {message}")]
    Unavailable {
        message: String,
        retry_after: Option<Duration>,
    },
    /// Asking again does not help.
    #[error("the embedder refused: {message}")]
    Refused { message: String },
}

/// The same text gives the same vector.
#[async_trait]
pub trait Embedder: Send + Sync {
    fn model(&self) -> &EmbeddingModel;

    /// One vector of unit length for each text, in their order. What of a text is too long for the model is left out.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedderError>;
}
