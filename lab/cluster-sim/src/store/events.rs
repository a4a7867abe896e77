//! Events: what the cluster says about an object, as `kubectl describe` shows it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::State;
use crate::clock;
use crate::kinds::named;
use crate::object::{integer, name, namespace, text, uid};

/// How many events one namespace keeps; the oldest go first.
const PER_NAMESPACE: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Normal,
    Warning,
}

/// Records that something happened to `about`; the same again only counts up.
pub(crate) fn record(
    state: &mut State,
    about: &Value,
    source: &str,
    level: Level,
    reason: &str,
    message: &str,
) {
    let kind = named("Event");
    let space = if namespace(about).is_empty() {
        "default"
    } else {
        namespace(about)
    };
    if state.get(named("Namespace"), "", space).is_none() {
        return;
    }
    let level = if level == Level::Normal {
        "Normal"
    } else {
        "Warning"
    };
    let same = state
        .list(kind, Some(space))
        .find(|event| {
            text(event, "/involvedObject/uid") == uid(about)
                && text(event, "/reason") == reason
                && text(event, "/message") == message
        })
        .cloned();
    if let Some(known) = same {
        state.modify(kind, &known, |event| {
            event["count"] = json!(integer(event, "/count").unwrap_or(1) + 1);
            event["lastTimestamp"] = json!(clock::stamp());
        });
        return;
    }
    let known: Vec<_> = state.list(kind, Some(space)).cloned().collect();
    if known.len() >= PER_NAMESPACE
        && let Some(oldest) = known.iter().min_by_key(|event| crate::object::version(event))
    {
        state.remove(kind, space, name(oldest));
    }
    let unique = Uuid::new_v4().simple().to_string();
    state.put(
        kind,
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": format!("{}.{}", name(about), &unique[..16]), "namespace": space,
                "uid": Uuid::new_v4().to_string(), "creationTimestamp": clock::stamp()},
            "involvedObject": {"apiVersion": about["apiVersion"], "kind": about["kind"], "name": name(about),
                "namespace": namespace(about), "uid": uid(about),
                "resourceVersion": text(about, "/metadata/resourceVersion")},
            "reason": reason, "message": message, "type": level, "count": 1,
            "firstTimestamp": clock::stamp(), "lastTimestamp": clock::stamp(), "eventTime": null,
            "source": {"component": source}, "reportingComponent": source, "reportingInstance": "",
        }),
    );
}
