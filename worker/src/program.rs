//! The program, whatever binary carries it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use orchestrator::queue::Concurrency;
use orchestrator::{Clock, Orchestrator, Settings};
use telemetry::{Readiness, Shutdown};

use crate::github::GithubHost;
use crate::kubernetes::Kubernetes;
use crate::{Cli, Hands, ModelKey};

/// The internal port answers this long after the work ended.
const LINGER: Duration = Duration::from_millis(100);

/// Runs the program until it is told to end.
///
/// # Errors
///
/// Something it cannot work without is missing; the text says what.
pub async fn run(config: Cli) -> anyhow::Result<()> {
    telemetry::init_tracing("worker", config.log_format)?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[cfg(feature = "faults")]
    if let Some(file) = config.fault_file.clone() {
        orchestrator::fault::arm(file);
    }
    let metrics = telemetry::install_metrics()?;
    let shutdown = Shutdown::on_signals()?;
    let settings = Settings::read(
        &config.database_url_file,
        &config.master_key_file,
        config.database_connections,
    )?;
    let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
    let internal_listen = config.internal_listen;
    let hands = hands(config, orchestrator.clone()).await?;
    let readiness = Readiness::new().with("database", {
        let orchestrator = orchestrator.clone();
        move || {
            let orchestrator = orchestrator.clone();
            async move { orchestrator.check().await }
        }
    });
    let internal = telemetry::bind(internal_listen).await?;
    tokio::select! {
        served = telemetry::serve_internal(internal, readiness, metrics, shutdown.clone()) => {
            served.context("the internal port")?;
        }
        done = async {
            let done = crate::work(hands, &shutdown).await;
            tokio::time::sleep(LINGER).await;
            done
        } => done?,
    }
    orchestrator.close().await;
    Ok(())
}

/// Connects a worker's hands to the cluster and the code host it was told.
///
/// # Errors
///
/// The cluster does not answer, or a key file cannot be read.
pub async fn hands(config: Cli, orchestrator: Orchestrator) -> anyhow::Result<Hands> {
    let concurrency = Concurrency {
        default: config.concurrency,
        cluster: config.concurrency_cluster,
        outward: config.concurrency_outward,
        live: config.concurrency_live,
    };
    let clock = orchestrator.clock().clone();
    let kubernetes = &config.kubernetes;
    let model_key = kubernetes
        .model_key_file
        .clone()
        .zip(kubernetes.model_key_host.as_ref())
        .map(|(file, host)| ModelKey {
            file,
            host: host.origin().ascii_serialization(),
        });
    let cluster = Kubernetes::connect(config.kubernetes, clock.clone())
        .await
        .context("the cluster")?;
    Ok(Hands {
        orchestrator,
        cluster: Arc::new(cluster),
        code_host: Arc::new(GithubHost::new(&config.github, clock)?),
        audience: config.audience,
        model_key,
        name: config.name,
        concurrency,
    })
}
