//! The SQL of knowledge.

pub(super) mod documents;
pub(super) mod embeddings;
pub(super) mod nearest;
pub(super) mod search;
pub(super) mod sources;
