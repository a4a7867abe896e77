//! `/token` and `/revoke`: the library decides, and a client gets a token of ours for the library's.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, HeaderValue, WWW_AUTHENTICATE};
use axum::http::{StatusCode, request};
use axum::response::Response;
use orchestrator::Error;
use orchestrator::identity::oauth::{self, without_offline_access};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::form_urlencoded;

use super::{MAX_BODY_BYTES, OAuth, answer};

/// `POST /token`.
pub(super) async fn token(State(oauth): State<OAuth>, request: Request) -> Response {
    whole(oauth, request, |oauth, request| async move {
        let issued = pass(&oauth, request).await;
        exchange(&oauth, issued).await.unwrap_or_else(|refusal| refusal)
    })
    .await
}

/// `POST /revoke`.
pub(super) async fn revoke(State(oauth): State<OAuth>, request: Request) -> Response {
    whole(oauth, request, |oauth, request| async move {
        pass(&oauth, request).await
    })
    .await
}

/// Reads a request, and then answers it to the end although its client may be gone: a refresh token that was taken must
/// not be lost half-way. Who sends slowly holds no place.
async fn whole<F, W>(oauth: OAuth, request: Request, work: F) -> Response
where
    F: FnOnce(OAuth, Request) -> W,
    W: Future<Output = Response> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        let why = "the body is too large, or broke off";
        return answer::refused(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", why);
    };
    let Ok(place) = Arc::clone(&oauth.requests).try_acquire_owned() else {
        return answer::busy();
    };
    let work = work(oauth, rewritten(parts, &body));
    let working = tokio::spawn(async move {
        let answered = work.await;
        drop(place);
        answered
    });
    let defect = |_| answer::failed(&Error::internal("an answer of the authorization server was lost"));
    working.await.unwrap_or_else(defect)
}

async fn pass(oauth: &OAuth, request: Request) -> Response {
    let (mut parts, body) = oauth.service.handle(request).await.into_parts();
    let body = body.into_bytes();
    // Clients register anew at 401 alone; the library has it for those that came with the header only.
    if parts.status == StatusCode::BAD_REQUEST && names_no_client(&body) {
        parts.status = StatusCode::UNAUTHORIZED;
        let scheme = HeaderValue::from_static("Basic realm=\"codex-k8s\"");
        parts.headers.insert(WWW_AUTHENTICATE, scheme);
    }
    parts
        .headers
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Response::from_parts(parts, Body::from(body))
}

fn names_no_client(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|told| told["error"] == "invalid_client")
}

/// The request without a scope that everybody has.
fn rewritten(mut parts: request::Parts, body: &[u8]) -> Request {
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(body).collect();
    let asks = pairs
        .iter()
        .any(|(name, value)| name == "scope" && value.contains("offline_access"));
    if !asks {
        return Request::from_parts(parts, Body::from(body.to_vec()));
    }
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &pairs {
        let kept = if name == "scope" {
            without_offline_access(value)
        } else {
            Some(value.to_string())
        };
        if let Some(value) = kept {
            form.append_pair(name, &value);
        }
    }
    parts.headers.remove(CONTENT_LENGTH);
    Request::from_parts(parts, Body::from(form.finish()))
}

/// Puts a token that mcp-server believes in the place of the one that the library made.
async fn exchange(oauth: &OAuth, issued: Response) -> Result<Response, Response> {
    if issued.status() != StatusCode::OK {
        return Ok(issued);
    }
    let defect = |what: &'static str| answer::failed(&Error::internal(what));
    let (mut parts, body) = issued.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|_| defect("an answer has no body"))?;
    let mut told: Value = serde_json::from_slice(&body).map_err(|_| defect("an answer is no JSON"))?;
    let opaque = told["access_token"]
        .as_str()
        .ok_or_else(|| defect("an answer has no token"))?;
    let signed = oauth::sign_issued(&oauth.orchestrator, &oauth.site.audience(), opaque).await;
    let Some(signed) = signed.map_err(|error| answer::failed(&error))? else {
        let why = "what was granted has ended; let the program in again";
        return Err(answer::refused(StatusCode::BAD_REQUEST, "invalid_grant", why));
    };
    told["access_token"] = Value::from(signed.token.expose_secret());
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(parts, Body::from(told.to_string())))
}
