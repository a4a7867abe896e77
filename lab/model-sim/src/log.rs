//! What was asked, for tests and for people.

use serde::Serialize;

/// One request, as far as it is worth keeping. Never the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub model: Option<String>,
    /// Tool results in the conversation.
    pub tool_results: usize,
    /// The newest tool result, shortened.
    pub last_result: Option<String>,
    /// Names of the tools offered.
    pub tools: Vec<String>,
    pub status: u16,
}
