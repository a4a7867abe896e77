//! A worker at work: its jobs and its reconcilers, until it is told to end.

use std::path::PathBuf;
use std::sync::Arc;

use orchestrator::Orchestrator;
use orchestrator::ports::{Cluster, CodeHost, Embedder};
use orchestrator::queue::Concurrency;
use telemetry::Shutdown;
use tokio::task::JoinSet;

use crate::mirror::Mirrors;
use crate::{jobs, reconcile};

/// All that jobs and reconcilers need.
#[derive(Clone)]
pub struct Hands {
    pub orchestrator: Orchestrator,
    pub cluster: Arc<dyn Cluster>,
    pub code_host: Arc<dyn CodeHost>,
    /// None: search knows words alone.
    pub embedder: Option<Arc<dyn Embedder>>,
    /// Copies of repositories, for knowledge to read.
    pub mirrors: Mirrors,
    /// Audience of run tokens: the canonical address of the tools.
    pub audience: String,
    pub model_key: Option<ModelKey>,
    /// This worker's name, unique among replicas.
    pub name: String,
    /// Jobs worked at once, of each queue.
    pub concurrency: Concurrency,
}

/// The key of the model's provider.
#[derive(Clone, Debug)]
pub struct ModelKey {
    /// Read anew for each runner, so that a rotated key is the next one's.
    pub file: PathBuf,
    /// Scheme, host and port of the only place it may be sent to.
    pub host: String,
}

/// Works until `shutdown` begins; then takes nothing new, and lets running jobs end.
///
/// # Errors
///
/// The queue cannot be started.
pub async fn work(hands: Hands, shutdown: &Shutdown) -> anyhow::Result<()> {
    let working = hands
        .orchestrator
        .work(jobs::performers(&hands)?, hands.concurrency)?;
    let mut loops = JoinSet::new();
    reconcile::start(&hands, shutdown, &mut loops);
    tracing::info!(worker = hands.name, "working");
    shutdown.begun().await;
    working.stop().await;
    while loops.join_next().await.is_some() {}
    Ok(())
}
