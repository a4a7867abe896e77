use http::StatusCode;
use serde_json::{Value, json};

use super::Reply;

/// What an operation answers.
pub(crate) type Answer = Result<Reply, Problem>;

/// A refusal in GitHub's form.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) errors: Vec<Value>,
    /// Seconds, for the header of a rate limit.
    pub(crate) retry_after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Refuses a token that lacks a permission.
    pub(crate) fn not_accessible() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Resource not accessible by integration")
    }

    /// Refuses a person whose role is too low.
    pub(crate) fn must_have_rights() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Must have admin rights to Repository.")
    }

    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// Refuses one field of a resource: `missing`, `missing_field`, `invalid`, `already_exists` or `custom`.
    pub(crate) fn invalid_field(resource: &str, field: &str, code: &str, message: Option<&str>) -> Self {
        let mut error = json!({"resource": resource, "field": field, "code": code});
        if let Some(message) = message {
            error["message"] = json!(message);
        }
        Self {
            errors: vec![error],
            ..Self::unprocessable("Validation Failed")
        }
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = json!({
            "message": self.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": self.status.as_str(),
        });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors.clone());
        }
        body
    }
}

/// A defect of the simulator, or git that cannot run: GitHub says as little.
impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(
            error = format!("{error:#}"),
            "an operation of the GitHub simulator failed"
        );
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Server Error")
    }
}
