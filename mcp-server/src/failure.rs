//! One translation of what services refuse into what tools answer.

use contract::failure::{ErrorCode, Failure, Hint};
use orchestrator::Error;
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CallToolResult};

/// The answer to a call that did not do what was asked.
///
/// A defect of ours leaves without text, as a protocol error; it is logged here, and nowhere else.
pub(crate) fn refuse(error: &Error) -> Result<CallToolResponse, ErrorData> {
    if let Some(failure) = failure(error) {
        return Ok(answer(&failure));
    }
    tracing::error!(
        error = error as &dyn std::error::Error,
        "a tool call met a defect"
    );
    Err(ErrorData::internal_error("internal error", None))
}

/// A refusal where there is no tool to answer with it. A defect of ours is logged here and leaves without text.
pub(crate) fn protocol(error: &Error) -> ErrorData {
    let Some(failure) = failure(error) else {
        tracing::error!(error = error as &dyn std::error::Error, "a request met a defect");
        return ErrorData::internal_error("internal error", None);
    };
    let data = Some(serde_json::json!(failure));
    match failure.code {
        ErrorCode::Unavailable | ErrorCode::RateLimited => ErrorData::internal_error(failure.message, data),
        _ => ErrorData::invalid_params(failure.message, data),
    }
}

/// A failure as a tool's answer.
pub(crate) fn answer(failure: &Failure) -> CallToolResponse {
    let value = serde_json::json!(failure);
    CallToolResult::structured_error(value).into()
}

/// A call that took too long. Nobody knows how far it came.
pub(crate) fn too_slow(seconds: u64) -> Failure {
    Failure {
        code: ErrorCode::Unavailable,
        message: format!(
            "the call took longer than {seconds} s and was given up; look at the object before repeating it, or repeat \
             it with the same idempotency_key"
        ),
        retry_after_ms: Some(1_000),
        hint: None,
    }
}

fn failure(error: &Error) -> Option<Failure> {
    let (code, retry_after_ms) = match error {
        Error::Invalid(_) => (ErrorCode::InvalidInput, None),
        Error::Unauthenticated(_) => (ErrorCode::Unauthenticated, None),
        Error::Forbidden(_) | Error::StaleLogin(_) => (ErrorCode::Forbidden, None),
        Error::NotFound { .. } => (ErrorCode::NotFound, None),
        Error::Conflict(_) => (ErrorCode::Conflict, None),
        Error::StaleTurn => (ErrorCode::StaleTurn, None),
        Error::StaleVersion => (ErrorCode::StaleVersion, None),
        Error::IdempotencyMismatch => (ErrorCode::IdempotencyMismatch, None),
        Error::Precondition(_) => (ErrorCode::PreconditionFailed, None),
        Error::Capacity(_) => (ErrorCode::Capacity, None),
        Error::Budget(_) => (ErrorCode::Budget, None),
        Error::TooLarge(_) => (ErrorCode::TooLarge, None),
        Error::RateLimited { retry_after_ms, .. } => (ErrorCode::RateLimited, Some(*retry_after_ms)),
        Error::Unavailable(_) => (ErrorCode::Unavailable, Some(2_000)),
        Error::Internal(_) => return None,
    };
    Some(Failure {
        code,
        message: error.to_string(),
        retry_after_ms,
        hint: matches!(error, Error::StaleLogin(_)).then_some(Hint::SignIn),
    })
}

/// The code of an answer, for metrics: `ok`, the failure's, or `unknown_tool`.
pub(crate) fn code(response: &Result<CallToolResponse, ErrorData>) -> String {
    match response {
        Ok(CallToolResponse::Complete(result)) if result.is_error == Some(true) => {
            let code = result
                .structured_content
                .as_ref()
                .and_then(|value| value["code"].as_str());
            code.unwrap_or("internal").to_owned()
        }
        Ok(_) => "ok".to_owned(),
        Err(error) if error.code == rmcp::model::ErrorCode::INVALID_PARAMS => "unknown_tool".to_owned(),
        Err(_) => "internal".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_keeps_its_text_to_itself() {
        let error = Error::internal("password=hunter2");
        let answer = refuse(&error).unwrap_err();
        assert_eq!(answer.message, "internal error");
        assert!(answer.data.is_none());
    }

    #[test]
    fn an_old_sign_in_is_forbidden_and_says_what_helps() {
        let failure = failure(&Error::StaleLogin("sign in again".into())).unwrap();
        let told = serde_json::json!(failure);
        assert_eq!(told["code"], "forbidden");
        assert_eq!(told["hint"], "sign_in");
    }

    #[test]
    fn a_refusal_carries_code_text_and_time() {
        let error = Error::RateLimited {
            message: "slowly".into(),
            retry_after_ms: 7,
        };
        let expected = Failure {
            code: ErrorCode::RateLimited,
            message: "slowly".into(),
            retry_after_ms: Some(7),
            hint: None,
        };
        assert_eq!(failure(&error), Some(expected));
        assert_eq!(code(&refuse(&error)), "rate_limited");
    }
}
