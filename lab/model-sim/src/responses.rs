//! The Responses API.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{self, id};
use crate::script::{ModelScript, Step, Usage};

/// A request, as far as the script needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    model: String,
    #[serde(default)]
    input: Value,
    #[serde(default)]
    tools: Vec<Tool>,
    #[serde(default)]
    stream: bool,
}

/// A tool, or a namespace of tools: that is how MCP tools are offered.
#[derive(Debug, Deserialize)]
struct Tool {
    #[serde(default)]
    name: String,
    #[serde(default)]
    tools: Vec<Tool>,
}

impl api::Asked for Asked {
    const PATH: &'static str = "/v1/responses";

    fn key(headers: &HeaderMap) -> Option<&str> {
        headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn stream(&self) -> bool {
        self.stream
    }

    fn results(&self) -> Vec<&Value> {
        let items = self.input.as_array().map(Vec::as_slice).unwrap_or_default();
        items
            .iter()
            .filter(|item| item["type"] == "function_call_output")
            .map(|item| &item["output"])
            .collect()
    }

    fn tools(&self) -> Vec<&str> {
        self.named_tools().map(|(_, name)| name).collect()
    }

    fn answer(&self, script: &ModelScript) -> Value {
        response(&self.model, &self.item(script), script.usage)
    }

    fn events(answer: &Value) -> Vec<String> {
        events(answer)
    }
}

impl Asked {
    /// Each tool with the namespace it is in.
    fn named_tools(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.tools.iter().flat_map(|tool| {
            let alone = tool.tools.is_empty().then_some((None, tool.name.as_str()));
            let inside = tool
                .tools
                .iter()
                .map(|inner| (Some(tool.name.as_str()), inner.name.as_str()));
            alone.into_iter().chain(inside)
        })
    }

    /// The item that answers, by the script. A tool that is not offered is said aloud, not passed over.
    fn item(&self, script: &ModelScript) -> Value {
        match script.step(api::Asked::results(self).len()) {
            Some(Step::Call { tool, arguments }) => {
                match self.named_tools().find(|(_, name)| name.ends_with(tool.as_str())) {
                    Some((namespace, name)) => call(namespace, name, arguments),
                    None => message(&format!("no tool is offered whose name ends with {tool}")),
                }
            }
            Some(Step::Say(text)) => message(text),
            None => message("the script is empty"),
        }
    }
}

fn call(namespace: Option<&str>, name: &str, arguments: &Value) -> Value {
    let mut item = json!({
        "type": "function_call",
        "id": id("fc"),
        "call_id": id("call"),
        "name": name,
        "arguments": arguments.to_string(),
        "status": "completed",
    });
    if let Some(namespace) = namespace {
        item["namespace"] = namespace.into();
    }
    item
}

fn message(text: &str) -> Value {
    json!({
        "type": "message",
        "id": id("msg"),
        "role": "assistant",
        "status": "completed",
        "content": [{ "type": "output_text", "text": text, "annotations": [] }],
    })
}

/// The whole response, with what it cost.
fn response(model: &str, item: &Value, usage: Usage) -> Value {
    json!({
        "id": id("resp"),
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": model,
        "output": [item],
        "usage": {
            "input_tokens": usage.input_tokens,
            "input_tokens_details": { "cached_tokens": usage.cached_input_tokens },
            "output_tokens": usage.output_tokens,
            "output_tokens_details": { "reasoning_tokens": usage.reasoning_tokens },
            "total_tokens": usage.input_tokens + usage.output_tokens,
        },
    })
}

/// The response as a stream of events, in the order a client needs.
fn events(response: &Value) -> Vec<String> {
    let mut begun = response.clone();
    begun["status"] = "in_progress".into();
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let item = &response["output"][0];
    [
        json!({ "type": "response.created", "response": begun }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": item }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": response }),
    ]
    .iter()
    .map(api::event)
    .collect()
}
