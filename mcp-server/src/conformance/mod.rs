//! What the protocol's conformance suite expects of a server beside our own tools: fixtures with fixed names and contents.
//!
//! They are played by the server that is deployed, behind the middleware that is deployed; only who calls is fixed. Never
//! part of a deployed program: a feature builds it for its test alone.

#![expect(
    deprecated,
    reason = "the suite asks for what the protocol has deprecated: sampling, roots and logging"
)]

mod ask;
mod content;
mod fixture;
mod legacy;
mod stage;
mod task;
mod tools;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_request;
use orchestrator::Orchestrator;
use rmcp::transport::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use telemetry::Shutdown;

use self::fixture::Fixture;
use self::stage::Stage;
use crate::config::Config;
use crate::server::Server;

/// How peers of the handshake revisions are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// As deployed.
    Off,
    /// The server may ask its client. All callers are one, so no session is another's.
    On,
}

/// The public port with fixtures, for a suite that sends no token: every request is made with the one given.
pub fn router(
    config: &Config,
    orchestrator: &Orchestrator,
    shutdown: &Shutdown,
    sessions: Sessions,
    bearer: HeaderValue,
) -> Router {
    let stage = Stage::new();
    let catalogue = tools::add(crate::tools::catalogue(), &stage);
    let server = Server::new(orchestrator.clone(), catalogue, config.clone(), shutdown.token());
    let fixture = Fixture::new(server, stage);
    let per_request = move || Ok(fixture.clone());
    let transport = crate::transport(config);
    let router = match sessions {
        Sessions::Off => {
            let manager = std::sync::Arc::<NeverSessionManager>::default();
            let endpoint = StreamableHttpService::new(per_request, manager, transport);
            crate::around(endpoint, config, orchestrator)
        }
        Sessions::On => {
            let manager = std::sync::Arc::<LocalSessionManager>::default();
            let transport = transport.with_legacy_session_mode(true);
            let endpoint = StreamableHttpService::new(per_request, manager, transport);
            crate::around(endpoint, config, orchestrator)
        }
    };
    router.layer(map_request(move |mut request: Request| {
        request.headers_mut().insert(AUTHORIZATION, bearer.clone());
        std::future::ready(request)
    }))
}
