//! Reading and writing the common parts of an object.

use serde_json::{Map, Value, json};

pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const ORPHAN: &str = "orphan";

pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(crate) fn version(object: &Value) -> u64 {
    text(object, "/metadata/resourceVersion").parse().unwrap_or(0)
}

pub(crate) fn integer(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

pub(crate) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// Gives the list at `pointer`; an absent one is empty.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(key)?.as_str()
}

pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|at| !at.is_null())
}

pub(crate) fn finalizers(object: &Value) -> &[Value] {
    list(object, "/metadata/finalizers")
}

pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    finalizers(object).iter().any(|item| item == finalizer)
}

pub(crate) fn add_finalizer(object: &mut Value, finalizer: &str) {
    if !has_finalizer(object, finalizer) {
        match child(meta(object), "finalizers", json!([])).as_array_mut() {
            Some(list) => list.push(json!(finalizer)),
            None => object["metadata"]["finalizers"] = json!([finalizer]),
        }
    }
}

pub(crate) fn remove_finalizer(object: &mut Value, finalizer: &str) {
    if let Some(list) = object
        .pointer_mut("/metadata/finalizers")
        .and_then(Value::as_array_mut)
    {
        list.retain(|item| item != finalizer);
        if list.is_empty() {
            meta(object).remove("finalizers");
        }
    }
}

/// Gives the controller among the owners: kind, name, uid.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| flag(owner, "/controller"))
}

pub(crate) fn is_owned_by(object: &Value, owner_uid: &str) -> bool {
    list(object, "/metadata/ownerReferences")
        .iter()
        .any(|owner| text(owner, "/uid") == owner_uid)
}

/// Gives `metadata`, made if it is missing.
pub(crate) fn meta(object: &mut Value) -> &mut Map<String, Value> {
    map(object, "metadata")
}

/// Gives the map under `key`, made if it is missing or something else.
pub(crate) fn map<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    let slot = &mut object[key];
    if !slot.is_object() {
        *slot = json!({});
    }
    slot.as_object_mut().expect("it was just made an object")
}

/// Gives the value under `key`, set to `default` if absent or null.
pub(crate) fn child<'a>(map: &'a mut Map<String, Value>, key: &str, default: Value) -> &'a mut Value {
    let slot = map.entry(key).or_insert(Value::Null);
    if slot.is_null() {
        *slot = default;
    }
    slot
}

/// Sets `key` unless the object already says something there.
pub(crate) fn default(object: &mut Value, key: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        child(map, key, value);
    }
}

pub(crate) fn set_condition(status: &mut Value, condition: Value) {
    let kind = condition["type"].clone();
    let conditions = child(
        status.as_object_mut().expect("a status is an object"),
        "conditions",
        json!([]),
    );
    let Some(list) = conditions.as_array_mut() else {
        return;
    };
    match list.iter_mut().find(|known| known["type"] == kind) {
        // A condition that says the same keeps its times, so that an unchanged write makes no event.
        Some(known) if known["status"] == condition["status"] && known["reason"] == condition["reason"] => {
            known["message"].clone_from(&condition["message"]);
            if known["message"].is_null() {
                known
                    .as_object_mut()
                    .expect("a condition is an object")
                    .remove("message");
            }
        }
        Some(known) => *known = condition,
        None => list.push(condition),
    }
}

pub(crate) fn condition_is(object: &Value, kind: &str, status: &str) -> bool {
    list(object, "/status/conditions")
        .iter()
        .any(|known| known["type"] == kind && known["status"] == status)
}
