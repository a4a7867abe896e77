//! Tools that speak to their client while they work: notices in both eras, requests in the old one, with a session.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all that a fixture answers with has one type"
)]

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateMessageRequestParams,
    ElicitRequestParams, ErrorData, JsonObject, LoggingLevel, LoggingMessageNotificationParam,
    ProgressNotificationParam, ProtocolVersion, SamplingMessage,
};
use rmcp::service::RequestContext;
use serde_json::{Value, json};

use super::ask;

type Answer = Result<CallToolResponse, ErrorData>;

const STEP: Duration = Duration::from_millis(50);

/// Plays one of these tools.
pub(super) async fn play(
    tool: &str,
    context: &RequestContext<RoleServer>,
    arguments: &JsonObject,
) -> Option<Answer> {
    let said = |field: &str| {
        let value = arguments.get(field).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    Some(match tool {
        "test_tool_with_logging" | "test_logging_tool" => log(context).await,
        "test_tool_with_progress" => progress(context).await,
        "test_reconnection" => {
            tokio::time::sleep(STEP).await;
            done("The answer came, on whichever stream.")
        }
        "test_missing_capability" => needs_sampling(context),
        "test_sampling" => sampling(context, said("prompt")).await,
        "test_elicitation" => elicitation(context, "User response", said("message"), user()).await,
        "test_elicitation_sep1034_defaults" => {
            elicitation(
                context,
                "Elicitation completed",
                "Look at the defaults".into(),
                defaults(),
            )
            .await
        }
        "test_elicitation_sep1330_enums" => {
            elicitation(context, "Elicitation completed", "Choose".into(), enums()).await
        }
        _ => return None,
    })
}

/// Whether the peer speaks a revision without a handshake.
pub(super) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    let version = context.protocol_version();
    version.is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

fn done(text: impl Into<String>) -> Answer {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
}

fn failed(text: impl Into<String>) -> Answer {
    Ok(CallToolResult::error(vec![ContentBlock::text(text)]).into())
}

/// Logs three times, to those who want it.
async fn log(context: &RequestContext<RoleServer>) -> Answer {
    let wanted = !is_modern(context) || context.meta.log_level().is_some();
    let lines = [
        "Tool execution started",
        "Tool processing data",
        "Tool execution completed",
    ];
    for line in lines.into_iter().filter(|_| wanted) {
        let line = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(line));
        if context.peer.notify_logging_message(line).await.is_err() {
            return failed("nobody listens");
        }
        tokio::time::sleep(STEP).await;
    }
    done("Three lines were logged, if they were wanted.")
}

async fn progress(context: &RequestContext<RoleServer>) -> Answer {
    let token = context.meta.get_progress_token();
    for percent in [0.0, 50.0, 100.0] {
        if let Some(token) = token.clone() {
            let step = ProgressNotificationParam::new(token, percent).with_total(100.0);
            if context.peer.notify_progress(step).await.is_err() {
                return failed("nobody listens");
            }
        }
        tokio::time::sleep(STEP).await;
    }
    done("All of it is done.")
}

fn needs_sampling(context: &RequestContext<RoleServer>) -> Answer {
    if ask::capabilities(context).sampling.is_some() {
        return done("The client could be asked.");
    }
    let needed = ClientCapabilities::builder().enable_sampling().build();
    Err(ErrorData::missing_required_client_capability(needed))
}

async fn sampling(context: &RequestContext<RoleServer>, prompt: String) -> Answer {
    let ask = CreateMessageRequestParams::new(vec![SamplingMessage::user_text(prompt)], 100);
    match context.peer.create_message(ask).await {
        Ok(answer) => done(format!("LLM response: {}", json!(answer.message.content))),
        Err(error) => failed(error.to_string()),
    }
}

async fn elicitation(
    context: &RequestContext<RoleServer>,
    said: &str,
    message: String,
    schema: Value,
) -> Answer {
    let ask = json!({"mode": "form", "message": message, "requestedSchema": schema});
    let ask: ElicitRequestParams = match serde_json::from_value(ask) {
        Ok(ask) => ask,
        Err(error) => return failed(error.to_string()),
    };
    match context.peer.create_elicitation(ask).await {
        Ok(answer) => {
            let (action, input) = (json!(answer.action), json!(answer.content));
            let action = action.as_str().unwrap_or_default();
            done(format!("{said}: action={action}, content={input}"))
        }
        Err(error) => failed(error.to_string()),
    }
}

fn user() -> Value {
    json!({"type": "object", "required": ["username", "email"], "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }})
}

fn defaults() -> Value {
    json!({"type": "object", "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true},
    }})
}

fn enums() -> Value {
    let titled = json!([
        {"const": "value1", "title": "First"},
        {"const": "value2", "title": "Second"},
        {"const": "value3", "title": "Third"},
    ]);
    let plain = json!(["option1", "option2", "option3"]);
    json!({"type": "object", "properties": {
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }})
}
