//! What lets programs and people in: named tokens, sessions in browsers, and what people granted to clients.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::{Count, List, Text};
use crate::page::{Cursor, IdempotencyKey, PageLimit};
use crate::project::ProjectRole;

/// A group of tools that a token can be narrowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolsetName {
    Access,
    Agents,
    Knowledge,
    Operations,
    Repositories,
    Runs,
    Slots,
    /// What the sides of a runner use; of no use to staff.
    Turn,
}

/// The value of a token: shown in no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TokenValue(String);

impl TokenValue {
    pub fn new(value: String) -> Self {
        Self(value)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenValue(…)")
    }
}

/// Input of `token_list`: at most one of `project_id`, `person_id` and `platform`; your own without them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenList {
    /// The tokens of a project's programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// Somebody else's personal ones; for owners of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<Uuid>,
    /// True: those of programs that look after the whole installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Output of `token_list`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenPage {
    pub tokens: Vec<TokenView>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Input of `token_create`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// What it is for, to know it by in the list.
    pub name: Text<1, 100>,
    /// Whose program it is for, with `role`; without it the token is personal and has your own rights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    /// Of a program's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ProjectRole>,
    /// How long it is good for, 30 without it. It ends with what it was made with, which may be sooner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Count<1, 90>>,
    /// These groups of tools alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolsets: Option<List<ToolsetName, 6>>,
    /// Tools that change nothing, alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// No text of people without write permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockdown: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `token_create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenMade {
    pub token: TokenView,
    /// What its bearer shows. It is in this answer alone and kept nowhere: absent when a call is repeated under its
    /// `idempotency_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<TokenValue>,
    pub next: String,
}

/// Input of `token_revoke`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRevoke {
    pub token_id: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Whom a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A program, with one role in one project.
    Service,
    /// A program that looks after the whole installation.
    Platform,
    /// A person, with the rights it has at the moment.
    Personal,
}

/// A named token; never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenView {
    pub token_id: Uuid,
    pub kind: TokenKind,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<Uuid>,
    /// In the project, or on the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Absent: all of its bearer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolsets: Option<Vec<ToolsetName>>,
    pub read_only: bool,
    pub lockdown: bool,
    /// `person:octocat`; absent for what the command line made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// To the minute; absent for one that nobody used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// It lets its bearer in now.
    pub is_live: bool,
}

/// Input of `session_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionList {
    /// Somebody else's; for owners of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_id: Option<Uuid>,
}

/// Output of `session_list`: at most 100 of each, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sessions {
    pub sessions: Vec<SessionView>,
    pub grants: Vec<GrantView>,
}

/// A sign-in in one browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    pub session_id: Uuid,
    /// `github`, or `break_glass` for a one-use code of the installation's operator.
    pub method: String,
    /// What the browser said of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// To the minute.
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    pub is_live: bool,
    /// The one that this was called with.
    #[serde(default)]
    pub is_this: bool,
}

/// What a person let a client do: an editor, a desktop program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantView {
    pub grant_id: Uuid,
    pub client_id: String,
    /// What the client calls itself: believed by nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    pub scope: String,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The one that this was called with.
    #[serde(default)]
    pub is_this: bool,
}

/// Input of `session_revoke`: one of `session_id` and `grant_id`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionRevoke {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `session_revoke`: what has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEnded {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<Uuid>,
}
