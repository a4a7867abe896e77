use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::header::{CONTENT_TYPE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::pipeline::{self, Incoming};
use super::{Connection, Problem, Reply, find};
use crate::sim::Inner;
use crate::{control, git, pages};

/// The largest API body; GitHub's own bound for file contents is higher, but this is a lab.
const MAX_BODY: usize = 32 << 20;
/// First segments that belong to the API when it is asked without `/api/v3`.
const API_ROOTS: [&str; 10] = [
    "app",
    "installation",
    "meta",
    "orgs",
    "rate_limit",
    "repos",
    "repositories",
    "user",
    "users",
    "graphql",
];

/// Returns the one service: REST, git, pages and the control surface behind one address.
pub(crate) fn router(sim: Arc<Inner>) -> Router {
    Router::new().fallback(handle).with_state(sim)
}

async fn handle(
    State(sim): State<Arc<Inner>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    if git::split_path(&path).is_some() {
        return git::serve(&sim, request, &connection).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return respond(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large").into());
    };
    if path.starts_with("/_sim/") {
        return control::answer(&sim, &parts, body).await;
    }
    let (prefix, inner) = match path.strip_prefix("/api/v3") {
        Some(rest) if rest.starts_with('/') => ("/api/v3", rest.to_owned()),
        _ => ("", path.clone()),
    };
    let first = inner.split('/').nth(1).unwrap_or("");
    if prefix.is_empty() && !API_ROOTS.contains(&first) {
        return pages::answer(&sim, &parts, &body).await;
    }
    let inner = sim.world().named_path(&inner);
    let method = parts.method.as_str().to_owned();
    let found = find(&sim.routes, &method, &inner).map(|(route, params)| (route.clone(), params));
    let incoming = Incoming {
        method,
        path: inner,
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts.headers,
        body: body.to_vec(),
        api: format!("{}{prefix}", sim.web),
        connection,
    };
    respond(pipeline::answer(&sim, incoming, found).await)
}

/// Says whether a request that changes something comes from our own pages, or from no page at all.
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(ORIGIN), text(HOST)) {
        (Some(origin), Some(host)) => origin.split_once("//").is_some_and(|(_, from)| from == host),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn respond(reply: Reply) -> Response {
    let (media_type, bytes) = match (reply.body, reply.raw) {
        (Some(body), _) => (
            Some("application/json; charset=utf-8"),
            Bytes::from(body.to_string()),
        ),
        (None, Some((media_type, bytes))) => (Some(media_type), Bytes::from(bytes)),
        (None, None) => (None, Bytes::new()),
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = reply.status;
    if let Some(media_type) = media_type {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    }
    response.headers_mut().extend(reply.headers);
    response
}

pub(crate) fn json(status: StatusCode, body: Value) -> Response {
    let mut reply = Reply::ok(body);
    reply.status = status;
    respond(reply)
}

/// Sends a page. Nothing but our own style sheet may load in it: issue texts are written by anyone.
pub(crate) fn html(status: StatusCode, page: String) -> Response {
    let mut reply = Reply::raw("text/html; charset=utf-8", page.into_bytes());
    reply.status = status;
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
    respond(reply.with("content-security-policy", policy))
}

pub(crate) fn text(text: String) -> Response {
    respond(Reply::raw("text/plain; charset=utf-8", text.into_bytes()))
}

/// Sends a browser on, with something to remember.
pub(crate) fn see_other_with(location: &str, cookie: &str) -> Response {
    let mut response = see_other(location);
    if let Ok(value) = http::HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

/// Sends a browser on after a form.
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = respond(Reply::no_content());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(value) = http::HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, value);
    }
    response
}
