//! The OAuth 2.1 authorization server for MCP clients: discovery, consent, tokens, registration.
//!
//! The protocol's decisions are the library's, its memory is the orchestrator's; here a browser's session meets a
//! client's request. A client is known in one of three ways: an operator made it, its id is the address of its metadata, or
//! it registered itself; none of them is let in before a person said so on a page of ours.

mod answer;
mod authorize;
mod consent;
mod discovery;
mod document;
mod register;
mod server;
mod token;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use ipnet::IpNet;
use orchestrator::Orchestrator;
use orchestrator::identity::oauth::Store;
use tokio::sync::Semaphore;
use tower_http::timeout::TimeoutLayer;

use self::document::Documents;
use self::server::{Server, Service};
use crate::address;
use crate::site::Site;

/// Requests answered at once; one more is asked to come again.
const MAX_REQUESTS: usize = 128;
/// One request, with what is read of it and elsewhere.
const DEADLINE: Duration = Duration::from_secs(15);
/// Bytes of a form or a registration; real ones are a tenth of it.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// All that the authorization server needs.
#[derive(Clone)]
pub(crate) struct OAuth {
    orchestrator: Orchestrator,
    site: Site,
    store: Store,
    service: Arc<Service>,
    documents: Arc<Documents>,
    trusted_proxies: Arc<[IpNet]>,
    requests: Arc<Semaphore>,
}

impl OAuth {
    /// `document_hosts` are those whose metadata documents are read.
    ///
    /// # Errors
    ///
    /// The library takes the site's address for none.
    pub(crate) fn new(
        orchestrator: Orchestrator,
        site: Site,
        document_hosts: Vec<String>,
        trusted_proxies: Arc<[IpNet]>,
    ) -> anyhow::Result<Self> {
        let store = Store::new(orchestrator.clone());
        Ok(Self {
            service: Arc::new(server::service(&orchestrator, &site, store.clone())?),
            documents: Arc::new(Documents::new(orchestrator.clone(), document_hosts)),
            orchestrator,
            site,
            store,
            trusted_proxies,
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
        })
    }

    /// The library's server for one request of a browser.
    fn server(&self, redirect_uri: Option<&str>) -> Server {
        server::server(
            &self.orchestrator,
            &self.site,
            self.store.for_redirect(redirect_uri),
        )
    }

    fn client_address(&self, peer: std::net::SocketAddr, headers: &HeaderMap) -> IpAddr {
        address::client(peer, headers, &self.trusted_proxies)
    }
}

/// What clients and browsers ask. The documents lie wherever a client looks for them.
pub(crate) fn routes(oauth: OAuth) -> Router {
    let mut router = Router::new()
        .route(server::AUTHORIZE, get(authorize::show).post(authorize::decide))
        .route(server::TOKEN, post(token::token))
        .route(server::REVOKE, post(token::revoke))
        .route(server::REGISTER, post(register::register))
        .route(server::JWKS, get(discovery::keys));
    for path in discovery::PATHS {
        router = router.route(path, get(discovery::metadata));
    }
    router
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            DEADLINE,
        ))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(oauth)
}
