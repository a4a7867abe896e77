//! Bodies of the control surface.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::world::Role;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockInput {
    pub(super) now: Option<Timestamp>,
    #[serde(default)]
    pub(super) advance_seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliverInput {
    pub(super) event: String,
    pub(super) payload: Value,
    /// A new one when absent.
    pub(super) guid: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookInput {
    pub(super) url: String,
    pub(super) secret: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenInput {
    pub(super) login: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LabelInput {
    /// `owner/name`.
    pub(super) repository: String,
    pub(super) number: u64,
    pub(super) label: String,
    /// The login of who does it.
    pub(super) by: String,
    #[serde(default)]
    pub(super) remove: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleInput {
    pub(super) repository: String,
    pub(super) login: String,
    pub(super) role: Role,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameInput {
    pub(super) repository: String,
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitInput {
    /// Requests per hour.
    pub(super) limit: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SuspendInput {
    pub(super) installation_id: u64,
    pub(super) suspended: bool,
}

/// Reads one thing, or a list of them.
pub(super) fn one_or_many<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>> {
    let value: Value = serde_json::from_slice(body).context("reading the body")?;
    let list = if value.is_array() {
        value
    } else {
        Value::Array(vec![value])
    };
    serde_json::from_value(list).context("reading the body")
}
