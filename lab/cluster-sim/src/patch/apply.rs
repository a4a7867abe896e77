//! Server-side apply, and the bookkeeping of managers that every write does.

use serde_json::{Map, Value, json};

use super::fields::{Path, Paths, Step, display, from_v1, get, kind_at, leaves, remove, to_v1};
use super::lists::{ListKind, position};
use crate::clock;
use crate::error::{ApiError, Result};

/// Who writes: the manager, and whether it is to the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manager {
    pub(crate) name: String,
    pub(crate) status: bool,
}

struct Entry {
    manager: String,
    operation: String,
    subresource: String,
    api_version: String,
    time: String,
    paths: Paths,
}

impl Entry {
    fn is(&self, manager: &Manager, operation: &str) -> bool {
        self.manager == manager.name
            && self.operation == operation
            && (self.subresource == "status") == manager.status
    }

    fn new(object: &Value, manager: &Manager, operation: &str) -> Self {
        Self {
            manager: manager.name.clone(),
            operation: operation.to_owned(),
            subresource: if manager.status {
                "status".to_owned()
            } else {
                String::new()
            },
            api_version: crate::object::text(object, "/apiVersion").to_owned(),
            time: clock::stamp(),
            paths: Paths::new(),
        }
    }
}

/// Merges `config` into `live` as `manager`: sets what it names, removes what this manager named before and no longer does.
///
/// # Errors
///
/// `Conflict` if another manager set a field to another value and `force` is false.
pub(crate) fn apply(live: &Value, config: &Value, manager: &Manager, force: bool) -> Result<Value> {
    let mut entries = read(live);
    let wanted = leaves(config);
    let mut conflicts = Vec::new();
    for entry in entries.iter_mut().filter(|entry| !entry.is(manager, "Apply")) {
        for path in entry.paths.intersection(&wanted).cloned().collect::<Vec<_>>() {
            let is_item = matches!(path.last(), Some(Step::Key(_) | Step::Member(_)));
            if is_item || get(live, &path) == get(config, &path) {
                continue;
            }
            conflicts.push((display(&path), entry.manager.clone()));
            entry.paths.remove(&path);
        }
    }
    if !conflicts.is_empty() && !force {
        return Err(ApiError::apply_conflict(&conflicts));
    }
    let mut result = live.clone();
    let held = entries
        .iter()
        .find(|entry| entry.is(manager, "Apply"))
        .map(|entry| entry.paths.clone());
    let others: Paths = entries
        .iter()
        .filter(|entry| !entry.is(manager, "Apply"))
        .flat_map(|entry| entry.paths.iter().cloned())
        .collect();
    for path in held.iter().flatten().rev() {
        // An item goes only when nobody else owns anything in it.
        let is_kept = wanted.contains(path) || others.iter().any(|other| other.starts_with(path));
        if !is_kept {
            remove(&mut result, path);
        }
    }
    merge(&mut Vec::new(), &mut result, config);
    if held.as_ref() != Some(&wanted) {
        entries.retain(|entry| !entry.is(manager, "Apply"));
        entries.push(Entry {
            paths: wanted,
            ..Entry::new(config, manager, "Apply")
        });
    }
    write(&mut result, entries);
    Ok(result)
}

/// Records that `manager` changed `before` into `after` by a write other than apply.
pub(crate) fn record_update(before: Option<&Value>, after: &mut Value, manager: &Manager) {
    let empty = json!({});
    let before = before.unwrap_or(&empty);
    let current: Paths = leaves(after)
        .into_iter()
        .filter(|path| (path.first() == Some(&status())) == manager.status)
        .collect();
    let is_changed = |path: &Path| match path.last() {
        Some(Step::Key(_)) => get(before, path).is_none(),
        _ => get(before, path) != get(after, path),
    };
    let changed: Paths = current.into_iter().filter(is_changed).collect();
    let mut entries = read(before);
    for entry in &mut entries {
        let is_ours = entry.is(manager, "Update");
        entry
            .paths
            .retain(|path| get(after, path).is_some() && (is_ours || !changed.contains(path)));
    }
    if !changed.is_empty() {
        match entries.iter_mut().find(|entry| entry.is(manager, "Update")) {
            Some(entry) => {
                entry.paths.extend(changed);
                entry.time = clock::stamp();
            }
            None => entries.push(Entry {
                paths: changed,
                ..Entry::new(after, manager, "Update")
            }),
        }
    }
    write(after, entries);
}

fn status() -> Step {
    Step::Field("status".to_owned())
}

fn read(object: &Value) -> Vec<Entry> {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    crate::object::list(object, "/metadata/managedFields")
        .iter()
        .map(|entry| Entry {
            manager: text(entry, "manager"),
            operation: text(entry, "operation"),
            subresource: text(entry, "subresource"),
            api_version: text(entry, "apiVersion"),
            time: text(entry, "time"),
            paths: from_v1(&entry["fieldsV1"]),
        })
        .collect()
}

fn write(object: &mut Value, entries: Vec<Entry>) {
    let written: Vec<Value> = entries
        .into_iter()
        .filter(|entry| !entry.paths.is_empty())
        .map(|entry| {
            let mut value = json!({
                "manager": entry.manager, "operation": entry.operation, "apiVersion": entry.api_version,
                "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": to_v1(&entry.paths),
            });
            if !entry.subresource.is_empty() {
                value["subresource"] = Value::String(entry.subresource);
            }
            value
        })
        .collect();
    let meta = crate::object::meta(object);
    if written.is_empty() {
        meta.remove("managedFields");
    } else {
        meta.insert("managedFields".to_owned(), Value::Array(written));
    }
}

fn merge(path: &mut Path, target: &mut Value, config: &Value) {
    match config {
        Value::Null => {}
        Value::Object(fields) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let map = target.as_object_mut().expect("it was just made an object");
            for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                path.push(Step::Field(key.clone()));
                merge(path, map.entry(key.clone()).or_insert(Value::Null), value);
                path.pop();
            }
        }
        Value::Array(items) => merge_list(path, target, items),
        scalar => *target = scalar.clone(),
    }
}

fn merge_list(path: &mut Path, target: &mut Value, items: &[Value]) {
    let Some(list) = target.as_array_mut() else {
        *target = Value::Array(items.to_vec());
        return;
    };
    match kind_at(path, items) {
        ListKind::Atomic => *list = items.to_vec(),
        ListKind::Set => {
            for item in items {
                if !list.contains(item) {
                    list.push(item.clone());
                }
            }
        }
        ListKind::Keyed(keys) => {
            for item in items {
                match position(list, keys, item) {
                    Some(index) => merge(path, &mut list[index], item),
                    None => list.push(item.clone()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Manager, apply};

    fn manager(name: &str) -> Manager {
        Manager {
            name: name.to_owned(),
            status: false,
        }
    }

    #[test]
    fn what_a_manager_no_longer_names_is_removed() {
        let one = json!({"data": {"a": "1", "b": "2"}});
        let live = apply(&json!({}), &one, &manager("us"), false).expect("nobody else is there");
        let live = apply(&live, &json!({"data": {"a": "1"}}), &manager("us"), false).expect("ours to change");
        assert_eq!(live["data"], json!({"a": "1"}));
    }

    #[test]
    fn another_managers_value_is_a_conflict_unless_forced() {
        let live =
            apply(&json!({}), &json!({"data": {"a": "1"}}), &manager("us"), false).expect("nobody else");
        let theirs = json!({"data": {"a": "2"}});
        let refused = apply(&live, &theirs, &manager("them"), false).expect_err("it is ours");
        assert_eq!((refused.code, refused.reason), (409, "Conflict"));
        let taken = apply(&live, &theirs, &manager("them"), true).expect("force takes it");
        assert_eq!(taken["data"]["a"], "2");
        let after = apply(&taken, &json!({}), &manager("us"), false).expect("nothing is ours any more");
        assert_eq!(after["data"]["a"], "2");
    }

    #[test]
    fn the_same_apply_twice_changes_nothing() {
        let config = json!({"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}});
        let once = apply(&json!({}), &config, &manager("us"), false).expect("nobody else");
        assert_eq!(apply(&once, &config, &manager("us"), false).expect("ours"), once);
    }
}
