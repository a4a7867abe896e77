//! Who calls, and what they may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Input of `principal_get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalGet {}

/// What kind of principal a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    Person,
    Service,
}

/// The caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalView {
    pub kind: PrincipalKind,
    /// The person's or token's id.
    pub id: String,
    /// Login of a person, name of a service token.
    pub name: String,
    /// The role on the whole platform, of a person or of a program's token: `operator`, `auditor` or `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_role: Option<String>,
    /// The project and role of a project's service token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// `viewer`, `contributor`, `reviewer`, `maintainer` or `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What the caller may do somewhere; whether here and now is decided by each call.
    pub operations: Vec<String>,
}
