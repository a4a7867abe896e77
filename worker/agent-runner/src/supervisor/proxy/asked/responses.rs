//! Requests of the Responses API.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A request of the Responses API, as far as it is judged. A field that comes twice is no request.
#[derive(Deserialize)]
pub(super) struct Asked {
    pub(super) model: String,
    background: Option<bool>,
    service_tier: Option<String>,
    /// A prompt kept at the provider brings its own model and tools.
    prompt: Option<IgnoredAny>,
    tools: Option<Vec<Tool>>,
    input: Option<Input>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Items(Vec<Item>),
    Other(IgnoredAny),
}

/// Some items of a conversation name tools that were found later on.
#[derive(Deserialize)]
struct Item {
    tools: Option<Vec<Tool>>,
}

#[derive(Deserialize)]
struct Tool {
    r#type: String,
    execution: Option<String>,
    /// Of a namespace.
    tools: Option<Vec<Tool>>,
}

impl Asked {
    /// Says why the request is refused, if it is.
    pub(super) fn fault(&self) -> Option<String> {
        if self.background == Some(true) {
            return Some("background answers are not counted; ask without `background`".into());
        }
        if self.prompt.is_some() {
            return Some("prompts kept at the provider are not allowed; send the prompt itself".into());
        }
        let tier = self.service_tier.as_deref();
        if let Some(tier) = tier.filter(|tier| !matches!(*tier, "auto" | "default" | "flex")) {
            return Some(format!("the service tier {tier:?} is not allowed"));
        }
        let later: &[Item] = match &self.input {
            Some(Input::Items(items)) => items,
            _ => &[],
        };
        let named = later.iter().filter_map(|item| item.tools.as_ref());
        let mut tools = self.tools.iter().chain(named).flatten();
        tools.find_map(Tool::fault)
    }
}

impl Tool {
    /// Tools run in the agent's container; those a provider runs cost extra, and reach what the agent may not.
    fn fault(&self) -> Option<String> {
        let here = match self.r#type.as_str() {
            "function" | "custom" | "local_shell" | "namespace" => true,
            "tool_search" => self.execution.as_deref() == Some("client"),
            _ => false,
        };
        if !here {
            return Some(format!(
                "the provider's own tool {:?} is not allowed",
                self.r#type
            ));
        }
        self.tools.iter().flatten().find_map(Self::fault)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(fields: &serde_json::Value) -> Option<String> {
        let mut body = json!({ "model": "m" });
        body.as_object_mut()
            .expect("an object")
            .extend(fields.as_object().cloned().expect("an object"));
        let asked: Asked = serde_json::from_value(body).expect("a request");
        asked.fault()
    }

    #[test]
    fn what_codex_asks_is_allowed() {
        let function = json!({ "type": "function", "name": "exec_command", "strict": false });
        let search = json!({ "type": "tool_search", "execution": "client" });
        let custom = json!({ "type": "custom", "name": "apply_patch", "format": { "type": "grammar" } });
        let group = json!({ "type": "namespace", "name": "multi_agent_v1", "tools": [function] });
        let tools = json!([function, search, custom, group, { "type": "local_shell" }]);
        let input = json!([{ "type": "message", "role": "user", "content": [] }, { "type": "x", "tools": [function] }]);
        assert_eq!(
            fault(&json!({ "stream": true, "store": false, "tools": tools, "input": input })),
            None
        );
        assert_eq!(
            fault(&json!({ "input": "hi", "background": false, "service_tier": "auto", "tools": null })),
            None
        );
    }

    #[test]
    fn what_is_paid_for_and_not_counted_is_refused() {
        for fields in [
            json!({ "background": true }),
            json!({ "service_tier": "priority" }),
            json!({ "prompt": { "id": "pmpt_1" } }),
            json!({ "tools": [{ "type": "web_search" }] }),
            json!({ "tools": [{ "type": "mcp", "server_url": "https://evil.example" }] }),
            json!({ "tools": [{ "type": "code_interpreter" }] }),
            json!({ "tools": [{ "type": "tool_search" }] }),
            json!({ "tools": [{ "type": "namespace", "tools": [{ "type": "file_search" }] }] }),
            json!({ "input": [{ "type": "tool_search_output", "tools": [{ "type": "image_generation" }] }] }),
        ] {
            assert!(fault(&fields).is_some(), "{fields}");
        }
        let twice = r#"{"model": "m", "background": true, "background": false}"#;
        assert!(serde_json::from_str::<Asked>(twice).is_err());
    }
}
