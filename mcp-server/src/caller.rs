//! Who calls: the bearer check before anything else, and the challenge for those it does not let in.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use orchestrator::actor::Actor;
use orchestrator::credential::{self, Leniency};
use orchestrator::trace::TraceParent;
use orchestrator::{Error, Orchestrator};
use tokio::sync::Semaphore;

use crate::message::{Message, Unreadable};
use crate::server::Caller;
use crate::tool::Side;

/// Bytes of a request of staff and agents.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;
/// Bytes of a request of a supervisor: session snapshots are large.
pub(crate) const SUPERVISOR_BODY_BYTES: usize = 24 * 1024 * 1024;
/// How long the body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// What the check needs.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) audience: Arc<str>,
    pub(crate) metadata_url: Arc<str>,
    pub(crate) room: Arc<Semaphore>,
}

/// Lets a request through with its [`Caller`], or answers it.
pub(crate) async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(_room) = gate.room.clone().try_acquire_owned() else {
        return later(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many calls at once; come again in a second",
        );
    };
    let claims_json = request.method() == Method::POST && is_json(request.headers());
    let response = match admit(&gate, request).await {
        Ok(request) => next.run(request).await,
        Err(response) => return *response,
    };
    // A JSON message that the protocol has no use for is a bad request, not a bad media type.
    if claims_json && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return Unreadable::NotAMessage(None).into_response();
    }
    response
}

async fn admit(gate: &Gate, request: Request) -> Result<Request, Box<Response>> {
    let Some(bearer) = bearer(request.headers()).map(str::to_owned) else {
        // No `error` without a token (RFC 6750, section 3.1).
        return Err(Box::new(gate.challenge("missing", None)));
    };
    let actor = credential::authenticate(&gate.orchestrator, &gate.audience, &bearer, Leniency::None).await;
    let trace = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    let trace = TraceParent::accept(trace).child();
    if request.method() != Method::POST {
        let actor = actor.map_err(|error| Box::new(gate.refuse(&error)))?;
        return Ok(with_caller(request, Caller { actor, trace }));
    }
    let limit = match &actor {
        Ok(actor) if Side::of(actor) == Some(Side::Supervisor) => SUPERVISOR_BODY_BYTES,
        _ => BODY_BYTES,
    };
    let (parts, body) = request.into_parts();
    let body = read(body, limit).await?;
    let message = Message::read(&body);
    let actor = match actor {
        Ok(actor) => actor,
        Err(strict) => gate.admit_late(&bearer, message.as_ref().ok(), strict).await?,
    };
    if is_json(&parts.headers) {
        message.map_err(|unreadable| Box::new(unreadable.into_response()))?;
    }
    Ok(with_caller(
        Request::from_parts(parts, Body::from(body)),
        Caller { actor, trace },
    ))
}

impl Gate {
    /// Looks again at a token that does not count any more: two calls of a supervisor forgive that.
    async fn admit_late(
        &self,
        bearer: &str,
        message: Option<&Message<'_>>,
        strict: Error,
    ) -> Result<Actor, Box<Response>> {
        let leniency = match message.and_then(Message::tool) {
            Some("run_token_refresh") => Leniency::Refresh,
            Some("run_finish") => Leniency::Finish,
            _ => return Err(Box::new(self.refuse(&strict))),
        };
        let actor = credential::authenticate(&self.orchestrator, &self.audience, bearer, leniency).await;
        actor.map_err(|error| Box::new(self.refuse(&error)))
    }

    fn refuse(&self, error: &Error) -> Response {
        match error {
            Error::Unauthenticated(why) => self.challenge("invalid", Some(why)),
            Error::Unavailable(why) => later(StatusCode::SERVICE_UNAVAILABLE, why),
            _ => {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "the bearer check met a defect"
                );
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// 401, saying where to get a token (RFC 9728, section 5.1).
    fn challenge(&self, kind: &'static str, why: Option<&str>) -> Response {
        metrics::counter!("codex_auth_failures_total", "program" => "mcp-server", "kind" => kind)
            .increment(1);
        let metadata = &self.metadata_url;
        let mut challenge = format!("Bearer resource_metadata=\"{metadata}\"");
        if let Some(why) = why {
            let why = why.replace(['"', '\\'], "'");
            challenge = format!("{challenge}, error=\"invalid_token\", error_description=\"{why}\"");
        }
        let text = why.unwrap_or("send a bearer token of this platform in the Authorization header");
        let mut response = (StatusCode::UNAUTHORIZED, text.to_owned()).into_response();
        if let Ok(value) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
        }
        response
    }
}

fn with_caller(mut request: Request, caller: Caller) -> Request {
    request.extensions_mut().insert(caller);
    request
}

/// The token of exactly one `Authorization: Bearer` header; a token in the query is none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Box<Response>> {
    let answer = |status: StatusCode, text: String| Box::new((status, text).into_response());
    match tokio::time::timeout(BODY_DEADLINE, to_bytes(body, limit)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_too_long(&error) => Err(answer(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the request must have at most {limit} bytes"),
        )),
        Ok(Err(_)) => Err(answer(
            StatusCode::BAD_REQUEST,
            "the request's body did not arrive whole".into(),
        )),
        Err(_) => Err(answer(
            StatusCode::REQUEST_TIMEOUT,
            "the request's body took too long to arrive".into(),
        )),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn later(status: StatusCode, why: &str) -> Response {
    let mut response = (status, why.to_owned()).into_response();
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
