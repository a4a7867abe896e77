//! What the gateway is told, once, by `main` or by the lab.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::{Args, Parser};
use ipnet::IpNet;
use telemetry::LogFormat;
use url::Url;

use crate::site::Site;

/// The platform's public edge: webhooks of GitHub, people's sign-ins, and the way to the tools.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// Where the public port listens.
    #[arg(long, env = "CODEXK8S_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Where health and metrics are served, for the cluster alone.
    #[arg(long, env = "CODEXK8S_INTERNAL_LISTEN", default_value = "0.0.0.0:9090")]
    pub internal_listen: SocketAddr,
    /// Threads that serve. One serves some thousand requests a second; take more replicas before more threads.
    #[arg(long, env = "CODEXK8S_THREADS", default_value_t = NonZeroUsize::MIN)]
    pub threads: NonZeroUsize,
    /// The mounted file that holds `postgres://user:password@host/name`.
    #[arg(long, env = "CODEXK8S_DATABASE_URL_FILE")]
    pub database_url_file: PathBuf,
    /// Connections to the database at most.
    #[arg(long, env = "CODEXK8S_DATABASE_CONNECTIONS", default_value_t = 8)]
    pub database_connections: u32,
    /// The mounted file that `codex-k8s init` wrote for the gateway: it opens what people's tokens are signed with.
    #[arg(long, env = "CODEXK8S_EDGE_KEY_FILE")]
    pub edge_key_file: PathBuf,
    /// `json` or `text`.
    #[arg(long, env = "CODEXK8S_LOG_FORMAT", default_value_t)]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub server: Config,
}

/// What the public port answers with, and whom it asks.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Where browsers and clients find the platform: `https://codex-k8s.example`.
    #[arg(long, env = "CODEXK8S_PUBLIC_URL")]
    pub public_url: Url,
    /// Where mcp-server is, inside the cluster: `http://mcp-server:8080`.
    #[arg(long, env = "CODEXK8S_MCP_UPSTREAM")]
    pub mcp_upstream: Url,
    /// Address ranges of the proxies before the gateway, whose `X-Forwarded-For` is believed; none by default.
    #[arg(
        long = "trusted-proxy",
        env = "CODEXK8S_TRUSTED_PROXIES",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<ProxyRange>,
    /// Hosts whose descriptions of MCP clients are read and believed (Client ID Metadata Documents).
    #[arg(
        long = "oauth-document-host",
        env = "CODEXK8S_OAUTH_DOCUMENT_HOSTS",
        value_delimiter = ',',
        default_value = "chatgpt.com,claude.ai,vscode.dev"
    )]
    pub oauth_document_hosts: Vec<String>,
    /// The folder of a built console to serve too: for a lab. In a cluster the console is a deployable of its own.
    #[arg(long)]
    pub console_dir: Option<PathBuf>,
    #[command(flatten)]
    pub webhook: WebhookConfig,
    #[command(flatten)]
    pub github: GithubConfig,
}

impl Config {
    pub(crate) fn trusted(&self) -> Arc<[IpNet]> {
        self.trusted_proxies.iter().filter_map(|range| range.0).collect()
    }

    /// A setting that is there and empty names none.
    pub(crate) fn document_hosts(&self) -> Vec<String> {
        let hosts = self.oauth_document_hosts.iter();
        hosts.filter(|host| !host.is_empty()).cloned().collect()
    }

    /// The audience of people's tokens.
    ///
    /// # Errors
    ///
    /// The public URL does not fit.
    pub fn audience(&self) -> anyhow::Result<String> {
        Ok(Site::new(self.public_url.clone())?.audience())
    }
}

/// A range of addresses; a setting that is there and empty names none.
#[derive(Clone, Copy, Debug)]
pub struct ProxyRange(Option<IpNet>);

impl FromStr for ProxyRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let net = text.parse();
        net.map(|net| Self(Some(net)))
            .map_err(|_| format!("{text:?} is no range of addresses; expected one like 10.0.0.0/8"))
    }
}

/// How webhooks are verified.
#[derive(Clone, Debug, Args)]
pub struct WebhookConfig {
    /// The mounted file that holds the secret of the App's webhook.
    #[arg(long, env = "CODEXK8S_WEBHOOK_SECRET_FILE")]
    pub webhook_secret_file: PathBuf,
    /// The mounted file that holds the secret before the last rotation; it may be empty or not there.
    #[arg(long, env = "CODEXK8S_WEBHOOK_PREVIOUS_SECRET_FILE")]
    pub webhook_previous_secret_file: Option<PathBuf>,
}

/// Where people sign in.
#[derive(Clone, Debug, Args)]
pub struct GithubConfig {
    /// GitHub's pages; of an enterprise server, `https://github.example`.
    #[arg(long, env = "CODEXK8S_GITHUB_WEB_URL", default_value = "https://github.com")]
    pub github_web_url: Url,
    /// GitHub's REST API; of an enterprise server, `https://github.example/api/v3`.
    #[arg(
        long,
        env = "CODEXK8S_GITHUB_API_URL",
        default_value = "https://api.github.com"
    )]
    pub github_api_url: Url,
    /// The App's client id, as on its settings page.
    #[arg(long, env = "CODEXK8S_GITHUB_CLIENT_ID")]
    pub github_client_id: String,
    /// The mounted file that holds a client secret of the App.
    #[arg(long, env = "CODEXK8S_GITHUB_CLIENT_SECRET_FILE")]
    pub github_client_secret_file: PathBuf,
}
