//! What stories stand on: a lab of their own, webhooks as GitHub sends them, and patience with a limit.

mod browser;
mod cli;
mod examples;
mod hook;
#[cfg(feature = "faults")]
pub(crate) mod killing;
mod look;
mod world;

pub(crate) use browser::{Browser, form, location};
pub(crate) use cli::cli;
pub(crate) use examples::{example, examples};
pub(crate) use hook::Hook;
pub(crate) use look::git;
pub(crate) use world::{Ended, World};

use std::time::Duration;

/// Most stories end within seconds; a slow machine gets this long for one step.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Looks until there is something to see, and returns it.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look).await
}

pub(crate) async fn within<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let seen = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    tokio::time::timeout(patience, seen)
        .await
        .unwrap_or_else(|_| panic!("not within {} s: {what}", patience.as_secs()))
}
