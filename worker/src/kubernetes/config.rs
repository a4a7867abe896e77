//! What an operator decides about runners.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use url::Url;

use super::calls::DEADLINE;
use super::cidr::Cidrs;
use super::names::MAX_PREFIX;

const CONNECT: Duration = Duration::from_secs(5);

/// A watch is renewed after 290 s (the client asks for that); silence beyond it is a dead connection.
const WATCH_READ: Duration = Duration::from_mins(5);

/// The pinned Codex CLI as `deploy/images/runner` holds it; it looks for its helpers beside itself.
const CODEX: &str = "/usr/local/lib/codex/bin/codex=bin/codex,\
    /usr/local/lib/codex/bin/codex-code-mode-host=bin/codex-code-mode-host,\
    /usr/local/lib/codex/codex-path/rg=codex-path/rg,\
    /usr/local/lib/codex/codex-package.json=codex-package.json";

/// The pinned Claude Code CLI as `deploy/images/runner` holds it.
const CLAUDE: &str = "/usr/local/lib/claude/claude=bin/claude";

/// Private, shared, loopback, link-local, benchmark and multicast ranges (IANA special-purpose address registries).
const NOT_PUBLIC: &str = "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,\
    192.168.0.0/16,198.18.0.0/15,224.0.0.0/3,fc00::/7,fe80::/10,ff00::/8";

/// Where runners live and what they are made of.
#[derive(Args, Clone, Debug)]
pub struct KubernetesConfig {
    /// Begins the name of every namespace; unique per installation within a cluster
    #[arg(id = "cluster_prefix", long = "cluster-prefix", env = "CODEXK8S_CLUSTER_PREFIX", default_value = "codexk8s", value_parser = prefix)]
    pub prefix: String,
    /// Kubeconfig file; without it the account of the worker's own pod is used
    #[arg(long, env = "CODEXK8S_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Account `<namespace>:<name>` the worker runs as; it is bound to each runner namespace. Without it nothing is
    /// bound, which fits an account that may write everywhere
    #[arg(long, env = "CODEXK8S_WORKER_ACCOUNT", value_parser = account)]
    pub worker_account: Option<Account>,
    /// Image with the agent-runner and the agents' command lines
    #[arg(long, env = "CODEXK8S_RUNNER_IMAGE")]
    pub runner_image: String,
    /// Codex's programs in that image, each `<file>=<name below the tools' folder>`, with commas between them; a command
    /// of a project's own has them too
    #[arg(
        long,
        env = "CODEXK8S_RUNNER_PROGRAMS",
        value_delimiter = ',',
        default_value = CODEX
    )]
    pub runner_programs: Vec<String>,
    /// Claude Code's programs in that image, said in the same way
    #[arg(
        long,
        env = "CODEXK8S_CLAUDE_PROGRAMS",
        value_delimiter = ',',
        default_value = CLAUDE
    )]
    pub claude_programs: Vec<String>,
    /// Image of the agent's container where the repository names none
    #[arg(long, env = "CODEXK8S_AGENT_IMAGE")]
    pub agent_image: String,
    #[arg(
        long,
        env = "CODEXK8S_IMAGE_PULL_POLICY",
        value_enum,
        default_value = "if-not-present"
    )]
    pub image_pull_policy: ImagePullPolicy,
    /// Address of the tools as a runner pod reaches them
    #[arg(
        id = "runner_mcp_url",
        long = "runner-mcp-url",
        env = "CODEXK8S_RUNNER_MCP_URL"
    )]
    pub mcp_url: Url,
    /// File that holds the key of the model's provider; its content becomes `model-key` of a runner's Secret
    #[arg(long, env = "CODEXK8S_MODEL_KEY_FILE", requires = "model_key_host")]
    pub model_key_file: Option<PathBuf>,
    /// Where that key may be sent, for example `https://api.openai.com`; a model of the catalogue at another host gets
    /// none, and is refused
    #[arg(long, env = "CODEXK8S_MODEL_KEY_HOST")]
    pub model_key_host: Option<Url>,
    #[command(flatten)]
    pub sizes: RunnerSizes,
    #[command(flatten)]
    pub network: RunnerNetwork,
}

/// How much a runner may use, beyond what the agent's profile asks for its own container.
#[derive(Args, Clone, Debug)]
pub struct RunnerSizes {
    #[arg(long, env = "CODEXK8S_SUPERVISOR_CPU", default_value = "500m")]
    pub supervisor_cpu: String,
    #[arg(long, env = "CODEXK8S_SUPERVISOR_MEMORY", default_value = "512Mi")]
    pub supervisor_memory: String,
    /// Most processor time of one pod, thousandths of a core
    #[arg(long, env = "CODEXK8S_POD_MAX_CPU_MILLIS", default_value_t = 8_000)]
    pub pod_max_cpu_millis: u32,
    #[arg(long, env = "CODEXK8S_POD_MAX_MEMORY_MIB", default_value_t = 16_384)]
    pub pod_max_memory_mib: u32,
    /// The clone and what is built in it
    #[arg(long, env = "CODEXK8S_WORKSPACE_MIB", default_value_t = 10_240)]
    pub workspace_mib: u32,
    #[arg(long, env = "CODEXK8S_AGENT_HOME_MIB", default_value_t = 2_048)]
    pub agent_home_mib: u32,
    /// `/tmp` of each container
    #[arg(long, env = "CODEXK8S_TMP_MIB", default_value_t = 2_048)]
    pub tmp_mib: u32,
    /// The supervisor's own copy of the repository, and its spool
    #[arg(long, env = "CODEXK8S_PRIVATE_MIB", default_value_t = 4_096)]
    pub private_mib: u32,
    /// The programs copied beside the agent
    #[arg(long, env = "CODEXK8S_TOOLS_MIB", default_value_t = 1_024)]
    pub tools_mib: u32,
}

/// What a runner may reach.
#[derive(Args, Clone, Debug)]
pub struct RunnerNetwork {
    /// Namespace of the platform itself
    #[arg(long, env = "CODEXK8S_PLATFORM_NAMESPACE", default_value = "codex-k8s")]
    pub platform_namespace: String,
    /// `app.kubernetes.io/name` of the pods that serve the tools
    #[arg(long, env = "CODEXK8S_MCP_POD", default_value = "mcp-server")]
    pub mcp_pod: String,
    /// Port of those pods (not of the Service before them)
    #[arg(long, env = "CODEXK8S_MCP_PORT", default_value_t = 8080)]
    pub mcp_port: u16,
    /// Namespace of the cluster's DNS
    #[arg(long, env = "CODEXK8S_DNS_NAMESPACE", default_value = "kube-system")]
    pub dns_namespace: String,
    /// Ranges a runner may reach, with commas between them: the code host, the model's provider, package registries.
    /// An empty value closes them all
    #[arg(
        long = "runner-egress",
        env = "CODEXK8S_RUNNER_EGRESS",
        default_value = "0.0.0.0/0,::/0"
    )]
    pub egress: Cidrs,
    /// Ranges left out of those: by default whatever is not the public internet
    #[arg(long = "runner-egress-except", env = "CODEXK8S_RUNNER_EGRESS_EXCEPT", default_value = NOT_PUBLIC)]
    pub egress_except: Cidrs,
    #[arg(long = "runner-egress-ports", env = "CODEXK8S_RUNNER_EGRESS_PORTS", value_delimiter = ',', default_values_t = [443])]
    pub egress_ports: Vec<u16>,
}

/// A Kubernetes service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub namespace: String,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImagePullPolicy {
    IfNotPresent,
    Always,
    Never,
}

impl ImagePullPolicy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

impl KubernetesConfig {
    pub(super) async fn client_for_calls(&self) -> anyhow::Result<Client> {
        self.client(DEADLINE).await
    }

    pub(super) async fn client_for_watches(&self) -> anyhow::Result<Client> {
        self.client(WATCH_READ).await
    }

    async fn client(&self, read: Duration) -> anyhow::Result<Client> {
        let mut config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path)
                    .with_context(|| format!("cannot read the kubeconfig {}", path.display()))?;
                Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                    .await
                    .with_context(|| format!("the kubeconfig {} is not usable", path.display()))?
            }
            None => Config::incluster()
                .context("no in-cluster account here; name a kubeconfig with CODEXK8S_KUBECONFIG")?,
        };
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(read);
        config.write_timeout = Some(DEADLINE);
        config.reset_reader_on_write = true;
        // Each call has one deadline and its caller repeats it; a second, hidden retry would only hide a slow cluster.
        config.default_retry = false;
        Client::try_from(config).context("cannot make a Kubernetes client")
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let well_formed = text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(inner)
        && text.len() <= MAX_PREFIX;
    if well_formed {
        return Ok(text.to_owned());
    }
    Err(format!(
        "must be a-z, 0-9 and -, begin with a letter, not end with -, at most {MAX_PREFIX} characters"
    ))
}

fn account(text: &str) -> Result<Account, String> {
    let (namespace, name) = text.split_once(':').ok_or("write it as <namespace>:<name>")?;
    Ok(Account {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        kubernetes: KubernetesConfig,
    }

    fn parse(extra: &[&str]) -> Result<KubernetesConfig, clap::Error> {
        let needed = [
            "worker",
            "--runner-image=r",
            "--agent-image=a",
            "--runner-mcp-url=http://mcp/mcp",
        ];
        Program::try_parse_from(needed.iter().chain(extra)).map(|program| program.kubernetes)
    }

    #[test]
    fn three_settings_suffice() {
        let config = parse(&[]).expect("defaults for the rest");
        assert_eq!(config.prefix, "codexk8s");
        assert_eq!(config.network.egress.0.len(), 2);
        assert_eq!(config.network.egress_except.0.len(), 12);
        assert_eq!(config.network.egress_ports, [443]);
        assert_eq!(config.worker_account, None);
    }

    #[test]
    fn what_cannot_name_a_namespace_is_refused() {
        let long = format!("--cluster-prefix={}", "p".repeat(MAX_PREFIX + 1));
        for bad in [
            "--cluster-prefix=",
            "--cluster-prefix=A",
            "--cluster-prefix=a-",
            "--cluster-prefix=1a",
            &long,
        ] {
            assert!(parse(&[bad]).is_err(), "{bad}");
        }
        assert!(parse(&["--worker-account=worker"]).is_err());
        assert!(parse(&["--runner-egress=github.com"]).is_err());
    }

    #[test]
    fn ranges_replace_the_default() {
        let config = parse(&["--runner-egress=140.82.112.0/20,192.30.252.0/22"]).expect("ranges");
        assert_eq!(config.network.egress.0.len(), 2);
        assert_eq!(config.network.egress.0[0].to_string(), "140.82.112.0/20");
        assert_eq!(parse(&["--runner-egress="]).expect("closed").network.egress.0, []);
    }
}
