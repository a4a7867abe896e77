//! What a pod needs around it: the platform's tools, a code host, and two processes.

mod code_host;
mod platform;
mod pod;

use std::path::PathBuf;

pub(crate) use self::code_host::CodeHost;
pub(crate) use self::platform::{FakePlatform, context};
pub(crate) use self::pod::{World, finish_of, send};

/// Words that must never show up where the agent can see them, or in a log.
pub(crate) const SUPERVISOR_TOKEN: &str = "canary-supervisor-token";
pub(crate) const AGENT_TOKEN: &str = "canary-agent-token";
pub(crate) const MODEL_KEY: &str = "canary-model-key";
pub(crate) const GIT_TOKEN: &str = "canary-git-token";

/// The native program of an agent's CLI, named by a variable or on the search path; without one, a test says so and passes.
pub(crate) fn program(name: &str, variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let searched = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
    };
    let found = named.or_else(searched);
    if found.is_none() {
        println!("SKIPPED: no {name} on the search path, and {variable} is not set");
    }
    found
}
