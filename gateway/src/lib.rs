//! The public edge: webhooks.
