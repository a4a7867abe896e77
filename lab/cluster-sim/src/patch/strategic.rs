//! Strategic merge patch: like a merge patch, but known lists merge by key, and `$` directives are obeyed.

use serde_json::{Map, Value};

use super::lists::{ListKind, list_kind, position};
use crate::error::{ApiError, Result};

/// Merges `patch` into `target`.
///
/// # Errors
///
/// `BadRequest` for a directive that is not known.
pub(crate) fn merge(target: &mut Value, patch: &Value) -> Result<()> {
    merge_under("", target, patch)
}

fn merge_under(parent: &str, target: &mut Value, patch: &Value) -> Result<()> {
    let Some(changes) = patch.as_object() else {
        *target = patch.clone();
        return Ok(());
    };
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            *target = Value::Object(plain(changes));
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Null;
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "unknown $patch directive {other:?}"
            )));
        }
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Some(keep) = changes.get("$retainKeys").and_then(Value::as_array)
        && let Some(map) = target.as_object_mut()
    {
        map.retain(|key, _| keep.iter().any(|kept| kept == key));
    }
    for (key, change) in changes {
        merge_field(parent, target, key, change)?;
    }
    Ok(())
}

fn merge_field(parent: &str, target: &mut Value, key: &str, change: &Value) -> Result<()> {
    let map = target.as_object_mut().expect("the caller made it an object");
    if let Some(field) = key.strip_prefix("$deleteFromPrimitiveList/") {
        let gone = change.as_array().map_or(&[][..], Vec::as_slice);
        if let Some(list) = map.get_mut(field).and_then(Value::as_array_mut) {
            list.retain(|item| !gone.contains(item));
        }
        return Ok(());
    }
    if key.starts_with('$') {
        return Ok(());
    }
    match change {
        Value::Null => {
            map.remove(key);
        }
        Value::Array(items) => {
            let current = map.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            merge_list(parent, key, current, items)?;
        }
        Value::Object(_) => {
            let current = map.entry(key).or_insert(Value::Null);
            merge_under(key, current, change)?;
            if current.is_null() {
                map.remove(key);
            }
        }
        scalar => {
            map.insert(key.to_owned(), scalar.clone());
        }
    }
    Ok(())
}

fn merge_list(parent: &str, field: &str, current: &mut Value, changes: &[Value]) -> Result<()> {
    let Some(list) = current.as_array_mut() else {
        *current = Value::Array(changes.to_vec());
        return Ok(());
    };
    let all: Vec<Value> = list.iter().chain(changes).cloned().collect();
    match list_kind(parent, field, &all) {
        ListKind::Atomic => *list = changes.to_vec(),
        ListKind::Set => {
            for item in changes {
                if !list.contains(item) {
                    list.push(item.clone());
                }
            }
        }
        // A whole replacement is asked for by an item that holds nothing else.
        ListKind::Keyed(_) if changes.iter().any(|item| item["$patch"] == "replace") => {
            *list = changes
                .iter()
                .filter(|item| item.get("$patch").is_none())
                .cloned()
                .collect();
        }
        ListKind::Keyed(keys) => {
            // Strategic merge knows one key per list, the first of those that apply uses.
            let keys = &keys[..1];
            for change in changes {
                let found = position(list, keys, change);
                match found {
                    Some(index) if change["$patch"] == "delete" => drop(list.remove(index)),
                    Some(index) => merge_under(field, &mut list[index], change)?,
                    None if change["$patch"] == "delete" => {}
                    None => list.push(change.clone()),
                }
            }
        }
    }
    Ok(())
}

fn plain(changes: &Map<String, Value>) -> Map<String, Value> {
    changes
        .iter()
        .filter(|(key, value)| !key.starts_with('$') && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge;

    #[test]
    fn known_lists_merge_by_key_and_others_are_replaced() {
        let mut object =
            json!({"spec": {"containers": [{"name": "a", "image": "one", "args": ["x"]}, {"name": "b"}]}});
        let patch = json!({"spec": {"containers": [
            {"name": "a", "args": ["y"]}, {"name": "b", "$patch": "delete"}, {"name": "c"}]}});
        merge(&mut object, &patch).expect("the patch is plain");
        let wanted =
            json!({"spec": {"containers": [{"name": "a", "image": "one", "args": ["y"]}, {"name": "c"}]}});
        assert_eq!(object, wanted);
    }

    #[test]
    fn directives_are_obeyed() {
        let mut object =
            json!({"metadata": {"finalizers": ["a", "b"]}, "spec": {"strategy": {"type": "x", "more": 1}}});
        let patch = json!({
            "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]},
            "spec": {"strategy": {"$retainKeys": ["type"], "type": "y"}}});
        merge(&mut object, &patch).expect("the directives are known");
        let wanted = json!({"metadata": {"finalizers": ["b", "c"]}, "spec": {"strategy": {"type": "y"}}});
        assert_eq!(object, wanted);
        assert!(merge(&mut object, &json!({"$patch": "explode"})).is_err());
    }
}
