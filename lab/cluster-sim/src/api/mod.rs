//! The Kubernetes HTTP API: one handler over the table of kinds.

mod discovery;
mod format;
mod logs;
mod openapi;
mod path;
mod query;
mod read;
mod watch;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::error::{ApiError, Result};
use crate::faults::{Fate, Fault, Faults};
use crate::kubelet::logs::Logs;
use crate::store::Store;
use path::Route;
use query::Query;

/// The largest body a request may have, as a real API server has it.
const BODY: usize = 3 << 20;

/// How long a client may take to send its body.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// What stands before the token in a path.
pub(crate) const PREFIX: &str = "/t/";

#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) store: Arc<Store>,
    pub(crate) faults: Faults,
    pub(crate) logs: Logs,
    pub(crate) token: Arc<str>,
}

pub(crate) fn router(api: Api) -> Router {
    Router::new().fallback(handle).with_state(api)
}

async fn handle(State(api): State<Api>, request: Request) -> Response {
    if matches!(request.uri().path(), "/healthz" | "/livez" | "/readyz") {
        return "ok".into_response();
    }
    let Some(path) = authorized_path(&api, &request) else {
        return ApiError::unauthorized().into_response();
    };
    if path == "/_sim/faults" {
        return faults(&api, request)
            .await
            .unwrap_or_else(IntoResponse::into_response);
    }
    let resource = path::resource_of(&path);
    let (delay, fate) = api.faults.meet(request.method().as_str(), resource);
    match fate {
        Fate::Broken => return broken(),
        Fate::Unavailable => {
            return ApiError::unavailable("the API is down: a fault was asked for").into_response();
        }
        Fate::Answered | Fate::Conflict | Fate::FailsAfterEffect => {}
    }
    tokio::time::sleep(delay).await;
    if fate == Fate::Conflict {
        return ApiError::modified(resource, "a fault was asked for").into_response();
    }
    let response = answer(&api, &path, request)
        .await
        .unwrap_or_else(IntoResponse::into_response);
    if fate == Fate::FailsAfterEffect && response.status().is_success() {
        return ApiError::internal("the answer was lost: a fault was asked for").into_response();
    }
    response
}

/// Gives the path asked for, if the token is right: as a bearer, or at the start of the path.
///
/// The latter is for kubectl, which sends no credentials over plain HTTP. The whole token is compared at once: the
/// simulator is on loopback, and its token is no secret of a person.
fn authorized_path(api: &Api, request: &Request) -> Option<String> {
    let path = request.uri().path();
    let rest = path
        .strip_prefix(PREFIX)
        .and_then(|path| path.strip_prefix(&*api.token));
    if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Some(rest.to_owned());
    }
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let is_right = given
        .and_then(|value| value.strip_prefix("Bearer "))
        .is_some_and(|token| token == &*api.token);
    is_right.then(|| path.to_owned())
}

/// Starts an answer and breaks the connection in its middle.
fn broken() -> Response {
    let failure = std::io::Error::other("the connection breaks: a fault was asked for");
    Body::from_stream(stream::iter([Err::<Bytes, _>(failure)])).into_response()
}

async fn answer(api: &Api, path: &str, request: Request) -> Result<Response> {
    let route = path::parse(path)?;
    let query = Query::of(&request)?;
    let (parts, body) = request.into_parts();
    let target = match route {
        Route::Resource(target) => target,
        Route::AccessReview => {
            let review = json_body(body).await?;
            return Ok((StatusCode::CREATED, axum::Json(discovery::access_review(review))).into_response());
        }
        fixed if parts.method == Method::GET => return discovery::answer(&fixed, &query),
        _ => return Err(ApiError::method_not_allowed()),
    };
    match (parts.method, target.subresource.as_deref()) {
        (Method::GET, Some("log")) if target.kind.is("Pod") => logs::read(api, &target, &query).await,
        (Method::GET, None | Some("status")) if query.watch() && target.subresource.is_none() => {
            watch::start(api, &target, &query)
        }
        (Method::GET, None | Some("status")) => read::get_or_list(api, &target, &query),
        (Method::POST, Some("eviction")) if target.kind.is("Pod") => {
            write::evict(api, &target, &json_body(body).await?)
        }
        (Method::POST, None) => {
            query.require_json()?;
            write::create(api, &target, &query, json_body(body).await?)
        }
        (Method::PUT, Some("finalize")) if target.kind.is("Namespace") => {
            write::finalize(api, &target, &json_body(body).await?)
        }
        (Method::PUT, None | Some("status")) => {
            query.require_json()?;
            write::replace(api, &target, &query, json_body(body).await?)
        }
        (Method::PATCH, None | Some("status")) => write::patch(api, &target, &query, &json_body(body).await?),
        (Method::DELETE, None) => write::delete(api, &target, &query, json_body(body).await?),
        (_, Some("exec" | "attach" | "portforward")) => Err(ApiError::bad_request(
            "the cluster simulator offers no exec, attach and port-forward: use the logs",
        )),
        (_, None | Some("status" | "log" | "eviction" | "finalize")) => Err(ApiError::method_not_allowed()),
        _ => Err(ApiError::no_such_path()),
    }
}

/// Reads a JSON body; an empty one is null.
async fn json_body(body: Body) -> Result<Value> {
    let read = tokio::time::timeout(BODY_DEADLINE, to_bytes(body, BODY)).await;
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err(ApiError::too_large()),
        Err(_) => return Err(ApiError::bad_request("the body did not arrive within 30 s")),
    };
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        ApiError::bad_request(format!(
            "the body is not JSON, which is all the simulator reads: {error}"
        ))
    })
}

async fn faults(api: &Api, request: Request) -> Result<Response> {
    match *request.method() {
        Method::GET => {}
        Method::DELETE => api.faults.clear(),
        Method::POST => {
            let body = json_body(request.into_body()).await?;
            let fault: Fault =
                serde_json::from_value(body).map_err(|error| ApiError::bad_request(error.to_string()))?;
            api.faults
                .inject(fault)
                .map_err(|error| ApiError::unavailable(error.to_string()))?;
        }
        _ => return Err(ApiError::method_not_allowed()),
    }
    Ok(axum::Json(json!({"waiting": api.faults.waiting()})).into_response())
}
