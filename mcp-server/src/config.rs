//! What the server is told, once, by `main` or by the lab.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser};
use telemetry::LogFormat;
use url::Url;

const COMMIT_NAME: &str = "codex-k8s[bot]";
const COMMIT_EMAIL: &str = "codex-k8s[bot]@users.noreply.github.com";
const CALL_SECONDS: u64 = 30;
const MAX_CALLS: usize = 1024;
const MAX_SUPERVISOR_CALLS: usize = 1024;
const MAX_CALLS_PER_CALLER: usize = 64;
const CALLS_PER_SECOND: u32 = 50;

/// The platform's operations as MCP tools over streamable HTTP.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// Where `/mcp` is served.
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
    #[arg(long, env = "CODEXK8S_DATABASE_CONNECTIONS", default_value_t = 16)]
    pub database_connections: u32,
    /// The mounted file that `codex-k8s init` wrote.
    #[arg(long, env = "CODEXK8S_MASTER_KEY_FILE")]
    pub master_key_file: PathBuf,
    /// `json` or `text`.
    #[arg(long, env = "CODEXK8S_LOG_FORMAT", default_value_t)]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub server: Config,
}

/// How the endpoint presents and protects itself.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// The endpoint's address inside the cluster: the audience of runs' tokens (RFC 8707).
    #[arg(long, env = "CODEXK8S_MCP_RESOURCE")]
    pub resource: Url,
    /// The endpoint's address at the gateway: the audience of people's tokens. Its path is the one of `resource`.
    #[arg(long, env = "CODEXK8S_MCP_PUBLIC_RESOURCE")]
    pub public_resource: Option<Url>,
    /// Issuers that may sign people in (RFC 9728); none until there is one.
    #[arg(
        long = "authorization-server",
        env = "CODEXK8S_AUTHORIZATION_SERVERS",
        value_delimiter = ','
    )]
    pub authorization_servers: Vec<Url>,
    /// Names under which the server is called, beside the resource's own and the loopback's: `host` or `host:port`.
    #[arg(
        long = "allowed-host",
        env = "CODEXK8S_MCP_ALLOWED_HOSTS",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<String>,
    /// Browser origins that may call, beside the resource's own: `scheme://host:port`.
    #[arg(
        long = "allowed-origin",
        env = "CODEXK8S_MCP_ALLOWED_ORIGINS",
        value_delimiter = ','
    )]
    pub allowed_origins: Vec<String>,
    /// Under whose name runners commit what the agent left uncommitted: the App's bot account.
    #[arg(long, env = "CODEXK8S_COMMIT_NAME", default_value = COMMIT_NAME)]
    pub commit_name: String,
    #[arg(long, env = "CODEXK8S_COMMIT_EMAIL", default_value = COMMIT_EMAIL)]
    pub commit_email: String,
    /// Seconds after which a tool call is given up; long polls take up to 25.
    #[arg(long, env = "CODEXK8S_MCP_CALL_SECONDS", default_value_t = CALL_SECONDS)]
    pub call_seconds: u64,
    /// Calls of staff and agents served at once; one more is asked to come again.
    #[arg(long, env = "CODEXK8S_MCP_MAX_CALLS", default_value_t = MAX_CALLS)]
    pub max_calls: usize,
    /// Calls of the runners' supervisors served at once: a pool of their own.
    #[arg(long, env = "CODEXK8S_MCP_MAX_SUPERVISOR_CALLS", default_value_t = MAX_SUPERVISOR_CALLS)]
    pub max_supervisor_calls: usize,
    /// Calls of one caller served at once, long polls included.
    #[arg(long, env = "CODEXK8S_MCP_MAX_CALLS_PER_CALLER", default_value_t = MAX_CALLS_PER_CALLER)]
    pub max_calls_per_caller: usize,
    /// Calls of one caller per second, in the long run; some seconds' worth may come at once.
    #[arg(long, env = "CODEXK8S_MCP_CALLS_PER_SECOND", default_value_t = CALLS_PER_SECOND,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub calls_per_second: u32,
}

impl Config {
    /// A server at this address, with everything else as it is by default.
    pub fn new(resource: Url) -> Self {
        Self {
            resource,
            public_resource: None,
            authorization_servers: Vec::new(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            commit_name: COMMIT_NAME.to_owned(),
            commit_email: COMMIT_EMAIL.to_owned(),
            call_seconds: CALL_SECONDS,
            max_calls: MAX_CALLS,
            max_supervisor_calls: MAX_SUPERVISOR_CALLS,
            max_calls_per_caller: MAX_CALLS_PER_CALLER,
            calls_per_second: CALLS_PER_SECOND,
        }
    }

    /// The audience of the tokens that are made here, those of runs.
    pub fn audience(&self) -> &str {
        self.resource.as_str()
    }

    /// The addresses of this endpoint; a token must name one of them.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.resource).chain(&self.public_resource)
    }

    /// The address under which a request came, by its `Host`: the public one, or the one inside the cluster.
    pub(crate) fn resource_of(&self, host: Option<&str>) -> &Url {
        let public = self.public_resource.as_ref();
        let is_public = |url: &&Url| host.is_some() && authority(url).as_deref() == host;
        public.filter(is_public).unwrap_or(&self.resource)
    }

    /// Whether this is the address outside the cluster.
    pub(crate) fn is_public(&self, resource: &Url) -> bool {
        self.public_resource.as_ref() == Some(resource)
    }

    /// Fails if the two addresses cannot be those of one endpoint.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.public_resource {
            Some(public) if public.path() != self.resource.path() || *public == self.resource => {
                Err(format!(
                    "the public resource {public} must be another address than {}, with the same path",
                    self.resource
                ))
            }
            _ => Ok(()),
        }
    }

    /// The names the `Host` header may carry.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let own = self.resources().filter_map(authority);
        let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        own.chain(loopback).chain(said(&self.allowed_hosts)).collect()
    }

    /// The origins a browser may call from.
    pub(crate) fn origins(&self) -> Vec<String> {
        let own = self.resources().filter_map(|url| {
            let (host, port) = url.host_str().zip(url.port_or_known_default())?;
            Some(format!("{}://{host}:{port}", url.scheme()))
        });
        own.chain(said(&self.allowed_origins)).collect()
    }
}

/// Where the document of RFC 9728 lies: the well-known path goes before the resource's own.
pub(crate) fn metadata_url(resource: &Url) -> Url {
    let mut url = resource.clone();
    let path = resource.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{}{path}", crate::metadata::WELL_KNOWN));
    url.set_query(None);
    url
}

/// What a client of this address writes into `Host`.
fn authority(url: &Url) -> Option<String> {
    url.host_str().map(|host| match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// A setting that is there and empty says nothing.
fn said(list: &[String]) -> impl Iterator<Item = String> + '_ {
    list.iter().filter(|it| !it.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_under_the_address_that_its_host_names() {
        let mut config = Config::new("http://mcp-server:8080/mcp".parse().expect("an address"));
        config.public_resource = Some("https://codex-k8s.example/mcp".parse().expect("an address"));
        let path_of = |host| config.resource_of(host).as_str().to_owned();
        assert_eq!(
            path_of(Some("codex-k8s.example")),
            "https://codex-k8s.example/mcp"
        );
        for inside in [
            Some("mcp-server:8080"),
            Some("codex-k8s.example:8080"),
            Some("10.0.0.7"),
            None,
        ] {
            assert_eq!(path_of(inside), "http://mcp-server:8080/mcp", "{inside:?}");
        }
        assert!(config.hosts().contains(&"codex-k8s.example".to_owned()));
        assert!(
            config
                .origins()
                .contains(&"https://codex-k8s.example:443".to_owned())
        );
        config.check().expect("two addresses of one endpoint");
        config.public_resource = Some("https://codex-k8s.example/other".parse().expect("an address"));
        config.check().expect_err("another path");
    }

    #[test]
    fn an_empty_setting_names_nobody() {
        let mut config = Config::new("https://codex-k8s.example/mcp".parse().expect("an address"));
        let (hosts, origins) = (config.hosts(), config.origins());
        config.allowed_hosts = vec![String::new()];
        config.allowed_origins = vec![String::new()];
        assert_eq!((config.hosts(), config.origins()), (hosts, origins));
    }
}
