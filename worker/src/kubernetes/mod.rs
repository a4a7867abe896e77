//! The adapter of [`Cluster`]: one namespace per project, one Job and one Secret per turn of a run.
//!
//! Manifests are pure functions, shown whole by snapshot tests. What may be written again is a server-side apply by one
//! field manager; a Job alone is created once and then only released, because applying `suspend: true` again would stop
//! a runner that a faster worker has already let go.

mod calls;
mod cidr;
mod config;
mod environment;
mod error;
mod list;
mod log;
mod manifest;
mod names;
mod observe;
mod project;
mod runner;
#[cfg(test)]
mod scripted;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use kube::Client;
use orchestrator::Clock;
use orchestrator::id::RunId;
use orchestrator::ports::cluster::{
    Cluster, ClusterError, ObservedRunner, OwnedObject, RunnerKey, RunnerPod, RunnerSecret,
};
use orchestrator::slot::environment::{Happening, Pod};

pub use cidr::{Cidr, Cidrs};
pub use config::{Account, ImagePullPolicy, KubernetesConfig, RunnerNetwork, RunnerSizes};
pub use manifest::{AGENT_TOKEN_FILE, MODEL_HOST_FILE, MODEL_KEY_FILE, SUPERVISOR_TOKEN_FILE};
pub use names::FIELD_MANAGER;

use names::Names;

/// Kubernetes as the place where runners live.
pub struct Kubernetes {
    client: Client,
    config: Arc<KubernetesConfig>,
    names: Names,
    clock: Clock,
    changes: watch::Changes,
}

impl Kubernetes {
    /// Connects as the configuration says and begins to watch. Nothing is asked of the cluster yet.
    ///
    /// # Errors
    ///
    /// A kubeconfig that cannot be read, or no in-cluster account where none is named.
    pub async fn connect(config: KubernetesConfig, clock: Clock) -> anyhow::Result<Self> {
        let calls = config.client_for_calls().await?;
        let watches = config.client_for_watches().await?;
        Ok(Self::new(calls, watches, config, clock))
    }

    /// Uses given clients. Watches need one of their own, whose read time-out outlives a quiet watch.
    pub fn new(calls: Client, watches: Client, config: KubernetesConfig, clock: Clock) -> Self {
        let names = Names::new(&config.prefix);
        let changes = watch::Changes::begin(watches, names.clone());
        Self {
            client: calls,
            config: Arc::new(config),
            names,
            clock,
            changes,
        }
    }

    /// Whether the cluster answers, and knows us.
    ///
    /// # Errors
    ///
    /// It does not, or our account may not list namespaces.
    pub async fn check(&self) -> Result<(), ClusterError> {
        list::one(self).await
    }
}

#[async_trait]
impl Cluster for Kubernetes {
    async fn ensure_project(&self, project: &str, max_live_runs: i32) -> Result<(), ClusterError> {
        project::ensure(self, project, max_live_runs).await
    }

    async fn prepare_runner(&self, pod: &RunnerPod, secret: &RunnerSecret) -> Result<(), ClusterError> {
        runner::prepare(self, pod, secret).await
    }

    async fn release_runner(&self, key: &RunnerKey) -> Result<(), ClusterError> {
        runner::release(self, key).await
    }

    async fn remove_runner(&self, key: &RunnerKey) -> Result<(), ClusterError> {
        runner::remove(self, key).await
    }

    async fn runner_gone(&self, key: &RunnerKey) -> Result<bool, ClusterError> {
        runner::gone(self, key).await
    }

    async fn list_runners(&self) -> Result<Vec<ObservedRunner>, ClusterError> {
        list::runners(self).await
    }

    async fn runners_changed(&self) -> Result<(), ClusterError> {
        self.changes.next().await;
        Ok(())
    }

    async fn list_owned(&self) -> Result<Vec<OwnedObject>, ClusterError> {
        list::owned(self).await
    }

    async fn remove_owned(&self, object: &OwnedObject) -> Result<(), ClusterError> {
        runner::remove_owned(self, object).await
    }

    async fn runner_pods(&self, key: &RunnerKey) -> Result<Vec<Pod>, ClusterError> {
        environment::pods(self, key).await
    }

    async fn runner_events(&self, key: &RunnerKey, most: usize) -> Result<Vec<Happening>, ClusterError> {
        environment::events(self, key, most).await
    }

    async fn runner_log(
        &self,
        key: &RunnerKey,
        max_bytes: i64,
    ) -> Result<Vec<(String, String)>, ClusterError> {
        log::tail(self, key, max_bytes).await
    }
}

/// The id as labels and names carry it.
fn run_label(run: RunId) -> String {
    run.uuid().to_string()
}
