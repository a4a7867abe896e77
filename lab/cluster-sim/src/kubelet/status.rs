//! From what the kubelet knows to the status of a pod.

use serde_json::{Value, json};

use super::state::{Container, Role};
use crate::clock;
use crate::object::{list, set_condition, text, uid};

/// What the pod as a whole is in.
#[derive(Debug, Clone, Default)]
pub(super) struct Overall {
    /// Set once the pod has ended.
    pub(super) phase: Option<&'static str>,
    pub(super) reason: Option<&'static str>,
    pub(super) message: String,
    /// All init containers did their part; it stays so when a sidecar is started again.
    pub(super) is_initialized: bool,
}

/// Gives the status of a pod, starting from the one it has, so that conditions keep their times.
pub(super) fn status(pod: &Value, containers: &[Container], overall: &Overall) -> Value {
    let mut status = pod["status"].clone();
    let of = |is_main: bool| -> Vec<Value> {
        containers
            .iter()
            .filter(|container| (container.role == Role::Main) == is_main)
            .map(|container| container.to_json(uid(pod)))
            .collect()
    };
    let has_run = containers.iter().any(|container| {
        container.role == Role::Main && (container.is_running() || container.ended().is_some())
    });
    let phase = overall
        .phase
        .unwrap_or(if has_run { "Running" } else { "Pending" });
    status["phase"] = json!(phase);
    status["containerStatuses"] = json!(of(true));
    let inits = of(false);
    if !inits.is_empty() {
        status["initContainerStatuses"] = json!(inits);
    }
    for (key, value) in [("hostIP", "127.0.0.1"), ("podIP", "127.0.0.1")] {
        status[key] = json!(value);
    }
    status["podIPs"] = json!([{"ip": "127.0.0.1"}]);
    if text(&status, "/startTime").is_empty() {
        status["startTime"] = json!(clock::stamp());
    }
    if let Some(reason) = overall.reason {
        status["reason"] = json!(reason);
        status["message"] = json!(overall.message);
    }
    conditions(&mut status, containers, overall);
    status
}

fn conditions(status: &mut Value, containers: &[Container], overall: &Overall) {
    let over = match overall.phase {
        Some("Succeeded") => Some("PodCompleted"),
        Some(_) => Some("PodFailed"),
        None => None,
    };
    let unready: Vec<&str> = containers
        .iter()
        .filter(|container| container.role != Role::Init && !(container.is_running() && container.is_ready))
        .map(Container::name)
        .collect();
    let is_ready = over.is_none() && overall.is_initialized && unready.is_empty();
    let message = format!("containers with unready status: {unready:?}");
    let mut set = |kind: &str, holds: bool, reason: Option<&str>, message: Option<&str>| {
        let mut condition = json!({"type": kind, "status": if holds { "True" } else { "False" },
            "lastProbeTime": null, "lastTransitionTime": clock::stamp()});
        if let Some(reason) = reason.filter(|_| !holds || over.is_some()) {
            condition["reason"] = json!(reason);
        }
        if let Some(message) = message.filter(|_| !holds) {
            condition["message"] = json!(message);
        }
        set_condition(status, condition);
    };
    set("PodReadyToStartContainers", over.is_none(), None, None);
    set(
        "Initialized",
        overall.is_initialized,
        Some(over.unwrap_or("ContainersNotInitialized")),
        None,
    );
    for kind in ["Ready", "ContainersReady"] {
        set(
            kind,
            is_ready,
            Some(over.unwrap_or("ContainersNotReady")),
            over.is_none().then_some(&message),
        );
    }
    set("PodScheduled", true, None, None);
}

/// Tells how a pod ended by its main containers; init containers count only if one failed.
pub(super) fn final_phase(containers: &[Container]) -> &'static str {
    let failed = containers.iter().any(|container| match container.role {
        Role::Main => container.ended().is_none_or(|ended| ended.code != 0),
        Role::Init => container.ended().is_some_and(|ended| ended.code != 0),
        Role::Sidecar => false,
    });
    if failed { "Failed" } else { "Succeeded" }
}

/// Gives the containers of a pod in the order they start, with their roles.
pub(super) fn containers(pod: &Value) -> Vec<Container> {
    let inits = list(pod, "/spec/initContainers").iter().map(|spec| {
        let role = if spec["restartPolicy"] == "Always" {
            Role::Sidecar
        } else {
            Role::Init
        };
        Container::new(spec, role)
    });
    let mains = list(pod, "/spec/containers")
        .iter()
        .map(|spec| Container::new(spec, Role::Main));
    inits.chain(mains).collect()
}
