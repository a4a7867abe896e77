//! Tools that need an answer of the client before they are done (2026-07-28): the call comes again with it.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all that a fixture answers with has one type"
)]

use rmcp::RoleServer;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, ErrorData, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, InputRequests, InputRequiredResult, InputResponses, PromptMessage,
    Role,
};
use rmcp::service::RequestContext;
use serde_json::{Map, Value, json};

use super::stage::Stage;

type Answer = Result<CallToolResponse, ErrorData>;

/// What the client sent.
pub(super) struct Round<'a> {
    pub(super) stage: &'a Stage,
    pub(super) can: ClientCapabilities,
    pub(super) said: InputResponses,
    pub(super) state: Option<String>,
}

impl Round<'_> {
    /// A field of an accepted form.
    pub(super) fn field(&self, key: &str, field: &str) -> Option<&Value> {
        let answer = self.said.get(key)?;
        answer.get("content")?.get(field)
    }
}

pub(super) fn capabilities(context: &RequestContext<RoleServer>) -> ClientCapabilities {
    context.client_capabilities().unwrap_or_default()
}

/// Plays one of these tools.
pub(super) fn play(tool: &str, round: &Round<'_>) -> Option<Answer> {
    Some(match tool {
        "test_input_required_result_elicitation" | "test_streaming_elicitation" => elicitation(round),
        "test_input_required_result_sampling" => sampling(round),
        "test_input_required_result_list_roots" => roots(round),
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
            with_state(round)
        }
        "test_input_required_result_multiple_inputs" => several(round),
        "test_input_required_result_multi_round" => rounds(round),
        "test_input_required_result_capabilities" => what_the_client_can(round),
        _ => return None,
    })
}

/// A prompt that asks first.
pub(super) fn prompt(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let said = request.input_responses.as_ref();
    let context = said.and_then(|said| said.get("user_context")?.pointer("/content/context")?.as_str());
    let Some(context) = context else {
        let ask = form(
            "What context should the prompt use?",
            "context",
            &json!({"type": "string"}),
        );
        return Ok(InputRequiredResult::from_input_requests(requests([("user_context", ask)])?).into());
    };
    let text = format!("Work in this context: {context}");
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).into())
}

fn elicitation(round: &Round<'_>) -> Answer {
    match round.field("user_name", "name").and_then(Value::as_str) {
        Some(name) => done(format!("Hello, {name}!")),
        None => again([("user_name", name())], None),
    }
}

fn sampling(round: &Round<'_>) -> Answer {
    let said = round.said.get("capital_question");
    match said.and_then(|said| said.pointer("/content/text")?.as_str()) {
        Some(text) => done(format!("The model said: {text}")),
        None => again(
            [("capital_question", sample("What is the capital of France?", 100))],
            None,
        ),
    }
}

fn roots(round: &Round<'_>) -> Answer {
    let said = round.said.get("client_roots");
    match said.and_then(|said| said.get("roots")?.as_array()) {
        Some(roots) => done(format!("The roots are {}", json!(roots))),
        None => again([("client_roots", list_roots())], None),
    }
}

fn with_state(round: &Round<'_>) -> Answer {
    let state = round.stage.open(round.state.as_deref())?;
    match (state.as_deref(), round.field("confirm", "ok")) {
        (Some("asked"), Some(ok)) => done(format!("state-ok, confirmed: {ok}")),
        _ => again(
            [(
                "confirm",
                form("Please confirm", "ok", &json!({"type": "boolean"})),
            )],
            Some(round.stage.seal("asked")),
        ),
    }
}

fn several(round: &Round<'_>) -> Answer {
    let asks = [
        ("user_name", name()),
        ("greeting", sample("Generate a greeting", 50)),
        ("client_roots", list_roots()),
    ];
    let state = round.stage.open(round.state.as_deref())?;
    if state.as_deref() == Some("asked") && asks.iter().all(|(key, _)| round.said.contains_key(*key)) {
        return done("All three were answered.".into());
    }
    again(asks, Some(round.stage.seal("asked")))
}

fn rounds(round: &Round<'_>) -> Answer {
    let state = round.stage.open(round.state.as_deref())?;
    let name = round.field("step1", "name").and_then(Value::as_str);
    let colour = round.field("step2", "color").and_then(Value::as_str);
    match (state.as_deref(), name, colour) {
        (Some("step1"), Some(name), _) => {
            let ask = form(
                "Step 2: What is your favorite color?",
                "color",
                &json!({"type": "string"}),
            );
            again([("step2", ask)], Some(round.stage.seal(&format!("step2 {name}"))))
        }
        (Some(state), _, Some(colour)) if state.starts_with("step2 ") => {
            done(format!("{} likes {colour}.", &state["step2 ".len()..]))
        }
        _ => {
            let ask = form("Step 1: What is your name?", "name", &json!({"type": "string"}));
            again([("step1", ask)], Some(round.stage.seal("step1")))
        }
    }
}

fn what_the_client_can(round: &Round<'_>) -> Answer {
    let asks = [
        (round.can.elicitation.is_some(), "user_name", name()),
        (
            round.can.sampling.is_some(),
            "greeting",
            sample("Generate a greeting", 50),
        ),
        (round.can.roots.is_some(), "client_roots", list_roots()),
    ];
    let left: Vec<_> = asks
        .into_iter()
        .filter(|(can, key, _)| *can && !round.said.contains_key(*key))
        .map(|(_, key, ask)| (key, ask))
        .collect();
    if left.is_empty() {
        return done("Everything that could be asked was answered.".into());
    }
    again(left, None)
}

fn done(text: String) -> Answer {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
}

fn again(asks: impl IntoIterator<Item = (&'static str, Value)>, state: Option<String>) -> Answer {
    Ok(InputRequiredResult::new(Some(requests(asks)?), state).into())
}

pub(super) fn requests(
    asks: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<InputRequests, ErrorData> {
    let asks: Map<String, Value> = asks.into_iter().map(|(key, ask)| (key.to_owned(), ask)).collect();
    serde_json::from_value(Value::Object(asks))
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

pub(super) fn name() -> Value {
    form("What is your name?", "name", &json!({"type": "string"}))
}

/// A form with one field.
pub(super) fn form(message: &str, field: &str, schema: &Value) -> Value {
    let schema = json!({"type": "object", "properties": {field: schema}, "required": [field]});
    json!({"method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": schema}})
}

fn sample(text: &str, tokens: u32) -> Value {
    json!({"method": "sampling/createMessage", "params": {"maxTokens": tokens,
        "messages": [{"role": "user", "content": {"type": "text", "text": text}}]}})
}

fn list_roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}
