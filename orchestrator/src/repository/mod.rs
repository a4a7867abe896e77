//! Bound Git repositories.
