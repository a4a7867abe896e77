//! The fixtures among the tools.

use orchestrator::project::access::Operation;
use rmcp::handler::server::router::tool::ToolRoute;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, ErrorData, Tool};
use serde_json::{Value, json};

use super::ask::{self, Round};
use super::stage::{Change, Stage};
use super::{content, legacy, task};
use crate::narrow::Toolset;
use crate::server::Server;
use crate::tool::{Access, Catalogue, Effect, Side};

const WITHOUT_ARGUMENTS: [&str; 29] = [
    "confirm_delete",
    "failing_job",
    "multi_input",
    "protocol_error_job",
    "test_audio_content",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_embedded_resource",
    "test_error_handling",
    "test_image_content",
    "test_input_required_result_capabilities",
    "test_input_required_result_elicitation",
    "test_input_required_result_list_roots",
    "test_input_required_result_multi_round",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_request_state",
    "test_input_required_result_sampling",
    "test_input_required_result_tampered_state",
    "test_logging_tool",
    "test_missing_capability",
    "test_multiple_content_types",
    "test_reconnection",
    "test_simple_text",
    "test_streaming_elicitation",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_tool_with_task",
    "test_trigger_prompt_change",
    "test_trigger_tool_change",
];

pub(super) fn add(catalogue: Catalogue, stage: &Stage) -> Catalogue {
    let plain = WITHOUT_ARGUMENTS.map(|name| (name, json!({"type": "object"})));
    let string = json!({"type": "string"});
    let with = [
        ("test_sampling", one("prompt", &string)),
        ("test_elicitation", one("message", &string)),
        ("greet", one("name", &string)),
        ("slow_compute", one("seconds", &json!({"type": "number"}))),
        (
            "test_custom_header",
            one("region", &json!({"type": "string", "x-mcp-header": "Region"})),
        ),
        ("json_schema_2020_12_tool", rich_schema()),
    ];
    let access = Access {
        operation: Operation::PrincipalRead,
        sides: &[Side::Staff],
        toolset: Toolset::Access,
        effect: Effect::Read,
        paced: false,
        task: false,
        usual: true,
    };
    plain
        .into_iter()
        .chain(with)
        .fold(catalogue, |catalogue, (name, schema)| {
            let Value::Object(schema) = schema else {
                return catalogue;
            };
            let tool = Tool::new(name, "A fixture of the conformance suite.", schema);
            let stage = stage.clone();
            let route = ToolRoute::new_dyn(tool, move |call| Box::pin(play(call, stage.clone())));
            catalogue.with_route(route, access)
        })
}

async fn play(call: ToolCallContext<'_, Server>, stage: Stage) -> Result<CallToolResponse, ErrorData> {
    let context = &call.request_context;
    let arguments = call.arguments.unwrap_or_default();
    if let Some(content) = content::of(&call.name) {
        return Ok(CallToolResult::success(content).into());
    }
    let change = match &*call.name {
        "test_trigger_tool_change" => Some(Change::Tools),
        "test_trigger_prompt_change" => Some(Change::Prompts),
        "test_error_handling" => {
            let text = ContentBlock::text("This tool intentionally returns an error for testing");
            return Ok(CallToolResult::error(vec![text]).into());
        }
        _ => None,
    };
    if let Some(change) = change {
        let listeners = stage.changes.send(change).unwrap_or_default();
        let text = ContentBlock::text(format!("{listeners} heard of it"));
        return Ok(CallToolResult::success(vec![text]).into());
    }
    if let Some(answer) = legacy::play(&call.name, context, &arguments).await {
        return answer;
    }
    let round = Round {
        stage: &stage,
        can: ask::capabilities(context),
        said: call.input_responses.unwrap_or_default(),
        state: call.request_state,
    };
    if let Some(answer) = ask::play(&call.name, &round) {
        return answer;
    }
    let answer = task::play(&call.name, context, &arguments, &round).await;
    answer.unwrap_or_else(|| Err(ErrorData::internal_error("a fixture without behaviour", None)))
}

fn one(field: &str, schema: &Value) -> Value {
    json!({"type": "object", "properties": {field: schema}, "required": [field]})
}

/// Keywords of JSON Schema 2020-12 that a server must not lose.
fn rich_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }},
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}
