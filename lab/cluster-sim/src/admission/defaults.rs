//! What the API server fills in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::quantity;
use crate::kinds::Kind;
use crate::object::{default, map, meta, name, text, uid};

/// Fills in what may be left out; an object that has it all is not changed.
pub(crate) fn fill(kind: &Kind, object: &mut Value) {
    normalize(kind, object);
    match kind.name {
        "Pod" => pod_spec(&mut object["spec"], "Always"),
        "Job" => job(&mut object["spec"]),
        "Deployment" | "StatefulSet" => {
            default(&mut object["spec"], "replicas", json!(1));
            pod_spec(&mut object["spec"]["template"]["spec"], "Always");
        }
        "Service" => service(&mut object["spec"]),
        "Secret" => default(object, "type", json!("Opaque")),
        _ => {}
    }
}

/// Brings what can be written in two ways into the stored form: `stringData` becomes `data`.
pub(crate) fn normalize(kind: &Kind, object: &mut Value) {
    if !kind.is("Secret") {
        return;
    }
    let plain = object
        .as_object_mut()
        .and_then(|fields| fields.remove("stringData"));
    if let Some(Value::Object(plain)) = plain {
        for (key, value) in plain {
            let encoded = STANDARD.encode(value.as_str().unwrap_or_default());
            map(object, "data").insert(key, Value::String(encoded));
        }
    }
}

/// Adds what only the first write sets: first status, selectors, labels.
pub(crate) fn identify(kind: &Kind, object: &mut Value) {
    match kind.name {
        "Namespace" => {
            let own_name = name(object).to_owned();
            map(&mut object["metadata"], "labels")
                .insert("kubernetes.io/metadata.name".into(), json!(own_name));
            object["spec"] = json!({"finalizers": ["kubernetes"]});
            object["status"] = json!({"phase": "Active"});
        }
        "Pod" => {
            object["status"] = json!({"phase": "Pending"});
            map(&mut object["metadata"], "annotations").insert(
                "cluster-sim/network".into(),
                json!("shared with the host: NetworkPolicy is stored, not enforced"),
            );
        }
        "Job" => identify_job(object),
        "Service" if text(object, "/spec/type") != "ExternalName" => {
            default(&mut object["spec"], "clusterIP", json!("None"));
        }
        _ => {}
    }
    // Who sends an empty status means none.
    if object.get("status").is_some_and(Value::is_null) {
        object
            .as_object_mut()
            .expect("its type was checked")
            .remove("status");
    }
}

fn identify_job(job: &mut Value) {
    let (own_uid, own_name) = (uid(job).to_owned(), name(job).to_owned());
    job["status"] = json!({});
    default(
        &mut job["spec"],
        "selector",
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": own_uid}}),
    );
    let labels = map(map_value(&mut job["spec"]["template"]), "labels");
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &own_uid),
        ("batch.kubernetes.io/job-name", &own_name),
        ("controller-uid", &own_uid),
        ("job-name", &own_name),
    ] {
        labels.insert(key.to_owned(), json!(value));
    }
}

fn map_value(template: &mut Value) -> &mut Value {
    meta(template);
    &mut template["metadata"]
}

fn job(spec: &mut Value) {
    default(spec, "backoffLimit", json!(6));
    default(spec, "parallelism", json!(1));
    default(spec, "completions", json!(1));
    default(spec, "completionMode", json!("NonIndexed"));
    default(spec, "suspend", json!(false));
    default(spec, "manualSelector", json!(false));
    default(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    if spec.is_object() {
        pod_spec(&mut spec["template"]["spec"], "");
    }
}

fn service(spec: &mut Value) {
    default(spec, "type", json!("ClusterIP"));
    default(spec, "sessionAffinity", json!("None"));
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        default(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        default(port, "targetPort", number);
    }
}

fn pod_spec(spec: &mut Value, restart_policy: &str) {
    if !spec.is_object() {
        return;
    }
    if !restart_policy.is_empty() {
        default(spec, "restartPolicy", json!(restart_policy));
    }
    default(spec, "terminationGracePeriodSeconds", json!(30));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "schedulerName", json!("default-scheduler"));
    default(spec, "securityContext", json!({}));
    for volume in spec
        .get_mut("volumes")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        for source in ["secret", "configMap", "projected", "downwardAPI"] {
            if volume.get(source).is_some() {
                default(&mut volume[source], "defaultMode", json!(0o644));
            }
        }
    }
    for list in ["initContainers", "containers"] {
        for item in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            container(item);
        }
    }
}

fn container(container: &mut Value) {
    default(container, "terminationMessagePath", json!("/dev/termination-log"));
    default(container, "terminationMessagePolicy", json!("File"));
    default(container, "resources", json!({}));
    let image = text(container, "/image");
    let is_latest = !image.contains('@')
        && (image.ends_with(":latest") || !image.rsplit('/').next().unwrap_or_default().contains(':'));
    default(
        container,
        "imagePullPolicy",
        json!(if is_latest { "Always" } else { "IfNotPresent" }),
    );
    for port in container
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        default(port, "protocol", json!("TCP"));
    }
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        if container.get(probe).is_some() {
            for (key, value) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                default(&mut container[probe], key, json!(value));
            }
        }
    }
    // A limit without a request asks for as much.
    let limits = container["resources"].get("limits").cloned();
    if let Some(Value::Object(limits)) = limits {
        let requests = map(&mut container["resources"], "requests");
        for (key, value) in limits {
            requests.entry(key).or_insert(value);
        }
    }
}

/// Adds a default of a `LimitRange` to a container's requests or limits.
pub(super) fn default_resource(container: &mut Value, part: &str, key: &str, value: &Value) {
    if value.as_str().is_some_and(|text| quantity::parse(text).is_some()) {
        map(&mut container["resources"], part)
            .entry(key)
            .or_insert_with(|| value.clone());
    }
}
