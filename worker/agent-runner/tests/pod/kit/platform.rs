//! The platform's tools as the contract has them, behind a real MCP server; keeps all calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use contract::failure::{ErrorCode, Failure};
use contract::runner::*;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AGENT_TOKEN, GIT_TOKEN, SUPERVISOR_TOKEN};

/// One call, and the token it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) input: Value,
    pub(crate) token: String,
}

#[derive(Clone)]
pub(crate) struct FakePlatform {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    context: RunContext,
    calls: Mutex<Vec<Call>>,
    /// Answers that replace the usual one, by tool; each is used once.
    once: Mutex<BTreeMap<String, Vec<Result<Value, Failure>>>>,
    stop: Mutex<bool>,
    /// Where the streams of the log end.
    log_ends: Mutex<BTreeMap<String, u64>>,
    /// A tool that is not answered for now.
    held: Mutex<Option<String>>,
    closed: Mutex<bool>,
}

impl FakePlatform {
    pub(crate) async fn start(context: RunContext) -> Self {
        let shared = Arc::new(Shared {
            context,
            calls: Mutex::default(),
            once: Mutex::default(),
            stop: Mutex::default(),
            log_ends: Mutex::default(),
            held: Mutex::default(),
            closed: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
        let handler = Tools(shared.clone());
        let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false);
        let service = StreamableHttpService::new(
            move || Ok(handler.clone()),
            Arc::new(NeverSessionManager::default()),
            config,
        );
        let router = Router::new()
            .nest_service("/mcp", service)
            .layer(from_fn_with_state(shared.clone(), check_token));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub(crate) fn calls(&self, tool: &str) -> Vec<Call> {
        let calls = self.shared.calls.lock().expect("a lock");
        calls.iter().filter(|call| call.tool == tool).cloned().collect()
    }

    /// Answers the next call of `tool` with a refusal.
    pub(crate) fn refuse_once(&self, tool: &str, code: ErrorCode) {
        let failure = Failure {
            code,
            message: format!("{tool} refused"),
            retry_after_ms: Some(10),
            hint: None,
        };
        self.shared
            .once
            .lock()
            .expect("a lock")
            .entry(tool.into())
            .or_default()
            .push(Err(failure));
    }

    /// Answers the next call of `tool` so.
    pub(crate) fn answer_once(&self, tool: &str, answer: Value) {
        self.shared
            .once
            .lock()
            .expect("a lock")
            .entry(tool.into())
            .or_default()
            .push(Ok(answer));
    }

    /// The next heartbeat says stop.
    pub(crate) fn stop(&self) {
        *self.shared.stop.lock().expect("a lock") = true;
    }

    /// Lets the calls of `tool` wait from now on.
    pub(crate) fn hold(&self, tool: &str) {
        *self.shared.held.lock().expect("a lock") = Some(tool.to_owned());
    }

    /// No token is accepted any more.
    pub(crate) fn close(&self) {
        *self.shared.closed.lock().expect("a lock") = true;
    }

    /// The log of the turn, both streams.
    pub(crate) fn log(&self) -> String {
        self.calls("run_log_append")
            .iter()
            .filter_map(|call| call.input["text"].as_str().map(str::to_owned))
            .collect()
    }
}

async fn check_token(
    axum::extract::State(shared): axum::extract::State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let shown = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let known = shown.is_some_and(|shown| {
        [SUPERVISOR_TOKEN, AGENT_TOKEN]
            .iter()
            .any(|token| shown == format!("Bearer {token}"))
    });
    if known && !*shared.closed.lock().expect("a lock") {
        return next.run(request).await;
    }
    (
        StatusCode::UNAUTHORIZED,
        [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")],
    )
        .into_response()
}

#[derive(Clone)]
struct Tools(Arc<Shared>);

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<rmcp::model::PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<rmcp::model::ListToolsResult, ErrorData> {
        let schema = json!({ "type": "object", "properties": { "message": { "type": "string" } } });
        let schema = schema.as_object().cloned().expect("an object");
        let tool = rmcp::model::Tool::new("run_status_report", "Says what the agent does.", schema);
        Ok(rmcp::model::ListToolsResult {
            tools: vec![tool],
            ..Default::default()
        })
    }

    async fn call_tool(
        &self,
        ask: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let token = cx
            .extensions
            .get::<http::request::Parts>()
            .and_then(|parts| parts.headers.get(header::AUTHORIZATION)?.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let input = Value::Object(ask.arguments.unwrap_or_default());
        let tool = ask.name.to_string();
        self.0.calls.lock().expect("a lock").push(Call {
            tool: tool.clone(),
            input: input.clone(),
            token,
        });
        while self.0.held.lock().expect("a lock").as_ref() == Some(&tool) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let replaced = self
            .0
            .once
            .lock()
            .expect("a lock")
            .get_mut(&tool)
            .and_then(Vec::pop);
        Ok(match replaced.unwrap_or_else(|| self.0.answer(&tool, &input)) {
            Ok(answer) => CallToolResult::structured(answer),
            Err(failure) => CallToolResult::structured_error(json!(failure)),
        }
        .into())
    }
}

impl Shared {
    fn answer(&self, tool: &str, input: &Value) -> Result<Value, Failure> {
        Ok(match tool {
            "run_context_get" => json!(self.context),
            "run_heartbeat" => {
                json!(Heartbeat {
                    state: "running".into(),
                    stop: *self.stop.lock().expect("a lock"),
                    allowance: None,
                })
            }
            "run_log_append" => {
                let piece: LogPiece = serde_json::from_value(input.clone()).expect("a piece");
                let mut ends = self.log_ends.lock().expect("a lock");
                let end = ends.entry(input["stream"].to_string()).or_default();
                if piece.offset <= *end {
                    *end = (*end).max(piece.offset + piece.text.len() as u64);
                }
                json!(LogEnd { next_offset: *end })
            }
            "run_usage_report" => json!(UsageAnswer {
                cost_micro_usd: None,
                exceeded: false,
                spent: None,
            }),
            "run_snapshot_put" => json!(SnapshotStored {
                snapshot_id: Uuid::now_v7()
            }),
            "repository_token_issue" => json!(RepositoryToken {
                username: "x-access-token".into(),
                token: GIT_TOKEN.into(),
                expires_at: jiff::Timestamp::MAX,
            }),
            "run_token_refresh" => json!(RunTokens {
                supervisor_token: SUPERVISOR_TOKEN.into(),
                agent_token: AGENT_TOKEN.into(),
                expires_at: jiff::Timestamp::MAX,
            }),
            "pull_request_open" | "run_status_report" => json!({ "state": "applied" }),
            "run_finish" => json!(Finished {
                state: "finishing".into()
            }),
            other => {
                let message = format!("there is no tool {other}");
                return Err(Failure {
                    code: ErrorCode::NotFound,
                    message,
                    retry_after_ms: None,
                    hint: None,
                });
            }
        })
    }
}

/// A turn of a `command` agent that runs `script` in a shell.
pub(crate) fn context(clone_url: &str, script: &str) -> RunContext {
    RunContext {
        contract_version: CONTRACT_VERSION,
        run_id: Uuid::now_v7(),
        turn: 1,
        stage: "dev".into(),
        repository: Repository {
            repository_id: Uuid::now_v7(),
            owner: "acme".into(),
            name: "shop".into(),
            clone_url: clone_url.into(),
            default_branch: "main".into(),
        },
        work_item: None,
        prompt: "Say hello.".into(),
        agent: AgentSettings {
            adapter: Adapter::Command,
            command: ["sh", "-ec", script].map(str::to_owned).to_vec(),
            environment: BTreeMap::from([("COLOUR".into(), "green".into())]),
            model: None,
            output: Output::PullRequest,
            write_include: vec![],
            write_exclude: vec![".github/**".into(), "CODEOWNERS".into(), "/services.yaml".into()],
        },
        branch: Branch {
            name: "codex/issue-7".into(),
            base_sha: None,
        },
        commit_author: CommitAuthor {
            name: "codex-k8s[bot]".into(),
            email: "bot@example.com".into(),
        },
        limits: Limits {
            active_seconds: 60,
            heartbeat_seconds: 1,
            bundle_bytes: 1024 * 1024,
            log_bytes: 1024 * 1024,
            snapshot_bytes: 1024 * 1024,
            tokens: None,
        },
        answers: vec![],
        has_snapshot: false,
        traceparent: None,
    }
}
