use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::Problem;

/// An answer before it is put on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    /// A body that is not JSON, with its media type: a diff, for example.
    pub(crate) raw: Option<(&'static str, Vec<u8>)>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    fn new(status: StatusCode, body: Option<Value>) -> Self {
        Self {
            status,
            body,
            raw: None,
            headers: Vec::new(),
        }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, Some(body))
    }

    pub(crate) fn created(body: Value) -> Self {
        Self::new(StatusCode::CREATED, Some(body))
    }

    pub(crate) fn accepted(body: Value) -> Self {
        Self::new(StatusCode::ACCEPTED, Some(body))
    }

    pub(crate) fn no_content() -> Self {
        Self::new(StatusCode::NO_CONTENT, None)
    }

    pub(crate) fn raw(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            raw: Some((media_type, bytes)),
            ..Self::new(StatusCode::OK, None)
        }
    }

    /// Sends the asker to another address; 301 as GitHub does for a renamed repository.
    pub(crate) fn moved(location: &str) -> Self {
        let body = serde_json::json!({
            "message": "Moved Permanently",
            "url": location,
            "documentation_url": "https://docs.github.com/rest",
        });
        Self::new(StatusCode::MOVED_PERMANENTLY, Some(body)).with("location", location)
    }

    /// Adds a header; a value that cannot stand in one is left out.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let mut reply = Self::new(problem.status, Some(problem.body()));
        if let Some(seconds) = problem.retry_after {
            reply.set("retry-after", &seconds.to_string());
        }
        reply
    }
}
