//! Pod security: the essentials of the `baseline` and `restricted` levels that a namespace's label asks for.
//!
//! Source: the Pod Security Standards. Not looked at: procMount, `SELinux`, `AppArmor`, sysctls, Windows.

use serde_json::Value;

use super::containers;
use crate::error::{ApiError, Result};
use crate::kinds::named;
use crate::object::{flag, label, list, name, namespace, text};
use crate::store::State;

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

/// Checks a pod against the level its namespace enforces.
///
/// # Errors
///
/// `Forbidden`, naming every violation.
pub(super) fn check(state: &State, pod: &Value) -> Result<()> {
    let Some(space) = state.get(named("Namespace"), "", namespace(pod)) else {
        return Ok(());
    };
    let level = label(&space, ENFORCE).unwrap_or("privileged");
    let mut found = Vec::new();
    if matches!(level, "baseline" | "restricted") {
        baseline(pod, &mut found);
    }
    if level == "restricted" {
        restricted(pod, &mut found);
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(ApiError::forbidden(format!(
        "pods \"{}\" is forbidden: violates PodSecurity \"{level}:latest\": {}",
        name(pod),
        found.join(", ")
    )))
}

fn names(pod: &Value, is_bad: impl Fn(&Value) -> bool) -> Vec<&str> {
    containers(pod)
        .filter(|container| is_bad(container))
        .map(|container| text(container, "/name"))
        .collect()
}

fn report(found: &mut Vec<String>, what: &str, bad: &[&str], must: &str) {
    if !bad.is_empty() {
        let plural = if bad.len() == 1 { "container" } else { "containers" };
        let list: Vec<String> = bad.iter().map(|name| format!("{name:?}")).collect();
        found.push(format!("{what} ({plural} {} {must})", list.join(", ")));
    }
}

fn baseline(pod: &Value, found: &mut Vec<String>) {
    let shared: Vec<&str> = ["hostNetwork", "hostPID", "hostIPC"]
        .into_iter()
        .filter(|field| flag(pod, &format!("/spec/{field}")))
        .collect();
    if !shared.is_empty() {
        found.push(format!("host namespaces ({}=true)", shared.join("=true, ")));
    }
    let privileged = names(pod, |container| flag(container, "/securityContext/privileged"));
    report(
        found,
        "privileged",
        &privileged,
        "must not set securityContext.privileged=true",
    );
    let ports = names(pod, |container| {
        list(container, "/ports")
            .iter()
            .any(|port| port["hostPort"].as_i64().is_some_and(|number| number != 0))
    });
    report(found, "hostPort", &ports, "must not use hostPort");
    if list(pod, "/spec/volumes")
        .iter()
        .any(|volume| volume.get("hostPath").is_some())
    {
        found.push("hostPath volumes (the pod must not use them)".to_owned());
    }
}

fn restricted(pod: &Value, found: &mut Vec<String>) {
    let escalation = names(pod, |container| {
        container.pointer("/securityContext/allowPrivilegeEscalation") != Some(&Value::Bool(false))
    });
    let must = "must set securityContext.allowPrivilegeEscalation=false";
    report(found, "allowPrivilegeEscalation != false", &escalation, must);
    let capable = names(pod, |container| {
        let drops_all = list(container, "/securityContext/capabilities/drop")
            .iter()
            .any(|item| item == "ALL");
        let adds = list(container, "/securityContext/capabilities/add");
        !drops_all || adds.iter().any(|item| item != "NET_BIND_SERVICE")
    });
    let must = "must set securityContext.capabilities.drop=[\"ALL\"]";
    report(found, "unrestricted capabilities", &capable, must);
    let allowed = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "image",
        "name",
    ];
    for volume in list(pod, "/spec/volumes") {
        for source in volume
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
        {
            if !allowed.contains(&source) {
                let volume = text(volume, "/name");
                found.push(format!(
                    "restricted volume types (volume {volume:?} uses type {source:?})"
                ));
            }
        }
    }
    users(pod, found);
    let profile = |context: &Value| text(context, "/securityContext/seccompProfile/type").to_owned();
    let of_pod = profile(&pod["spec"]);
    let unconfined = names(pod, |container| {
        let own = profile(container);
        let effective = if own.is_empty() {
            of_pod.as_str()
        } else {
            own.as_str()
        };
        !matches!(effective, "RuntimeDefault" | "Localhost")
    });
    let must = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
    report(found, "seccompProfile", &unconfined, must);
}

fn users(pod: &Value, found: &mut Vec<String>) {
    let of_pod = pod
        .pointer("/spec/securityContext/runAsNonRoot")
        .and_then(Value::as_bool);
    let root = names(pod, |container| {
        let own = container
            .pointer("/securityContext/runAsNonRoot")
            .and_then(Value::as_bool);
        own.or(of_pod) != Some(true)
    });
    report(
        found,
        "runAsNonRoot != true",
        &root,
        "must set securityContext.runAsNonRoot=true",
    );
    let zero = |context: &Value| context.pointer("/securityContext/runAsUser") == Some(&Value::from(0));
    if zero(&pod["spec"]) {
        found.push("runAsUser=0 (pod must not set runAsUser=0)".to_owned());
    }
    report(
        found,
        "runAsUser=0",
        &names(pod, zero),
        "must not set runAsUser=0",
    );
}
