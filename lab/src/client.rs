//! A small client of the tools and of the simulated GitHub, as a script would have it.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::endpoints::Endpoints;

/// An HTTP client with deadlines.
pub(crate) fn http() -> anyhow::Result<reqwest::Client> {
    // The second install says that there was a first: both are fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(40))
        .build()
        .context("the HTTP client")
}

/// Calls tools with one service token, and GitHub as people do.
pub struct Client {
    http: reqwest::Client,
    mcp_url: String,
    github_url: String,
    github_key: String,
    token: String,
}

impl Client {
    /// Acts with the service token of a project role.
    ///
    /// # Errors
    ///
    /// The lab has no token of this role.
    pub fn new(endpoints: &Endpoints, role: &str) -> anyhow::Result<Self> {
        let token = endpoints
            .tokens
            .get(role)
            .with_context(|| format!("the lab has no token of the role {role}"))?;
        Ok(Self {
            http: http()?,
            mcp_url: endpoints.mcp_url.clone(),
            github_url: endpoints.github_url.clone(),
            github_key: endpoints.github_key.clone(),
            token: token.clone(),
        })
    }

    /// Calls a tool and answers its structured content.
    ///
    /// # Errors
    ///
    /// The tool refuses; the text is its own.
    pub async fn call(&self, tool: &str, arguments: Value) -> anyhow::Result<Value> {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientCapabilities": {},
                    "io.modelcontextprotocol/clientInfo": { "name": "lab", "version": "1" },
                },
            },
        });
        let answer = self
            .http
            .post(&self.mcp_url)
            .bearer_auth(&self.token)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", tool)
            .json(&body)
            .send()
            .await
            .with_context(|| format!("calling {tool}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        let answer: Value =
            serde_json::from_str(&text).with_context(|| format!("{tool} answered {status}: {text}"))?;
        let result = &answer["result"];
        if result["isError"] == true || result.is_null() {
            bail!(
                "{tool}: {}",
                result["structuredContent"]
                    .get("message")
                    .unwrap_or(&answer["error"])
            );
        }
        Ok(result["structuredContent"].clone())
    }

    /// A request to the simulated GitHub as a person.
    ///
    /// # Errors
    ///
    /// GitHub refuses.
    pub async fn github(
        &self,
        login: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let tokens = format!("{}/_sim/tokens", self.github_url);
        let token: Value = self
            .http
            .post(tokens)
            .bearer_auth(&self.github_key)
            .json(&json!({ "login": login }))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let token = token["token"].as_str().context("no token")?;
        let url = format!("{}{path}", self.github_url);
        let mut request = self
            .http
            .request(method.parse()?, url)
            .bearer_auth(token)
            .header("user-agent", "lab");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{method} {path} answered {status}: {text}");
        }
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            Ok(serde_json::from_str(&text)?)
        }
    }
}
