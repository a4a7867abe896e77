//! A cluster to test against, and a namespace of its own in it.

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use cluster_sim::{ClusterConfig, ClusterSim, Image, Isolation};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use kube::api::{DeleteParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take; a real cluster is slower than the simulator.
const PATIENCE: Duration = Duration::from_mins(1);

/// An image with a shell: on a real cluster it has to be one it can pull.
pub(crate) const IMAGE: &str = "busybox:1.37";

pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) kubeconfig: PathBuf,
    /// Absent when a real cluster is tested.
    pub(crate) sim: Option<ClusterSim>,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::labelled(json!({})).await
    }

    /// Makes a world of what only the simulator has; on a real cluster there is none, and nothing is made there.
    pub(crate) async fn simulated() -> Option<Self> {
        if real_cluster().is_some() {
            eprintln!("skipped: only the simulator has this");
            return None;
        }
        Some(Self::new().await)
    }

    /// Makes a world whose namespace bears `labels`.
    pub(crate) async fn labelled(labels: Value) -> Self {
        // Another provider may have been chosen already, which serves as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = TempDir::new().expect("a folder for the test");
        let (path, sim) = if let Some(path) = real_cluster() {
            (path, None)
        } else {
            let sim = start(&folder).await;
            (sim.kubeconfig_path().to_owned(), Some(sim))
        };
        let kubeconfig = Kubeconfig::read_from(&path).expect("the kubeconfig is readable");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let client = Client::try_from(config.expect("the kubeconfig is complete")).expect("a client");
        let namespace = create_namespace(&client, labels).await;
        Self {
            client,
            namespace,
            kubeconfig: path,
            sim,
            folder,
        }
    }

    /// Gives the simulator of a test that only the simulator passes.
    pub(crate) fn simulator(&self) -> &ClusterSim {
        self.sim.as_ref().expect("a simulated world")
    }

    /// Tells whether containers are kept apart here, and says so if not.
    pub(crate) fn is_isolated(&self) -> bool {
        match &self.sim {
            Some(sim) if sim.isolation() == Isolation::None => {
                eprintln!("skipped: NO ISOLATION on this host: {:?}", sim.why_no_isolation());
                false
            }
            _ => true,
        }
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn cluster_api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = ClusterResourceScope>,
        K::DynamicType: Default,
    {
        Api::all(self.client.clone())
    }

    pub(crate) async fn create<K>(&self, object: Value) -> K
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Serialize + Debug,
        K::DynamicType: Default,
    {
        self.try_create(object).await.expect("the object is accepted")
    }

    pub(crate) async fn try_create<K>(&self, object: Value) -> Result<K, kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Serialize + Debug,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(object).expect("the object is well formed");
        self.api::<K>().create(&PostParams::default(), &object).await
    }

    /// Waits until an object of the namespace is as wanted, and gives it.
    pub(crate) async fn until<K>(&self, name: &str, is_wanted: impl Fn(&K) -> bool) -> K
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api = self.api::<K>();
        let mut last = None;
        for _ in 0..PATIENCE.as_millis() / 25 {
            match api.get(name).await {
                Ok(object) if is_wanted(&object) => return object,
                found => last = Some(found),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{name} did not become as wanted; it is {last:#?}");
    }

    pub(crate) async fn until_gone<K>(&self, name: &str)
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api = self.api::<K>();
        for _ in 0..PATIENCE.as_millis() / 25 {
            if api.get_opt(name).await.expect("the API answers").is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{name} is still there");
    }

    /// Runs a pod of one container with this shell script, and waits for its end.
    pub(crate) async fn run(&self, name: &str, script: &str) -> Pod {
        self.create::<Pod>(pod(name, &[shell("main", script)])).await;
        self.until(name, is_over).await
    }

    pub(crate) async fn log(&self, pod: &str, container: &str) -> String {
        let params = kube::api::LogParams {
            container: Some(container.to_owned()),
            ..Default::default()
        };
        self.api::<Pod>()
            .logs(pod, &params)
            .await
            .expect("the pod has a log")
    }

    /// Removes the namespace, and ends the simulator.
    pub(crate) async fn close(self) {
        let spaces: Api<Namespace> = Api::all(self.client.clone());
        spaces
            .delete(&self.namespace, &DeleteParams::default())
            .await
            .expect("the namespace may go");
        if let Some(sim) = self.sim {
            sim.stop().await;
        }
    }
}

/// The kubeconfig of a real cluster, if this run is for one. A variable that people have set anyway is not enough.
fn real_cluster() -> Option<PathBuf> {
    let wanted = std::env::var_os("CONFORMANCE").is_some_and(|word| word == "real");
    let file =
        || std::env::var_os("KUBECONFIG").expect("CONFORMANCE=real needs KUBECONFIG, the path of one file");
    wanted.then(|| PathBuf::from(file()))
}

async fn start(folder: &TempDir) -> ClusterSim {
    let image = Image {
        pattern: "busybox:*".to_owned(),
        ..Image::default()
    };
    ClusterSim::start(ClusterConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: folder.path().join("cluster"),
        images: vec![image],
        launcher: PathBuf::from(env!("CARGO_BIN_EXE_cluster-sim-launcher")),
    })
    .await
    .expect("the simulator starts")
}

async fn create_namespace(client: &Client, labels: Value) -> String {
    let spaces: Api<Namespace> = Api::all(client.clone());
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"generateName": "conformance-", "labels": labels}}))
            .expect("the namespace is well formed");
    let made = spaces
        .create(&PostParams::default(), &namespace)
        .await
        .expect("a namespace may be made");
    let name = made.metadata.name.expect("it has a name");
    // A real cluster makes the account a moment later, and pods need it.
    let accounts: Api<k8s_openapi::api::core::v1::ServiceAccount> = Api::namespaced(client.clone(), &name);
    while accounts
        .get_opt("default")
        .await
        .expect("the API answers")
        .is_none()
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    name
}

/// Describes a container that runs a shell script.
pub(crate) fn shell(name: &str, script: &str) -> Value {
    json!({"name": name, "image": IMAGE, "command": ["/bin/sh", "-c", script]})
}

/// Describes a pod that is not started again.
pub(crate) fn pod(name: &str, containers: &[Value]) -> Value {
    json!({"metadata": {"name": name},
        "spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": containers}})
}

/// Describes a Job as the product makes them: one try, no replacement before the old pod has failed.
pub(crate) fn job(name: &str, script: &str) -> Value {
    json!({"metadata": {"name": name},
        "spec": {"backoffLimit": 0, "podReplacementPolicy": "Failed",
            "template": {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5,
                "containers": [shell("main", script)]}}}})
}

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status
        .as_ref()
        .and_then(|status| status.phase.as_deref())
        .unwrap_or_default()
}

pub(crate) fn is_over(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Gives the state of a container (init or main) as JSON, empty if it has none yet.
pub(crate) fn container(pod: &Pod, name: &str) -> Value {
    let status = serde_json::to_value(&pod.status).expect("a status is JSON");
    let all = ["initContainerStatuses", "containerStatuses"];
    let mut found = all.iter().filter_map(|key| status[*key].as_array()).flatten();
    found
        .find(|status| status["name"] == name)
        .cloned()
        .unwrap_or_default()
}

/// Gives code and reason of a refusal.
pub(crate) fn refusal<T: Debug>(result: Result<T, kube::Error>) -> (u16, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone()),
        other => panic!("this was to be refused: {other:?}"),
    }
}

/// Gives the words of a refusal.
pub(crate) fn message<T: Debug>(result: Result<T, kube::Error>) -> String {
    match result {
        Err(kube::Error::Api(status)) => status.message.clone(),
        other => panic!("this was to be refused: {other:?}"),
    }
}
