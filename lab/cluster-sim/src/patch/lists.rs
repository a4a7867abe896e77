//! Which lists of the known kinds are merged by key, which are sets; all others are replaced whole.
//!
//! Without schemas this is told from the field's name and its parent. Deep keyed lists of kinds outside the table
//! would be wrong.

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    Keyed(&'static [&'static str]),
    Set,
    Atomic,
}

/// Tells how the list `field` under `parent` (a field's name, empty at the root) is merged.
pub(super) fn list_kind(parent: &str, field: &str, items: &[Value]) -> ListKind {
    if items.iter().any(|item| !item.is_object()) {
        return if field == "finalizers" {
            ListKind::Set
        } else {
            ListKind::Atomic
        };
    }
    match (parent, field) {
        (
            _,
            "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets",
        )
        | ("validation" | "spec", "matchConditions")
        | ("", "secrets") => ListKind::Keyed(&["name"]),
        (_, "volumeMounts") => ListKind::Keyed(&["mountPath"]),
        (_, "volumeDevices") => ListKind::Keyed(&["devicePath"]),
        (_, "hostAliases") => ListKind::Keyed(&["ip"]),
        (_, "ownerReferences") => ListKind::Keyed(&["uid"]),
        (_, "conditions") => ListKind::Keyed(&["type"]),
        (_, "ports") if items.iter().any(|item| item.get("containerPort").is_some()) => {
            ListKind::Keyed(&["containerPort", "protocol"])
        }
        ("spec", "ports") => ListKind::Keyed(&["port", "protocol"]),
        _ => ListKind::Atomic,
    }
}

/// Gives the values of the keys of one item; an absent protocol means TCP.
pub(super) fn key_of(item: &Value, keys: &[&str]) -> serde_json::Map<String, Value> {
    keys.iter()
        .map(|key| {
            let value = item.get(*key).cloned();
            let missing = || {
                if *key == "protocol" {
                    Value::from("TCP")
                } else {
                    Value::Null
                }
            };
            ((*key).to_owned(), value.unwrap_or_else(missing))
        })
        .collect()
}

pub(super) fn position(items: &[Value], keys: &[&str], wanted: &Value) -> Option<usize> {
    let wanted = key_of(wanted, keys);
    items.iter().position(|item| key_of(item, keys) == wanted)
}
