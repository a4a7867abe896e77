//! What the model says, step by step.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One conversation, from its first answer to its last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelScript {
    pub steps: Vec<Step>,
    /// Tokens each answer claims to have cost.
    #[serde(default)]
    pub usage: Usage,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Calls the first offered tool whose name ends so.
    Call { tool: String, arguments: Value },
    /// Says something and ends the turn.
    Say(String),
}

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            input_tokens: 1200,
            cached_input_tokens: 200,
            output_tokens: 80,
            reasoning_tokens: 16,
        }
    }
}

/// A script for each model name, and one for all others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripts {
    #[serde(default)]
    pub by_model: BTreeMap<String, ModelScript>,
    #[serde(default)]
    pub default: ModelScript,
}

impl Scripts {
    /// Reads scripts from a JSON file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no script", path.display()))
    }

    pub(crate) fn of(&self, model: &str) -> &ModelScript {
        self.by_model.get(model).unwrap_or(&self.default)
    }
}

/// Reports to the platform, edits a file, and says so.
impl Default for ModelScript {
    fn default() -> Self {
        let status = json!({ "message": "Reading the issue and making a first change." });
        let command = "printf 'Hello from the scripted model.\\n' >> HELLO.md && git add HELLO.md \
                       && git commit -q -m 'Say hello' && git log --oneline -1";
        Self {
            steps: vec![
                Step::Call {
                    tool: "run_status_report".into(),
                    arguments: status,
                },
                Step::Call {
                    tool: "exec_command".into(),
                    arguments: json!({ "cmd": command }),
                },
                Step::Say("I added HELLO.md and committed it.".into()),
            ],
            usage: Usage::default(),
        }
    }
}

impl ModelScript {
    /// The step after this many tool results; the last one stays the last.
    pub(crate) fn step(&self, results: usize) -> Option<&Step> {
        self.steps.get(results).or(self.steps.last())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_the_same_after_a_file() {
        let scripts = Scripts::default();
        let file = std::env::temp_dir().join(format!("script-{}.json", uuid::Uuid::new_v4()));
        std::fs::write(&file, serde_json::to_vec(&scripts).expect("json")).expect("written");
        assert_eq!(Scripts::read(&file).expect("read"), scripts);
        std::fs::write(&file, r#"{"defaults": {}}"#).expect("written");
        assert!(Scripts::read(&file).is_err(), "a misspelt field is an error");
        std::fs::remove_file(file).expect("removed");
    }
}
