//! What the supervisor of a runner pod says and hears: the contract of one turn of one run.
//!
//! Every call is made with the supervisor token of (run, turn, fence); a call of an older turn is refused with
//! `stale_turn`. Unknown input fields are ignored: servers accept contract versions N and N-1.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::{List, Text, within, within_if_any};
use crate::page::IdempotencyKey;

/// The version of this file's shapes. `run_context_get` must say which one the runner speaks; every other tool of a
/// supervisor takes it too, as `contract_version`.
pub const CONTRACT_VERSION: u32 = 1;

/// Input of the tools that need to know nothing beyond the token.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// Input of `run_context_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ContextAsk {
    pub contract_version: u32,
}

/// All a turn needs to begin: the task, the prompt, where to work and within which limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunContext {
    pub contract_version: u32,
    pub run_id: Uuid,
    /// Starts at 1; a resume is the next turn of the same run.
    pub turn: u32,
    pub stage: String,
    pub repository: Repository,
    /// The issue or pull request the run is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_item: Option<WorkItem>,
    /// The whole prompt, rendered by the platform.
    pub prompt: String,
    pub agent: AgentSettings,
    pub branch: Branch,
    pub commit_author: CommitAuthor,
    pub limits: Limits,
    /// Answers of earlier waits, oldest first.
    pub answers: Vec<Answer>,
    /// Whether `run_snapshot_get` has something to resume from.
    pub has_snapshot: bool,
    /// W3C trace context of the run, passed on with each call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The Git repository of the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repository {
    pub repository_id: Uuid,
    pub owner: String,
    pub name: String,
    /// HTTPS address without credential.
    pub clone_url: String,
    pub default_branch: String,
}

/// The issue or pull request as the platform last saw it. Its text is in the prompt, neutralised and marked with its trust.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkItem {
    pub number: u64,
    pub title: String,
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

/// Which program works, and what it may touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentSettings {
    pub adapter: Adapter,
    /// Argument vector of the `command` adapter.
    #[serde(default)]
    pub command: Vec<String>,
    /// Environment of the agent's program: plain settings, never a secret.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The model the profile names, and where the proxy reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Model>,
    pub output: Output,
    /// Globs of paths a turn may change; empty means every path.
    #[serde(default)]
    pub write_include: Vec<String>,
    /// Globs of paths a turn may never change; they win over `write_include`.
    #[serde(default)]
    pub write_exclude: Vec<String>,
}

/// How the agent's program is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Adapter {
    /// The Codex CLI, `codex exec --json`.
    Codex,
    /// The Claude Code CLI, `claude --print`.
    Claude,
    /// Any program that speaks the small contract of `docs/how-to/agent-command.md`.
    Command,
}

/// A model of the catalogue. Profiles name models; only the catalogue knows hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    pub name: String,
    #[serde(default)]
    pub api: Api,
    /// Base URL of the provider's API, for example `https://api.openai.com/v1`.
    pub base_url: String,
    /// Reasoning effort, passed on as the provider names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
}

/// What a model's host speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// The Responses API, which Codex speaks.
    #[default]
    Responses,
    /// The Messages API, which Claude Code speaks.
    Messages,
}

/// What must exist when the turn ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    PullRequest,
    Comment,
    None,
}

/// Where the work is pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Branch {
    /// For example `codex/issue-7`.
    pub name: String,
    /// The commit an earlier turn recorded as base; none on the first turn: then the head of the default branch, or
    /// of `name` if that exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_sha: Option<String>,
}

/// Under whose name left-over changes are committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitAuthor {
    pub name: String,
    pub email: String,
}

/// Bounds of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Active seconds left for this turn.
    pub active_seconds: u64,
    pub heartbeat_seconds: u64,
    pub bundle_bytes: u64,
    pub log_bytes: u64,
    pub snapshot_bytes: u64,
    /// Tokens of the turn the model proxy lets through before it refuses: what the money that is left buys at most. None
    /// means no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

/// What a person answered to an earlier wait of this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    pub wait_id: Uuid,
    pub question: String,
    pub answer: String,
    pub answered_by: String,
    pub answered_at: Timestamp,
}

/// Output of `run_heartbeat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// The run's state as the platform has it.
    pub state: String,
    /// The turn should end now: the run is being cancelled.
    pub stop: bool,
    /// What the turn may still use: a person may have given the run more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowance: Option<Allowance>,
}

/// What a turn may still use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allowance {
    pub active_seconds_left: u64,
    /// As in the limits of the run's context, as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// A limit of money is reached; absent means that none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<SpentLimit>,
}

/// Whose money is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpentLimit {
    /// The run's own limit.
    Run,
    /// The project's budget of the month.
    Project,
}

/// Which text a piece of log belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    Agent,
    Supervisor,
}

/// Input of `run_log_append`: the bytes of one stream from `offset` on. Sending the same piece twice changes nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LogPiece {
    pub stream: LogStream,
    /// Bytes of UTF-8 before `text` in this turn's stream.
    pub offset: u64,
    /// At most 64 KiB.
    #[schemars(length(max = 65_536))]
    pub text: String,
}

/// Output of `run_log_append`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogEnd {
    /// Where the stream now ends: the offset of the next piece.
    pub next_offset: u64,
}

/// Input of `run_usage_report`: totals of this turn so far, so a lost or repeated report changes nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UsageReport {
    #[serde(deserialize_with = "within::<List<ModelUsage, 20>, _, _>")]
    #[schemars(with = "List<ModelUsage, 20>")]
    pub models: Vec<ModelUsage>,
}

/// Tokens of one model, cumulative over the turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelUsage {
    #[serde(deserialize_with = "within::<Text<1, 200>, _, _>")]
    #[schemars(with = "Text<1, 200>")]
    pub model: String,
    pub requests: u64,
    /// All input tokens, the cached ones included.
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    /// All output tokens, the reasoning ones included.
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
}

/// Output of `run_usage_report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageAnswer {
    /// Cost of the whole run so far in millionths of a US dollar; none where a model has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
    /// A limit of money is reached: the model proxy refuses until a heartbeat says otherwise.
    pub exceeded: bool,
    /// Which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<SpentLimit>,
}

/// Input of `run_snapshot_put`, output of `run_snapshot_get`: what the agent's program needs to go on in a later turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The adapter's own name of the session, for example Codex's thread id.
    #[serde(deserialize_with = "within::<Text<1, 200>, _, _>")]
    #[schemars(with = "Text<1, 200>")]
    pub session: String,
    /// Path of the session file below the adapter's home.
    #[serde(deserialize_with = "within::<Text<1, 4096>, _, _>")]
    #[schemars(with = "Text<1, 4096>")]
    pub path: String,
    /// SHA-256 of the bytes, hexadecimal.
    #[serde(deserialize_with = "within::<Text<64, 64>, _, _>")]
    #[schemars(with = "Text<64, 64>")]
    pub sha256: String,
    /// The bytes, base64; at most 8 MiB of them.
    pub data: String,
}

/// Output of `run_snapshot_put`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotStored {
    pub snapshot_id: Uuid,
}

/// Input of `repository_token_issue`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryTokenAsk {
    pub access: RepositoryAccess,
}

/// What a Git credential may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepositoryAccess {
    Read,
    Write,
}

/// Output of `repository_token_issue`: a credential for this one repository, to be asked anew before each use.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryToken {
    /// User name for HTTP basic authentication.
    pub username: String,
    pub token: String,
    pub expires_at: Timestamp,
}

/// Output of `run_token_refresh`. The old tokens stay valid until they expire.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunTokens {
    pub supervisor_token: String,
    pub agent_token: String,
    pub expires_at: Timestamp,
}

/// Input of `pull_request_open`. The agent's call records title and body and waits for the push; the supervisor's call,
/// after the push, names the head and releases it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullRequestOpen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "within_if_any::<Text<1, 256>, _, _>")]
    #[schemars(with = "Option<Text<1, 256>>")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "within_if_any::<Text<0, 60_000>, _, _>")]
    #[schemars(with = "Option<Text<0, 60_000>>")]
    pub body: Option<String>,
    /// The pushed commit; only the supervisor may name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "within_if_any::<Text<40, 64>, _, _>")]
    #[schemars(with = "Option<Text<40, 64>>")]
    pub head_sha: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// How a turn ended, in the runner's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishOutcome {
    Succeeded,
    Failed,
}

/// Input of `run_finish`. Repeating it returns the first result.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finish {
    pub outcome: FinishOutcome,
    /// One of the platform's failure reasons, when failed: `precondition`, `environment`, `agent_error`,
    /// `output_invalid`, `write_scope`, `model_auth`, `budget`, `internal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which case of the reason, for example `no_change` or `branch_moved`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_reason: Option<String>,
    /// A sentence for a person; what is too long is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What the agent said last; what is too long is cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_sha: Option<String>,
    /// The commit pushed to the run's branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_sha: Option<String>,
    #[serde(default, deserialize_with = "within::<List<ChangedPath, 10_000>, _, _>")]
    #[schemars(with = "List<ChangedPath, 10_000>")]
    pub changed_paths: Vec<ChangedPath>,
}

/// One path the turn changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedPath {
    #[serde(deserialize_with = "within::<Text<1, 4096>, _, _>")]
    #[schemars(with = "Text<1, 4096>")]
    pub path: String,
    /// `added`, `modified`, `deleted`, `type_changed`.
    #[serde(deserialize_with = "within::<Text<1, 20>, _, _>")]
    #[schemars(with = "Text<1, 20>")]
    pub change: String,
}

/// Output of `run_finish`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// The state the run is in now: `finishing`, or an end.
    pub state: String,
}
