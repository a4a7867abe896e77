//! The least of OpenAPI v3 that kubectl needs to leave validation to the server.

use serde_json::{Map, Value, json};

use crate::error::{ApiError, Result};
use crate::kinds::{KINDS, groups};

pub(super) fn index() -> Value {
    let mut paths = Map::new();
    let mut add = |path: String| {
        let url = format!("/openapi/v3/{path}?hash=0");
        paths.insert(path, json!({"serverRelativeURL": url}));
    };
    add("api/v1".to_owned());
    for group in groups() {
        add(format!("apis/{group}/v1"));
    }
    json!({"paths": paths})
}

/// Describes each kind's PATCH: that it knows `fieldValidation`, and for which kind it is. There are no schemas.
pub(super) fn document(group: &str, version: &str) -> Result<Value> {
    let mut paths = Map::new();
    for kind in KINDS
        .iter()
        .filter(|kind| kind.group == group && kind.version == version)
    {
        let root = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let space = if kind.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let parameter = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
        let patch = json!({
            "operationId": format!("patch{}", kind.name),
            "parameters": [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind.name},
        });
        paths.insert(
            format!("{root}{space}/{}/{{name}}", kind.plural),
            json!({"patch": patch}),
        );
    }
    if paths.is_empty() {
        return Err(ApiError::no_such_path());
    }
    Ok(
        json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.0"}, "paths": paths,
        "components": {"schemas": {}}}),
    )
}
