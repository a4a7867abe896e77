//! The two containers of a pod as two processes, with the volumes as folders.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use contract::runner::{Finish, RunContext};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{AGENT_TOKEN, CodeHost, FakePlatform, MODEL_KEY, SUPERVISOR_TOKEN, context};

const BINARY: &str = env!("CARGO_BIN_EXE_agent-runner");
/// Nothing here takes longer on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A code host, a platform, and the folders of a pod.
pub(crate) struct World {
    pub(crate) host: CodeHost,
    pub(crate) platform: FakePlatform,
    pub(crate) folder: TempDir,
    context: RunContext,
}

/// The processes of the pod.
pub(crate) struct Pod {
    pub(crate) agent: Child,
    pub(crate) supervisor: Child,
}

impl World {
    /// A turn of a `command` agent that runs `script`.
    pub(crate) async fn new(script: &str) -> Self {
        Self::with(script, |_| {}).await
    }

    pub(crate) async fn with(script: &str, change: impl FnOnce(&mut RunContext)) -> Self {
        let host = CodeHost::start().await;
        let mut context = context(&host.url, script);
        change(&mut context);
        let platform = FakePlatform::start(context.clone()).await;
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["secret", "private", "control", "workspace", "home"] {
            std::fs::create_dir(folder.path().join(name)).expect("made");
        }
        for (name, secret) in [
            ("supervisor-token", SUPERVISOR_TOKEN),
            ("agent-token", AGENT_TOKEN),
            ("model-key", MODEL_KEY),
        ] {
            std::fs::write(folder.path().join("secret").join(name), secret).expect("written");
        }
        Self {
            host,
            platform,
            folder,
            context,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn start(&self) -> Pod {
        Pod {
            agent: self.start_agent(),
            supervisor: self.start_supervisor(),
        }
    }

    pub(crate) fn start_agent(&self) -> Child {
        self.command("agent")
            .env("CODEXK8S_HOME", self.path("home"))
            .spawn()
            .expect("started")
    }

    pub(crate) fn start_supervisor(&self) -> Child {
        self.command("supervise")
            .env("CODEXK8S_MCP_URL", &self.platform.url)
            .env("CODEXK8S_RUN_ID", self.context.run_id.to_string())
            .env("CODEXK8S_TURN", self.context.turn.to_string())
            .env("CODEXK8S_SECRET_DIR", self.path("secret"))
            .env("CODEXK8S_PRIVATE_DIR", self.path("private"))
            .env("CODEXK8S_TERMINATION_LOG", self.path("termination-log"))
            .env("CODEXK8S_CHECKPOINT_SECONDS", "1")
            .env("CODEXK8S_RETRY_SECONDS", "5")
            .env("CODEXK8S_LINGER_SECONDS", "0")
            .spawn()
            .expect("started")
    }

    fn command(&self, mode: &str) -> Command {
        let mut command = Command::new(BINARY);
        command
            .arg(mode)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("CODEXK8S_CONTROL_DIR", self.path("control"))
            .env("CODEXK8S_WORKSPACE", self.path("workspace"))
            .env("CODEXK8S_TOOLS_DIR", self.path("tools"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Plays the whole turn; returns how it ended.
    pub(crate) async fn play(&self) -> Finish {
        let mut pod = self.start();
        pod.ends().await;
        finish_of(&self.platform)
    }

    /// Waits until a file is there: a sign of the agent's program.
    pub(crate) async fn sees(&self, path: &Path) {
        let waiting = async {
            while !path.exists() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the program got there");
    }
}

impl Pod {
    /// Waits until both containers have ended; returns the supervisor's exit code.
    pub(crate) async fn ends(&mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.agent.wait())
            .await
            .expect("the agent ends")
            .expect("an end");
        tokio::time::timeout(PATIENCE, self.supervisor.wait())
            .await
            .expect("it ends")
            .expect("an end")
            .code()
    }
}

/// Sends a signal to a process of the pod.
pub(crate) fn send(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id().expect("it runs")).expect("a pid");
    kill(Pid::from_raw(id), signal).expect("sent");
}

/// The one end the platform was told.
pub(crate) fn finish_of(platform: &FakePlatform) -> Finish {
    let calls = platform.calls("run_finish");
    assert_eq!(
        calls.len(),
        1,
        "one end, and only one; the log: {}",
        platform.log()
    );
    serde_json::from_value(calls[0].input.clone()).expect("a finish")
}
