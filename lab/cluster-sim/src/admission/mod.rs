//! What stands between a request and the store: defaults, validation, limits, pod security, quota.

pub(crate) mod defaults;
mod limit_range;
mod pod_security;
pub(crate) mod quantity;
pub(crate) mod quota;
pub(crate) mod validate;

use serde_json::{Value, json};

use crate::error::{ApiError, Result};
use crate::kinds::{Kind, named};
use crate::object::{default, list, name, namespace, text};
use crate::store::State;

/// Lets a new object in, in the order a real API server asks: account, limits, pod security, quota.
///
/// # Errors
///
/// `Forbidden` with the reason of the first plugin that refuses.
pub(crate) fn admit(state: &State, kind: &'static Kind, object: &mut Value) -> Result<()> {
    if kind.is("Pod") {
        service_account(state, object)?;
        limit_range::apply(state, object)?;
        pod_security::check(state, object)?;
        host_paths(object)?;
        object["status"]["qosClass"] = json!(qos_class(object));
    }
    quota::admit(state, kind, object)
}

/// Lets a changed object in: pod security looks again when an image changes.
pub(crate) fn admit_update(state: &State, kind: &Kind, current: &Value, next: &Value) -> Result<()> {
    if kind.is("Pod") && current.get("spec") != next.get("spec") {
        pod_security::check(state, next)?;
    }
    Ok(())
}

fn service_account(state: &State, pod: &mut Value) -> Result<()> {
    default(&mut pod["spec"], "serviceAccountName", json!("default"));
    let account = text(pod, "/spec/serviceAccountName").to_owned();
    default(&mut pod["spec"], "serviceAccount", json!(account));
    if state
        .get(named("ServiceAccount"), namespace(pod), &account)
        .is_none()
    {
        return Err(ApiError::forbidden(format!(
            "pods \"{}\" is forbidden: error looking up service account {}/{account}: serviceaccount \"{account}\" \
             not found",
            name(pod),
            namespace(pod)
        )));
    }
    Ok(())
}

/// Refuses the host's folders whatever the namespace allows: this host is somebody's own machine.
fn host_paths(pod: &Value) -> Result<()> {
    for volume in list(pod, "/spec/volumes") {
        if volume.get("hostPath").is_some() {
            return Err(ApiError::forbidden(format!(
                "pods \"{}\" is forbidden: hostPath volumes (volume \"{}\") are refused by the cluster simulator",
                name(pod),
                text(volume, "/name")
            )));
        }
    }
    Ok(())
}

fn qos_class(pod: &Value) -> &'static str {
    let resources: Vec<&Value> = containers(pod).map(|container| &container["resources"]).collect();
    let has = |resource: &Value, part: &str, key: &str| resource[part].get(key).is_some();
    let is_full = |resource: &&Value| {
        ["cpu", "memory"]
            .iter()
            .all(|key| has(resource, "limits", key) && resource["requests"][*key] == resource["limits"][*key])
    };
    if resources.iter().all(is_full) {
        return "Guaranteed";
    }
    let is_any = |resource: &&Value| {
        ["cpu", "memory"]
            .iter()
            .any(|key| has(resource, "limits", key) || has(resource, "requests", key))
    };
    if resources.iter().any(is_any) {
        "Burstable"
    } else {
        "BestEffort"
    }
}

/// Gives all containers of a pod (or of a pod template): init containers first.
pub(crate) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    list(pod, "/spec/initContainers")
        .iter()
        .chain(list(pod, "/spec/containers"))
}
