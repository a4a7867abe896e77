//! What each mode is told: flags with the environment of the pod as default.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use url::Url;

/// The program in the runner pod.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub mode: Mode,
}

#[derive(Debug, Subcommand)]
pub enum Mode {
    /// Hold the credentials, talk to the platform, judge and push the work.
    Supervise(SuperviseConfig),
    /// Run the agent's program for the supervisor, without any credential.
    Agent(AgentConfig),
    /// Become a program of the agent: the last step of agent mode before it starts one.
    #[command(hide = true)]
    Become(BecomeConfig),
    /// Copy this binary, and the files named, into a folder: the init container of the pod.
    Install(InstallConfig),
}

#[derive(Clone, Debug, Args)]
pub struct SuperviseConfig {
    /// Address of the platform's MCP endpoint.
    #[arg(long, env = "CODEXK8S_MCP_URL")]
    pub mcp_url: Url,
    #[arg(long, env = "CODEXK8S_RUN_ID")]
    pub run_id: uuid::Uuid,
    #[arg(long, env = "CODEXK8S_TURN")]
    pub turn: u32,
    /// Mounted files `supervisor-token`, `agent-token` and, where the model wants one, `model-key` with `model-key-host`.
    #[arg(long, env = "CODEXK8S_SECRET_DIR", default_value = "/var/run/codexk8s/secret")]
    pub secret_dir: PathBuf,
    /// The supervisor's own volume: repository, progress, fresh tokens.
    #[arg(long, env = "CODEXK8S_PRIVATE_DIR", default_value = "/var/lib/codexk8s")]
    pub private_dir: PathBuf,
    /// Where the socket for the agent's container lies; read-only over there.
    #[arg(long, env = "CODEXK8S_CONTROL_DIR", default_value = "/run/codexk8s")]
    pub control_dir: PathBuf,
    /// Where a reason goes that the platform could not be told.
    #[arg(
        long,
        env = "CODEXK8S_TERMINATION_LOG",
        default_value = "/dev/termination-log"
    )]
    pub termination_log: PathBuf,
    /// User id of the agent's container. Without it, the user of the first connection is the only one accepted.
    #[arg(long, env = "CODEXK8S_AGENT_UID")]
    pub agent_uid: Option<u32>,
    /// Seconds the agent's container may take to connect.
    #[arg(long, env = "CODEXK8S_CONNECT_SECONDS", default_value_t = 180)]
    pub connect_seconds: u64,
    /// Seconds between two checkpoints of the agent's work.
    #[arg(long, env = "CODEXK8S_CHECKPOINT_SECONDS", default_value_t = 60)]
    pub checkpoint_seconds: u64,
    /// Seconds calls to the platform are repeated before the turn is given up.
    #[arg(long, env = "CODEXK8S_RETRY_SECONDS", default_value_t = 900)]
    pub retry_seconds: u64,
    /// Seconds to wait for SIGTERM after the turn is over. A sidecar that ends earlier is started again.
    #[arg(long, env = "CODEXK8S_LINGER_SECONDS", default_value_t = 600)]
    pub linger_seconds: u64,
    /// What Git is given of this process's environment; see [`safe_git::inherited_environment`].
    #[arg(skip = safe_git::inherited_environment())]
    pub inherited: Vec<(OsString, OsString)>,
}

#[derive(Clone, Debug, Args)]
pub struct AgentConfig {
    #[arg(long, env = "CODEXK8S_CONTROL_DIR", default_value = "/run/codexk8s")]
    pub control_dir: PathBuf,
    #[arg(long, env = "CODEXK8S_WORKSPACE", default_value = "/workspace")]
    pub workspace_dir: PathBuf,
    /// Home of the agent's program: sessions, prompt, results.
    #[arg(long, env = "CODEXK8S_HOME", default_value = "/home/agent")]
    pub home_dir: PathBuf,
    /// Folder with the programs the init container brought.
    #[arg(long, env = "CODEXK8S_TOOLS_DIR", default_value = "/opt/codexk8s/bin")]
    pub tools_dir: PathBuf,
    /// Search path of the agent's image; the tools are found after it.
    #[arg(
        long,
        env = "PATH",
        hide_env_values = true,
        default_value = "/usr/local/bin:/usr/bin:/bin"
    )]
    pub path: OsString,
}

impl AgentConfig {
    /// The search path for the agent's program.
    pub(crate) fn path_with_tools(&self) -> OsString {
        let mut path = self.path.clone();
        path.push(":");
        path.push(&self.tools_dir);
        path
    }
}

#[derive(Clone, Debug, Args)]
pub struct BecomeConfig {
    /// The program and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub argv: Vec<OsString>,
}

#[derive(Clone, Debug, Args)]
pub struct InstallConfig {
    /// Folder to copy to; the binary becomes `DIR/bin/agent-runner`.
    pub dir: PathBuf,
    /// A further file and its name below DIR, for example `/codex/codex=bin/codex`.
    #[arg(long, value_name = "FILE=NAME")]
    pub also: Vec<String>,
}
