//! The one node of the cluster: runs pods as local processes.

pub(crate) mod cgroup;
mod container;
mod env;
pub(crate) mod image;
pub(crate) mod logs;
mod pod;
mod probes;
mod process;
mod start;
mod state;
mod status;
mod volumes;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::cgroup::Cgroups;
use self::image::Image;
use self::logs::Logs;
use self::pod::Worker;
use crate::clock;
use crate::faults::Harm;
use crate::kinds::named;
use crate::object::{is_deleting, list, name, namespace, set_condition, text, uid};
use crate::sandbox::Isolation;
use crate::store::delete::{DeleteOptions, discard};
use crate::store::events::{Level, record};
use crate::store::{State, Store};

/// The name of the node.
pub(crate) const NODE: &str = "cluster-sim-node";

/// How long a stopping simulator waits for its pods' processes.
const GOODBYE: Duration = Duration::from_secs(5);

/// What all pods of the node share.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) store: Arc<Store>,
    pub(crate) logs: Logs,
    pub(crate) images: Vec<Image>,
    pub(crate) launcher: PathBuf,
    pub(crate) isolation: Isolation,
    pub(crate) cgroups: Option<Cgroups>,
    /// One folder per pod, named by its uid.
    pub(crate) pods: PathBuf,
}

impl Node {
    fn event(&self, pod: &Value, level: Level, reason: &str, message: &str) {
        self.store
            .write(|state| record(state, pod, "kubelet", level, reason, message));
    }
}

/// A pod that runs here: what its worker is told.
struct Known {
    /// The pod as it stands, or nothing once its object is gone.
    view: watch::Sender<Option<Arc<Value>>>,
    harm: mpsc::Sender<Harm>,
    task: JoinHandle<()>,
}

/// Runs pods until `stop`, then ends them all.
pub(crate) async fn run(node: Arc<Node>, mut harms: mpsc::Receiver<Harm>, stop: CancellationToken) {
    let mut changes = node.store.changes();
    let mut known: HashMap<String, Known> = HashMap::new();
    loop {
        look(&node, &mut known);
        tokio::select! {
            () = stop.cancelled() => break,
            woken = changes.changed() => if woken.is_err() { break },
            harm = harms.recv() => match harm {
                Some(harm) => inflict(&node, &mut known, harm),
                None => break,
            },
        }
    }
    // Closing the views tells each worker to kill what it runs.
    let tasks: Vec<_> = known.into_values().map(|known| known.task).collect();
    tokio::time::timeout(GOODBYE, futures_util::future::join_all(tasks))
        .await
        .ok();
}

/// Compares the pods of the store with those known, and tells each what changed.
fn look(node: &Arc<Node>, known: &mut HashMap<String, Known>) {
    let pods: Vec<Arc<Value>> = node
        .store
        .read(|state| state.list(named("Pod"), None).cloned().collect());
    for pod in &pods {
        if text(pod, "/spec/nodeName").is_empty() {
            if !is_deleting(pod) {
                node.store.write(|state| schedule(state, node, pod));
            }
            continue;
        }
        match known.get(uid(pod)) {
            Some(known) => drop(known.view.send_if_modified(|view| {
                let is_new = view.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, pod));
                *view = Some(Arc::clone(pod));
                is_new
            })),
            None if text(pod, "/spec/nodeName") == NODE => {
                known.insert(uid(pod).to_owned(), adopt(node, pod));
            }
            None => {}
        }
    }
    known.retain(|known_uid, known| {
        if !pods.iter().any(|pod| uid(pod) == known_uid) {
            known.view.send_if_modified(|view| view.take().is_some());
        }
        !known.task.is_finished()
    });
}

fn adopt(node: &Arc<Node>, pod: &Arc<Value>) -> Known {
    let (view, views) = watch::channel(Some(Arc::clone(pod)));
    let (harm, harms) = mpsc::channel(8);
    let worker = Worker::new(Arc::clone(node), Arc::clone(pod), views, harms);
    Known {
        view,
        harm,
        task: tokio::spawn(worker.run()),
    }
}

/// Binds a pod to the node, if it may run here.
fn schedule(state: &mut State, node: &Node, pod: &Value) {
    let labels = node_labels();
    let wanted = pod["spec"].get("nodeSelector").and_then(Value::as_object);
    let fits = wanted
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value));
    let is_gated = !list(pod, "/spec/schedulingGates").is_empty();
    if is_gated || !fits {
        let (reason, message) = if is_gated {
            (
                "SchedulingGated",
                "Scheduling is blocked due to non-empty scheduling gates",
            )
        } else {
            (
                "Unschedulable",
                "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
            )
        };
        if !crate::object::condition_is(pod, "PodScheduled", "False") {
            record(
                state,
                pod,
                "default-scheduler",
                Level::Warning,
                "FailedScheduling",
                message,
            );
        }
        state.modify(named("Pod"), pod, |pod| {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": reason, "message": message,
                "lastProbeTime": null, "lastTransitionTime": clock::stamp()});
            set_condition(&mut pod["status"], condition);
        });
        return;
    }
    let message = format!("Successfully assigned {}/{} to {NODE}", namespace(pod), name(pod));
    record(
        state,
        pod,
        "default-scheduler",
        Level::Normal,
        "Scheduled",
        &message,
    );
    state.modify(named("Pod"), pod, |pod| {
        pod["spec"]["nodeName"] = json!(NODE);
        if node.isolation == Isolation::None {
            let notes = crate::object::map(&mut pod["metadata"], "annotations");
            notes.insert(
                "cluster-sim/isolation".into(),
                json!("NO ISOLATION: containers are plain processes"),
            );
        }
        let condition = json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null,
            "lastTransitionTime": clock::stamp()});
        set_condition(&mut pod["status"], condition);
    });
}

fn inflict(node: &Arc<Node>, known: &mut HashMap<String, Known>, harm: Harm) {
    let (Harm::Oom { namespace, pod, .. } | Harm::Lost { namespace, pod }) = &harm;
    let Some(pod) = node.store.read(|state| state.get(named("Pod"), namespace, pod)) else {
        tracing::warn!(%namespace, %pod, "a fault was asked for a pod that is not there");
        return;
    };
    let is_lost = matches!(harm, Harm::Lost { .. });
    if let Some(known) = known.get(uid(&pod)) {
        known.harm.try_send(harm).ok();
    }
    if is_lost {
        node.store.write(|state| lose(state, &pod));
    }
}

/// Removes a pod whose node is lost, as the cluster's garbage collection of pods does.
fn lose(state: &mut State, pod: &Value) {
    record(
        state,
        pod,
        "node-controller",
        Level::Warning,
        "NodeNotReady",
        "Node is not ready",
    );
    state.modify(named("Pod"), pod, |pod| {
        pod["status"]["phase"] = json!("Failed");
        pod["status"]["reason"] = json!("NodeLost");
        let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists", "lastProbeTime": null,
            "lastTransitionTime": clock::stamp()});
        set_condition(&mut pod["status"], condition);
    });
    discard(
        state,
        named("Pod"),
        pod,
        &DeleteOptions {
            grace_period_seconds: Some(0),
            ..DeleteOptions::default()
        },
    );
}

fn node_labels() -> Value {
    json!({"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"})
}

/// Gives the node's object.
pub(crate) fn object(isolation: Isolation) -> Value {
    let room = json!({"cpu": "64", "memory": "256Gi", "pods": "250"});
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": NODE, "labels": node_labels(),
            "annotations": {"cluster-sim/isolation": isolation.to_string(),
                "cluster-sim/network": "shared with the host: NetworkPolicy is stored, not enforced"}},
        "spec": {},
        "status": {"capacity": room, "allocatable": room,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady",
                "message": "the simulator runs pods as local processes", "lastTransitionTime": clock::stamp()}],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": NODE}],
            "nodeInfo": {"kubeletVersion": "v1.36.0+cluster-sim", "osImage": "the host", "architecture": "amd64",
                "operatingSystem": "linux", "bootID": "", "machineID": "", "systemUUID": "", "kernelVersion": "",
                "containerRuntimeVersion": "sim://1", "kubeProxyVersion": ""}}})
}
