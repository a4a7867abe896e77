//! Who calls: the bearer check before anything else, and the challenge for those it does not let in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use contract::failure::{ErrorCode, Failure};
use http_body_util::BodyExt;
use orchestrator::credential::{self, Leniency, TokenFault};
use orchestrator::id::TokenId;
use orchestrator::trace::TraceParent;
use orchestrator::{Error, Orchestrator};
use url::Url;

use crate::config::{Config, metadata_url};
use crate::late::{self, Late};
use crate::message::{Message, Unreadable};
use crate::metadata::{self, SCOPE};
use crate::narrow::Narrow;
use crate::rate::Strangers;
use crate::room::{Full, Place, Room};
use crate::server::Caller;

/// How long the body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// In which the gateway says where a request came from.
const VOUCHED: &str = "x-codex-client-address";

/// What the check needs.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) config: Arc<Config>,
    pub(crate) room: Arc<Room>,
    pub(crate) strangers: Arc<Strangers>,
}

/// Lets a request through with its [`Caller`], or answers it.
pub(crate) async fn check(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let claims_json = request.method() == Method::POST && is_json(request.headers());
    let from = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|from| from.0.ip());
    let vouched = request.headers().get(VOUCHED).cloned();
    // The place is the call's until its answer is there.
    let (request, place) = match admit(&gate, request).await {
        Ok(admitted) => admitted,
        Err(response) => return gate.slow_down(from, vouched, *response).await,
    };
    let response = next.run(request).await;
    // A JSON message that the protocol has no use for is a bad request, not a bad media type.
    if claims_json && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        return Unreadable::NotAMessage(None).into_response();
    }
    if is_stream(response.headers()) {
        return response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _until_the_end = &place;
                frame
            }))
        });
    }
    response
}

/// Token first, then a place, then the body: who has no token has nothing read and takes nothing from others.
async fn admit(gate: &Gate, request: Request) -> Result<(Request, Place), Box<Response>> {
    let resource = gate.config.resource_of(metadata::host(request.headers()));
    let Some(bearer) = bearer(request.headers()) else {
        // No `error` without a token (RFC 6750, section 3.1).
        return Err(Box::new(challenge(resource, "missing", None)));
    };
    let audiences: Vec<_> = gate.config.resources().map(Url::as_str).collect();
    // Futures that are large are boxed where most of them is waiting for the database: they are moved on the way.
    let proven = Box::pin(credential::prove(&gate.orchestrator, &audiences, bearer)).await;
    let proven = proven.map_err(|error| Box::new(refuse(resource, &error)))?;
    if proven.actor.run().is_some() && gate.config.is_public(resource) {
        // Runs are inside the cluster: whoever shows a run's token outside has no business with it.
        let why = "a run's token counts at the address inside the cluster alone";
        return Err(Box::new(challenge(resource, "invalid", Some(why))));
    }
    let fault = proven.check(Leniency::None).err();
    let is_post = request.method() == Method::POST;
    if let Some(fault) = fault.filter(|_| !is_post || !late::may_count(&proven)) {
        return Err(Box::new(refuse_fault(resource, fault)));
    }
    if proven.wants_note && fault.is_none() {
        note_use(gate.orchestrator.clone(), proven.token_id);
    }
    let asked = Narrow::read(request.uri().query())
        .map_err(|why| Box::new((StatusCode::BAD_REQUEST, why).into_response()))?;
    let mut place = gate
        .room
        .enter(&proven.actor)
        .map_err(|full| Box::new(no_place(full)))?;
    let mut caller = Caller {
        trace: trace(request.headers()),
        actor: proven.actor.clone(),
        token_id: proven.token_id,
        origin: proven.origin.clone(),
        narrow: Narrow::of_token(&proven.narrowing).and(asked),
        lockdown: proven.narrowing.lockdown,
        is_over: false,
    };
    if !is_post {
        return Ok((with_caller(request, caller), place));
    }
    let (parts, body) = request.into_parts();
    let body = read(body, &mut place).await?;
    let message = Message::read(&body);
    if let Some(fault) = fault {
        caller.is_over = match late::judge(&proven, message.as_ref().ok()) {
            Late::Counts => false,
            Late::Over => true,
            Late::Refused => return Err(Box::new(refuse_fault(resource, fault))),
        };
    }
    if is_json(&parts.headers) {
        let message = message.map_err(|unreadable| Box::new(unreadable.into_response()))?;
        if message.is_listening() {
            place.stay_open().map_err(|full| Box::new(no_place(full)))?;
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    Ok((with_caller(request, caller), place))
}

/// Beside the call, which does not wait for it.
fn note_use(orchestrator: Orchestrator, token_id: TokenId) {
    tokio::spawn(async move {
        if let Err(error) = credential::note_use(&orchestrator, token_id).await {
            tracing::warn!(%error, "cannot write down that a token was used");
        }
    });
}

fn refuse_fault(resource: &Url, fault: TokenFault) -> Response {
    challenge(resource, "invalid", Some(&fault.to_string()))
}

fn refuse(resource: &Url, error: &Error) -> Response {
    match error {
        Error::Unauthenticated(why) => challenge(resource, "invalid", Some(why)),
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

impl Gate {
    /// Who comes again and again without a token that counts hears less and less.
    async fn slow_down(
        &self,
        from: Option<IpAddr>,
        vouched: Option<HeaderValue>,
        response: Response,
    ) -> Response {
        if response.status() != StatusCode::UNAUTHORIZED {
            return response;
        }
        let from = match vouched {
            Some(said) => self.believed(&said).await.or(from),
            None => from,
        };
        match from.map_or(Ok(()), |from| self.strangers.take(from)) {
            Ok(()) => response,
            Err(retry_after_ms) => too_often(retry_after_ms),
        }
    }
}

impl Gate {
    /// The address that the gateway vouches for, and nobody else.
    async fn believed(&self, said: &HeaderValue) -> Option<IpAddr> {
        let public = self.config.public_resource.as_ref()?;
        let said = said.to_str().ok()?;
        let believed = credential::vouched(&self.orchestrator, public.as_str(), said).await;
        believed
            .inspect_err(|error| tracing::warn!(%error, "cannot tell where a request came from"))
            .ok()?
    }
}

/// 401, saying where to get a token (RFC 9728, section 5.1) and which scope it needs.
fn challenge(resource: &Url, kind: &'static str, why: Option<&str>) -> Response {
    metrics::counter!("codex_auth_failures_total", "program" => "mcp-server", "kind" => kind).increment(1);
    let metadata = metadata_url(resource);
    let mut challenge = format!("Bearer resource_metadata=\"{metadata}\", scope=\"{SCOPE}\"");
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

fn with_caller(mut request: Request, caller: Caller) -> Request {
    request.extensions_mut().insert(Arc::new(caller));
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

fn trace(headers: &HeaderMap) -> TraceParent {
    match headers.get("traceparent").and_then(|value| value.to_str().ok()) {
        Some(given) => TraceParent::accept(Some(given)).child(),
        None => TraceParent::begin(),
    }
}

/// Reads the body as far as there is room for it.
async fn read(body: Body, place: &mut Place) -> Result<Bytes, Box<Response>> {
    let limit = place.largest_body();
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if told > limit {
        return Err(Box::new(too_large(limit)));
    }
    let whole = tokio::time::timeout(BODY_DEADLINE, collect(body, told, place));
    whole.await.unwrap_or_else(|_| {
        let text = "the request's body took too long to arrive";
        Err(Box::new((StatusCode::REQUEST_TIMEOUT, text).into_response()))
    })
}

async fn collect(mut body: Body, told: usize, place: &mut Place) -> Result<Bytes, Box<Response>> {
    let mut whole = Vec::with_capacity(told);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let text = "the request's body did not arrive whole";
            Box::new((StatusCode::BAD_REQUEST, text).into_response())
        })?;
        let Some(data) = frame.data_ref() else { continue };
        let arrived = whole.len() + data.len();
        if arrived > place.largest_body() {
            return Err(Box::new(too_large(place.largest_body())));
        }
        place.hold(arrived).map_err(|full| Box::new(no_place(full)))?;
        whole.extend_from_slice(data);
    }
    Ok(whole.into())
}

fn too_large(limit: usize) -> Response {
    let text = format!("the request must have at most {limit} bytes");
    (StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
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

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

fn too_often(retry_after_ms: u64) -> Response {
    let failure = Failure {
        code: ErrorCode::RateLimited,
        message: "too many requests of this address without a token that counts".to_owned(),
        retry_after_ms: Some(retry_after_ms),
    };
    let seconds = HeaderValue::from(retry_after_ms.div_ceil(1000));
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(RETRY_AFTER, seconds)],
        Json(failure),
    )
        .into_response()
}

fn no_place(full: Full) -> Response {
    match full {
        Full::ForCaller => later(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited: this caller has as many calls open as one may have; come again in a second",
        ),
        Full::ForAll => later(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable: too many calls at once; come again in a second",
        ),
    }
}

fn later(status: StatusCode, why: &str) -> Response {
    let mut response = (status, why.to_owned()).into_response();
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
