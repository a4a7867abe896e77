//! The platform's own programs: in this process, or as children that can be killed.

use std::ffi::OsString;
use std::process::ExitStatus;

use clap::Parser;
use orchestrator::{Clock, Orchestrator, Settings};
use telemetry::{Readiness, Shutdown};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::children::Children;

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
        // In one process, all share what a deployment keeps apart.
        let settings = Settings::read(
            &worker_cli.database_url_file,
            Some(&worker_cli.master_key_file),
            30,
        )?
        .with_edge_key(&gateway_cli.edge_key_file)?;
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

    /// Ends all in order; of children, answers how each ended.
    pub(crate) async fn stop(self) -> Vec<(Program, Option<ExitStatus>)> {
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
                Vec::new()
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
