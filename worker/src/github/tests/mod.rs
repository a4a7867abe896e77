//! The adapter against a server that answers what each test wants.

mod access;
mod app_key;
mod bodies;
mod failures;
mod key;
mod operations;
mod redirects;
pub(crate) mod world;
