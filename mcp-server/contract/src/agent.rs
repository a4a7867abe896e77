//! Who works on a stage, with which words, at which price.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bounded::{Count, List, Text};
use crate::page::{Cursor, IdempotencyKey, PageLimit};
use crate::runner::{Adapter, Api, Output};

/// A stage, as in the label `run:<stage>`.
pub type StageName = Text<1, 40>;

/// A version that somebody saw.
pub type VersionNumber = Count<1, 1_000_000>;

/// A word that may be taken away: an empty one does.
pub type Word = Text<0, 253>;

/// A template in the syntax of Jinja.
pub type Template = Text<1, 131_072>;

/// Globs as in `.gitignore`.
pub type Globs = List<Text<1, 300>, 100>;

/// Where a version of a profile or a prompt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    /// Saved; nobody works by it.
    Draft,
    Published,
}

/// Input of `agent_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentList {
    /// Leave it out for the platform's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
}

/// Input of `agent_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentGet {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    /// One version of the project's own, or of the platform's; without it what runs work by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionNumber>,
}

/// Input of `agent_version_list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentVersionList {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Output of `agent_version_list` and `prompt_version_list`: newest first. Empty where a project has none of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionPage {
    pub versions: Vec<VersionLine>,
    /// Pass it as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A version, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionLine {
    pub version: u32,
    pub state: VersionState,
    /// `person:octocat`.
    pub written_by: String,
    pub written_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

/// Input of `agent_update`: what is not given stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentUpdate {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    /// The `newest_version` that the change is made on; leave it out where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<Adapter>,
    /// The program of the adapter `command` and its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<List<Text<0, 4096>, 100>>,
    /// Plain settings of the program, never a secret; they replace all there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<BTreeMap<String, Text<0, 4096>>>,
    /// A model of `model_list`; an empty text takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Word>,
    /// `none`, `minimal`, `low`, `medium`, `high` or `xhigh`; an empty text leaves it to the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Output>,
    /// Paths a run may change; none means every path. They replace all there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_include: Option<Globs>,
    /// Paths a run may never change; they win, and replace all there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_exclude: Option<Globs>,
    /// The Kubernetes `RuntimeClass` of its pods; an empty text takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<Word>,
    /// Of the agent's container: `500m`, `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Text<1, 20>>,
    /// Of the agent's container: `512Mi`, `4Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Text<1, 20>>,
    /// The longest active time of a run, where it is less than the project's; 0 takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<Count<0, 604_800>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `agent_publish`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentPublish {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    /// The version that was looked at; it must be the newest.
    pub version: VersionNumber,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `agent_list`, stage by stage: what runs work by, and drafts that are newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentPage {
    pub agents: Vec<AgentView>,
}

/// One version of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgentView {
    pub agent_profile_id: Uuid,
    /// Absent: it is the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: String,
    pub version: u32,
    pub state: VersionState,
    /// What a change must be made on; absent where the project has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_version: Option<u32>,
    pub adapter: Adapter,
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    pub output: Output,
    /// Empty: every path.
    pub write_include: Vec<String>,
    pub write_exclude: Vec<String>,
    /// Paths that are excluded beside these, because they rule the repository and the profile does not name them.
    pub write_protected: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class: Option<String>,
    pub cpu: String,
    pub memory: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<u64>,
    /// `person:octocat`.
    pub written_by: String,
    pub written_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

/// What a turn of a stage is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// Does the stage's task.
    #[default]
    Work,
    /// Goes on after people asked for changes.
    Revise,
    /// Judges what somebody else did.
    Review,
}

/// Input of `prompt_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptList {
    /// Leave it out for the platform's defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
}

/// Input of `prompt_get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptGet {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    /// `work` without it.
    #[serde(default)]
    pub kind: PromptKind,
    /// One version of the project's own, or of the platform's; without it what runs are told now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionNumber>,
}

/// Input of `prompt_version_list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptVersionList {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    #[serde(default)]
    pub kind: PromptKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PageLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
}

/// Input of `prompt_update`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptUpdate {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    /// `work` without it.
    #[serde(default)]
    pub kind: PromptKind,
    /// The `newest_version` that the change is made on; leave it out where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionNumber>,
    /// The whole template. It can name `stage`, `output`, `repository`, `default_branch`, `branch`, `instruction` and
    /// `issue` (`number`, `labels`, `text`); `instruction` and `issue` may be absent.
    pub body: Template,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Input of `prompt_publish`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptPublish {
    /// Leave it out for the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: StageName,
    /// `work` without it.
    #[serde(default)]
    pub kind: PromptKind,
    /// The version that was looked at; it must be the newest.
    pub version: VersionNumber,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `prompt_list`, stage by stage: what runs are told, and drafts that are newer. Without the texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptPage {
    pub prompts: Vec<PromptLine>,
}

/// One version of a prompt, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptLine {
    pub prompt_id: Uuid,
    /// Absent: it is the platform's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Uuid>,
    pub stage: String,
    pub kind: PromptKind,
    pub version: u32,
    pub state: VersionState,
    /// What a change must be made on; absent where the project has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_version: Option<u32>,
    /// It came with the platform.
    pub shipped: bool,
    /// SHA-256 of the text, hexadecimal.
    pub digest: String,
    /// `person:octocat`.
    pub written_by: String,
    pub written_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

/// One version of a prompt with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptView {
    pub prompt: PromptLine,
    pub body: String,
}

/// Input of `model_list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelList {}

/// Millionths of a US dollar for a million tokens.
pub type Price = Count<0, 1_000_000_000_000>;

/// Input of `model_set`: all that is known of a model. A price that is left out is unknown.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSet {
    /// As its provider calls it.
    pub model: Text<1, 100>,
    /// The `version` that the change is made on; leave it out for a new model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionNumber>,
    /// What its host speaks: `responses` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// Of the provider's API: `https://api.example.com/v1`.
    pub base_url: Text<1, 300>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_micro_usd: Option<Price>,
    /// As the input's price, for what the provider had cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_micro_usd: Option<Price>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_micro_usd: Option<Price>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Output of `model_list`, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelPage {
    pub models: Vec<ModelView>,
}

/// A model of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelView {
    pub model: String,
    pub version: u64,
    pub api: Api,
    pub base_url: String,
    /// The place whose key its requests carry, if the platform has one for it; absent where none may be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_host: Option<String>,
    /// Millionths of a US dollar for a million tokens, as the others; absent where unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_micro_usd: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_micro_usd: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_micro_usd: Option<u64>,
}
