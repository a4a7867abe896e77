//! What a call costs when nothing is checked and nothing is read: the transport of the library we use, and HTTP itself.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

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
use telemetry::Shutdown;

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
    // Whoever started it is gone, or has measured enough.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let router = match args.kind {
        Kind::Axum => Router::new().route("/mcp", post(echo)),
        Kind::Rmcp => Router::new().route_service("/mcp", protocol()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = telemetry::bind(([127, 0, 0, 1], 0).into()).await?;
        println!("{}", listener.local_addr()?.port());
        telemetry::serve(listener, router, &Shutdown::new(), Duration::ZERO)
            .await
            .context("serving")
    })?;
    Ok(ExitCode::SUCCESS)
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
