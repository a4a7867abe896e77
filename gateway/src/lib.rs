//! The public edge: webhooks, people's sign-ins, tokens for their programs, and the way to the tools. Verifies, keeps, answers; all else is the
//! worker's and mcp-server's.
//!
//! A program without state between requests: any number of replicas work side by side.

mod address;
mod answer;
mod config;
mod console;
mod login;
mod oauth;
mod program;
mod proxy;
mod rate;
mod site;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use orchestrator::Orchestrator;
use telemetry::Shutdown;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

pub use config::{Cli, Config, GithubConfig, WebhookConfig};
pub use program::run;
pub use webhook::Secrets;

use console::Console;
use login::Login;
use login::github::Github;
use oauth::OAuth;
use proxy::Proxy;
use site::Site;
use webhook::Doorway;

/// Requests in flight get this long when the program ends: GitHub waits 10 s for an answer, a tool call takes 30.
const GRACE: Duration = Duration::from_secs(35);

/// Serves the public port until `shutdown` begins.
///
/// # Errors
///
/// A file cannot be read, a setting does not fit, or the listener fails.
pub async fn serve(
    config: Config,
    orchestrator: Orchestrator,
    listener: TcpListener,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let router = router(&config, &orchestrator)?;
    telemetry::serve(listener, router, &shutdown, GRACE).await?;
    Ok(())
}

/// All that the public port answers.
fn router(config: &Config, orchestrator: &Orchestrator) -> anyhow::Result<Router> {
    // The clients speak TLS with what the process chose; whoever chose first is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let site = Site::new(config.public_url.clone())?;
    let trusted = config.trusted();
    let github = Github::new(&config.github, site.at(login::CALLBACK))?;
    let doorway = Doorway::new(orchestrator, Secrets::read(&config.webhook)?);
    let login = Login::new(
        orchestrator.clone(),
        site.clone(),
        Arc::new(github),
        Arc::clone(&trusted),
    );
    let oauth = OAuth::new(
        orchestrator.clone(),
        site.clone(),
        config.document_hosts(),
        Arc::clone(&trusted),
    )?;
    let upstream = config.mcp_upstream.clone();
    let proxy = Proxy::new(orchestrator.clone(), site, upstream, Arc::clone(&trusted))?;
    let sign_ins = login::routes(login).merge(oauth::routes(oauth));
    let rest = match &config.console_dir {
        Some(folder) => Console::read(folder)?.routes(),
        None => Router::new()
            // Reached only where no ingress sends browsers to the console.
            .route("/", get(login::session_page))
            .fallback(|| async { answer::Refusal::no_such_path() }),
    };
    Ok(Router::new()
        .route("/webhooks/github", post(webhook::receive))
        .with_state(doorway)
        .merge(rate::sign_ins(sign_ins, &trusted)?)
        .merge(rate::calls(proxy::routes(proxy), &trusted)?)
        .route("/healthz", get(|| async { "ok" }))
        .merge(rest)
        .layer(CatchPanicLayer::new()))
}
