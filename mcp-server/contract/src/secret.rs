//! What people give the platform to keep. Values go in and never come out.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::Text;
use crate::page::{Cursor, IdempotencyKey, PageLimit};

/// The value of a secret: shown in no log.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SecretValue(Text<1, 16384>);

impl SecretValue {
    pub fn into_inner(self) -> String {
        self.0.into_inner()
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretKind {
    /// The key of a model's provider, bound to one host; the platform's.
    ModelKey,
    /// A value of a project.
    Value,
}

/// Input of `secret_set`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretSet {
    /// Leave it out for the platform's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// a-z, 0-9, - and _, beginning with a letter.
    pub name: Text<1, 63>,
    pub kind: SecretKind,
    /// Of a model's key: the only place it may be sent to, `https://api.example.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Text<1, 300>>,
    pub value: SecretValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `secret_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretList {
    /// Leave it out for the platform's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Output of `secret_list`: newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretPage {
    pub secrets: Vec<SecretView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// That there is a secret; never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretView {
    pub secret_id: Uuid,
    /// Absent for the platform's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub name: String,
    pub kind: SecretKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Counts changes of the value.
    pub version: u64,
    /// Who set the value: `person:octocat`.
    pub set_by: String,
    pub set_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
}
