//! What a refusal, or no answer at all, means in the port's words.

use http::StatusCode;
use jiff::Timestamp;
use orchestrator::ports::code_host::CodeHostError;
use serde::Deserialize;

use super::Result;
use super::call::{Call, Effect};
use super::rate_limit;
use super::transport::{Answer, Lost};

/// Longest text of GitHub's that we pass on.
const MOST_CHARACTERS: usize = 300;

/// GitHub's form of an error; a proxy in between answers anything.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    message: Option<String>,
    errors: Option<Vec<serde_json::Value>>,
    documentation_url: Option<String>,
}

/// Lets a good answer through, and names what a bad one means.
pub(super) fn judge(call: &Call, answer: Answer, now: Timestamp) -> Result<Answer> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = message(&said, answer.status);
    let clues = format!("{message} {}", said.documentation_url.unwrap_or_default());
    if let Some(retry_after) = rate_limit::wait(answer.status, &answer.headers, &clues, now) {
        return Err(CodeHostError::RateLimited { retry_after, message });
    }
    let status = answer.status.as_u16();
    let told = format!("{status}, {message} ({})", call.about);
    Err(match answer.status {
        StatusCode::NOT_FOUND | StatusCode::GONE => CodeHostError::NotFound(call.about.clone()),
        // The next call comes with a fresh token.
        StatusCode::UNAUTHORIZED if call.effect == Effect::Write => CodeHostError::Unavailable(told),
        StatusCode::REQUEST_TIMEOUT => unknown(call.effect, told),
        _ if answer.status.is_server_error() => unknown(call.effect, told),
        _ => CodeHostError::Refused {
            status,
            message: format!("{message} ({})", call.about),
        },
    })
}

/// Names what a missing answer means.
pub(super) fn lost(call: &Call, lost: Lost) -> CodeHostError {
    match lost {
        Lost::NotSent(why) => CodeHostError::Unavailable(format!("{why} ({})", call.about)),
        Lost::Unknown(why) => unknown(call.effect, format!("{why} ({})", call.about)),
    }
}

/// A success that does not say what we must know.
pub(super) fn unreadable(call: &Call, why: &str) -> CodeHostError {
    unknown(
        call.effect,
        format!("an answer that cannot be read: {why} ({})", call.about),
    )
}

fn unknown(effect: Effect, why: String) -> CodeHostError {
    match effect {
        Effect::Read => CodeHostError::Unavailable(why),
        Effect::Write => CodeHostError::Ambiguous(why),
    }
}

fn message(said: &Said, status: StatusCode) -> String {
    let reason = || status.canonical_reason().unwrap_or("no reason given").to_owned();
    let mut text = said.message.clone().unwrap_or_else(reason);
    for error in said.errors.iter().flatten() {
        // Either a sentence, or a code for a field.
        let detail = error.as_str().or_else(|| error.get("message")?.as_str());
        text.push_str("; ");
        match detail {
            Some(detail) => text.push_str(detail),
            None => text.push_str(&error.to_string()),
        }
    }
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
