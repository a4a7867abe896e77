//! A running simulator.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rand::Rng;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Api};
use crate::config::ClusterConfig;
use crate::faults::{Faults, Harm};
use crate::kinds::named;
use crate::kubelet::cgroup::Cgroups;
use crate::kubelet::logs::Logs;
use crate::kubelet::{self, Node};
use crate::object::{name, namespace, text, uid};
use crate::sandbox::{self, Isolation};
use crate::store::Store;
use crate::store::create::{Write, create};
use crate::{controllers, kubeconfig};

/// A pod as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSummary {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// `Pending`, `Running`, `Succeeded` or `Failed`.
    pub phase: String,
}

/// A cluster of one node in this process. When dropped, its pods are killed.
#[derive(Debug)]
pub struct ClusterSim {
    address: SocketAddr,
    token: Arc<str>,
    kubeconfig: PathBuf,
    isolation: Isolation,
    why_no_isolation: Option<String>,
    bounds_memory: bool,
    faults: Faults,
    store: Arc<Store>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl ClusterSim {
    /// Starts a cluster with the usual namespaces and one node, and writes its kubeconfig.
    ///
    /// # Errors
    ///
    /// If the address is not on loopback or in use, the data folder cannot be written, or the launcher starts nothing.
    pub async fn start(config: ClusterConfig) -> Result<Self> {
        ensure!(
            config.listen.ip().is_loopback(),
            "the cluster simulator listens on loopback only"
        );
        let pods = prepare_folders(&config.data_dir)?;
        let (isolation, why_no_isolation) = sandbox::probe(&config.launcher, &pods).await?;
        set_mode(
            &config.data_dir,
            if isolation == Isolation::None {
                0o711
            } else {
                0o700
            },
        )?;
        let listener = TcpListener::bind(config.listen).await.with_context(|| {
            format!(
                "listen on {}: choose another port, or 0 for a free one",
                config.listen
            )
        })?;
        let address = listener.local_addr()?;
        let token: Arc<str> = Arc::from(hex::encode(rand::rng().random::<[u8; 24]>()));
        let kubeconfig = config.data_dir.join("kubeconfig");
        kubeconfig::write(&kubeconfig, address, &token)?;
        let store = Arc::new(Store::new());
        furnish(&store, isolation)?;
        let (faults, harms) = Faults::new(Arc::clone(&store));
        let node = Node {
            store: Arc::clone(&store),
            logs: Logs::new(&pods),
            images: config.images,
            launcher: config.launcher,
            isolation,
            cgroups: Cgroups::find(address.port()),
            pods,
        };
        let mut sim = Self {
            address,
            token: Arc::clone(&token),
            kubeconfig,
            isolation,
            why_no_isolation,
            bounds_memory: node.cgroups.is_some(),
            faults: faults.clone(),
            store: Arc::clone(&store),
            stop: CancellationToken::new(),
            tasks: Vec::new(),
        };
        sim.tell_of_isolation();
        let api = Api {
            store,
            faults,
            logs: node.logs.clone(),
            token,
        };
        sim.run(listener, api, node, harms);
        Ok(sim)
    }

    fn run(&mut self, listener: TcpListener, api: Api, node: Node, harms: mpsc::Receiver<Harm>) {
        let stop = self.stop.clone();
        let server = axum::serve(listener, api::router(api));
        self.tasks = vec![
            tokio::spawn(controllers::run(Arc::clone(&self.store), stop.clone())),
            tokio::spawn(kubelet::run(Arc::new(node), harms, stop.clone())),
            // Open watches would hold a graceful end up for as long as they last: they are cut.
            tokio::spawn(async move {
                tokio::select! {
                    result = server.into_future() => if let Err(error) = result {
                        tracing::error!(%error, "the cluster simulator's server ended");
                    },
                    () = stop.cancelled() => {}
                }
            }),
        ];
    }

    fn tell_of_isolation(&self) {
        match &self.why_no_isolation {
            None => tracing::info!(isolation = %self.isolation, "the cluster simulator runs"),
            Some(why) => tracing::warn!(
                %why,
                "NO ISOLATION: this host does not let the cluster simulator keep containers apart; they run as plain \
                 processes"
            ),
        }
    }

    /// Gives the base URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives the path of the kubeconfig, which only this user may read.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// Gives the bearer token that every call needs.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Tells how far containers are kept apart on this host.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Tells why containers are not kept apart, if they are not.
    pub fn why_no_isolation(&self) -> Option<&str> {
        self.why_no_isolation.as_deref()
    }

    /// Tells whether memory limits are enforced, which needs control groups that this user may make.
    pub fn bounds_memory(&self) -> bool {
        self.bounds_memory
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Lists all pods in the order of namespace and name.
    pub fn pods(&self) -> Vec<PodSummary> {
        self.store.read(|state| {
            let pods = state.list(named("Pod"), None);
            pods.map(|pod| PodSummary {
                namespace: namespace(pod).to_owned(),
                name: name(pod).to_owned(),
                uid: uid(pod).to_owned(),
                phase: text(pod, "/status/phase").to_owned(),
            })
            .collect()
        })
    }

    /// Ends the server and kills all pods; returns when their processes are gone, after 6 s at the latest.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for task in std::mem::take(&mut self.tasks) {
            // A task that panicked has already told so.
            task.await.ok();
        }
    }
}

impl Drop for ClusterSim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Makes the data folder and an empty one for pods: pods of an earlier life are gone.
fn prepare_folders(data_dir: &Path) -> Result<PathBuf> {
    let make = |path: &Path| {
        std::fs::create_dir_all(path).with_context(|| format!("make the folder {}", path.display()))
    };
    make(data_dir)?;
    let data_dir = data_dir.canonicalize()?;
    let pods = data_dir.join("pods");
    if pods.exists() {
        std::fs::remove_dir_all(&pods).context("remove the pods of an earlier simulator")?;
    }
    make(&pods)?;
    set_mode(&pods, 0o711)?;
    Ok(pods)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("set the mode of {}", path.display()))
}

/// Creates what every cluster has.
fn furnish(store: &Store, isolation: Isolation) -> Result<()> {
    store.write(|state| {
        for space in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let object = json!({"metadata": {"name": space}});
            create(state, named("Namespace"), "", object, &Write::internal())?;
        }
        let node = kubelet::object(isolation);
        let status = node["status"].clone();
        let node = create(state, named("Node"), "", node, &Write::internal())?;
        state.modify(named("Node"), &node, |node| node["status"] = status);
        Ok(())
    })
}
