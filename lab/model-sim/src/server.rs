//! The APIs: `POST /v1/responses`, `POST /v1/messages`, `GET /v1/models`, and `GET /_sim/log` for people, all with the key.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api::Asked;
use crate::fault::Fault;
use crate::log::Request;
use crate::script::Scripts;
use crate::{messages, responses};

const UNKNOWN_KEY: &str = "the key is not the one the scripted model was started with";

/// Requests kept for the log, and bytes of a result in it.
const LOG_REQUESTS: usize = 1000;
const LOG_RESULT: usize = 2000;
const REQUEST_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct State {
    key: String,
    scripts: Scripts,
    log: Mutex<VecDeque<Request>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl State {
    pub(crate) fn new(key: String, scripts: Scripts) -> Self {
        Self {
            key,
            scripts,
            log: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    pub(crate) fn log(&self) -> Vec<Request> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    pub(crate) fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(faults);
    }

    fn next_fault(&self) -> Option<Fault> {
        self.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    fn keep(&self, request: Request) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOG_REQUESTS {
            log.pop_front();
        }
        log.push_back(request);
    }

    fn knows<A: Asked>(&self, headers: &HeaderMap) -> bool {
        A::key(headers) == Some(self.key.as_str())
    }
}

pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route(responses::Asked::PATH, post(speak::<responses::Asked>))
        .route(messages::Asked::PATH, post(speak::<messages::Asked>))
        .route("/v1/models", get(models))
        .route("/_sim/log", get(log))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .with_state(state)
}

/// What others asked is for whoever holds the key: agents reach this address too.
async fn log(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    if state.knows::<responses::Asked>(&headers) {
        Json(state.log()).into_response()
    } else {
        failure(StatusCode::UNAUTHORIZED, "invalid_api_key", UNKNOWN_KEY)
    }
}

async fn models(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    let known = state.knows::<responses::Asked>(&headers) || state.knows::<messages::Asked>(&headers);
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    state.keep(request::<responses::Asked>("GET", "/v1/models", None, status));
    if !known {
        return failure(status, "invalid_api_key", UNKNOWN_KEY);
    }
    let names = state
        .scripts
        .by_model
        .keys()
        .map(String::as_str)
        .chain(["scripted"]);
    let data: Vec<Value> = names
        .map(|name| json!({ "id": name, "object": "model" }))
        .collect();
    Json(json!({ "object": "list", "data": data })).into_response()
}

async fn speak<A: Asked>(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Option<A> = serde_json::from_slice(&body).ok();
    let fault = state.next_fault();
    let response = answer(&state, &headers, asked.as_ref(), fault).await;
    state.keep(request("POST", A::PATH, asked.as_ref(), response.status()));
    response
}

async fn answer<A: Asked>(
    state: &State,
    headers: &HeaderMap,
    asked: Option<&A>,
    fault: Option<Fault>,
) -> Response {
    if !state.knows::<A>(headers) || fault == Some(Fault::Unauthorized) {
        return failure(StatusCode::UNAUTHORIZED, "invalid_api_key", UNKNOWN_KEY);
    }
    match fault {
        Some(Fault::RateLimited) => {
            let refused = failure(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_exceeded",
                "ask again in a second",
            );
            return ([(RETRY_AFTER, "1")], refused).into_response();
        }
        Some(Fault::Broken) => {
            return failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "broken on request",
            );
        }
        Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    let Some(asked) = asked else {
        return failure(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "no request of this API",
        );
    };
    let answer = asked.answer(state.scripts.of(asked.model()));
    if !asked.stream() {
        return Json(answer).into_response();
    }
    let mut events = A::events(&answer);
    if fault == Some(Fault::Cut) {
        events.pop();
    }
    ([(CONTENT_TYPE, "text/event-stream")], events.concat()).into_response()
}

fn request<A: Asked>(method: &str, path: &str, asked: Option<&A>, status: StatusCode) -> Request {
    let results = asked.map(A::results).unwrap_or_default();
    let tools = asked.map(A::tools).unwrap_or_default();
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        model: asked.map(|asked| asked.model().to_owned()),
        tool_results: results.len(),
        last_result: results.last().map(|result| shorten(&result.to_string())),
        tools: tools.into_iter().map(str::to_owned).collect(),
        status: status.as_u16(),
    }
}

fn shorten(text: &str) -> String {
    text[..text.floor_char_boundary(LOG_RESULT)].to_owned()
}

fn failure(status: StatusCode, code: &str, message: &str) -> Response {
    (
        status,
        Json(json!({ "type": "error", "error": { "type": code, "code": code, "message": message } })),
    )
        .into_response()
}
