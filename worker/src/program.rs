//! The program, whatever binary carries it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use orchestrator::ports::Embedder;
use orchestrator::queue::Concurrency;
use orchestrator::{Clock, Orchestrator, Settings, credential};
use telemetry::{Readiness, Shutdown};

use crate::github::GithubHost;
use crate::kubernetes::Kubernetes;
use crate::mirror::Mirrors;
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
        Some(&config.master_key_file),
        config.database_connections,
    )?;
    let orchestrator = Orchestrator::open(settings, Clock::default()).await?;
    credential::require_signing_key(&orchestrator, config.audience.as_str()).await?;
    let internal_listen = config.internal_listen;
    let outside = Outside::connect(&config, orchestrator.clock()).await?;
    let readiness = readiness(&orchestrator, &outside);
    let hands = outside.hands(config, orchestrator.clone());
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
/// The cluster's configuration is not usable, or a key file cannot be read.
pub async fn hands(config: Cli, orchestrator: Orchestrator) -> anyhow::Result<Hands> {
    let outside = Outside::connect(&config, orchestrator.clock()).await?;
    Ok(outside.hands(config, orchestrator))
}

/// What is not ours.
struct Outside {
    cluster: Arc<Kubernetes>,
    code_host: Arc<GithubHost>,
    embedder: Option<Arc<dyn Embedder>>,
    mirrors: Mirrors,
}

impl Outside {
    async fn connect(config: &Cli, clock: &Clock) -> anyhow::Result<Self> {
        let cluster = Kubernetes::connect(config.kubernetes.clone(), clock.clone())
            .await
            .context("the cluster")?;
        Ok(Self {
            cluster: Arc::new(cluster),
            code_host: Arc::new(GithubHost::new(&config.github, clock.clone())?),
            embedder: crate::embedder::embedder(&config.embedder).context("the embedder")?,
            mirrors: Mirrors::open(&config.mirror, &config.name)
                .context("the folder for copies of repositories")?,
        })
    }

    fn hands(self, config: Cli, orchestrator: Orchestrator) -> Hands {
        let concurrency = Concurrency {
            default: config.concurrency,
            cluster: config.concurrency_cluster,
            outward: config.concurrency_outward,
            live: config.concurrency_live,
            knowledge: config.concurrency_knowledge,
        };
        let kubernetes = config.kubernetes;
        let model_key = kubernetes.model_key_file.zip(kubernetes.model_key_host);
        Hands {
            orchestrator,
            cluster: self.cluster,
            code_host: self.code_host,
            embedder: self.embedder,
            mirrors: self.mirrors,
            audience: config.audience.into(),
            model_key: model_key.map(|(file, host)| ModelKey {
                file,
                host: host.origin().ascii_serialization(),
            }),
            name: config.name,
            concurrency,
        }
    }
}

/// All that a worker cannot do without.
fn readiness(orchestrator: &Orchestrator, outside: &Outside) -> Readiness {
    let orchestrator = orchestrator.clone();
    let cluster = Arc::clone(&outside.cluster);
    let code_host = Arc::clone(&outside.code_host);
    Readiness::new()
        .with("database", move || {
            let orchestrator = orchestrator.clone();
            async move { orchestrator.check().await }
        })
        .with_kept("cluster", move || {
            let cluster = Arc::clone(&cluster);
            async move { cluster.check().await }
        })
        .with_kept("github", move || {
            let code_host = Arc::clone(&code_host);
            async move { code_host.check().await }
        })
}
