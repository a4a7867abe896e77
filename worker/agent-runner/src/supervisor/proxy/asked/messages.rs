//! Requests of Anthropic's Messages API. It grows by fields that cost more or reach further, so what is not known here is
//! refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// A request, as far as it is judged. A field that comes twice, or that is named nowhere here, is no request.
#[derive(Deserialize)]
pub(super) struct Asked {
    pub(super) model: String,
    messages: Vec<Message>,
    tools: Option<Vec<Tool>>,
    context_management: Option<Context>,
    service_tier: Option<String>,
    speed: Option<String>,
    inference_geo: Option<String>,
    /// The words are what counts: one that is not among them is refused.
    #[serde(flatten)]
    #[expect(
        clippy::zero_sized_map_values,
        reason = "a field's value is read past, and only a map is flattened"
    )]
    _free: BTreeMap<Free, IgnoredAny>,
}

/// What changes an answer and no price.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Free {
    CacheControl,
    MaxTokens,
    Metadata,
    OutputConfig,
    OutputFormat,
    StopSequences,
    Stream,
    System,
    Temperature,
    Thinking,
    ToolChoice,
    TopK,
    TopP,
}

#[derive(Deserialize)]
struct Message {
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Blocks(Vec<Typed>),
    Text(IgnoredAny),
}

#[derive(Deserialize)]
struct Typed {
    r#type: String,
}

/// A tool of the client's own may say no type.
#[derive(Deserialize)]
struct Tool {
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct Context {
    edits: Option<Vec<Typed>>,
}

/// Parts of a conversation without a tool of the provider's.
const BLOCKS: [&str; 8] = [
    "text",
    "image",
    "document",
    "search_result",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_result",
];
/// Tools that the provider describes and the client runs: `<name>_<date>`.
const OURS: [&str; 4] = ["bash", "text_editor", "computer", "memory"];

impl Asked {
    /// Says why the request is refused, if it is.
    pub(super) fn fault(&self) -> Option<String> {
        self.dearer().or_else(|| self.theirs())
    }

    /// The same tokens at another price.
    fn dearer(&self) -> Option<String> {
        let said = [
            ("service tier", &self.service_tier, &["auto", "standard_only"][..]),
            ("speed", &self.speed, &["standard"]),
            ("place", &self.inference_geo, &["global"]),
        ];
        said.iter().find_map(|(what, value, free)| {
            let value = value.as_deref().filter(|value| !free.contains(value))?;
            Some(format!("the {what} {value:?} is not allowed"))
        })
    }

    /// Work of the provider's beside the answer.
    fn theirs(&self) -> Option<String> {
        let tools = self.tools.iter().flatten();
        let mut kinds = tools.filter_map(|tool| tool.r#type.as_deref());
        if let Some(kind) = kinds.find(|kind| !is_ours(kind)) {
            return Some(format!("the provider's own tool {kind:?} is not allowed"));
        }
        let mut blocks = self.messages.iter().flat_map(|message| match &message.content {
            Content::Blocks(blocks) => blocks.as_slice(),
            Content::Text(_) => &[],
        });
        if let Some(block) = blocks.find(|block| !BLOCKS.contains(&&*block.r#type)) {
            return Some(format!("the block {:?} is not allowed", block.r#type));
        }
        let edits = self.context_management.as_ref()?.edits.as_ref()?;
        // Others have the provider write a summary first.
        let edit = edits.iter().find(|edit| !edit.r#type.starts_with("clear_"))?;
        let kind = &edit.r#type;
        Some(format!("the edit {kind:?} of the context is not allowed"))
    }
}

fn is_ours(kind: &str) -> bool {
    let dated = |name: &&str| {
        let date = kind.strip_prefix(*name).and_then(|rest| rest.strip_prefix('_'));
        date.is_some_and(|date| date.bytes().all(|byte| byte.is_ascii_digit()))
    };
    kind == "custom" || OURS.iter().any(dated)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn asked(fields: &Value) -> serde_json::Result<Asked> {
        let mut body =
            json!({ "model": "m", "max_tokens": 1, "messages": [{ "role": "user", "content": "hi" }] });
        let fields = fields.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(fields);
        serde_json::from_slice(body.to_string().as_bytes())
    }

    #[test]
    fn what_claude_code_asks_is_allowed() {
        let edits = json!({ "edits": [{ "type": "clear_thinking_20251015", "keep": "all" }] });
        let turn = json!([
            { "role": "user", "content": [{ "type": "text", "text": "x", "cache_control": { "type": "ephemeral" } }] },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "Bash", "input": {} }] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t", "content": "x" }] },
        ]);
        let fields = json!({
            "messages": turn, "stream": true, "system": [], "metadata": { "user_id": "x" },
            "thinking": { "type": "adaptive" }, "output_config": { "effort": "high" }, "context_management": edits,
            "tools": [{ "name": "Bash", "input_schema": {} }, { "type": "custom", "name": "x" }, { "type": "bash_20250124" }],
        });
        assert_eq!(asked(&fields).expect("a request").fault(), None);
    }

    #[test]
    fn what_is_paid_for_and_not_counted_is_refused() {
        for fields in [
            json!({ "tools": [{ "type": "web_search_20250305", "name": "web_search" }] }),
            json!({ "tools": [{ "type": "code_execution_20250825" }] }),
            json!({ "tools": [{ "type": "bash_code_execution_20250825" }] }),
            json!({ "tools": [{ "type": "advisor_20260301" }] }),
            json!({ "tools": [{ "type": "mcp_toolset" }] }),
            json!({ "service_tier": "priority" }),
            json!({ "speed": "fast" }),
            json!({ "inference_geo": "us" }),
            json!({ "context_management": { "edits": [{ "type": "compact_20260112" }] } }),
            json!({ "messages": [{ "role": "user", "content": [{ "type": "container_upload" }] }] }),
        ] {
            let fault = asked(&fields).expect("a request").fault();
            assert!(fault.is_some(), "{fields}");
        }
        for fields in [
            json!({ "mcp_servers": [{ "type": "url", "url": "https://evil.example" }] }),
            json!({ "container": { "skills": [] } }),
            json!({ "fallbacks": [{ "model": "dearer" }] }),
            json!({ "a_field_of_tomorrow": true }),
        ] {
            assert!(asked(&fields).is_err(), "{fields}");
        }
        let twice = r#"{"model": "m", "messages": [], "speed": "fast", "speed": "standard"}"#;
        assert!(serde_json::from_str::<Asked>(twice).is_err());
    }
}
