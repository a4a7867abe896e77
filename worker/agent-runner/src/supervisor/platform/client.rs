//! rmcp's HTTP client with the token of the moment: tokens change during a connection.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream::BoxStream;
use http::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, ProtocolVersion};
use rmcp::service::{ClientInitializeError, RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use rmcp::{ClientLifecycleMode, ClientServiceExt};
use secrecy::ExposeSecret;
use sse_stream::Sse;

use super::CallError;
use crate::supervisor::tokens::Tokens;

type Headers = HashMap<HeaderName, HeaderValue>;
type Failed = StreamableHttpError<reqwest::Error>;

#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    tokens: Tokens,
    pub(super) traceparent: Arc<OnceLock<HeaderValue>>,
}

impl Client {
    pub(super) fn new(tokens: Tokens) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_mins(1))
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            tokens,
            traceparent: Arc::default(),
        })
    }

    /// Opens a connection, in the newest revision both sides speak.
    pub(super) async fn open(&self, url: Arc<str>) -> Result<RunningService<RoleClient, ()>, CallError> {
        let config = StreamableHttpClientTransportConfig::with_uri(url);
        let transport = StreamableHttpClientTransport::with_client(self.clone(), config);
        let lifecycle = ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: None,
        };
        ().serve_with_lifecycle(transport, lifecycle)
            .await
            .map_err(|error| not_opened(&error))
    }

    fn token(&self) -> String {
        self.tokens.supervisor().expose_secret().to_owned()
    }

    fn headers(&self, mut headers: Headers) -> Headers {
        if let Some(value) = self.traceparent.get() {
            headers.insert(HeaderName::from_static("traceparent"), value.clone());
        }
        headers
    }
}

fn not_opened(error: &ClientInitializeError) -> CallError {
    match error.auth_challenge() {
        Some(_) => CallError::Unauthenticated("the MCP handshake was answered with 401 or 403".into()),
        None => CallError::Unreachable(format!("the MCP handshake failed: {error}")),
    }
}

impl StreamableHttpClient for Client {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        self.http
            .post_message(
                uri,
                message,
                session_id,
                Some(self.token()),
                self.headers(headers),
            )
            .await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let headers = self.headers(headers);
        self.http
            .post_message_with_response_limits(uri, message, session_id, Some(self.token()), headers, limits)
            .await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<(), Failed> {
        self.http
            .delete_session(uri, session_id, Some(self.token()), self.headers(headers))
            .await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _: Option<String>,
        headers: Headers,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        self.http
            .get_stream(
                uri,
                session_id,
                last_event_id,
                Some(self.token()),
                self.headers(headers),
            )
            .await
    }
}
