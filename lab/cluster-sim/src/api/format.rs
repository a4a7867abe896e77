//! The forms in which objects are shown: whole, as a table, metadata only.

use serde_json::{Value, json};

use super::query::Shape;
use crate::kinds::Kind;
use crate::kinds::columns::{cells, columns};

/// Shows one object.
pub(super) fn one(shape: Shape, kind: &Kind, object: &Value) -> Value {
    match shape {
        Shape::Full => object.clone(),
        Shape::Partial => partial(object),
        Shape::Table => table(kind, [object], &json!({}), true),
    }
}

/// Shows a list under `metadata` (version, continue token).
pub(super) fn many<'a>(
    shape: Shape,
    kind: &Kind,
    objects: impl IntoIterator<Item = &'a Value>,
    metadata: &Value,
) -> Value {
    let list = |name: &str, version: &str, items: Vec<Value>| json!({"kind": name, "apiVersion": version, "metadata": metadata, "items": items});
    match shape {
        Shape::Table => table(kind, objects, metadata, true),
        Shape::Partial => {
            let items = objects.into_iter().map(partial).collect();
            list("PartialObjectMetadataList", "meta.k8s.io/v1", items)
        }
        Shape::Full => {
            let items = objects.into_iter().map(untyped).collect();
            list(&format!("{}List", kind.name), &kind.api_version(), items)
        }
    }
}

/// Shows an object of a watch; only the first table names its columns.
pub(super) fn watched(shape: Shape, kind: &Kind, object: &Value, is_first: bool) -> Value {
    match shape {
        Shape::Table => table(kind, [object], &json!({}), is_first),
        _ => one(shape, kind, object),
    }
}

fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Gives an item of a list as a real server does: without its type.
fn untyped(object: &Value) -> Value {
    let mut item = object.clone();
    if let Some(fields) = item.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    item
}

fn table<'a>(
    kind: &Kind,
    objects: impl IntoIterator<Item = &'a Value>,
    metadata: &Value,
    with_columns: bool,
) -> Value {
    let rows: Vec<Value> = objects
        .into_iter()
        .map(|object| json!({"cells": cells(kind, object), "object": partial(object)}))
        .collect();
    let column = |name: &str| {
        let format = if name == "Name" { "name" } else { "" };
        json!({"name": name, "type": "string", "format": format, "description": "", "priority": 0})
    };
    let definitions: Vec<Value> = if with_columns {
        ["Name"]
            .iter()
            .chain(columns(kind))
            .chain(&["Age"])
            .map(|name| column(name))
            .collect()
    } else {
        Vec::new()
    };
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": definitions, "rows": rows})
}
