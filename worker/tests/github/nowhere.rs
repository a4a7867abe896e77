//! A cluster that never answers: what these stories tell needs none. It keeps which files a runner was to get.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use orchestrator::ports::cluster::{
    Cluster, ClusterError, ObservedRunner, OwnedObject, RunnerKey, RunnerPod, RunnerSecret,
};
use orchestrator::slot::environment::{Happening, Pod};

#[derive(Default)]
pub(crate) struct Nowhere {
    files: Mutex<Option<Vec<String>>>,
}

impl Nowhere {
    /// The files of the last runner that was asked for.
    pub(crate) fn files(&self) -> Option<Vec<String>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn silent<T>() -> Result<T, ClusterError> {
    Err(ClusterError::Unavailable("there is no cluster".into()))
}

#[async_trait]
impl Cluster for Nowhere {
    async fn ensure_project(&self, _: &str, _: i32) -> Result<(), ClusterError> {
        Ok(())
    }

    async fn prepare_runner(&self, _: &RunnerPod, secret: &RunnerSecret) -> Result<(), ClusterError> {
        let files = secret.keys().cloned().collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
        silent()
    }

    async fn release_runner(&self, _: &RunnerKey) -> Result<(), ClusterError> {
        silent()
    }

    async fn remove_runner(&self, _: &RunnerKey) -> Result<(), ClusterError> {
        silent()
    }

    async fn runner_gone(&self, _: &RunnerKey) -> Result<bool, ClusterError> {
        silent()
    }

    async fn list_runners(&self) -> Result<Vec<ObservedRunner>, ClusterError> {
        silent()
    }

    async fn runners_changed(&self) -> Result<(), ClusterError> {
        silent()
    }

    async fn list_owned(&self) -> Result<Vec<OwnedObject>, ClusterError> {
        silent()
    }

    async fn remove_owned(&self, _: &OwnedObject) -> Result<(), ClusterError> {
        silent()
    }

    async fn runner_pods(&self, _: &RunnerKey) -> Result<Vec<Pod>, ClusterError> {
        silent()
    }

    async fn runner_events(&self, _: &RunnerKey, _: usize) -> Result<Vec<Happening>, ClusterError> {
        silent()
    }

    async fn runner_log(&self, _: &RunnerKey, _: i64) -> Result<Vec<(String, String)>, ClusterError> {
        silent()
    }
}
