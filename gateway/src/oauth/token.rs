//! `/token` and `/revoke`: the library decides, and a client gets a token of ours for the library's.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, HeaderValue};
use axum::http::{StatusCode, request};
use axum::response::Response;
use orchestrator::identity::oauth::{self, without_offline_access};
use secrecy::ExposeSecret;
use serde_json::Value;
use url::form_urlencoded;

use super::{MAX_BODY_BYTES, OAuth, answer};

/// `POST /token`.
pub(super) async fn token(State(oauth): State<OAuth>, request: Request) -> Response {
    let Ok(_place) = oauth.requests.try_acquire() else {
        return answer::busy();
    };
    let answered = async {
        let issued = pass(&oauth, request).await?;
        exchange(&oauth, issued).await
    };
    answered.await.unwrap_or_else(|refusal| refusal)
}

/// `POST /revoke`.
pub(super) async fn revoke(State(oauth): State<OAuth>, request: Request) -> Response {
    let Ok(_place) = oauth.requests.try_acquire() else {
        return answer::busy();
    };
    pass(&oauth, request).await.unwrap_or_else(|refusal| refusal)
}

async fn pass(oauth: &OAuth, request: Request) -> Result<Response, Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await;
    let too_large = |_| {
        answer::refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request",
            "the body is too large",
        )
    };
    let request = rewritten(parts, &body.map_err(too_large)?);
    let (mut parts, body) = oauth.service.handle(request).await.into_parts();
    parts
        .headers
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(Response::from_parts(parts, Body::from(body.into_bytes())))
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
    let defect = |what: &'static str| answer::failed(&orchestrator::Error::internal(what));
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
