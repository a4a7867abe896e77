//! How a tool refuses: a code to act on, and a text that says what to do next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a tool call did not do what was asked. The list is closed: clients may match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The arguments make no sense; the text names the field.
    InvalidInput,
    /// No valid token.
    Unauthenticated,
    /// Known, but not allowed.
    Forbidden,
    /// No such thing, or not yours to see.
    NotFound,
    /// The state does not allow it now.
    Conflict,
    /// The caller's turn of the run is over; nothing it sends counts any more.
    StaleTurn,
    /// The object changed since it was read; read it again.
    StaleVersion,
    /// The idempotency key was used with other arguments.
    IdempotencyMismatch,
    /// Something that must hold first does not.
    PreconditionFailed,
    /// A limit on how many is reached.
    Capacity,
    /// The money or token budget is spent.
    Budget,
    /// Larger than the limit the text names.
    TooLarge,
    /// Ask again after `retry_after_ms`.
    RateLimited,
    /// A part the answer depends on is away; asking again may help.
    Unavailable,
    /// A defect of the platform.
    Internal,
}

/// What the client can do about a refusal by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// Let the person sign in again, and repeat the call: it would be allowed after a sign-in of a moment ago.
    SignIn,
}

/// The body of every failed tool call, in `structuredContent` and as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    pub code: ErrorCode,
    /// What is wrong and what to do next.
    pub message: String,
    /// Milliseconds to wait before asking again, where waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
}
