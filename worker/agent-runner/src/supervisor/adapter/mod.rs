//! How each kind of agent program is started, listened to and judged.

mod claude;
mod codex;
mod command;

use std::collections::BTreeMap;

use bytes::Bytes;
use contract::runner::{Adapter as Kind, Api, Model, RunContext, Snapshot};
use serde::{Deserialize, Serialize};

use super::end::{Failure, Reason};
use super::log::Log;
use crate::wire::{ExecAsk, Exited, Places};

/// One program of the agent, from its start to its verdict.
pub(crate) trait Adapter: Send {
    /// Says how the program is started.
    fn launch(&mut self, surroundings: &Surroundings<'_>) -> Result<Launch, Failure>;

    /// Takes a line the program wrote; what a person should see goes to `log`.
    fn line(&mut self, origin: Origin, line: &str, log: &Log);

    /// Whether what it said shows that its work would be in vain: it is stopped then.
    fn hopeless(&self) -> bool {
        false
    }

    /// Judges the program by its end and by what it left in the result file, if it has one.
    fn verdict(&mut self, exited: Exited, result: Option<&[u8]>) -> Verdict;

    /// Where the session file lies that a later turn resumes from, once the session is known.
    fn session(&self) -> Option<Session>;
}

/// What a program is started with.
pub(crate) struct Surroundings<'a> {
    pub(crate) context: &'a RunContext,
    pub(crate) places: &'a Places,
    /// Folder of the clone below the workspace.
    pub(crate) folder: &'a str,
    pub(crate) mcp_url: &'a str,
    pub(crate) model_url: Option<&'a str>,
    /// What an earlier turn left to resume from.
    pub(crate) snapshot: Option<&'a Snapshot>,
}

/// How a program is started.
pub(crate) struct Launch {
    pub(crate) exec: ExecAsk,
    pub(crate) input: Bytes,
    /// Files written first: path below the agent's home, and content.
    pub(crate) files: Vec<(String, Bytes)>,
    /// Path below the agent's home of a file the program may leave.
    pub(crate) result_file: Option<String>,
}

/// Which of its outputs a program wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Output,
    Error,
}

/// How the program ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// None: it did its work.
    pub(crate) failure: Option<Failure>,
    pub(crate) last_message: Option<String>,
    pub(crate) session: Option<Session>,
}

/// A session a later turn can resume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The program's own name of it; part of the file's name.
    pub(crate) id: String,
    /// The adapter's home below the agent's home, and the folder of sessions in it.
    pub(crate) home: String,
    pub(crate) folder: String,
}

/// Returns the adapter the profile names.
pub(crate) fn of(kind: Kind) -> Box<dyn Adapter> {
    match kind {
        Kind::Claude => Box::<claude::Claude>::default(),
        Kind::Codex => Box::<codex::Codex>::default(),
        Kind::Command => Box::<command::Command>::default(),
    }
}

/// Environment every program gets, over the profile's own.
fn environment(surroundings: &Surroundings<'_>) -> BTreeMap<String, String> {
    let mut env = surroundings.context.agent.environment.clone();
    let context = surroundings.context;
    env.insert("CODEXK8S_RUN_ID".into(), context.run_id.to_string());
    env.insert("CODEXK8S_TURN".into(), context.turn.to_string());
    env.insert("CODEXK8S_BRANCH".into(), context.branch.name.clone());
    env
}

/// Refuses a model that the program cannot talk to.
fn check_api(model: &Model, wanted: Api) -> Result<(), Failure> {
    if model.api == wanted {
        return Ok(());
    }
    let text = format!(
        "this agent's program cannot talk to {}: it needs a model that speaks {wanted:?}, and this one speaks {:?}; name \
         another in the agent's profile",
        model.name, model.api
    );
    Err(Failure::new(Reason::Precondition, "model_api", text))
}

/// The end of a text that may be long.
fn tail(text: &str, bytes: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes))..]
}
