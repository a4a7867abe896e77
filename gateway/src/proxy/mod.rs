//! `/mcp` at the public address: passed on to mcp-server, which believes a bearer and nothing else.
//!
//! A bearer goes through as it came. A browser's session is exchanged here for a token of a minute, and only for a request
//! that our own page made; the cookie itself goes no further.

mod body;
mod exchange;
mod headers;
mod vouch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use ipnet::IpNet;
use orchestrator::Orchestrator;
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use self::exchange::{Shown, Tokens};
use self::vouch::Vouched;
use crate::address;
use crate::answer::Refusal;
use crate::site::Site;

/// Requests passed on at once, streams included; one more is asked to come again.
const MAX_REQUESTS: usize = 512;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// mcp-server answers any call within its own deadline of 60 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(70);
/// mcp-server closes connections that rest for 5 s; whoever uses one later loses the request.
const REST: Duration = Duration::from_secs(2);
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// All that passing on needs.
#[derive(Clone)]
pub(crate) struct Proxy {
    site: Site,
    upstream: Url,
    client: reqwest::Client,
    tokens: Arc<Tokens>,
    vouched: Arc<Vouched>,
    trusted_proxies: Arc<[IpNet]>,
    requests: Arc<Semaphore>,
}

impl Proxy {
    /// # Errors
    ///
    /// The client cannot be made.
    pub(crate) fn new(
        orchestrator: Orchestrator,
        site: Site,
        upstream: Url,
        trusted_proxies: Arc<[IpNet]>,
    ) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(REST)
            .tcp_nodelay(true)
            .build()
            .context("the client for mcp-server")?;
        Ok(Self {
            tokens: Arc::new(Tokens::new(orchestrator.clone(), site.audience())),
            vouched: Arc::new(Vouched::new(orchestrator, site.audience())),
            site,
            upstream,
            client,
            trusted_proxies,
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
        })
    }
}

/// What is passed on, and nothing else.
pub(crate) fn routes(proxy: Proxy) -> Router {
    Router::new()
        .route("/mcp", any(forward))
        .route(WELL_KNOWN, get(forward))
        .route(&format!("{WELL_KNOWN}/mcp"), get(forward))
        .with_state(proxy)
}

async fn forward(
    State(proxy): State<Proxy>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    pass(&proxy, peer, request)
        .await
        .unwrap_or_else(Refusal::into_response)
}

async fn pass(proxy: &Proxy, peer: SocketAddr, request: Request) -> Result<Response, Refusal> {
    let Ok(place) = Arc::clone(&proxy.requests).try_acquire_owned() else {
        return Err(Refusal::later(
            "busy",
            "too many requests at once; send it again later",
        ));
    };
    let (parts, body) = request.into_parts();
    let is_document = parts.uri.path().starts_with(WELL_KNOWN);
    let shown = if is_document {
        Shown::Nothing
    } else {
        exchange::shown(&proxy.site, &parts.headers)?
    };
    let client = address::client(peer, &parts.headers, &proxy.trusted_proxies);
    let mut headers = headers::onward(&parts.headers, &proxy.site, client);
    if is_document {
        headers.remove(AUTHORIZATION);
    }
    if let Shown::Session(cookie) = shown {
        let token = proxy.tokens.of(cookie).await?;
        let value = format!("Bearer {}", token.expose_secret());
        let mut value = HeaderValue::try_from(value)
            .map_err(orchestrator::Error::internal)
            .map_err(Refusal::from)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    } else if !is_document && let Some(said) = proxy.vouched.of(client).await {
        // Who shows a token that does not count is slowed down by address.
        headers.insert(headers::VOUCHED, said);
    }
    let mut url = proxy.upstream.clone();
    url.set_path(parts.uri.path());
    url.set_query(parts.uri.query());
    let mut onward = proxy.client.request(parts.method.clone(), url).headers(headers);
    let (outgoing, fate) = body::bounded(body);
    if parts.method != Method::GET {
        onward = onward.body(outgoing);
    }
    let answer = match timeout(ANSWER_TIMEOUT, onward.send()).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(fate.refusal().unwrap_or_else(|| unreachable(&error))),
        Err(_) => {
            return Err(Refusal::new(
                StatusCode::GATEWAY_TIMEOUT,
                "timeout",
                "the tools did not answer in time; look at the object before repeating the call",
            ));
        }
    };
    if answer.status() == StatusCode::UNAUTHORIZED
        && let Shown::Session(cookie) = shown
    {
        // The session ended since: the next request must not try the same token.
        proxy.tokens.forget(cookie);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = headers::back(answer.headers());
    *response.body_mut() = body::back(answer, place);
    Ok(response)
}

fn unreachable(error: &reqwest::Error) -> Refusal {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "mcp-server could not be reached"
    );
    if error.is_connect() {
        Refusal::later(
            "unavailable",
            "the tools cannot be reached now; send it again later",
        )
    } else {
        Refusal::new(
            StatusCode::BAD_GATEWAY,
            "broken",
            "the tools broke off; look at the object before repeating the call",
        )
    }
}
