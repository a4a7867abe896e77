//! What a pod needs around it: the platform's tools, a code host, and two processes.

mod code_host;
mod platform;
mod pod;

pub(crate) use self::code_host::CodeHost;
pub(crate) use self::platform::{FakePlatform, context};
pub(crate) use self::pod::{World, finish_of, send};

/// Words that must never show up where the agent can see them, or in a log.
pub(crate) const SUPERVISOR_TOKEN: &str = "canary-supervisor-token";
pub(crate) const AGENT_TOKEN: &str = "canary-agent-token";
pub(crate) const MODEL_KEY: &str = "canary-model-key";
pub(crate) const GIT_TOKEN: &str = "canary-git-token";
