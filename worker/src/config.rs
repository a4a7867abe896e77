//! What an operator decides about a worker.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use telemetry::LogFormat;
use url::Url;

use crate::embedder::EmbedderConfig;
use crate::github::GithubConfig;
use crate::kubernetes::KubernetesConfig;
use crate::mirror::MirrorConfig;

/// The hands of codex-k8s: jobs and reconcilers, Kubernetes and GitHub.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Cli {
    /// The mounted file that holds `postgres://user:password@host/name`
    #[arg(long, env = "CODEXK8S_DATABASE_URL_FILE")]
    pub database_url_file: PathBuf,
    #[arg(long, env = "CODEXK8S_DATABASE_CONNECTIONS", default_value_t = 20)]
    pub database_connections: u32,
    /// File with the master key that `codex-k8s init` made
    #[arg(long, env = "CODEXK8S_MASTER_KEY_FILE")]
    pub master_key_file: PathBuf,
    /// Canonical address of the tools: the audience of run tokens
    #[arg(long, env = "CODEXK8S_AUDIENCE")]
    pub audience: Url,
    /// Name of this worker among its replicas; the pod's name serves well
    #[arg(long, env = "HOSTNAME", default_value = "worker")]
    pub name: String,
    /// Deliveries and proofs of results worked at once
    #[arg(long, env = "CODEXK8S_CONCURRENCY", default_value_t = 8)]
    pub concurrency: usize,
    /// Starts and stops of runners worked at once
    #[arg(long, env = "CODEXK8S_CONCURRENCY_CLUSTER", default_value_t = 8)]
    pub concurrency_cluster: usize,
    /// Writes to GitHub worked at once; of one installation there is only ever one
    #[arg(long, env = "CODEXK8S_CONCURRENCY_OUTWARD", default_value_t = 4)]
    pub concurrency_outward: usize,
    /// Questions that a caller waits for worked at once
    #[arg(long, env = "CODEXK8S_CONCURRENCY_LIVE", default_value_t = 8)]
    pub concurrency_live: usize,
    /// Repositories read and models fed at once
    #[arg(long, env = "CODEXK8S_CONCURRENCY_KNOWLEDGE", default_value_t = 2)]
    pub concurrency_knowledge: usize,
    /// Where health and metrics are served
    #[arg(long, env = "CODEXK8S_INTERNAL_LISTEN", default_value = "0.0.0.0:9090")]
    pub internal_listen: SocketAddr,
    #[arg(long, env = "CODEXK8S_LOG_FORMAT", default_value_t)]
    pub log_format: LogFormat,
    #[cfg(feature = "faults")]
    /// File that arms fault points; only in tests
    #[arg(long, env = "CODEXK8S_FAULT_FILE")]
    pub fault_file: Option<PathBuf>,
    #[command(flatten)]
    pub github: GithubConfig,
    #[command(flatten)]
    pub kubernetes: KubernetesConfig,
    #[command(flatten)]
    pub mirror: MirrorConfig,
    #[command(flatten)]
    pub embedder: EmbedderConfig,
}
