//! The events of `codex exec --json`, as far as they matter here. What is unknown is data, never an error.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Event {
    #[serde(rename = "thread.started")]
    ThreadStarted { thread_id: String },
    #[serde(rename = "turn.started")]
    TurnStarted,
    #[serde(rename = "turn.completed")]
    TurnCompleted,
    #[serde(rename = "turn.failed")]
    TurnFailed { error: Message },
    #[serde(rename = "item.completed")]
    ItemCompleted { item: Item },
    #[serde(rename = "error")]
    Error { message: String },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item {
    AgentMessage {
        text: String,
    },
    CommandExecution {
        #[serde(default)]
        command: String,
        #[serde(default)]
        aggregated_output: String,
        exit_code: Option<i32>,
    },
    McpToolCall {
        #[serde(default)]
        server: String,
        #[serde(default)]
        tool: String,
        #[serde(default)]
        status: String,
        error: Option<Message>,
    },
    Error {
        message: String,
    },
    #[serde(other)]
    Other,
}

/// Output of a command shown in the log.
const OUTPUT: usize = 4000;

impl Event {
    /// The event as a line a person can read, where it says something.
    pub(super) fn shown(&self) -> Option<String> {
        match self {
            Self::ThreadStarted { thread_id } => Some(format!("codex: thread {thread_id}")),
            Self::TurnFailed { error } => Some(format!("codex: turn failed: {}", error.message)),
            Self::Error { message } => Some(format!("codex: error: {message}")),
            Self::ItemCompleted { item } => item.shown(),
            Self::TurnStarted | Self::TurnCompleted | Self::Other => None,
        }
    }
}

impl Item {
    fn shown(&self) -> Option<String> {
        match self {
            Self::AgentMessage { text } => Some(text.clone()),
            Self::CommandExecution {
                command,
                aggregated_output,
                exit_code,
            } => {
                let code = exit_code.map_or_else(|| "?".to_owned(), |code| code.to_string());
                let output = super::tail(aggregated_output.trim_end(), OUTPUT);
                Some(
                    format!("$ {command} (exit code {code})\n{output}")
                        .trim_end()
                        .to_owned(),
                )
            }
            Self::McpToolCall {
                server,
                tool,
                status,
                error,
            } => {
                let why = error
                    .as_ref()
                    .map(|error| format!(": {}", error.message))
                    .unwrap_or_default();
                Some(format!("{server}.{tool}: {status}{why}"))
            }
            Self::Error { message } => Some(format!("codex: {message}")),
            Self::Other => None,
        }
    }
}
