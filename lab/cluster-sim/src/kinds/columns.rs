//! What `kubectl get` shows: the columns of a `Table`.

use serde_json::{Value, json};

use super::Kind;
use crate::clock;
use crate::object::{integer, list, name, text};

/// Names the columns after `Name` and before `Age`.
pub(crate) fn columns(kind: &Kind) -> &'static [&'static str] {
    match kind.name {
        "Pod" => &["Ready", "Status", "Restarts"],
        "Job" => &["Status", "Completions", "Duration"],
        "Namespace" | "Node" => &["Status"],
        "Secret" => &["Type", "Data"],
        "ConfigMap" => &["Data"],
        "Service" => &["Type", "Cluster-IP", "Port(s)"],
        "Deployment" | "StatefulSet" => &["Ready"],
        "Event" => &["Last Seen", "Type", "Reason", "Object", "Message"],
        "Lease" => &["Holder"],
        _ => &[],
    }
}

/// Gives one row's cells, name and age included.
pub(crate) fn cells(kind: &Kind, object: &Value) -> Vec<Value> {
    let mut cells = vec![json!(name(object))];
    cells.extend(middle(kind, object).into_iter().map(Value::String));
    cells.push(json!(age(text(object, "/metadata/creationTimestamp"))));
    cells
}

fn middle(kind: &Kind, object: &Value) -> Vec<String> {
    let size = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len)
    };
    match kind.name {
        "Pod" => pod(object),
        "Job" => job(object),
        "Namespace" => vec![text(object, "/status/phase").to_owned()],
        "Node" => vec![node(object)],
        "Secret" => vec![text(object, "/type").to_owned(), size("/data").to_string()],
        "ConfigMap" => vec![(size("/data") + size("/binaryData")).to_string()],
        "Service" => service(object),
        "Deployment" | "StatefulSet" => vec![format!(
            "{}/{}",
            integer(object, "/status/readyReplicas").unwrap_or(0),
            integer(object, "/spec/replicas").unwrap_or(1)
        )],
        "Event" => event(object),
        "Lease" => vec![text(object, "/spec/holderIdentity").to_owned()],
        _ => Vec::new(),
    }
}

/// Says in one word what a pod does, as `kubectl` would: a waiting or failed container speaks before the phase.
pub(crate) fn pod_status(pod: &Value) -> String {
    if !text(pod, "/status/reason").is_empty() {
        return text(pod, "/status/reason").to_owned();
    }
    if crate::object::is_deleting(pod) {
        return "Terminating".to_owned();
    }
    for status in list(pod, "/status/containerStatuses") {
        for state in ["/state/waiting/reason", "/state/terminated/reason"] {
            let reason = text(status, state);
            if !reason.is_empty() {
                return reason.to_owned();
            }
        }
    }
    text(pod, "/status/phase").to_owned()
}

fn pod(pod: &Value) -> Vec<String> {
    let mains = list(pod, "/status/containerStatuses");
    let inits = list(pod, "/status/initContainerStatuses");
    let sidecars: Vec<&str> = list(pod, "/spec/initContainers")
        .iter()
        .filter(|container| container["restartPolicy"] == "Always")
        .map(|container| text(container, "/name"))
        .collect();
    let all = mains.iter().chain(
        inits
            .iter()
            .filter(|status| sidecars.contains(&text(status, "/name"))),
    );
    let ready = all.clone().filter(|status| status["ready"] == true).count();
    let restarts: i64 = all
        .map(|status| integer(status, "/restartCount").unwrap_or(0))
        .sum();
    let total = list(pod, "/spec/containers").len() + sidecars.len();
    vec![format!("{ready}/{total}"), pod_status(pod), restarts.to_string()]
}

fn job(job: &Value) -> Vec<String> {
    let is = |kind: &str| crate::object::condition_is(job, kind, "True");
    let status = if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if crate::object::is_deleting(job) {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else {
        "Running"
    };
    let done = integer(job, "/status/succeeded").unwrap_or(0);
    let wanted = integer(job, "/spec/completions").unwrap_or(1);
    let start = clock::parse(Some(text(job, "/status/startTime")));
    let end = clock::parse(Some(text(job, "/status/completionTime")));
    let duration = start.map_or_else(String::new, |start| {
        human(clock::elapsed_seconds(start, end.unwrap_or_else(clock::now)))
    });
    vec![status.to_owned(), format!("{done}/{wanted}"), duration]
}

fn node(node: &Value) -> String {
    let ready = crate::object::condition_is(node, "Ready", "True");
    if ready { "Ready" } else { "NotReady" }.to_owned()
}

fn service(service: &Value) -> Vec<String> {
    let ports: Vec<String> = list(service, "/spec/ports")
        .iter()
        .map(|port| {
            format!(
                "{}/{}",
                integer(port, "/port").unwrap_or(0),
                text(port, "/protocol")
            )
        })
        .collect();
    vec![
        text(service, "/spec/type").to_owned(),
        text(service, "/spec/clusterIP").to_owned(),
        ports.join(","),
    ]
}

fn event(event: &Value) -> Vec<String> {
    vec![
        age(text(event, "/lastTimestamp")),
        text(event, "/type").to_owned(),
        text(event, "/reason").to_owned(),
        format!(
            "{}/{}",
            text(event, "/involvedObject/kind").to_lowercase(),
            text(event, "/involvedObject/name")
        ),
        text(event, "/message").to_owned(),
    ]
}

fn age(since: &str) -> String {
    clock::parse(Some(since)).map_or_else(
        || "<unknown>".to_owned(),
        |at| human(clock::elapsed_seconds(at, clock::now())),
    )
}

fn human(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
