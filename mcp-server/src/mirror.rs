//! Other faces of the tools: what a resource or a completion reads is what a tool answers, with the tool's own rights,
//! deadline and record.

use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorCode, ErrorData, JsonObject};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;

use crate::server::Server;

/// Why there is nothing to read.
#[derive(Debug)]
pub(crate) enum Nothing {
    /// The caller has no such tool, or the thing is not there for it.
    NotThere,
    /// The tool failed, for a reason its caller is told.
    Failed(ErrorData),
}

impl Server {
    /// What a tool answers to this caller.
    pub(crate) async fn mirror(
        &self,
        context: &RequestContext<RoleServer>,
        tool: &'static str,
        arguments: JsonObject,
    ) -> Result<Value, Nothing> {
        let request = CallToolRequestParams::new(tool).with_arguments(arguments);
        let result = match self.call_tool(request, context.clone()).await {
            Ok(CallToolResponse::Complete(result)) => result,
            Err(error) if error.code == ErrorCode::INVALID_PARAMS => return Err(Nothing::NotThere),
            Err(error) => return Err(Nothing::Failed(error)),
            Ok(_) => return Err(Nothing::NotThere),
        };
        let value = result.structured_content.unwrap_or_default();
        if result.is_error != Some(true) {
            return Ok(value);
        }
        Err(
            if let Some("not_found" | "invalid_input" | "forbidden") = value["code"].as_str() {
                Nothing::NotThere
            } else {
                let said = value["message"].as_str().unwrap_or("it cannot be read now");
                Nothing::Failed(ErrorData::internal_error(said.to_owned(), Some(value)))
            },
        )
    }
}
