use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an App or one of its tokens may touch: permission name to level.
pub(crate) type Permissions = BTreeMap<String, Level>;

/// Says whether `held` grants `name` at `wanted` or above.
pub(crate) fn covers(held: &Permissions, name: &str, wanted: Level) -> bool {
    held.get(name).is_some_and(|level| *level >= wanted)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Read,
    Write,
    Admin,
}

/// The one GitHub App the simulator knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) client_id: String,
    #[serde(default)]
    pub(crate) client_secret: String,
    /// Where people may be sent back to after they signed in.
    #[serde(default)]
    pub(crate) callback_urls: Vec<String>,
    pub(crate) bot_id: u64,
    /// The only half of the key that GitHub keeps.
    pub(crate) public_key_pem: String,
    pub(crate) permissions: Permissions,
    pub(crate) events: Vec<String>,
    pub(crate) created_at: Timestamp,
}

/// The App's webhook.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Hook {
    pub(crate) id: u64,
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// The App as one account has installed it. It sees every repository of the account, or the selected ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) account_id: u64,
    pub(crate) permissions: Permissions,
    pub(crate) selected: Option<Vec<u64>>,
    pub(crate) suspended_at: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
}
