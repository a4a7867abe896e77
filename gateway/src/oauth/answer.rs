//! Answers to clients and browsers when something is wrong.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use orchestrator::Error;
use serde_json::json;

use crate::login::page::{escape, page};

/// An error as RFC 6749 (section 5.2) has it.
pub(super) fn refused(status: StatusCode, error: &str, why: &str) -> Response {
    metrics::counter!("codex_auth_failures_total", "program" => "gateway", "kind" => "oauth").increment(1);
    let body = Json(json!({ "error": error, "error_description": why }));
    let headers = [(CACHE_CONTROL, "no-store"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (status, headers, body).into_response()
}

/// What went wrong here and not at the client's.
pub(super) fn failed(error: &Error) -> Response {
    match error {
        Error::Unavailable(why) => refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", why),
        Error::RateLimited {
            message,
            retry_after_ms,
        } => {
            let mut response = refused(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", message);
            let seconds = retry_after_ms.div_ceil(1000);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
            response
        }
        other => {
            tracing::error!(
                error = other as &dyn std::error::Error,
                "the authorization server met a defect"
            );
            refused(StatusCode::INTERNAL_SERVER_ERROR, "server_error", &other.told())
        }
    }
}

/// One request more than is answered at once.
pub(super) fn busy() -> Response {
    let mut response = refused(
        StatusCode::SERVICE_UNAVAILABLE,
        "temporarily_unavailable",
        "too many requests at once; send it again later",
    );
    response.headers_mut().insert(RETRY_AFTER, 5.into());
    response
}

/// A page for a browser that cannot be sent back to its client.
pub(super) fn dead_end(status: StatusCode, why: &str) -> Response {
    metrics::counter!("codex_auth_failures_total", "program" => "gateway", "kind" => "authorize")
        .increment(1);
    page(
        status,
        "This program cannot be let in",
        &format!(
            "<p>{}.</p><p>Close this page and look at the program that opened it.</p>",
            escape(why)
        ),
    )
}
