//! The platform's own programs: in this process, or as children that can be killed.

use std::ffi::OsString;
use std::process::ExitStatus;

use clap::Parser;
use orchestrator::{Clock, Orchestrator, Settings};
use telemetry::{Readiness, Shutdown};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::children::Children;

/// Connections of each program that runs in this process.
const CONNECTIONS: u32 = 16;

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
    pub(crate) fn of(&self, program: Program) -> &[OsString] {
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
        memories: Memories,
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
        let memories = Memories::open(&gateway_cli, &mcp_cli, &worker_cli).await?;
        let hands = worker::hands(worker_cli, memories.worker.clone()).await?;
        let shutdown = Shutdown::new();
        let mut tasks = JoinSet::new();
        let readiness = Readiness::new().with("database", {
            let orchestrator = memories.worker.clone();
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
            memories.gateway.clone(),
            gateway,
            shutdown.clone(),
        ));
        tasks.spawn({
            let (orchestrator, shutdown) = (memories.mcp_server.clone(), shutdown.clone());
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
            memories,
        })
    }

    /// Ends all in order; of children, answers how each ended.
    pub(crate) async fn stop(self) -> Vec<(Program, Option<ExitStatus>)> {
        match self {
            Self::Inside {
                shutdown,
                mut tasks,
                health,
                memories,
            } => {
                shutdown.begin();
                while let Some(ended) = tasks.join_next().await {
                    if let Ok(Err(error)) = ended {
                        tracing::warn!(%error, "a program did not end in order");
                    }
                }
                health.abort();
                memories.close().await;
                Vec::new()
            }
            Self::Children(children) => children.stop().await,
        }
    }
}

/// The platform's memory as each program has it: under its own role of the database, with the keys that are its own.
pub(crate) struct Memories {
    gateway: Orchestrator,
    mcp_server: Orchestrator,
    worker: Orchestrator,
}

impl Memories {
    async fn open(
        gateway: &gateway::Cli,
        mcp_server: &mcp_server::Cli,
        worker: &worker::Cli,
    ) -> anyhow::Result<Self> {
        let of_gateway = Settings::read(&gateway.database_url_file, None, CONNECTIONS)?
            .with_edge_key(&gateway.edge_key_file)?;
        let (file, key) = (&mcp_server.database_url_file, &mcp_server.master_key_file);
        let of_mcp_server = Settings::read(file, Some(key), CONNECTIONS)?.with_looks();
        let (file, key) = (&worker.database_url_file, &worker.master_key_file);
        let of_worker = Settings::read(file, Some(key), CONNECTIONS)?;
        Ok(Self {
            gateway: Orchestrator::open(of_gateway, Clock::default()).await?,
            mcp_server: Orchestrator::open(of_mcp_server, Clock::default()).await?,
            worker: Orchestrator::open(of_worker, Clock::default()).await?,
        })
    }

    async fn close(self) {
        self.gateway.close().await;
        self.mcp_server.close().await;
        self.worker.close().await;
    }
}

fn named(program: Program, lines: &CommandLines) -> Vec<OsString> {
    std::iter::once(OsString::from(program.as_str()))
        .chain(lines.of(program).iter().cloned())
        .collect()
}
