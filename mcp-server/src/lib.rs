//! The platform's operations as MCP tools over streamable HTTP.
//!
//! [`router`] is the whole public port: bearer check, then rmcp without sessions, for both eras of the protocol on one
//! endpoint. Every replica answers every call; nothing is kept between two requests.

mod caller;
mod complete;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod failure;
mod late;
mod listen;
mod message;
mod metadata;
mod mirror;
mod narrow;
mod pace;
mod program;
mod progress;
mod prompt;
mod rate;
mod resource;
mod room;
mod server;
mod task;
mod tool;
mod tools;
mod version;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use orchestrator::{Orchestrator, receiver};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::SessionManager;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use telemetry::Shutdown;
use tokio::net::TcpListener;
use tower_http::timeout::TimeoutLayer;
use uuid::Uuid;

use crate::caller::Gate;
pub use crate::config::{Cli, Config};
pub use crate::program::run;
use crate::rate::Strangers;
use crate::room::{Room, SUPERVISOR_BODY_BYTES};
use crate::server::Server;

/// Requests in flight may end within this time after the end began; long polls answer at once.
const GRACE: Duration = Duration::from_secs(35);
/// What a request may take beyond its tool: the body's arrival, the bearer check.
const BESIDE_THE_CALL: Duration = Duration::from_secs(30);

/// The public port: `/mcp`, the well-known documents, `/healthz`.
pub fn router(config: &Config, orchestrator: &Orchestrator, shutdown: &Shutdown) -> Router {
    let catalogue = tools::catalogue();
    let server = Server::new(orchestrator.clone(), catalogue, config.clone(), shutdown.token());
    // rmcp, stateless. Sessions would need a principal bound to each and a bound on their number; all clients we know
    // do without.
    let sessions = Arc::<NeverSessionManager>::default();
    let endpoint = StreamableHttpService::new(server.per_request(), sessions, transport(config));
    around(endpoint, config, orchestrator)
}

/// Everything between the port and the protocol.
fn around<S, M>(endpoint: StreamableHttpService<S, M>, config: &Config, orchestrator: &Orchestrator) -> Router
where
    S: ServerHandler,
    M: SessionManager,
{
    let path = config.resource.path().trim_end_matches('/').to_owned();
    let path = if path.is_empty() { "/mcp".to_owned() } else { path };
    let deadline = Duration::from_secs(config.call_seconds) + BESIDE_THE_CALL;
    Router::new()
        .route_service(&path, endpoint)
        .route_layer(from_fn_with_state(gate(config, orchestrator), caller::check))
        .layer(DefaultBodyLimit::disable())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            deadline,
        ))
        .merge(documents(config, &path))
        .route("/healthz", get(async || "ok"))
}

/// Serves the public port until `shutdown` begins and requests in flight have ended. Meanwhile the platform knows that
/// runners can be heard.
///
/// # Errors
///
/// The listener broke.
pub async fn serve(
    config: Config,
    orchestrator: Orchestrator,
    listener: TcpListener,
    shutdown: Shutdown,
) -> io::Result<()> {
    let router = router(&config, &orchestrator, &shutdown);
    tokio::select! {
        result = telemetry::serve(listener, router, &shutdown, GRACE) => result,
        never_ends = beat(&orchestrator) => match never_ends {},
    }
}

/// What a client reads before it has a token, at both places where clients look.
fn documents(config: &Config, path: &str) -> Router {
    Router::new()
        .route(metadata::WELL_KNOWN, get(metadata::show))
        .route(&format!("{}{path}", metadata::WELL_KNOWN), get(metadata::show))
        .with_state(Arc::new(config.clone()))
}

fn gate(config: &Config, orchestrator: &Orchestrator) -> Gate {
    Gate {
        orchestrator: orchestrator.clone(),
        config: Arc::new(config.clone()),
        room: Room::new(config),
        strangers: Arc::new(Strangers::default()),
    }
}

/// What clients may expect of the transport.
fn transport(config: &Config) -> StreamableHttpServerConfig {
    let mut transport = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_allowed_hosts(config.hosts())
        .with_allowed_origins(config.origins())
        .enforce_origin_validation();
    transport.max_request_body_bytes = SUPERVISOR_BODY_BYTES;
    transport
}

/// Says again and again that runners can be heard here.
async fn beat(orchestrator: &Orchestrator) -> std::convert::Infallible {
    let receiver = format!("mcp-server-{}", Uuid::now_v7());
    loop {
        if let Err(error) = receiver::beat(orchestrator, &receiver).await {
            tracing::warn!(%error, "cannot say that runners can be heard; trying again");
        }
        tokio::time::sleep(receiver::BEAT_EVERY).await;
    }
}
