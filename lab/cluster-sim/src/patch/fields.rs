//! Which manager wrote which field: sets of paths, and their form in `managedFields` (`FieldsV1`).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::lists::{ListKind, key_of, list_kind};

/// One step of a path, in the order `FieldsV1` prefixes them: field, key of an item, value of a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Field(String),
    /// The item whose key fields are these, as canonical JSON.
    Key(String),
    Member(String),
}

pub(crate) type Path = Vec<Step>;
pub(crate) type Paths = BTreeSet<Path>;

/// What the server itself sets, so that nobody manages it.
const SYSTEM_METADATA: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// Collects the leaves of an object: what a manager that sends it owns.
pub(crate) fn leaves(object: &Value) -> Paths {
    let mut paths = Paths::new();
    for (field, value) in object.as_object().into_iter().flatten() {
        match field.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if !SYSTEM_METADATA.contains(&key.as_str()) {
                        collect(&mut vec![step("metadata"), step(key)], value, &mut paths);
                    }
                }
            }
            _ => collect(&mut vec![step(field)], value, &mut paths),
        }
    }
    paths
}

fn step(field: &str) -> Step {
    Step::Field(field.to_owned())
}

fn collect(path: &mut Path, value: &Value, paths: &mut Paths) {
    match value {
        Value::Null => {}
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                path.push(step(key));
                collect(path, value, paths);
                path.pop();
            }
        }
        Value::Array(items) => match kind_at(path, items) {
            ListKind::Keyed(keys) => {
                for item in items {
                    path.push(Step::Key(Value::Object(key_of(item, keys)).to_string()));
                    paths.insert(path.clone());
                    collect(path, item, paths);
                    path.pop();
                }
            }
            ListKind::Set => {
                for item in items {
                    path.push(Step::Member(item.to_string()));
                    paths.insert(path.clone());
                    path.pop();
                }
            }
            ListKind::Atomic => drop(paths.insert(path.clone())),
        },
        _ => drop(paths.insert(path.clone())),
    }
}

pub(super) fn kind_at(path: &[Step], items: &[Value]) -> ListKind {
    let mut names = path.iter().rev().filter_map(|step| match step {
        Step::Field(name) => Some(name.as_str()),
        Step::Key(_) | Step::Member(_) => None,
    });
    let field = names.next().unwrap_or_default();
    let parent = names.next().unwrap_or_default();
    list_kind(parent, field, items)
}

/// Gives what stands at `path`; a keyed item or a set's member counts as standing there.
pub(crate) fn get<'a>(object: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Key(_) | Step::Member(_) => value.as_array()?.iter().find(|item| matches(item, step)),
    })
}

/// Removes what stands at `path`, if anything does; emptied parents go with it.
pub(crate) fn remove(object: &mut Value, path: &[Step]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    match (first, object) {
        (Step::Field(name), Value::Object(map)) => {
            let Some(child) = map.get_mut(name) else { return };
            let before = is_empty(child);
            if rest.is_empty() || {
                remove(child, rest);
                !before && is_empty(child)
            } {
                map.remove(name);
            }
        }
        (Step::Key(_) | Step::Member(_), Value::Array(items)) => {
            let Some(index) = items.iter().position(|item| matches(item, first)) else {
                return;
            };
            if rest.is_empty() {
                items.remove(index);
            } else {
                remove(&mut items[index], rest);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn matches(item: &Value, step: &Step) -> bool {
    match step {
        Step::Field(_) => false,
        Step::Member(text) => serde_json::from_str::<Value>(text).is_ok_and(|member| member == *item),
        Step::Key(text) => {
            let Ok(Value::Object(wanted)) = serde_json::from_str(text) else {
                return false;
            };
            let keys: Vec<&str> = wanted.keys().map(String::as_str).collect();
            key_of(item, &keys) == wanted
        }
    }
}

/// Writes a path for people: `.spec.containers[{"name":"a"}].image`.
pub(crate) fn display(path: &[Step]) -> String {
    path.iter()
        .map(|step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Key(text) | Step::Member(text) => format!("[{text}]"),
        })
        .collect()
}

/// Writes a set as `FieldsV1`.
pub(crate) fn to_v1(paths: &Paths) -> Value {
    let mut root = Map::new();
    for path in paths {
        let mut node = &mut root;
        for (index, step) in path.iter().enumerate() {
            let key = match step {
                Step::Field(name) => format!("f:{name}"),
                Step::Key(text) => format!("k:{text}"),
                Step::Member(text) => format!("v:{text}"),
            };
            let child = node.entry(key).or_insert_with(|| json!({}));
            node = child
                .as_object_mut()
                .expect("every node of the tree is an object");
            // An item is owned itself, beside its fields.
            if index + 1 == path.len() && matches!(step, Step::Key(_)) {
                node.insert(".".to_owned(), json!({}));
            }
        }
    }
    Value::Object(root)
}

/// Reads a set from `FieldsV1`; what is not understood is left out.
pub(crate) fn from_v1(tree: &Value) -> Paths {
    fn walk(path: &mut Path, node: &Value, paths: &mut Paths) {
        let Some(map) = node.as_object() else { return };
        if map.is_empty() || map.contains_key(".") {
            paths.insert(path.clone());
        }
        for (key, child) in map {
            let step = match key.split_once(':') {
                Some(("f", name)) => Step::Field(name.to_owned()),
                Some(("k", text)) => Step::Key(text.to_owned()),
                Some(("v", text)) => Step::Member(text.to_owned()),
                _ => continue,
            };
            path.push(step);
            walk(path, child, paths);
            path.pop();
        }
    }
    let mut paths = Paths::new();
    walk(&mut Vec::new(), tree, &mut paths);
    paths.remove(&Vec::new());
    paths
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{from_v1, leaves, remove, to_v1};

    #[test]
    fn a_set_survives_its_written_form() {
        let object = json!({"metadata": {"name": "x", "labels": {"a": "b"}, "finalizers": ["f/1"]},
            "spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}], "empty": {}, "args": ["x"]}});
        let paths = leaves(&object);
        assert_eq!(from_v1(&to_v1(&paths)), paths);
        assert_eq!(
            to_v1(&paths)["f:spec"]["f:containers"]["k:{\"name\":\"a\"}"]["."],
            json!({})
        );
    }

    #[test]
    fn removing_the_last_field_removes_its_parents() {
        let mut object = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1, "y": {}}});
        for path in leaves(&json!({"metadata": {"labels": {"a": "b"}}})) {
            remove(&mut object, &path);
        }
        assert_eq!(object, json!({"spec": {"x": 1, "y": {}}}));
    }
}
