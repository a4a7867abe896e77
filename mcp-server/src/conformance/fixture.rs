//! The deployed server with the fixtures around it: what it does not know, it hands on.

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams,
    CompleteResult, CompletionInfo, DiscoverResult, ErrorData, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, GetTaskParams, GetTaskResult, InitializeRequestParams, InitializeResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, Prompt, PromptArgument, PromptMessage, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate, Role,
    ServerConfig, SetLevelRequestMethod, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
    Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;

use super::stage::{Change, Stage};
use super::{ask, content, legacy};
use crate::server::Server;

/// Cheap to clone: one per request.
#[derive(Clone)]
pub(super) struct Fixture {
    server: Server,
    stage: Stage,
}

impl Fixture {
    pub(super) fn new(server: Server, stage: Stage) -> Self {
        Self { server, stage }
    }
}

fn prompts() -> Vec<Prompt> {
    let argument = |name: &str| {
        PromptArgument::new(name)
            .with_description("A fixture's argument.")
            .with_required(true)
    };
    let about = Some("A fixture of the conformance suite.");
    let two = vec![argument("arg1"), argument("arg2")];
    let one = vec![argument("resourceUri")];
    vec![
        Prompt::new("test_simple_prompt", about, None),
        Prompt::new("test_prompt_with_arguments", about, Some(two)),
        Prompt::new("test_prompt_with_embedded_resource", about, Some(one)),
        Prompt::new("test_prompt_with_image", about, None),
        Prompt::new("test_input_required_result_prompt", about, None),
    ]
}

fn prompt(request: &GetPromptRequestParams) -> Option<Vec<PromptMessage>> {
    let said = |name: &str| {
        let value = request.arguments.as_ref()?.get(name)?.as_str()?;
        Some(value.to_owned())
    };
    let text = |text: &str| PromptMessage::new_text(Role::User, text);
    Some(match &*request.name {
        "test_simple_prompt" => vec![text("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (one, two) = (said("arg1")?, said("arg2")?);
            vec![text(&format!(
                "Prompt with arguments: arg1='{one}', arg2='{two}'"
            ))]
        }
        "test_prompt_with_embedded_resource" => {
            let resource =
                ResourceContents::text("Embedded resource content for testing.", said("resourceUri")?)
                    .with_mime_type("text/plain");
            let block = rmcp::model::ContentBlock::resource(resource);
            vec![
                PromptMessage::new(Role::User, block),
                text("Please process the embedded resource above."),
            ]
        }
        "test_prompt_with_image" => {
            let block = rmcp::model::ContentBlock::image(content::PNG, "image/png");
            vec![
                PromptMessage::new(Role::User, block),
                text("Please analyze the image above."),
            ]
        }
        _ => return None,
    })
}

fn resources() -> [Resource; 3] {
    let about = "A fixture of the conformance suite.";
    [
        ("test://static-text", "static-text", "text/plain"),
        ("test://static-binary", "static-binary", "image/png"),
        ("test://watched-resource", "watched-resource", "text/plain"),
    ]
    .map(|(uri, name, kind)| {
        Resource::new(uri, name)
            .with_description(about)
            .with_mime_type(kind)
    })
}

fn legacy_only<M: rmcp::model::ConstString>(context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    if legacy::is_modern(context) {
        return Err(ErrorData::method_not_found::<M>());
    }
    Ok(())
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let mut config = self.server.get_info();
        let can = &mut config.capabilities;
        can.logging = Some(rmcp::model::JsonObject::new());
        if let Some(tools) = &mut can.tools {
            tools.list_changed = Some(true);
        }
        can.prompts.get_or_insert_default().list_changed = Some(true);
        can.completions = Some(rmcp::model::JsonObject::new());
        can.resources.get_or_insert_default().subscribe = Some(true);
        config
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.server.list_tools(request, context).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.server.call_tool(request, context).await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.server.get_tool(name)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let Reference::Prompt(prompt) = &request.r#ref else {
            return self.server.complete(request, context).await;
        };
        if prompt.name != "test_prompt_with_arguments" {
            return self.server.complete(request, context).await;
        }
        let values = ["paris", "park", "party"]
            .into_iter()
            .filter(|value| value.starts_with(&request.argument.value))
            .map(str::to_owned)
            .collect();
        let values = CompletionInfo::with_all_values(values);
        values
            .map(CompleteResult::new)
            .map_err(|error| ErrorData::internal_error(error, None))
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let mut list = self.server.list_prompts(request, context).await?;
        list.prompts.extend(prompts());
        Ok(list)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name == "test_input_required_result_prompt" {
            return ask::prompt(&request);
        }
        match prompt(&request) {
            Some(messages) => Ok(GetPromptResult::new(messages).into()),
            None => self.server.get_prompt(request, context).await,
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut list = self.server.list_resources(request, context).await?;
        list.resources.extend(resources());
        Ok(list)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let mut list = self.server.list_resource_templates(request, context).await?;
        let template = ResourceTemplate::new("test://template/{id}/data", "template")
            .with_description("A fixture of the conformance suite.")
            .with_mime_type("application/json");
        list.resource_templates.push(template);
        Ok(list)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let Some(contents) = content::resource(&request.uri) else {
            return self.server.read_resource(request, context).await;
        };
        let result = ReadResourceResult::new(vec![contents]);
        Ok(result.with_cache_scope(CacheScope::Private).into())
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        legacy_only::<SetLevelRequestMethod>(&context)
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = self
            .server
            .accepted_subscription_filter(requested)
            .unwrap_or_default();
        accepted.tools_list_changed = requested.tools_list_changed;
        accepted.prompts_list_changed = requested.prompts_list_changed;
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let accepted = context.accepted();
        if accepted.resource_subscriptions.is_some() {
            return self.server.listen(context).await;
        }
        let mut changes = self.stage.changes.subscribe();
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = context.cancelled() => return Ok(()),
            };
            let sink = context.sink();
            let sent = match change {
                Ok(Change::Tools) if accepted.tools_list_changed == Some(true) => {
                    sink.notify_tool_list_changed().await
                }
                Ok(Change::Prompts) if accepted.prompts_list_changed == Some(true) => {
                    sink.notify_prompt_list_changed().await
                }
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return Ok(()),
            };
            if sent.is_err() {
                return Ok(());
            }
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        match self.stage.tasks.get_task(&request.task_id) {
            Ok(task) => Ok(GetTaskResult::new(task)),
            Err(_) => self.server.get_task(request, context).await,
        }
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if self.stage.tasks.get_task(&request.task_id).is_err() {
            return self.server.update_task(request, context).await;
        }
        let responses: Vec<(String, Value)> = request.input_responses.into_iter().collect();
        self.stage.tasks.update_task(&request.task_id, responses)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if self.stage.tasks.get_task(&request.task_id).is_err() {
            return self.server.cancel_task(request, context).await;
        }
        self.stage.tasks.cancel_task(&request.task_id)
    }
}
