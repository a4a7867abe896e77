use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Permissions;

/// A bearer token that was given out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) holder: Holder,
    pub(crate) expires_at: Timestamp,
}

/// Who acts when the token is shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holder {
    Installation {
        installation_id: u64,
        permissions: Permissions,
        /// Only these, when the token was narrowed.
        repository_ids: Option<Vec<u64>>,
    },
    Person {
        account_id: u64,
    },
}

/// A sign-in on its way back to the App.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LoginCode {
    pub(crate) account_id: u64,
    pub(crate) redirect_uri: String,
    /// The S256 digest of what the App must show.
    pub(crate) challenge: Option<String>,
    pub(crate) expires_at: Timestamp,
}

/// Requests counted against the primary rate limit.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) used: u64,
    pub(crate) resets_at: Timestamp,
}
