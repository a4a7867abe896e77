//! What the gateway is told, once, by `main` or by the lab.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser};
use telemetry::LogFormat;

/// The platform's public edge: webhooks of GitHub.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// Where webhooks are received.
    #[arg(long, env = "CODEXK8S_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Where health and metrics are served, for the cluster alone.
    #[arg(long, env = "CODEXK8S_INTERNAL_LISTEN", default_value = "0.0.0.0:9090")]
    pub internal_listen: SocketAddr,
    /// The mounted file that holds `postgres://user:password@host/name`.
    #[arg(long, env = "CODEXK8S_DATABASE_URL_FILE")]
    pub database_url_file: PathBuf,
    /// Connections to the database at most.
    #[arg(long, env = "CODEXK8S_DATABASE_CONNECTIONS", default_value_t = 8)]
    pub database_connections: u32,
    /// `json` or `text`.
    #[arg(long, env = "CODEXK8S_LOG_FORMAT", default_value_t)]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub server: Config,
}

/// How webhooks are verified.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// The mounted file that holds the secret of the App's webhook.
    #[arg(long, env = "CODEXK8S_WEBHOOK_SECRET_FILE")]
    pub webhook_secret_file: PathBuf,
    /// The mounted file that holds the secret before the last rotation; it may be empty or not there.
    #[arg(long, env = "CODEXK8S_WEBHOOK_PREVIOUS_SECRET_FILE")]
    pub webhook_previous_secret_file: Option<PathBuf>,
}

impl Config {
    /// One secret and none before it.
    pub fn new(webhook_secret_file: PathBuf) -> Self {
        Self {
            webhook_secret_file,
            webhook_previous_secret_file: None,
        }
    }
}
