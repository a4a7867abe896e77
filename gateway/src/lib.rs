//! The public edge: webhooks. Verifies, keeps, answers; all else is the worker's.
//!
//! A program without state between requests: any number of replicas work side by side.

mod answer;
mod config;
mod program;
mod webhook;

use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use orchestrator::Orchestrator;
use telemetry::Shutdown;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

pub use config::{Cli, Config};
pub use program::run;
pub use webhook::Secrets;

use webhook::Doorway;

/// Requests in flight get this long when the program ends: GitHub waits 10 s for an answer.
const GRACE: Duration = Duration::from_secs(12);

/// Serves the public port until `shutdown` begins.
///
/// # Errors
///
/// A secret file cannot be read, or the listener fails.
pub async fn serve(
    config: Config,
    orchestrator: Orchestrator,
    listener: TcpListener,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let secrets = Secrets::read(&config)?;
    telemetry::serve(listener, router(orchestrator, secrets), &shutdown, GRACE).await?;
    Ok(())
}

/// All that the public port answers.
pub fn router(orchestrator: Orchestrator, secrets: Secrets) -> Router {
    Router::new()
        .route("/webhooks/github", post(webhook::receive))
        .route("/healthz", get(|| async { "ok" }))
        .fallback(|| async { answer::Refusal::no_such_path() })
        .layer(CatchPanicLayer::new())
        .with_state(Doorway::new(orchestrator, secrets))
}
