//! Agent profiles, prompts and models: who works on a stage, with which words, at which price. Holds no key.
//!
//! A project's own profile and prompt of a stage win over the platform's default. Tables: `agent_profiles`, `prompts`,
//! `models`.

mod model;
mod profile;
mod prompt;
#[cfg(feature = "postgres")]
mod service;
mod stage;
#[cfg(feature = "postgres")]
mod store;
mod text;

pub use model::{Api, Model, Tokens, cost_micro_usd};
pub use profile::{Adapter, Output, Profile};
pub use prompt::{MAX_PROMPT_BYTES, Prompt, PromptError, PromptFacts, PromptIssue, render_template};
#[cfg(feature = "postgres")]
pub use service::{
    change_profile, find_model, get_profile, list_models, list_profiles, profile_for, prompt_for,
    publish_prompt, render_prompt, seed_defaults, set_model, set_profile, show_prompt,
};
pub use stage::{STAGES, Stage, stage};
pub use text::{MAX_TEXT_BYTES, Trust, fence, neutralise, without_strangers};
