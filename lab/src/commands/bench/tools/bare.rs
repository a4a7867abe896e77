//! What a call costs when nothing is checked and nothing is read: the transport of the library we use, and HTTP itself.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::routing::post;
use axum::{Json, Router};
use clap::{Args, ValueEnum};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

/// A server that answers calls and does nothing for them.
#[derive(Args, Clone, Debug)]
pub(crate) struct BareArgs {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Rmcp,
    Axum,
}

/// Serves on a free port of loopback, prints it, and ends with standard input.
pub(crate) fn serve(args: &BareArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let router = match args.kind {
        Kind::Axum => Router::new().route("/mcp", post(echo)),
        Kind::Rmcp => Router::new().route_service("/mcp", protocol()),
    };
    runtime.block_on(async {
        let listener = telemetry::bind(([127, 0, 0, 1], 0).into()).await?;
        println!("{}", listener.local_addr()?.port());
        let shutdown = telemetry::Shutdown::new();
        let mut input = tokio::io::stdin();
        let mut rest = [0; 16];
        tokio::select! {
            served = telemetry::serve(listener, router, &shutdown, std::time::Duration::ZERO) => served.context("serving")?,
            _ = input.read(&mut rest) => {}
        }
        anyhow::Ok(())
    })?;
    // The thread that reads standard input would be waited for.
    std::process::exit(0)
}

async fn echo(Json(call): Json<Value>) -> Json<Value> {
    let answer = CallToolResult::structured(call["params"]["arguments"].clone());
    Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": answer}))
}

fn protocol() -> StreamableHttpService<Echo, NeverSessionManager> {
    let transport = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    StreamableHttpService::new(|| Ok(Echo), Arc::default(), transport)
}

#[derive(Clone)]
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        Ok(CallToolResult::structured(arguments.into()).into())
    }
}
