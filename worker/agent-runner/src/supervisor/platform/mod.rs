//! The platform, as the supervisor calls it: MCP tools over HTTP, each call with a deadline, transient failures repeated.

mod client;
mod retry;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use contract::failure::{ErrorCode, Failure as Refusal};
use contract::runner::{CONTRACT_VERSION, Nothing, RunTokens};
use http::HeaderValue;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::tokens::Tokens;

/// Deadline of one call. A write tool of the platform waits up to 20 s for its effect.
const CALL: Duration = Duration::from_secs(30);
/// Deadline of the MCP handshake.
const CONNECT: Duration = Duration::from_secs(15);

type Connection = Arc<RunningService<RoleClient, ()>>;

/// The way to the platform's tools. Cheap to clone; a lost connection is made anew by the next call.
#[derive(Clone)]
pub(crate) struct Platform {
    client: client::Client,
    url: Arc<str>,
    tokens: Tokens,
    /// How long [`Platform::call`] repeats what fails for want of the platform.
    patience: Duration,
    connection: Arc<Mutex<Option<Connection>>>,
}

/// Why one call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The tool said no.
    #[error("{}", .0.message)]
    Refused(Refusal),
    #[error("the platform does not accept this turn's token: {0}")]
    Unauthenticated(String),
    /// No answer; asking again may help.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that makes no sense; asking again will not help.
    #[error("{0}")]
    Garbled(String),
}

impl Platform {
    pub(crate) fn new(url: &Url, tokens: Tokens, patience: Duration) -> reqwest::Result<Self> {
        Ok(Self {
            client: client::Client::new(tokens.clone())?,
            url: url.as_str().into(),
            tokens,
            patience,
            connection: Arc::default(),
        })
    }

    /// Sends this trace context with every call from now on.
    pub(crate) fn trace(&self, traceparent: &str) {
        if let Ok(value) = HeaderValue::from_str(traceparent) {
            let _ = self.client.traceparent.set(value);
        }
    }

    /// The trace context, for calls made on the agent's behalf.
    pub(crate) fn traceparent(&self) -> Arc<OnceLock<HeaderValue>> {
        self.client.traceparent.clone()
    }

    /// The same platform with another patience, for the last words of a turn whose pod is being removed.
    pub(crate) fn with_patience(&self, patience: Duration) -> Self {
        Self {
            patience,
            ..self.clone()
        }
    }

    /// Calls a tool once, and says which contract is spoken: the platform may be a version ahead or behind.
    pub(crate) async fn call_once<O: DeserializeOwned>(
        &self,
        tool: &'static str,
        input: &impl Serialize,
    ) -> Result<O, CallError> {
        let mut arguments = match serde_json::to_value(input) {
            Ok(Value::Object(arguments)) => arguments,
            other => {
                return Err(CallError::Garbled(format!(
                    "{tool}: the input is no object: {other:?}"
                )));
            }
        };
        arguments.insert("contract_version".to_owned(), CONTRACT_VERSION.into());
        let ask = CallToolRequestParams::new(tool).with_arguments(arguments);
        let connection = self.connect().await?;
        let answer = match tokio::time::timeout(CALL, connection.call_tool(ask)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.failed(tool, &error).await),
            Err(_) => {
                self.disconnect().await;
                return Err(CallError::Unreachable(format!(
                    "{tool}: no answer in {} s",
                    CALL.as_secs()
                )));
            }
        };
        read(tool, answer)
    }

    /// Asks for fresh tokens and takes them into use.
    pub(crate) async fn refresh_tokens(&self) -> Result<(), CallError> {
        let fresh: RunTokens = self.call_once("run_token_refresh", &Nothing {}).await?;
        if let Err(error) = self.tokens.replace(fresh) {
            tracing::warn!(%error, "the fresh tokens are in use, but could not be stored");
        }
        Ok(())
    }

    async fn connect(&self) -> Result<Connection, CallError> {
        let mut connection = self.connection.lock().await;
        if let Some(open) = connection.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        let opening = tokio::time::timeout(CONNECT, self.client.open(self.url.clone())).await;
        let open =
            Arc::new(opening.map_err(|_| {
                CallError::Unreachable(format!("no MCP handshake in {} s", CONNECT.as_secs()))
            })??);
        *connection = Some(open.clone());
        Ok(open)
    }

    async fn disconnect(&self) {
        self.connection.lock().await.take();
    }

    async fn failed(&self, tool: &str, error: &ServiceError) -> CallError {
        if let ServiceError::McpError(refused) = error {
            let text = format!("{tool}: {}", refused.message);
            return if refused.code == rmcp::model::ErrorCode::INTERNAL_ERROR {
                CallError::Refused(Refusal {
                    code: ErrorCode::Internal,
                    message: text,
                    retry_after_ms: None,
                    hint: None,
                })
            } else {
                CallError::Garbled(text)
            };
        }
        self.disconnect().await;
        match error.auth_challenge() {
            Some(_) => CallError::Unauthenticated(format!("{tool} was answered with 401 or 403")),
            None => CallError::Unreachable(format!("{tool}: {error}")),
        }
    }
}

fn read<O: DeserializeOwned>(tool: &str, answer: CallToolResult) -> Result<O, CallError> {
    let failed = answer.is_error == Some(true);
    let Some(content) = answer.structured_content else {
        return Err(CallError::Garbled(format!(
            "{tool}: the answer has no structured content"
        )));
    };
    let garbled = |error| CallError::Garbled(format!("{tool}: {error}"));
    if failed {
        return Err(CallError::Refused(
            serde_json::from_value(content).map_err(garbled)?,
        ));
    }
    serde_json::from_value(content).map_err(garbled)
}
