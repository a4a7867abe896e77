//! The program, whatever binary carries it.

use anyhow::Context;
use orchestrator::{Clock, Orchestrator, Settings, credential};
use telemetry::{Readiness, Shutdown};

use crate::Cli;

/// Runs the program until it is told to end.
///
/// # Errors
///
/// Something it cannot work without is missing; the text says what.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    telemetry::init_tracing("mcp-server", cli.log_format)?;
    cli.server.check().map_err(anyhow::Error::msg)?;
    let metrics = telemetry::install_metrics()?;
    let shutdown = Shutdown::on_signals().context("cannot listen for signals")?;
    let settings = Settings::read(
        &cli.database_url_file,
        Some(&cli.master_key_file),
        cli.database_connections,
    )?
    .with_looks();
    let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
    credential::require_signing_key(&orchestrator, cli.server.audience()).await?;
    let readiness = Readiness::new().with("database", {
        let orchestrator = orchestrator.clone();
        move || {
            let orchestrator = orchestrator.clone();
            async move { orchestrator.check().await }
        }
    });
    let public = telemetry::bind(cli.listen).await?;
    let internal = telemetry::bind(cli.internal_listen).await?;
    tracing::info!(listen = %cli.listen, resource = %cli.server.resource, "serving tools");
    tokio::select! {
        result = crate::serve(cli.server, orchestrator.clone(), public, shutdown.clone()) => result?,
        result = telemetry::serve_internal(internal, readiness, metrics, shutdown.clone()) => result?,
    }
    orchestrator.close().await;
    Ok(())
}
