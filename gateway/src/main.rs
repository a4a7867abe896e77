//! The program `gateway`.

use std::path::Path;

use anyhow::Context;
use clap::Parser;
use gateway::Cli;
use orchestrator::credential::MasterKey;
use orchestrator::{Clock, Orchestrator, Settings};
use secrecy::SecretString;
use telemetry::{Readiness, Shutdown};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    telemetry::init_tracing("gateway", cli.log_format)?;
    let metrics = telemetry::install_metrics()?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let settings = Settings {
        database_url: read_secret(&cli.database_url_file)?,
        max_connections: cli.database_connections,
        master_key: MasterKey::read(&cli.master_key_file)?,
    };
    let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
    let readiness = Readiness::new().with("database", {
        let orchestrator = orchestrator.clone();
        move || {
            let orchestrator = orchestrator.clone();
            async move { orchestrator.check().await }
        }
    });
    let public = telemetry::bind(cli.listen).await?;
    let internal = telemetry::bind(cli.internal_listen).await?;
    tracing::info!(listen = %cli.listen, "receiving webhooks");
    tokio::select! {
        result = gateway::serve(cli.server, orchestrator.clone(), public, shutdown.clone()) => result?,
        result = telemetry::serve_internal(internal, readiness, metrics, shutdown.clone()) => result?,
    }
    orchestrator.close().await;
    Ok(())
}

fn read_secret(file: &Path) -> anyhow::Result<SecretString> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}; mount it", file.display()))?;
    Ok(text.trim().into())
}
