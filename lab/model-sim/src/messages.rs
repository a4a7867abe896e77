//! Anthropic's Messages API.

use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{self, id};
use crate::script::{ModelScript, Step, Usage};

/// A request, as far as the script needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    tools: Vec<Tool>,
    #[serde(default)]
    stream: bool,
}

#[derive(Debug, Deserialize)]
struct Message {
    content: Value,
}

#[derive(Debug, Deserialize)]
struct Tool {
    name: String,
}

impl api::Asked for Asked {
    const PATH: &'static str = "/v1/messages";

    fn key(headers: &HeaderMap) -> Option<&str> {
        headers.get("x-api-key")?.to_str().ok()
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn stream(&self) -> bool {
        self.stream
    }

    fn results(&self) -> Vec<&Value> {
        let blocks = self
            .messages
            .iter()
            .filter_map(|message| message.content.as_array());
        blocks
            .flatten()
            .filter(|block| block["type"] == "tool_result")
            .map(|block| &block["content"])
            .collect()
    }

    fn tools(&self) -> Vec<&str> {
        self.tools.iter().map(|tool| tool.name.as_str()).collect()
    }

    fn answer(&self, script: &ModelScript) -> Value {
        let (block, stop_reason) = self.block(script);
        json!({
            "id": id("msg"),
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [block],
            "stop_reason": stop_reason,
            "stop_sequence": null,
            "usage": usage(script.usage),
        })
    }

    fn events(answer: &Value) -> Vec<String> {
        let mut begun = answer.clone();
        begun["content"] = json!([]);
        begun["stop_reason"] = Value::Null;
        begun["usage"]["output_tokens"] = json!(1);
        let mut block = answer["content"][0].clone();
        let delta = if block["type"] == "tool_use" {
            let input = std::mem::replace(&mut block["input"], json!({}));
            json!({ "type": "input_json_delta", "partial_json": input.to_string() })
        } else {
            json!({ "type": "text_delta", "text": std::mem::replace(&mut block["text"], json!("")) })
        };
        let end = json!({ "stop_reason": answer["stop_reason"], "stop_sequence": null });
        let usage = json!({ "output_tokens": answer["usage"]["output_tokens"] });
        [
            json!({ "type": "message_start", "message": begun }),
            json!({ "type": "content_block_start", "index": 0, "content_block": block }),
            json!({ "type": "content_block_delta", "index": 0, "delta": delta }),
            json!({ "type": "content_block_stop", "index": 0 }),
            json!({ "type": "message_delta", "delta": end, "usage": usage }),
            json!({ "type": "message_stop" }),
        ]
        .iter()
        .map(api::event)
        .collect()
    }
}

impl Asked {
    /// The one block of the answer, and why it ends there.
    fn block(&self, script: &ModelScript) -> (Value, &'static str) {
        let say = |text: &str| (json!({ "type": "text", "text": text }), "end_turn");
        match script.step(api::Asked::results(self).len()) {
            Some(Step::Call { tool, arguments }) => {
                match self
                    .tools
                    .iter()
                    .find(|offered| offered.name.ends_with(tool.as_str()))
                {
                    Some(Tool { name }) => {
                        let block = json!({ "type": "tool_use", "id": id("toolu"), "name": name, "input": arguments });
                        (block, "tool_use")
                    }
                    None => say(&format!("no tool is offered whose name ends with {tool}")),
                }
            }
            Some(Step::Say(text)) => say(text),
            None => say("the script is empty"),
        }
    }
}

/// Here what was cached is no part of the input.
fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(usage.cached_input_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": { "thinking_tokens": usage.reasoning_tokens },
    })
}
