//! A run as a task of the protocol, for clients that know tasks. The task is a row beside the run's, so every replica
//! knows it; it is its owner's alone, and its state is always the run's.

use orchestrator::Error;
use orchestrator::id::TaskId;
use orchestrator::run::{self, Run, RunState};
use rmcp::RoleServer;
use rmcp::model::{
    CallToolResponse, CallToolResult, CreateTaskResult, DetailedTask, ErrorData, Task, TaskPayload,
    TaskStatus,
};
use rmcp::service::RequestContext;
use serde_json::Value;
use uuid::Uuid;

use crate::failure;
use crate::resource::object;
use crate::server::{Caller, Server, caller};
use crate::tools::show_run;

/// How often a client should ask.
const POLL_MS: u64 = 5_000;

impl Server {
    /// The task in the place of the answer of a call that began a run.
    pub(crate) async fn as_task(
        &self,
        caller: &Caller,
        answer: CallToolResult,
    ) -> Result<CallToolResponse, ErrorData> {
        let run_id = answer
            .structured_content
            .as_ref()
            .and_then(|run| run["run_id"].as_str()?.parse::<Uuid>().ok());
        let Some(run_id) = run_id.filter(|_| answer.is_error != Some(true)) else {
            return Ok(answer.into());
        };
        match run::ensure_task(self.orchestrator(), &caller.actor, run_id.into()).await {
            Ok((task_id, run)) => Ok(CreateTaskResult::new(task(task_id, &run)).into()),
            Err(error) => failure::refuse(&error),
        }
    }

    pub(crate) async fn task(
        &self,
        context: &RequestContext<RoleServer>,
        task_id: &str,
    ) -> Result<DetailedTask, ErrorData> {
        let (id, run) = self.run_of_task(context, task_id).await?;
        Ok(DetailedTask::new(
            task(id, &run),
            self.payload(context, &run).await?,
        ))
    }

    /// Asks the run of a task to end. A run that is over stays as it is.
    pub(crate) async fn end_task(
        &self,
        context: &RequestContext<RoleServer>,
        task_id: &str,
    ) -> Result<(), ErrorData> {
        let (_, run) = self.run_of_task(context, task_id).await?;
        let caller = caller(context)?;
        let why = Some("its task was cancelled");
        match run::cancel(self.orchestrator(), &caller.actor, run.run_id, why, None).await {
            Ok(_) => Ok(()),
            Err(Error::Conflict(_)) if run.state.is_over() => Ok(()),
            Err(error) => Err(failure::protocol(&error)),
        }
    }

    /// Checks that the caller has such a task.
    pub(crate) async fn run_of_task(
        &self,
        context: &RequestContext<RoleServer>,
        task_id: &str,
    ) -> Result<(TaskId, Run), ErrorData> {
        let unknown = || ErrorData::invalid_params("task not found", None);
        let id: TaskId = task_id.parse::<Uuid>().map_err(|_| unknown())?.into();
        let caller = caller(context)?;
        match run::of_task(self.orchestrator(), &caller.actor, id).await {
            Ok(run) => Ok((id, run)),
            Err(Error::NotFound { .. } | Error::Forbidden(_)) => Err(unknown()),
            Err(error) => Err(failure::protocol(&error)),
        }
    }

    /// A run that failed is a call that was answered: the answer says why.
    async fn payload(
        &self,
        context: &RequestContext<RoleServer>,
        run: &Run,
    ) -> Result<TaskPayload, ErrorData> {
        Ok(match &run.state {
            RunState::Cancelled => TaskPayload::Cancelled,
            state if state.is_over() => {
                let lockdown = caller(context)?.lockdown;
                let view = show_run(self.orchestrator(), run, lockdown).await;
                let view = view.map_err(|error| failure::protocol(&error))?;
                let view = serde_json::to_value(view)
                    .map_err(|_| ErrorData::internal_error("internal error", None))?;
                let mut result = CallToolResult::structured(view);
                result.is_error = Some(!matches!(state, RunState::Succeeded));
                let result = serde_json::to_value(result).unwrap_or(Value::Null);
                TaskPayload::Completed {
                    result: object(result),
                }
            }
            _ => TaskPayload::Working,
        })
    }
}

fn task(task_id: TaskId, run: &Run) -> Task {
    let status = match &run.state {
        RunState::Cancelled => TaskStatus::Cancelled,
        state if state.is_over() => TaskStatus::Completed,
        _ => TaskStatus::Working,
    };
    let said = match &run.state {
        RunState::Waiting => "waiting: the agent asked somebody, and goes on with the answer".to_owned(),
        state => state.to_string(),
    };
    Task::new(
        task_id.to_string(),
        status,
        run.created_at.to_string(),
        run.state_since.to_string(),
    )
    .with_status_message(format!("run {}: {said}", run.run_id))
    .with_poll_interval_ms(POLL_MS)
}
