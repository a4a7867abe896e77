//! The platform's own programs: in this process, or as children that can be killed.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use orchestrator::{Clock, Orchestrator, Settings};
use telemetry::{Readiness, Shutdown};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use crate::balance::{balance, free_addresses};

/// A child that ended is started again after this long.
const BEFORE_RESTART: Duration = Duration::from_millis(500);
/// A child has this long to end in order.
const GRACE: Duration = Duration::from_secs(40);

/// A deployable program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Program {
    Gateway,
    McpServer,
    Worker,
}

impl Program {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::McpServer => "mcp-server",
            Self::Worker => "worker",
        }
    }
}

/// The command lines of the programs: the same whether they are children or not.
#[derive(Clone, Debug)]
pub(crate) struct CommandLines {
    pub(crate) gateway: Vec<OsString>,
    pub(crate) mcp_server: Vec<OsString>,
    pub(crate) worker: Vec<OsString>,
}

impl CommandLines {
    fn of(&self, program: Program) -> &[OsString] {
        match program {
            Program::Gateway => &self.gateway,
            Program::McpServer => &self.mcp_server,
            Program::Worker => &self.worker,
        }
    }
}

/// The programs at work.
pub(crate) enum Platform {
    Inside {
        shutdown: Shutdown,
        tasks: JoinSet<anyhow::Result<()>>,
        /// It answers until everything else has ended.
        health: tokio::task::JoinHandle<std::io::Result<()>>,
        orchestrator: Orchestrator,
    },
    Children(Children),
}

impl Platform {
    /// Runs one of each in this process.
    pub(crate) async fn inside(
        lines: &CommandLines,
        gateway: TcpListener,
        mcp_server: TcpListener,
        internal: TcpListener,
    ) -> anyhow::Result<Self> {
        let gateway_cli = gateway::Cli::try_parse_from(named(Program::Gateway, lines))?;
        let mcp_cli = mcp_server::Cli::try_parse_from(named(Program::McpServer, lines))?;
        let worker_cli = worker::Cli::try_parse_from(named(Program::Worker, lines))?;
        let settings = Settings::read(
            &worker_cli.database_url_file,
            Some(&worker_cli.master_key_file),
            30,
        )?;
        let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
        let hands = worker::hands(worker_cli, orchestrator.clone()).await?;
        let shutdown = Shutdown::new();
        let mut tasks = JoinSet::new();
        let readiness = Readiness::new().with("database", {
            let orchestrator = orchestrator.clone();
            move || {
                let orchestrator = orchestrator.clone();
                async move { orchestrator.check().await }
            }
        });
        let metrics = telemetry::install_metrics()?;
        let health = tokio::spawn(telemetry::serve_internal(
            internal,
            readiness,
            metrics,
            shutdown.clone(),
        ));
        tasks.spawn(gateway::serve(
            gateway_cli.server,
            orchestrator.clone(),
            gateway,
            shutdown.clone(),
        ));
        tasks.spawn({
            let (orchestrator, shutdown) = (orchestrator.clone(), shutdown.clone());
            async move {
                mcp_server::serve(mcp_cli.server, orchestrator, mcp_server, shutdown)
                    .await
                    .map_err(Into::into)
            }
        });
        tasks.spawn({
            let shutdown = shutdown.clone();
            async move { worker::work(hands, &shutdown).await }
        });
        Ok(Self::Inside {
            shutdown,
            tasks,
            health,
            orchestrator,
        })
    }

    /// Starts `replicas` of each as children. One that ends is started again.
    pub(crate) fn children(
        lab_program: PathBuf,
        lines: CommandLines,
        replicas: usize,
        gateway: TcpListener,
        mcp_server: TcpListener,
    ) -> anyhow::Result<Self> {
        let gateways = free_addresses(replicas)?;
        let mcp_servers = free_addresses(replicas)?;
        let fronts = vec![
            tokio::spawn(balance(gateway, gateways.clone())),
            tokio::spawn(balance(mcp_server, mcp_servers.clone())),
        ];
        let children = Children {
            lab_program,
            lines,
            gateways,
            mcp_servers,
            running: Arc::default(),
            watchers: Arc::new(Mutex::new(fronts)),
        };
        for program in [Program::Gateway, Program::McpServer, Program::Worker] {
            for replica in 0..replicas {
                children.start(program, replica)?;
            }
        }
        Ok(Self::Children(children))
    }

    pub(crate) async fn stop(self) {
        match self {
            Self::Inside {
                shutdown,
                mut tasks,
                health,
                orchestrator,
            } => {
                shutdown.begin();
                while let Some(ended) = tasks.join_next().await {
                    if let Ok(Err(error)) = ended {
                        tracing::warn!(%error, "a program did not end in order");
                    }
                }
                health.abort();
                orchestrator.close().await;
            }
            Self::Children(children) => children.stop().await,
        }
    }
}

fn named(program: Program, lines: &CommandLines) -> Vec<OsString> {
    std::iter::once(OsString::from(program.as_str()))
        .chain(lines.of(program).iter().cloned())
        .collect()
}

/// The programs as processes of their own.
#[derive(Clone)]
pub(crate) struct Children {
    lab_program: PathBuf,
    lines: CommandLines,
    /// Where the replicas listen.
    gateways: Vec<SocketAddr>,
    mcp_servers: Vec<SocketAddr>,
    running: Arc<Mutex<Vec<Running>>>,
    /// What starts children again, and what passes connections on to them.
    watchers: Arc<Mutex<Vec<tokio::task::JoinHandle<()>>>>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    program: Program,
    replica: usize,
    pid: Option<u32>,
}

impl Children {
    fn start(&self, program: Program, replica: usize) -> anyhow::Result<()> {
        let child = self.spawn(program, replica)?;
        self.note(program, replica, child.id());
        let me = self.clone();
        let watcher = tokio::spawn(async move { me.keep_alive(program, replica, child).await });
        self.watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(watcher);
        Ok(())
    }

    fn spawn(&self, program: Program, replica: usize) -> anyhow::Result<Child> {
        let mut command = Command::new(&self.lab_program);
        command
            .arg("program")
            .arg(program.as_str())
            .args(self.lines.of(program));
        match program {
            Program::Gateway => command.arg("--listen").arg(self.gateways[replica].to_string()),
            Program::McpServer => command.arg("--listen").arg(self.mcp_servers[replica].to_string()),
            Program::Worker => command.arg("--name").arg(format!("worker-{replica}")),
        };
        command.kill_on_drop(true);
        command
            .spawn()
            .with_context(|| format!("cannot start the {}", program.as_str()))
    }

    async fn keep_alive(self, program: Program, replica: usize, mut child: Child) {
        loop {
            let ended = child.wait().await;
            self.note(program, replica, None);
            tracing::warn!(
                program = program.as_str(),
                replica,
                ?ended,
                "a program ended; starting it again"
            );
            tokio::time::sleep(BEFORE_RESTART).await;
            match self.spawn(program, replica) {
                Ok(new) => child = new,
                Err(error) => {
                    tracing::error!(%error, "giving up");
                    return;
                }
            }
            self.note(program, replica, child.id());
        }
    }

    fn note(&self, program: Program, replica: usize, pid: Option<u32>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|it| (it.program, it.replica) != (program, replica));
        running.push(Running {
            program,
            replica,
            pid,
        });
    }

    /// Where each gateway itself listens.
    pub(crate) fn gateways(&self) -> &[SocketAddr] {
        &self.gateways
    }

    /// Process ids of a program's replicas that run now.
    pub(crate) fn pids(&self, program: Program) -> Vec<u32> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running
            .iter()
            .filter(|it| it.program == program)
            .filter_map(|it| it.pid)
            .collect()
    }

    async fn stop(self) {
        for watcher in self
            .watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
        {
            watcher.abort();
        }
        let pids: Vec<u32> = [Program::Gateway, Program::McpServer, Program::Worker]
            .into_iter()
            .flat_map(|program| self.pids(program))
            .collect();
        for pid in &pids {
            send(*pid, nix::sys::signal::Signal::SIGTERM);
        }
        let ended = async {
            while pids.iter().any(|pid| is_alive(*pid)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            for pid in &pids {
                send(*pid, nix::sys::signal::Signal::SIGKILL);
            }
        }
    }
}

/// Signals a process, if it is there.
pub(crate) fn send(pid: u32, signal: nix::sys::signal::Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
    }
}

fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; its parent only has not looked.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
