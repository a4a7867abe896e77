//! The events of `claude --output-format stream-json`, as far as they matter here. What is unknown is data, never an
//! error.

use serde::Deserialize;
use serde_json::Value;

use super::config::SERVER;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    System(Started),
    Assistant {
        message: Message,
        /// Of somebody who works for the agent.
        #[serde(default)]
        parent_tool_use_id: Option<String>,
    },
    User {
        message: Message,
    },
    Result(Ended),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "subtype", rename_all = "snake_case")]
pub(super) enum Started {
    Init(Init),
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Init {
    pub(super) session_id: String,
    #[serde(default)]
    mcp_servers: Vec<Server>,
}

#[derive(Debug, Deserialize)]
struct Server {
    name: String,
    status: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        #[serde(default)]
        name: String,
        #[serde(default)]
        input: Value,
    },
    ToolResult {
        content: Option<Content>,
        is_error: Option<bool>,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct Ended {
    #[serde(default)]
    subtype: String,
    #[serde(default)]
    is_error: bool,
    result: Option<String>,
    #[serde(default)]
    errors: Vec<Value>,
}

/// Output of a tool, and input to one, shown in the log.
const OUTPUT: usize = 4000;
const INPUT: usize = 1000;

impl Init {
    /// Says why the program has not the one server that it was given, if so.
    pub(super) fn apart(&self) -> Option<String> {
        let known = self.mcp_servers.iter().any(|server| server.name == SERVER);
        let lost = self
            .mcp_servers
            .iter()
            .find(|server| server.status != "connected");
        match lost {
            Some(server) => Some(format!(
                "claude has no tools of {}: {}",
                server.name, server.status
            )),
            None if !known => Some("claude does not know the platform's server".into()),
            None => None,
        }
    }
}

impl Ended {
    /// Says why the turn failed, if it did.
    pub(super) fn fault(&self) -> Option<String> {
        if !self.is_error && self.subtype == "success" {
            return None;
        }
        if let Some(said) = self.said() {
            return Some(said.to_owned());
        }
        let errors: Vec<_> = self
            .errors
            .iter()
            .map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned))
            .collect();
        Some(format!("{}: {}", self.subtype, errors.join("; ")))
    }

    pub(super) fn said(&self) -> Option<&str> {
        self.result.as_deref().filter(|said| !said.is_empty())
    }
}

impl Event {
    /// What the agent said with it.
    pub(super) fn text(&self) -> Option<String> {
        let Self::Assistant {
            message,
            parent_tool_use_id: None,
        } = self
        else {
            return None;
        };
        message.content.text()
    }

    /// The event as lines a person can read, where it says something.
    pub(super) fn shown(&self) -> Vec<String> {
        match self {
            Self::System(Started::Init(init)) => vec![format!("claude: session {}", init.session_id)],
            Self::Assistant { message, .. } | Self::User { message } => message.content.shown(),
            Self::Result(ended) => ended
                .fault()
                .map(|why| format!("claude: turn failed: {why}"))
                .into_iter()
                .collect(),
            Self::System(Started::Other) | Self::Other => Vec::new(),
        }
    }
}

impl Content {
    fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Blocks(blocks) => {
                let texts: Vec<_> = blocks.iter().filter_map(Block::text).collect();
                (!texts.is_empty()).then(|| texts.join("\n"))
            }
        }
    }

    /// A plain text is what the agent was told, which is known.
    fn shown(&self) -> Vec<String> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::Blocks(blocks) => blocks.iter().filter_map(Block::shown).collect(),
        }
    }
}

impl Block {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    fn shown(&self) -> Option<String> {
        match self {
            Self::Text { .. } => self.text().map(str::to_owned),
            Self::ToolUse { name, input } => Some(match input["command"].as_str() {
                Some(command) if name == "Bash" => format!("$ {command}"),
                _ => format!("{name} {}", super::tail(&input.to_string(), INPUT)),
            }),
            Self::ToolResult { content, is_error } => {
                let text = content.as_ref().and_then(Content::text).unwrap_or_default();
                let text = super::tail(text.trim_end(), OUTPUT);
                let failed = if *is_error == Some(true) { "failed: " } else { "" };
                (!text.is_empty() || !failed.is_empty()).then(|| format!("{failed}{text}"))
            }
            Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<String> {
        let event: Event = serde_json::from_str(line).expect("an event");
        event.shown()
    }

    #[test]
    fn a_person_can_follow() {
        let bash = r#"{"type":"assistant","message":{"content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"t","name":"Bash","input":{"command":"ls","description":"list"}}]},"parent_tool_use_id":null}"#;
        assert_eq!(shown(bash), ["I look.", "$ ls"]);
        let tool = r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","name":"mcp__platform__run_status_report","input":{"text":"hi"}}]}}"#;
        assert_eq!(shown(tool), [r#"mcp__platform__run_status_report {"text":"hi"}"#]);
        let result = r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"a\nb\n","is_error":false}]}}"#;
        assert_eq!(shown(result), ["a\nb"]);
        let failed = r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"no"}],"is_error":true}]}}"#;
        assert_eq!(shown(failed), ["failed: no"]);
        for silent in [
            r#"{"type":"user","message":{"content":"the prompt"}}"#,
            r#"{"type":"assistant","message":{"content":[{"type":"thinking","thinking":"hm"}]}}"#,
            r#"{"type":"rate_limit_event"}"#,
        ] {
            assert_eq!(shown(silent), Vec::<String>::new(), "{silent}");
        }
    }
}
