//! What the public port answers: a status, a word for programs and a sentence for people.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use orchestrator::Error;
use orchestrator::delivery::Received;
use orchestrator::id::DeliveryId;
use serde::Serialize;

/// Seconds after which it may go better.
const RETRY_AFTER_SECONDS: u64 = 10;

/// A delivery was kept, or was here before.
#[derive(Serialize)]
pub(crate) struct Accepted {
    delivery_id: DeliveryId,
    duplicate: bool,
}

impl From<Received> for Accepted {
    fn from(received: Received) -> Self {
        Self {
            delivery_id: received.delivery_id,
            duplicate: received.duplicate,
        }
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self)).into_response()
    }
}

/// A request that was not accepted.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// The word of metrics and programs.
    pub(crate) error: &'static str,
    message: String,
    retry_after_ms: Option<u64>,
}

#[derive(Serialize)]
struct Body {
    error: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error,
            message: message.into(),
            retry_after_ms: None,
        }
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing here; people sign in at /login, tools are at /mcp",
        )
    }

    /// An address that asks too often.
    pub(crate) fn too_often(retry_after_ms: u64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "too many requests of this address; wait, and send it again",
            )
        }
    }

    /// Nothing was done; a delivery the platform fetches later if GitHub does not send it again.
    pub(crate) fn later(error: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, message)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(text) => Self::new(StatusCode::BAD_REQUEST, "malformed", text),
            Error::TooLarge(text) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", text),
            Error::Unavailable(text) => Self::later("unavailable", text),
            error => {
                tracing::error!(%error, "a request met a defect");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(Body {
            error: self.error,
            message: self.message,
            retry_after_ms: self.retry_after_ms,
        });
        let mut response = (self.status, body).into_response();
        let after = match self.retry_after_ms {
            Some(milliseconds) => Some(milliseconds.div_ceil(1000)),
            None => (self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER_SECONDS),
        };
        if let Some(seconds) = after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
