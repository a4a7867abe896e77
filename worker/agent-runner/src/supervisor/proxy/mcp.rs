//! The platform's MCP endpoint for the agent's program: `/mcp` only, with the agent token of the moment.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use tokio::sync::Semaphore;
use url::Url;

use super::forward::{Refusal, below, client, refusal, request_headers, response_headers, whole};
use super::{Facts, Upstreams};
use crate::supervisor::tokens::Tokens;

/// Largest request; the platform takes no larger one of an agent.
const REQUEST_BYTES: usize = 1024 * 1024;
/// Requests on their way at once, and how long one more waits for its turn.
const AT_ONCE: usize = 32;
const TURN: Duration = Duration::from_secs(30);

struct Proxy {
    word: String,
    upstream: Url,
    client: reqwest::Client,
    tokens: Tokens,
    traceparent: Arc<OnceLock<HeaderValue>>,
    facts: Facts,
    permits: Semaphore,
}

pub(super) fn router(word: &str, upstreams: &Upstreams, facts: Facts) -> reqwest::Result<Router> {
    let proxy = Proxy {
        word: word.to_owned(),
        upstream: upstreams.mcp_url.clone(),
        client: client()?,
        tokens: upstreams.tokens.clone(),
        traceparent: upstreams.traceparent.clone(),
        facts,
        permits: Semaphore::new(AT_ONCE),
    };
    Ok(Router::new().fallback(forward).with_state(Arc::new(proxy)))
}

async fn forward(State(proxy): State<Arc<Proxy>>, request: Request) -> Result<Response, Refusal> {
    if below(request.uri().path(), &proxy.word) != Some("mcp") {
        return Err(refusal(StatusCode::NOT_FOUND, "not_found", "nothing here"));
    }
    if ![Method::POST, Method::GET, Method::DELETE].contains(request.method()) {
        return Err(refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "use POST, GET or DELETE",
        ));
    }
    let Ok(Ok(_permit)) = tokio::time::timeout(TURN, proxy.permits.acquire()).await else {
        return Err(refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many requests at once; ask again",
        ));
    };
    let (head, body) = request.into_parts();
    let body = whole(body, REQUEST_BYTES).await?;
    let mut headers = request_headers(&head.headers);
    if let Some(traceparent) = proxy.traceparent.get() {
        headers.entry("traceparent").or_insert(traceparent.clone());
    }
    let sending = proxy
        .client
        .request(head.method, proxy.upstream.clone())
        .headers(headers)
        .bearer_auth(proxy.tokens.agent().expose_secret())
        .body(body);
    let answer = sending.send().await.map_err(|error| {
        let text = format!("the platform did not answer: {}", error.without_url());
        refusal(StatusCode::BAD_GATEWAY, "unavailable", text)
    })?;
    Ok(pass_back(&proxy, answer))
}

fn pass_back(proxy: &Proxy, answer: reqwest::Response) -> Response {
    let status = answer.status();
    // Only a refused token is the platform's doing; a refused request is the agent's own.
    let refused = status == StatusCode::UNAUTHORIZED;
    let text = refused.then(|| format!("the platform answered the agent's token with {status}"));
    proxy.facts.answered(text);
    let headers = response_headers(answer.headers());
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
