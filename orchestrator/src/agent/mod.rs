//! Agent profiles, prompts and models: who works on a stage, with which words, at which price. Holds no key.
//!
//! A project's own profile and prompt of a stage win over the platform's default. Both are kept in versions:
//!
//! ```text
//! draft → published        a save is one more version; only the newest is published; a run keeps the one it began with
//! ```
//!
//! What the platform's profile of a stage protects, a project's own keeps; and a file on the repository's default branch
//! takes away from a profile and never adds ([`narrow`]). Tables:
//! `agent_profiles`, `prompts`, `models`.

mod bounds;
mod check;
mod model;
mod narrow;
mod profile;
mod prompt;
#[cfg(feature = "postgres")]
mod service;
mod shipped;
mod stage;
#[cfg(feature = "postgres")]
mod store;
mod tasks;
mod text;
mod version;

pub use check::{MAX_GLOBS, MAX_WORDS, check, check_stage};
pub use model::{Api, Model, Tokens, check_base_url, cost_micro_usd};
pub use narrow::{AGENTS_FILE, Narrowing, narrow};
pub use profile::{Adapter, EVERY_PATH, Kind, Output, Profile};
pub use prompt::{
    MAX_PROMPT_BYTES, MAX_TEMPLATE_BYTES, Prompt, PromptError, PromptFacts, PromptIssue, render_template,
};
#[cfg(feature = "postgres")]
pub use service::{
    Agent, AgentChange, MAX_VERSIONS, PromptHead, Versions, VersionsAsk, agent_versions, change_profile,
    find_model, get_profile, get_versioned_prompt, list_agents, list_models, list_profiles, list_prompts,
    models, profile_for, prompt_for, prompt_versions, publish_agent, publish_draft, publish_prompt,
    read_agent, render_prompt, save_model, save_prompt, seed_defaults, set_model, set_profile, show_prompt,
    update_agent,
};
pub use shipped::shipped_template;
pub use stage::{STAGES, Stage, stage};
#[cfg(feature = "postgres")]
pub(crate) use store::erase;
pub use tasks::Tasks;
pub use text::{MAX_TEXT_BYTES, Trust, fence, is_hidden, neutralise, without_strangers};
pub use version::{Published, Stale, Version, Versioned, next};
