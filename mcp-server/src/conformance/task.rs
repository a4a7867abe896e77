//! Tools whose work outlives their call, for clients that know tasks.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all that a fixture answers with has one type"
)]

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, CreateTaskResult, ErrorData,
    InputRequiredResult, JsonObject,
};
use rmcp::service::RequestContext;
use rmcp::task_manager::{TaskContext, TaskExit, TaskFuture, TaskOptions};
use serde_json::{Value, json};

use super::ask::{self, Round};

type Answer = Result<CallToolResponse, ErrorData>;

/// Plays one of these tools.
pub(super) async fn play(
    tool: &str,
    context: &RequestContext<RoleServer>,
    arguments: &JsonObject,
    round: &Round<'_>,
) -> Option<Answer> {
    let has_tasks = ask::capabilities(context).supports_tasks();
    Some(match tool {
        "greet" => {
            let name = arguments.get("name").and_then(Value::as_str);
            Ok(text(&format!("Hello, {}!", name.unwrap_or("you"))).into())
        }
        "slow_compute" => {
            let seconds = arguments.get("seconds").and_then(Value::as_f64);
            let time = Duration::from_secs_f64(seconds.unwrap_or(0.0).clamp(0.0, 20.0));
            if has_tasks {
                begin(round, move |task| Box::pin(compute(task, time)))
            } else {
                tokio::time::sleep(time).await;
                Ok(text("computed").into())
            }
        }
        "protocol_error_job" | "confirm_delete" | "multi_input" if !has_tasks => {
            Ok(text("Nothing was done: there is nobody to ask.").into())
        }
        "failing_job" | "test_tool_with_task" if !has_tasks => {
            let needed = ClientCapabilities::builder().enable_tasks().build();
            Err(ErrorData::missing_required_client_capability(needed))
        }
        "failing_job" => begin(round, |_| Box::pin(fail())),
        "protocol_error_job" => begin(round, |_| {
            Box::pin(async { Err(ErrorData::internal_error("it broke", None).into()) })
        }),
        "confirm_delete" => begin(round, |task| Box::pin(inputs(task, &["confirm"]))),
        "multi_input" => begin(round, |task| Box::pin(inputs(task, &["first", "second"]))),
        "test_tool_with_task" => ask_then_work(round),
        _ => return None,
    })
}

fn text(text: &str) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

fn begin(round: &Round<'_>, work: impl FnOnce(TaskContext) -> TaskFuture) -> Answer {
    let options = TaskOptions::new().with_poll_interval_ms(100);
    let task = round.stage.tasks.spawn(options, work);
    Ok(CreateTaskResult::new(task).into())
}

async fn compute(task: TaskContext, time: Duration) -> Result<CallToolResult, TaskExit> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(text("computed")),
        () = task.cancelled() => Err(TaskExit::Cancelled),
    }
}

async fn fail() -> Result<CallToolResult, TaskExit> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(CallToolResult::error(vec![ContentBlock::text("the job failed")]))
}

/// Asks for all of them at once.
async fn inputs(task: TaskContext, keys: &'static [&'static str]) -> Result<CallToolResult, TaskExit> {
    let mut pending = Vec::new();
    for key in keys {
        let form = ask::form("Go on?", "confirm", &json!({"type": "boolean"}));
        let asked = ask::requests([(*key, form)])?.remove(*key);
        let asked = asked.ok_or_else(|| ErrorData::internal_error("nothing to ask", None))?;
        let task = task.clone();
        pending.push(tokio::spawn(async move { task.request_input(*key, asked).await }));
    }
    let mut said = Vec::new();
    for answer in pending {
        said.push(answer.await.map_err(|_| TaskExit::Cancelled)??);
    }
    Ok(text(&format!("done: {}", json!(said))))
}

fn ask_then_work(round: &Round<'_>) -> Answer {
    let Some(name) = round.field("user_name", "name").and_then(Value::as_str) else {
        let asks = ask::requests([("user_name", ask::name())])?;
        return Ok(InputRequiredResult::from_input_requests(asks).into());
    };
    let said = format!("Worked for {name}.");
    begin(round, |_| Box::pin(async move { Ok(text(&said)) }))
}
