//! Why somebody may do something, or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::Text;

/// Input of `access_explain`. Without project and run it is about what belongs to no project.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessExplain {
    /// A word of `principal_get`'s `operations` or of `docs/access.md`: `run_start`.
    pub operation: Text<1, 60>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// A run: rights may depend on who started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// About this person; without it about the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<Uuid>,
}

/// Output of `access_explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessExplanation {
    pub operation: String,
    pub allowed: bool,
    /// One sentence.
    pub because: String,
    /// What the table says of each thing the person is: `contributor: own`.
    pub rules: Vec<String>,
    /// Roles that may without a condition.
    pub who_may: Vec<String>,
    /// Roles that may with one: `maintainer: second_person`.
    pub who_may_sometimes: Vec<String>,
    /// Roles that can give somebody the right.
    pub who_grants: Vec<String>,
    /// It wants a sign-in of the last 15 minutes.
    #[serde(default)]
    pub wants_fresh_login: bool,
    /// Allowed, but the caller's own sign-in is too old for it now: sign in again.
    #[serde(default)]
    pub needs_sign_in: bool,
}
